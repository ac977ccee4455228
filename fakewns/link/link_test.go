package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
)

// desk is a push service whose control API takes links, on a real socket.
type desk struct {
	wns  *fakewns.Server
	link *Server
	srv  *httptest.Server
}

func newDesk(t testing.TB, cfg fakewns.Config, token string) *desk {
	t.Helper()
	d := &desk{wns: fakewns.New(cfg)}
	d.serve(t, token)
	return d
}

func (d *desk) serve(t testing.TB, token string) {
	d.link = NewServer(d.wns, nil)
	d.srv = httptest.NewServer(control.Handler(d.wns, control.Options{Token: token, Link: d.link}))
	t.Cleanup(d.close)
}

func (d *desk) close() {
	d.link.Close()
	d.srv.CloseClientConnections()
	d.srv.Close()
}

func (d *desk) dial(t testing.TB, opts Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), d.srv.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// push sends a notification and gives what became of it then.
func (d *desk) push(t testing.TB, uri, payload string) *fakewns.Entry {
	t.Helper()
	list := d.wns.ChannelsOf(func(c fakewns.Channel) bool { return c.URI == uri })
	if len(list) != 1 {
		t.Fatal("the service does not know the channel")
	}
	_, _, e, err := d.wns.Push(t.Context(), list[0], "wns/raw", []byte(payload), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func TestDeviceOfAnotherProcess(t *testing.T) {
	d := newDesk(t, fakewns.Config{}, "sesame")
	c := d.dial(t, Options{Token: "sesame"})
	woken := make(chan string, 10)
	uri, expires, err := c.OpenChannel(t.Context(), "D1", fakewns.DefaultApp.PFN, func(b []byte) { woken <- string(b) })
	if err != nil || time.Until(expires) < 29*24*time.Hour {
		t.Fatal(uri, expires, err)
	}
	if e := d.push(t, uri, "hello"); e.Delivery != fakewns.Woken {
		t.Fatalf("pushed: %v", e)
	}
	if got := <-woken; got != "hello" {
		t.Errorf("woken with %q", got)
	}
	c.Led("D1", "12")
	eventually(t, "the session is in the journal", func() bool {
		return len(d.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Session == "12" })) == 1
	})
	c.SetConnected("D1", true)
	c.SetConnected("D1", false)
	eventually(t, "the device is offline", func() bool { return d.wns.Channels("D1")[0].Connection == fakewns.Disconnected })
	if e := d.push(t, uri, "later"); e.Delivery != fakewns.Cached {
		t.Errorf("offline: %v", e)
	}
	c.SetConnected("D1", true)
	if got := <-woken; got != "later" {
		t.Errorf("woken with %q", got)
	}
	for pfn, reason := range map[string]string{"unknown.app_8wekyb3d8bbwe": "unknown", "x": "malformed"} {
		_, _, err := c.OpenChannel(t.Context(), "D1", pfn, nil)
		var r interface{ Reason() string }
		if !errors.As(err, &r) || r.Reason() != reason {
			t.Errorf("%s: %v", pfn, err)
		}
	}
	c.CloseChannel(uri)
	eventually(t, "the channel is revoked", func() bool { return len(d.wns.Channels("D1")) == 0 })
	c.Close()
	eventually(t, "the service forgot the link", func() bool { return d.link.Sessions() == 0 })
}

func TestWhoMayLink(t *testing.T) {
	d := newDesk(t, fakewns.Config{}, "sesame")
	if _, err := Dial(t.Context(), d.srv.URL, Options{Token: "x"}); err == nil || !strings.Contains(err.Error(), "token of the control API is missing or wrong") {
		t.Errorf("wrong token: %v", err)
	}
	if _, err := Dial(t.Context(), "http://127.0.0.1:1", Options{}); err == nil {
		t.Error("nobody is there")
	}
	for name, play := range map[string]func(ctx context.Context, ws *websocket.Conn) error{
		"no hello": func(ctx context.Context, ws *websocket.Conn) error { return writeFrame(ctx, ws, up{Ack: 1}) },
		"no JSON": func(ctx context.Context, ws *websocket.Conn) error {
			return ws.Write(ctx, websocket.MessageText, []byte("{"))
		},
		"too long": func(ctx context.Context, ws *websocket.Conn) error {
			return ws.Write(ctx, websocket.MessageText, make([]byte, maxFrame+1))
		},
	} {
		ws, _, err := websocket.Dial(t.Context(), d.srv.URL+"/v1/link", &websocket.DialOptions{Subprotocols: []string{Subprotocol},
			HTTPHeader: http.Header{"Authorization": {"Bearer sesame"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := play(t.Context(), ws); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := ws.Read(t.Context()); err == nil {
			t.Errorf("%s: the service goes on", name)
		}
		ws.CloseNow()
	}
	if d.link.Sessions() != 0 {
		t.Error("a session was made")
	}
}

// TestNothingIsLost: over a thousand random cuts of the link, from both ends,
// every notification that the service took comes once, and in order.
func TestNothingIsLost(t *testing.T) {
	const devices = 20
	cuts := 1000
	if testing.Short() {
		cuts = 150
	}
	d := newDesk(t, fakewns.Config{JournalSize: 1 << 20}, "")
	c := d.dial(t, Options{})
	r := rand.New(rand.NewPCG(1, 2))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var came atomic.Int64
	var senders sync.WaitGroup
	sent := make([]int, devices)
	got := make([]chan string, devices)
	for i := range devices {
		got[i] = make(chan string, 100)
		uri, _, err := c.OpenChannel(ctx, fmt.Sprint("D", i), fakewns.DefaultApp.PFN, func(b []byte) { got[i] <- string(b) })
		if err != nil {
			t.Fatal(err)
		}
		senders.Go(func() {
			for ctx.Err() == nil {
				// One at a time for a channel: a second one would replace what is cached.
				want := fmt.Sprint(i, "/", sent[i])
				if e := d.push(t, uri, want); e.Status != 200 || e.Delivery != fakewns.Woken && e.Delivery != fakewns.Cached {
					t.Errorf("%s: %v", want, e)
					return
				}
				sent[i]++
				select {
				case g := <-got[i]:
					came.Add(1)
					if g != want {
						t.Errorf("device %d got %s, want %s", i, g, want)
						return
					}
				case <-time.After(2 * time.Minute):
					t.Errorf("%s never came", want)
					return
				}
			}
		})
	}
	for cut := 0; cut < cuts && !t.Failed(); {
		before, resumes := came.Load(), c.Resumes()
		after := int64(r.IntN(20))
		eventually(t, "notifications come", func() bool { return came.Load() >= before+after || t.Failed() })
		if r.IntN(2) == 0 {
			eventually(t, "there is a link to cut", c.Cut)
		} else {
			d.link.Cut()
		}
		eventually(t, "the link is up again", func() bool { return c.Resumes() > resumes || t.Failed() })
		cut += c.Resumes() - resumes
	}
	stop()
	senders.Wait()
	total := 0
	for i := range devices {
		total += sent[i]
		if len(got[i]) > 0 {
			t.Errorf("device %d got %d more than were sent", i, len(got[i]))
		}
	}
	if int64(total) != came.Load() {
		t.Errorf("%d were sent, %d came", total, came.Load())
	}
	byOutcome := map[fakewns.Delivery]int{}
	for _, e := range d.wns.Journal().Since(0, nil) {
		byOutcome[e.Delivery]++
	}
	if byOutcome[fakewns.Woken] != total {
		t.Errorf("the journal says %v of %d", byOutcome, total)
	}
	t.Logf("%d notifications over %d cuts", total, c.Resumes())
}

// TestSlowLink: a link whose other end does not read costs a sender nothing.
// When too much is on its way the device counts as out of reach.
func TestSlowLink(t *testing.T) {
	d := newDesk(t, fakewns.Config{}, "")
	d.link.limit = 100
	ws, _, err := websocket.Dial(t.Context(), d.srv.URL+"/v1/link", &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(maxFrame)
	for _, f := range []up{{Hello: &hello{}}, {ID: 1, Open: &open{"D", fakewns.DefaultApp.PFN}}} {
		if err := writeFrame(t.Context(), ws, f); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the channel is there", func() bool { return len(d.wns.Channels("D")) == 1 })
	uri := d.wns.Channels("D")[0].URI
	counts := map[fakewns.Delivery]int{}
	for range 110 {
		counts[d.push(t, uri, strings.Repeat("x", 5000)).Delivery]++
	}
	if counts[fakewns.Woken] != 100 || counts[fakewns.Cached] != 10 {
		t.Errorf("%v", counts)
	}
	// It reads on, and says so: what was cached follows.
	var last uint64
	for last < 101 {
		var f down
		if err := readFrame(t.Context(), ws, &f); err != nil {
			t.Fatal(err)
		}
		if f.Notify != nil {
			if last++; f.Notify.N != last {
				t.Fatalf("notification %d after %d", f.Notify.N, last-1)
			}
			if err := writeFrame(t.Context(), ws, up{Ack: last}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// memory is a store for a service that is started again.
type memory struct {
	mu      sync.Mutex
	buckets map[string]map[string][]byte
}

func (m *memory) Load(bucket string, f func(string, []byte) error) error {
	for k, v := range m.buckets[bucket] {
		if err := f(k, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Save(records ...fakewns.Record) func() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if m.buckets[r.Bucket] == nil {
			m.buckets[r.Bucket] = map[string][]byte{}
		}
		if m.buckets[r.Bucket][r.Key] = r.Value; r.Value == nil {
			delete(m.buckets[r.Bucket], r.Key)
		}
	}
	return func() error { return nil }
}

func (m *memory) Later(records ...fakewns.Record) { m.Save(records...) }
func (m *memory) Err() error                      { return nil }

// TestServiceStartsAgain: with its state the devices' channels go on and what
// was cached comes; without it they learn that their channels are lost.
func TestServiceStartsAgain(t *testing.T) {
	for _, kept := range []bool{true, false} {
		store := &memory{buckets: map[string]map[string][]byte{}}
		d := newDesk(t, fakewns.Config{}, "")
		if err := d.wns.Keep(store); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		handler := d.srv.Config.Handler
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			h := handler
			mu.Unlock()
			h.ServeHTTP(w, r)
		}))
		defer front.Close()
		lost, woken := make(chan string, 10), make(chan string, 10)
		c, err := Dial(t.Context(), front.URL, Options{Lost: func(uri string) { lost <- uri }})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		uri, _, err := c.OpenChannel(t.Context(), "D", fakewns.DefaultApp.PFN, func(b []byte) { woken <- string(b) })
		if err != nil {
			t.Fatal(err)
		}
		again := &desk{wns: fakewns.New(fakewns.Config{})}
		if kept {
			if err := again.wns.Keep(store); err != nil {
				t.Fatal(err)
			}
			if got := again.wns.Channels("D"); len(got) != 1 || got[0].Connection != fakewns.Disconnected {
				t.Fatalf("after the restart: %+v", got)
			}
			if e := again.push(t, uri, "while it was away"); e.Delivery != fakewns.Cached {
				t.Fatalf("%v", e)
			}
		}
		again.serve(t, "")
		mu.Lock()
		handler = again.srv.Config.Handler
		mu.Unlock()
		d.link.Close() // the first one is gone
		if kept {
			if got := <-woken; got != "while it was away" {
				t.Errorf("woken with %q", got)
			}
			if e := again.push(t, uri, "and now"); e.Delivery != fakewns.Woken {
				t.Errorf("%v", e)
			}
			if got := <-woken; got != "and now" {
				t.Errorf("woken with %q", got)
			}
		} else if got := <-lost; got != uri {
			t.Errorf("lost %q", got)
		}
	}
}
