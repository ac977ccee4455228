package link

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
)

// raw is a link that a test plays by itself.
func (d *desk) raw(t *testing.T, frames ...up) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), d.srv.URL+"/v1/link", &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(maxFrame)
	for _, f := range frames {
		if err := writeFrame(t.Context(), ws, f); err != nil {
			t.Fatal(err)
		}
	}
	return ws
}

// notified reads up to the next notification.
func notified(t *testing.T, ws *websocket.Conn) notify {
	t.Helper()
	for {
		var f down
		if err := readFrame(t.Context(), ws, &f); err != nil {
			t.Fatal(err)
		}
		if f.Notify != nil {
			return *f.Notify
		}
	}
}

// TestGoodbyeBeforeAcknowledgement: what a link that ends did not acknowledge goes to
// the device on its next one, and says that it comes again; what was not to wait is
// dropped, and the journal says so.
func TestGoodbyeBeforeAcknowledgement(t *testing.T) {
	d := newDesk(t, fakewns.Config{}, "")
	ws := d.raw(t, up{Hello: &hello{}}, up{ID: 1, Open: &open{"D", fakewns.DefaultApp.PFN}})
	eventually(t, "the channel is there", func() bool { return len(d.wns.Channels("D")) == 1 })
	uri := d.wns.Channels("D")[0].URI
	list := d.wns.Channels("D")
	for i, policy := range []string{"cache", "cache", "no-cache", "cache"} {
		if _, _, e, err := d.wns.Push(t.Context(), list[0], "wns/raw", fmt.Append(nil, i), http.Header{"X-WNS-Cache-Policy": {policy}}); err != nil || e.Delivery != fakewns.Woken {
			t.Fatal(e, err)
		}
	}
	for notified(t, ws).N < 4 {
	}
	if err := writeFrame(t.Context(), ws, up{Ack: 1}); err != nil {
		t.Fatal(err)
	}
	ws.Close(websocket.StatusNormalClosure, "")
	eventually(t, "the link has ended", func() bool { return d.link.Sessions() == 0 && d.wns.Waiting() == 2 })
	var got []fakewns.Delivery
	for _, e := range d.wns.Journal().Since(0, nil) {
		got = append(got, e.Delivery)
	}
	if want := "[woken cached dropped cached]"; fmt.Sprint(got) != want {
		t.Errorf("the journal says %v, want %s", got, want)
	}
	ws = d.raw(t, up{Hello: &hello{}}, up{ID: 1, Attach: uri})
	for _, want := range []string{"1", "3"} {
		if n := notified(t, ws); string(n.Payload) != want || !n.Again || n.Channel != uri {
			t.Errorf("%+v, want %s", n, want)
		}
	}
	// Without an end that says goodbye it is the same, when the service closes.
	d.link.Close()
	eventually(t, "both wait again", func() bool { return d.wns.Waiting() == 2 })
}

// TestComesAgainOnce: what a device has but could not acknowledge before the service
// was killed is not delivered twice.
func TestComesAgainOnce(t *testing.T) {
	store := &memory{buckets: map[string]map[string][]byte{}}
	d := newDesk(t, fakewns.Config{}, "")
	if err := d.wns.Keep(store); err != nil {
		t.Fatal(err)
	}
	c := d.dial(t, Options{})
	woken := make(chan string, 10)
	uri, _, err := c.OpenChannel(t.Context(), "D", fakewns.DefaultApp.PFN, func(b []byte) { woken <- string(b) })
	if err != nil {
		t.Fatal(err)
	}
	d.push(t, uri, "first")
	if got := <-woken; got != "first" {
		t.Fatal(got)
	}
	// As the service finds it after a kill: not acknowledged.
	c.notified(notify{N: 100, Channel: uri, Payload: []byte("seen"), ID: 7})
	c.notified(notify{N: 101, Channel: uri, Payload: []byte("seen"), ID: 7, Again: true})
	c.notified(notify{N: 102, Channel: uri, Payload: []byte("not seen"), ID: 8, Again: true})
	c.notified(notify{N: 103, Channel: uri, Payload: []byte("twice on purpose"), ID: 9})
	c.notified(notify{N: 104, Channel: uri, Payload: []byte("twice on purpose"), ID: 9})
	for _, want := range []string{"seen", "not seen", "twice on purpose", "twice on purpose"} {
		if got := <-woken; got != want {
			t.Errorf("woken with %q, want %q", got, want)
		}
	}
	if len(woken) > 0 {
		t.Errorf("and with %q", <-woken)
	}
}

// TestSeenIsBounded: the newest are remembered.
func TestSeenIsBounded(t *testing.T) {
	var s seen
	for id := uint64(1); id <= 5*maxSeen; id++ {
		s.before(notify{ID: id})
	}
	if n := len(s.now) + len(s.older); n > 2*maxSeen {
		t.Errorf("%d are remembered", n)
	}
	if !s.before(notify{ID: 4*maxSeen + 1, Again: true}) || s.before(notify{ID: 1, Again: true}) || s.before(notify{Again: true}) {
		t.Error("the wrong ones are remembered")
	}
}

// TestDrain waits for the devices that are connected, and for no other.
func TestDrain(t *testing.T) {
	d := newDesk(t, fakewns.Config{}, "")
	ws := d.raw(t, up{Hello: &hello{}}, up{ID: 1, Open: &open{"D", fakewns.DefaultApp.PFN}})
	eventually(t, "the channel is there", func() bool { return len(d.wns.Channels("D")) == 1 })
	d.link.Drain(t.Context())
	d.push(t, d.wns.Channels("D")[0].URI, "x")
	drained := make(chan struct{})
	go func() {
		d.link.Drain(t.Context())
		close(drained)
	}()
	n := notified(t, ws)
	select {
	case <-drained:
		t.Error("it did not wait")
	default:
	}
	if err := writeFrame(t.Context(), ws, up{Ack: n.N}); err != nil {
		t.Fatal(err)
	}
	<-drained
	d.push(t, d.wns.Channels("D")[0].URI, "y")
	notified(t, ws)
	go func() { d.link.Cut() }()
	d.link.Drain(t.Context())
}
