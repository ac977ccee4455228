package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// channels are the CHN scenarios.
var channels = []Scenario{
	{ID: "CHN-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "a channel URI that changed is used from then on",
		Rule:    "Once a session told the server a new channel URI, the next push goes to it.",
		Source:  learnPush,
		Fix:     "Overwrite the stored channel URI with what each session tells.",
		Mutants: []string{"chn-keep-first"},
		Run: func(t *T) {
			d, _ := channelRenewed(t, false)
			uri := d.ChannelURI()
			m := d.Mark()
			t.Push(d)
			if d.AwaitPushes(m, 1)[0].Channel == uri {
				return
			}
			t.Quiet() // a server that pushes to several URIs does so now
			toNew := 0
			for _, e := range d.Pushes(m) {
				t.Evidence("%s", e)
				if e.Channel == uri {
					toNew++
				}
			}
			t.Expect(toNew, "notifications to the new channel URI").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "the old channel URI gets no further push",
		Rule:    "A channel URI that was replaced is not pushed to any more.",
		Source:  learnPush,
		Fix:     "Keep one channel URI for a device, the last.",
		Mutants: []string{"chn-keep-first", "chn-push-all"},
		Under:   []string{"CHN-01"},
		Run: func(t *T) {
			d, old := channelRenewed(t, false)
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			noPushTo(d, m, old, "notifications to the old channel URI")
		}},
	{ID: "CHN-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "no channel: no push, and the server asks again",
		Rule:    "While ChannelURI is empty and Status is 4 there is nothing to push to: the server does not push to an earlier URI. It asks again in one of the next two sessions, or sets the PFN again.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Drop the stored channel URI when the device answers an empty one, and keep asking for it.",
		Mutants: []string{"chn-keep-on-empty", "chn-empty-silent"},
		Run: func(t *T) {
			d := t.WithChannel()
			pushesNow(d)
			old := d.ChannelURI()
			d.LoseChannel(dmclient.PushNoChannel)
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Get, "/Push/ChannelURI")) == 0 {
				t.Blocked(suite.By(suite.AsksURIs), "the server did not ask for the channel URI after the channel was lost")
			}
			m := d.Mark()
			if err := t.TryPush(d); err != nil {
				t.Evidence("asked to push, the server said: %v", err)
			}
			t.Quiet()
			noPushTo(d, m, old, "notifications to the URI of a channel that the device does not have any more")
			again := len(suite.Writes(s))
			for range 2 {
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				again += len(suite.Writes(s)) + len(s.Find(syncml.Get, "/Push/ChannelURI"))
			}
			t.Expect(again, "ChannelURI asked for, or the PFN set again, in the two sessions after the one that told an empty ChannelURI").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "Push/Status 1 or 3: no push",
		Rule:    "Status 1 (invalid PFN) and 3 (registration failed) say that the channel is not to be used; the server does not push to it until that changes.",
		Source:  learnCSP,
		Fix:     "Do not push while Push/Status is 1 or 3.",
		Mutants: []string{"chn-ignore-status"},
		Run: func(t *T) {
			for _, status := range []int{dmclient.PushInvalidPFN, dmclient.PushFailed} {
				t.Try(fmt.Sprint("Status ", status), func() {
					d := t.Next().Ready()
					pushesNow(d)
					t.Misbehaves(d, fmt.Sprint("push-status=", status))
					defer d.ClearFaults()
					s := t.Managed(d.Sync(dmclient.SyncOptions{}))
					if len(s.Find(syncml.Get, "/Push/Status")) == 0 {
						t.Blocked(suite.By(suite.AsksWhy, suite.AsksURIs), "the server did not ask for Push/Status")
					}
					m := d.Mark()
					if err := t.TryPush(d); err != nil {
						t.Evidence("asked to push, the server said: %v", err)
					}
					t.Quiet()
					n := len(d.Pushes(m))
					t.Check(n == 0, "no notification to a device that told this Status", fmt.Sprintf("notifications: %d", n))
				})
			}
		}},
	{ID: "CHN-05", Level: report.Must, Title: "Push/Status 5, the channel expired: the server does something about it",
		Rule:    "Once a device told that its channel expired the server sets the PFN again, or asks for the channel again in the next session.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Set the PFN again when Push/Status is 5.",
		Mutants: []string{"chn-expired-silent"},
		Run: func(t *T) {
			list := channelExpired(t)
			n := len(suite.Writes(list[0])) + len(suite.Writes(list[1])) + len(list[1].Find(syncml.Get, "/Push/ChannelURI"))
			t.Expect(n, "PFN set again, or ChannelURI asked for, after the session that told Status 5").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "two devices' channels are never swapped",
		Rule:    "A push for one device goes to that device's channel and to no other.",
		Source:  learnPush,
		Fix:     "Key channel URIs by DeviceID.",
		Mutants: []string{"chn-global"},
		Decides: []suite.Premise{suite.Pushes},
		Run: func(t *T) {
			a, b := t.WithChannel(), t.WithChannel()
			for _, pair := range [][2]*Device{{a, b}, {b, a}} {
				m := pair[0].Mark()
				pair[1].Mark()
				t.Push(pair[0])
				t.AwaitEither(m, a, b)
				t.Quiet() // a server that pushes to both does so now
				for _, e := range pair[1].Pushes(m) {
					t.Evidence("%s", e)
				}
				t.Expect(len(pair[1].Pushes(m)), "notifications for one device to the channel of the other").To(BeZero())
				pair[0].AwaitPushes(m, 1)
			}
		}},
	{ID: "CHN-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "a long channel URI is kept whole",
		Rule:    "A channel URI is opaque: one of a thousand characters, with all that a URI may hold, is used as it is.",
		Source:  learnPush + "; RFC 3986 section 3.4",
		Fix:     "Store the channel URI in a column without a limit under 2,048 characters, and use it as the text that came.",
		Mutants: []string{"chn-cut"},
		Under:   []string{"WNS-08", "CHN-01", "WER-16", "WER-17"},
		Run:     longChannel},
	{ID: "CHN-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "a channel URI that leads elsewhere is not posted to",
		Rule:    "A device chooses its channel URI. A server that posts to any would send its token, and reach hosts of its own network, at the device's will: only https and hosts of the push service are taken.",
		Source:  "Learn, \"Push notification service request and response headers\", security; CWE-918",
		Fix:     "Take https URIs of *.notify.windows.com, port 443, without user information, and no other. Compare the host of the parsed URI, not its text.",
		Mutants: []string{"chn-any-uri", "chn-uri-text"},
		Run:     hostileChannels},
	{ID: "CHN-09", Level: report.Must, Needs: []Need{NeedPush}, Title: "after enrolling again the old channel is forgotten",
		Rule:    "A device that enrolls again starts anew: nothing is pushed to the channel of its earlier enrollment.",
		Source:  "MS-MDE2 3.1; stale state seen in servers",
		Fix:     "Delete the channel URI when a device enrolls again.",
		Mutants: []string{"chn-keep-enrollment"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			d.AwaitPushed(m, false) // its session is over before it enrolls again
			again := t.DeviceWith(func(c *dmclient.Config) { c.Identity = d.Identity() })
			if err := again.Enroll(); err != nil {
				t.Excused(err)
				t.Blocked(suite.By("ENR-20"), "the device could not enroll again: %v", err)
			}
			m = d.Mark()
			if err := t.TryPush(again); err != nil {
				t.Evidence("asked to push, the server said: %v", err)
			}
			t.Quiet()
			t.Expect(len(d.Pushes(m)), "notifications to the channel of the earlier enrollment").To(BeZero())
		}},
	{ID: "CHN-10", Level: report.Should, Title: "the session after a renewal brings the new channel URI",
		Rule:    "A device renews its channel after 15 days and then starts a session so that the server can read the new URI: the server asks for it there.",
		Source:  learnPush,
		Fix:     "Ask for the channel URI in every session.",
		Mutants: []string{"pfn-channel-once"},
		Under:   []string{"PFN-10"},
		Decides: []suite.Premise{suite.AsksURIs},
		Run:     func(t *T) { channelRenewed(t, true) }},
	{ID: "CHN-11", Level: report.Must, Title: "an expired channel leads to the PFN being set again",
		Rule:    "A device that was off for a month tells that its channel expired. The server sets the PFN again, in that session or the next, which makes the device register anew.",
		Source:  learnPush,
		Fix:     "Set the PFN again once Push/Status is 5.",
		Mutants: []string{"chn-expired-no-pfn"},
		Under:   []string{"CHN-05"},
		Run: func(t *T) {
			list := channelExpired(t)
			t.Expect(len(suite.Writes(list[0]))+len(suite.Writes(list[1])), "Add or Replace of .../Push/PFN in the session that told Status 5 or the next").To(BeNumerically(">", 0))
		}},
}

// pushesNow makes sure that the server pushes to the device at all: a scenario in
// which nothing may come would pass on a server that never does.
func pushesNow(d *Device) {
	m := d.Mark()
	d.T.Push(d)
	d.AwaitPushes(m, 1)
	d.Settle(m)
}

// noPushTo fails if a notification to a channel URI came since m.
func noPushTo(d *Device, m Mark, uri, what string) {
	n := 0
	for _, e := range d.Pushes(m) {
		if e.Channel == uri {
			n++
			d.T.Evidence("%s", e)
		}
	}
	d.T.Expect(n, "%s", what).To(BeZero())
}

// channelExpired is the two sessions that follow when a device's channel expired.
func channelExpired(t *T) (list [2]*dmclient.Session) {
	d := t.WithChannel()
	t.ExpireChannel(d)
	d.LoseChannel(dmclient.PushExpired)
	for i := range list {
		list[i] = t.Managed(d.Sync(dmclient.SyncOptions{}))
	}
	if len(list[0].Find(syncml.Get, "/Push/Status")) == 0 {
		t.Blocked(suite.By(suite.AsksWhy, suite.AsksURIs), "the server did not ask for Push/Status after the channel expired")
	}
	return list
}

// channelRenewed is a device whose channel changed and was told to the server;
// old is the channel before. carries says that this scenario is the one that
// reports that the server did not ask.
func channelRenewed(t *T, carries bool) (d *Device, old string) {
	d = t.WithChannel()
	d.Mark() // notifications to the channel that it has now are its own for good
	old = d.ChannelURI()
	if err := d.RenewChannel(t.Context()); err != nil {
		t.Error("the device could not renew its channel: %v", err)
	}
	t.Managed(d.Sync(dmclient.SyncOptions{}))
	switch {
	case d.Told():
	case !carries:
		t.Blocked(suite.By(suite.AsksURIs), "the server did not ask for the channel URI after it changed")
	default:
		t.Fail("Get of .../Push/ChannelURI in the session after the channel changed", "none, so that the server cannot know the new URI")
	}
	return d, old
}

// tells makes a device tell the server another channel URI than its own; where
// the server does not ask, the body is blocked.
func tells(d *Device, uri string) {
	t := d.T
	t.Misbehaves(d, "channel-uri="+uri)
	if len(t.Managed(d.Sync(dmclient.SyncOptions{})).Find(syncml.Get, "/Push/ChannelURI")) == 0 {
		t.Blocked(suite.By(suite.AsksURIs), "the server did not ask for the channel URI after it changed")
	}
}

func longChannel(t *T) {
	d := t.WithChannel()
	pushesNow(d)
	base, _, _ := strings.Cut(d.ChannelURI(), "?")
	// What WNS does not know is nobody's in the journal; this token is only here.
	start := "token=" + d.Identity().DeviceID
	query := start + strings.Repeat("AwYA%2b%2f~._-!$'()*,;:@%3d", 36)
	tells(d, base+"?"+query)
	m := d.Mark()
	t.PushInBackground(d)
	list, err := t.Await(m, 1, func(e *fakewns.Entry) bool {
		return e.Kind == fakewns.Notification && e.Channel == "" && strings.Contains(strings.ToLower(e.Target), strings.ToLower(start))
	})
	expected := fmt.Sprintf("a notification to the channel URI of %d characters that the device told", len(base)+1+len(query))
	if err != nil {
		if n := len(d.Pushes(m)); n > 0 {
			t.Fail(expected, fmt.Sprintf("notifications to the earlier channel URI: %d", n))
		}
		t.Fail(expected, "none within "+t.Lab.Config.Timeouts.Push.String()+", though one came before the URI was that long")
	}
	_, got, _ := strings.Cut(list[0].Target, "?")
	t.Check(strings.EqualFold(got, query), fmt.Sprintf("the query of the channel URI, %d characters, as the device told it", len(query)),
		fmt.Sprintf("%d characters; %s", len(got), difference(query, got)))
}

// difference says where two texts part.
func difference(want, got string) string {
	i := 0
	for i < len(want) && i < len(got) && strings.EqualFold(want[i:i+1], got[i:i+1]) {
		i++
	}
	part := func(s string) string { return s[i:min(i+3, len(s))] }
	if i == len(got) {
		return fmt.Sprintf("the last %d are missing", len(want)-i)
	}
	return fmt.Sprintf("from character %d on it is %q and not %q", i+1, part(got), part(want))
}

// hostile are channel URIs that lead to a trap, and what is wrong with each.
var hostile = []struct{ what, uri string }{
	{"another host", "https://127.0.0.1:PORT/?token=AwYx"},
	{"plain http", "http://127.0.0.1:PORT/?token=AwYx"},
	{"another host behind user information", "https://db5p.notify.windows.com@127.0.0.1:PORT/?token=AwYx"},
	{"another host, and the right name in the path", "https://127.0.0.1:PORT/.notify.windows.com?token=AwYx"},
	{"a host without dots, and the right name in the path", "https://localhost:PORT/a.notify.windows.com/?token=AwYx"},
	{"another host, and the right name behind \"#\"", "https://127.0.0.1:PORT#.notify.windows.com"},
}

// hostileChannels has devices tell channel URIs that lead to a trap, each to one
// of its own. All are watched at a time where each can have a device of its own.
func hostileChannels(t *T) {
	if w := &t.Lab.Config.WNS; w.Mode == "direct" && !t.Lab.Embedded() {
		t.NotApplicable("wns.mode is direct: the server was set to take channel URIs of other hosts than the push service's")
	}
	pushesNow(t.WithChannel())
	traps := make([]*suite.Trap, len(hostile))
	oneByOne := t.Lab.Config.Target.Shared()
	for i, h := range hostile {
		traps[i] = t.Trap()
		_, port, _ := strings.Cut(traps[i].Addr, ":")
		d := t.Next().Ready()
		tells(d, strings.Replace(h.uri, "PORT", port, 1))
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
			t.Check(traps[i].Caught() == 0, "no connection to the host that the channel URI leads to", "the server connected to it")
		})
	}
}
