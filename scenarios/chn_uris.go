package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Bodies of the CHN scenarios about odd channel URIs.

// telling returns a device that reported a channel URI that is not its own: d, which
// has a channel, on being asked again. If the server asks only once, it is a new device
// that reports this URI at first.
func telling(d *Device, uri string) *Device {
	t := d.T
	t.Misbehaves(d, "channel-uri="+uri)
	if asksURI(t.Managed(d.Sync(dmclient.SyncOptions{}))) {
		return d
	}
	if t.Lab.Config.Target.Shared() {
		t.Blocked(suite.By(suite.AsksURIs), "the server did not ask for the channel URI after it changed")
	}
	fresh := t.EnrolledOnly()
	t.Misbehaves(fresh, "channel-uri="+uri)
	for range 3 { // the PFN may come in the second session, and the Get in the one after it
		if asksURI(fresh.Sync(dmclient.SyncOptions{})) {
			return fresh
		}
	}
	t.Blocked(suite.By(suite.AsksURI, suite.AsksURIs), "the server did not ask for the channel URI, neither after it changed nor on a new device")
	return nil
}

func asksURI(s *dmclient.Session) bool { return len(s.Find(syncml.Get, "/Push/ChannelURI")) > 0 }

func longChannel(t *T) {
	d := t.WithChannel()
	pushesNow(d)
	base, _, _ := strings.Cut(d.ChannelURI(), "?")
	// WNS does not know this URI, so the journal names no device; only this test uses
	// the token.
	start := "token=" + d.Identity().DeviceID
	// No apostrophe: RFC 3986 leaves it as it is, the URL standard of browsers and of
	// Node's fetch writes %27, and WNS was never seen to send one.
	query := start + strings.Repeat("AwYA%2b%2f~._-!$()*,;:@%3d", 37)
	d = telling(d, base+"?"+query)
	m := d.Mark()
	t.PushInBackground(d)
	list, err := t.Await(m, 1, func(e *fakewns.Entry) bool {
		return e.Kind == fakewns.Notification && e.Channel == "" && strings.Contains(strings.ToLower(e.Target), strings.ToLower(start))
	})
	expected := fmt.Sprintf("a notification to the device's channel URI of %d characters", len(base)+1+len(query))
	if err != nil {
		if n := len(d.Pushes(m)); n > 0 {
			t.Fail(expected, fmt.Sprintf("notifications to the earlier channel URI: %d", n))
		}
		t.Fail(expected, "none within "+t.Lab.Config.Timeouts.Push.String()+", but one arrived before the URI was that long")
	}
	_, got, _ := strings.Cut(list[0].Target, "?")
	t.Check(strings.EqualFold(got, query), fmt.Sprintf("the query of the channel URI, %d characters, as the device reported it", len(query)),
		fmt.Sprintf("%d characters; %s", len(got), difference(query, got)))
}

// difference says where two texts diverge.
func difference(want, got string) string {
	i := 0
	for i < len(want) && i < len(got) && strings.EqualFold(want[i:i+1], got[i:i+1]) {
		i++
	}
	part := func(s string) string { return s[i:min(i+3, len(s))] }
	if i == len(got) {
		return fmt.Sprintf("the last %d are missing", len(want)-i)
	}
	return fmt.Sprintf("from character %d on: %q instead of %q", i+1, part(got), part(want))
}

// hostile lists channel URIs that lead to a trap, and what is wrong with each.
var hostile = []struct{ what, uri string }{
	{"another host", "https://127.0.0.1:PORT/?token=AwYx"},
	{"plain http", "http://127.0.0.1:PORT/?token=AwYx"},
	{"another host after user information", "https://db5p.notify.windows.com@127.0.0.1:PORT/?token=AwYx"},
	{"another host with the right name in the path", "https://127.0.0.1:PORT/.notify.windows.com?token=AwYx"},
	{"a host without dots, with the right name in the path", "https://localhost:PORT/a.notify.windows.com/?token=AwYx"},
	{"another host with the right name after \"#\"", "https://127.0.0.1:PORT#.notify.windows.com"},
}

// hostileChannels has devices report channel URIs that lead to traps, one trap per
// URI. If each URI can have its own device, all are watched at once.
func hostileChannels(t *T) {
	if w := &t.Lab.Config.WNS; w.Mode == "direct" && !t.Lab.Embedded() {
		t.NotApplicable("wns.mode is direct: the server is configured to accept channel URIs outside the push service")
	}
	pushesNow(t.WithChannel())
	traps := make([]*suite.Trap, len(hostile))
	oneByOne := t.Lab.Config.Target.Shared()
	for i, h := range hostile {
		traps[i] = t.Trap()
		_, port, _ := strings.Cut(traps[i].Addr, ":")
		d := t.Next().Ready()
		d = telling(d, strings.Replace(h.uri, "PORT", port, 1))
		if err := t.TryPush(d); err != nil {
			t.Evidence("%s: asked to push, the server said: %v", h.what, err)
		}
		if oneByOne {
			t.Quiet()
			d.ClearFaults()
		}
	}
	if !oneByOne {
		t.Quiet()
	}
	for i, h := range hostile {
		t.Try(h.what, func() {
			t.Check(traps[i].Caught() == 0, "no connection to the host of the channel URI", "the server connected to it")
		})
	}
}
