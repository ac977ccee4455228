package fakewns

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// awaitWakes counts wake-ups: they follow the answer.
func (b *bench) wakes(n int) {
	b.t.Helper()
	for range n {
		select {
		case <-b.woken:
		case <-time.After(30 * time.Second):
			b.t.Fatal("the device was not woken")
		}
	}
	if len(b.woken) > 0 {
		b.t.Fatalf("woken %d times more than it should", len(b.woken))
	}
}

func (b *bench) last() *Entry {
	list := b.Journal().Since(0, func(e *Entry) bool { return e.Kind == Notification })
	return list[len(list)-1]
}

func asked(r *http.Request) { r.Header.Set("X-WNS-RequestForStatus", "true") }

func policy(p string) func(*http.Request) {
	return func(r *http.Request) {
		asked(r)
		r.Header.Set("X-WNS-Cache-Policy", p)
	}
}

// TestOfflineDevice: 200 does not mean delivered. A raw notification is dropped
// unless the sender asked for the cache, which keeps the newest one.
func TestOfflineDevice(t *testing.T) {
	for _, state := range []Connection{Disconnected, TempDisconnected} {
		b := newBench(t, Config{})
		b.SetConnection("device", state)
		resp := b.send(policy("no-cache"))
		if resp.StatusCode != 200 || resp.Header.Get("X-WNS-STATUS") != "dropped" || resp.Header.Get("X-WNS-DEVICECONNECTIONSTATUS") != string(state) {
			t.Errorf("no-cache: %d %v", resp.StatusCode, resp.Header)
		}
		if got := b.last().Delivery; got != Dropped {
			t.Errorf("delivery %q", got)
		}
		resp = b.send(func(r *http.Request) { policy("")(r); r.Header.Del("X-WNS-Cache-Policy") })
		if resp.Header.Get("X-WNS-STATUS") != "dropped" {
			t.Errorf("raw without a policy was not dropped: %v", resp.Header)
		}
		for _, payload := range []string{"first", "second"} {
			resp = b.send(func(r *http.Request) { body(payload)(r); asked(r) })
			if resp.StatusCode != 200 || resp.Header.Get("X-WNS-STATUS") != "received" || resp.Header.Get("X-WNS-DEVICECONNECTIONSTATUS") != string(state) {
				t.Errorf("cache: %d %v", resp.StatusCode, resp.Header)
			}
		}
		b.wakes(0)
		mark := b.Journal().Mark()
		b.SetConnection("device", Connected)
		b.wakes(1)
		list := b.Journal().Since(mark-2, nil)
		if list[0].Delivery != Replaced || list[1].Delivery != Woken || string(list[1].Body) != "second" {
			t.Errorf("outcomes %q %q", list[0].Delivery, list[1].Delivery)
		}
		b.SetConnection("device", Connected)
		b.wakes(0) // only once
		if got := b.send(asked).Header.Get("X-WNS-DEVICECONNECTIONSTATUS"); got != "connected" {
			t.Errorf("connected again: %q", got)
		}
		b.wakes(1)
	}
}

// TestCachedNotificationExpires by its TTL, by its channel and by the end of
// that.
func TestCachedNotificationExpires(t *testing.T) {
	cases := []struct {
		name string
		ttl  string
		end  func(*bench)
		want Delivery
	}{
		{"TTL passed", "60", func(b *bench) { b.Advance(time.Minute) }, Expired},
		{"TTL not passed", "60", func(b *bench) { b.Advance(59 * time.Second) }, Woken},
		{"no TTL", "", func(b *bench) { b.Advance(29 * 24 * time.Hour) }, Woken},
		{"channel expired", "", func(b *bench) { b.Advance(30 * 24 * time.Hour) }, Expired},
		{"channel revoked", "", func(b *bench) { b.CloseChannel(b.channel) }, Expired},
		{"channel forgotten", "", func(b *bench) { b.ForgetChannel(b.channel) }, Expired},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.SetConnection("device", Disconnected)
			b.send(func(r *http.Request) {
				if c.ttl != "" {
					r.Header.Set("X-WNS-TTL", c.ttl)
				}
			})
			c.end(b)
			b.SetConnection("device", Connected)
			if c.want == Woken {
				b.wakes(1)
			} else {
				b.wakes(0)
			}
			if got := b.last().Delivery; got != c.want {
				t.Errorf("delivery %q, want %q", got, c.want)
			}
			if got := b.Stats().Waiting; got != 0 {
				t.Errorf("%d channels still wait", got)
			}
		})
	}
}

// TestDeleteTakesToastsBack: only cached toasts that match.
func TestDeleteTakesToastsBack(t *testing.T) {
	toast := func(r *http.Request) {
		r.Header.Set("X-WNS-Type", "wns/toast")
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("X-WNS-Tag", "b")
		r.Header.Set("X-WNS-Group", "a")
	}
	for match, want := range map[string]Delivery{
		"type:wns/toast;all": Expired, "type:wns/toast;group=a;tag=b": Expired, "type:wns/toast;tag=b": Expired,
		"type:wns/toast;group=a": Expired, "type:wns/toast;group=x": Cached, "type:wns/toast;group=a;tag=x": Cached,
	} {
		b := newBench(t, Config{})
		b.SetConnection("device", Disconnected)
		b.send(toast)
		b.send(nil)
		mark := b.Journal().Mark()
		if got := b.send(func(r *http.Request) { r.Method = "DELETE"; r.Header.Set("X-WNS-Match", match) }).StatusCode; got != 200 {
			t.Fatalf("DELETE: %d", got)
		}
		list := b.Journal().Since(mark-2, nil)
		if list[0].Delivery != want || list[1].Delivery != Cached {
			t.Errorf("%s: toast %q, raw %q", match, list[0].Delivery, list[1].Delivery)
		}
		b.SetConnection("device", Connected)
		b.wakes(1) // the raw one
	}
}

// TestThrottles: over the app's limit 406, appthrottled and Retry-After, over the channel's
// 200 and channelthrottled; both end with time.
func TestThrottles(t *testing.T) {
	now := time.Now()
	b := newBench(t, Config{Now: func() time.Time { return now }, AppRate: 2})
	b.send(nil)
	b.send(nil)
	resp := b.send(nil)
	if resp.StatusCode != 406 || resp.Header.Get("Retry-After") != "900" || resp.Header.Get("X-WNS-STATUS") != "appthrottled" {
		t.Errorf("over the app's limit: %d %v", resp.StatusCode, resp.Header)
	}
	b.Advance(time.Second)
	if got := b.send(nil).StatusCode; got != 200 {
		t.Errorf("a second later: %d", got)
	}
	b.wakes(3)

	b = newBench(t, Config{Now: func() time.Time { return now }, ChannelRate: 1})
	b.send(nil)
	resp = b.send(nil)
	if resp.StatusCode != 200 || resp.Header.Get("X-WNS-STATUS") != "channelthrottled" {
		t.Errorf("over the channel's limit: %d %v", resp.StatusCode, resp.Header)
	}
	first := b.channel
	second, _, err := b.OpenChannel(t.Context(), "d2", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	b.channel = second
	if got := b.send(nil).Header.Get("X-WNS-STATUS"); got != "received" {
		t.Errorf("another channel: %s", got)
	}
	b.channel = first
	b.wakes(1)
}

// TestSessionThatFollowed stands with the notification that led to it.
func TestSessionThatFollowed(t *testing.T) {
	b := newBench(t, Config{})
	b.send(nil)
	b.send(nil)
	held := b.Journal().Since(0, nil)
	b.Led("device", "7")
	b.Led("stranger", "8")
	list := b.Journal().Since(0, func(e *Entry) bool { return e.Kind == Notification })
	if list[0].Session != "" || list[1].Session != "7" {
		t.Errorf("sessions %q %q", list[0].Session, list[1].Session)
	}
	if held[len(held)-1].Session != "" {
		t.Error("an entry changed in its reader's hands")
	}
}

// TestAppStates: blocked, unblocked, gone; and configurations that are refused.
func TestAppStates(t *testing.T) {
	b := newBench(t, Config{})
	blocked := DefaultApp
	blocked.Blocked = true
	if err := b.SetApps([]App{blocked}); err != nil {
		t.Fatal(err)
	}
	resp := b.send(nil)
	if resp.StatusCode != http.StatusGone || resp.Header.Get("X-WNS-ERROR-DESCRIPTION") != "Domain blocked" {
		t.Errorf("blocked app: %d %s", resp.StatusCode, resp.Header.Get("X-WNS-ERROR-DESCRIPTION"))
	}
	if err := b.SetApps([]App{DefaultApp}); err != nil {
		t.Fatal(err)
	}
	if got := b.send(nil).StatusCode; got != 200 {
		t.Errorf("not blocked any more: %d (the token must have survived)", got)
	}
	b.wakes(1)
	b.ExpireChannel(b.channel)
	if resp := b.send(nil); resp.StatusCode != http.StatusGone {
		t.Errorf("expired channel: %d", resp.StatusCode)
	}
	if err := b.SetApps([]App{otherApp}); err != nil {
		t.Fatal(err)
	}
	if got := b.send(nil).StatusCode; got != 401 {
		t.Errorf("the app is gone: %d", got)
	}
	for want, app := range map[string]App{
		"does not begin with ms-app://":              {PFN: DefaultApp.PFN, PackageSID: "s-1"},
		"full name; the family name is":              {PFN: "52314Publisher.TestWNS_1.1.0.0_x86__t6e9vsyjkrw9w", PackageSID: "ms-app://s-1"},
		"not of the form Name_PublisherHash":         {PFN: "x", PackageSID: "ms-app://s-1"},
		"needs Tenant and ClientID":                  {PFN: DefaultApp.PFN, Kind: Entra},
		"known kinds: classic, classic-retired, ent": {PFN: DefaultApp.PFN, Kind: "x"},
	} {
		checkError(t, b.SetApps([]App{app}), want)
	}
	checkError(t, b.SetApps([]App{DefaultApp, DefaultApp}), "is used twice")
}

// TestOnWake: who asks is told of each notification right before it goes to the
// device, by the number of its entry, whether it goes there at once or later.
func TestOnWake(t *testing.T) {
	b := newBench(t, Config{})
	var told []uint64 // a wake-up follows each
	b.OnWake(func(device string, seq uint64) {
		if device != "device" || len(b.woken) > 0 {
			t.Errorf("%s, %d notifications went to it already", device, len(b.woken))
		}
		told = append(told, seq)
	})
	b.send(nil)
	b.wakes(1)
	b.SetConnection("device", Disconnected)
	b.send(policy("cache"))
	now, cached := b.last().Seq-1, b.last().Seq
	b.SetConnection("device", Connected)
	b.wakes(1)
	if !slices.Equal(told, []uint64{now, cached}) {
		t.Errorf("%d, want %d and %d", told, now, cached)
	}
	b.OnWake(nil)
	b.send(nil)
	b.wakes(1)
	if len(told) != 2 {
		t.Error("it was told after it asked no more")
	}
}
