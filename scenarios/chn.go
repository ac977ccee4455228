package scenarios

import (
	"fmt"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// channels are the CHN scenarios.
var channels = []Scenario{
	{ID: "CHN-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "a new channel URI is used from then on",
		Rule:    "Once a session reports a new channel URI, the next push goes there.",
		Source:  learnPush,
		Fix:     "Overwrite the stored channel URI with the one from each session.",
		Mutants: []*mutants.Mutant{mutants.ChnKeepFirst},
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
	{ID: "CHN-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "no more pushes to the old channel URI",
		Rule:    "The server no longer pushes to a channel URI that was replaced.",
		Source:  learnPush,
		Fix:     "Keep one channel URI per device, the latest.",
		Mutants: []*mutants.Mutant{mutants.ChnKeepFirst, mutants.ChnPushAll},
		Under:   []string{"CHN-01"},
		Run: func(t *T) {
			d, old := channelRenewed(t, false)
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			noPushTo(d, m, old, "notifications to the old channel URI")
		}},
	{ID: "CHN-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "no channel: the server does not push, and asks again",
		Rule:    "While ChannelURI is empty and Status is 4 there is nothing to push to, and the server does not push to an earlier URI. It asks again in one of the next two sessions, or sets the PFN again.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Drop the stored channel URI when the device returns an empty one, and keep asking for it.",
		Mutants: []*mutants.Mutant{mutants.ChnKeepOnEmpty, mutants.ChnEmptySilent},
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
			noPushTo(d, m, old, "notifications to the URI of a channel that the device no longer has")
			again := len(suite.Writes(s))
			for range 2 {
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				again += len(suite.Writes(s)) + len(s.Find(syncml.Get, "/Push/ChannelURI"))
			}
			t.Expect(again, "Get of ChannelURI or a new write of the PFN in the two sessions after the empty ChannelURI").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "Push/Status 1 or 3: no push",
		Rule:    "Status 1 (invalid PFN) and 3 (registration failed) say that the channel must not be used. The server does not push to it until that changes.",
		Source:  learnCSP,
		Fix:     "Do not push while Push/Status is 1 or 3.",
		Mutants: []*mutants.Mutant{mutants.ChnIgnoreStatus},
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
					t.Check(n == 0, "no notification to a device with this Status", fmt.Sprintf("notifications: %d", n))
				})
			}
		}},
	{ID: "CHN-05", Level: report.Must, Title: "Push/Status 5, channel expired: the server reacts",
		Rule:    "Once a device reports that its channel expired, the server sets the PFN again, or asks for the channel again in the next session.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Set the PFN again when Push/Status is 5.",
		Mutants: []*mutants.Mutant{mutants.ChnExpiredSilent},
		Run: func(t *T) {
			list := channelExpired(t)
			n := len(suite.Writes(list[0])) + len(suite.Writes(list[1])) + len(list[1].Find(syncml.Get, "/Push/ChannelURI"))
			t.Expect(n, "a new write of the PFN or Get of ChannelURI after the session with Status 5").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "channels of two devices are never swapped",
		Rule:    "A push for a device goes to that device's channel and to no other.",
		Source:  learnPush,
		Fix:     "Key channel URIs by DeviceID.",
		Mutants: []*mutants.Mutant{mutants.ChnGlobal},
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
				t.Expect(len(pair[1].Pushes(m)), "notifications for one device on the channel of the other").To(BeZero())
				pair[0].AwaitPushes(m, 1)
			}
		}},
	{ID: "CHN-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "a long channel URI is kept whole",
		Rule:    "A channel URI is opaque: a URI of a thousand characters, with every character a URI may contain, is used unchanged.",
		Source:  learnPush + "; RFC 3986 section 3.4",
		Fix:     "Store the channel URI in a column of at least 2,048 characters, and use it exactly as received.",
		Mutants: []*mutants.Mutant{mutants.ChnCut},
		Under:   []string{"WNS-08", "CHN-01", "WER-16", "WER-17"},
		Run:     longChannel},
	{ID: "CHN-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "no POST to a channel URI that leads elsewhere",
		Rule:    "The device chooses its channel URI. A server that posts to any URI lets a device steer its token, and its requests, to hosts of the device's choice, also inside the server's own network. So it accepts only https and hosts of the push service.",
		Source:  "Learn, \"Push notification service request and response headers\", security; CWE-918",
		Fix:     "Accept only https URIs of *.notify.windows.com, port 443, without user information. Compare the host of the parsed URI, not its text.",
		Mutants: []*mutants.Mutant{mutants.ChnAnyURI, mutants.ChnURIText},
		Run:     hostileChannels},
	{ID: "CHN-09", Level: report.Must, Needs: []Need{NeedPush}, Title: "re-enrollment drops the old channel",
		Rule:    "A device that enrolls again starts over: nothing is pushed to the channel of its earlier enrollment.",
		Source:  "MS-MDE2 3.1; stale state seen in servers",
		Fix:     "Delete the channel URI when a device enrolls again.",
		Mutants: []*mutants.Mutant{mutants.ChnKeepEnrollment},
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
	{ID: "CHN-10", Level: report.Should, Title: "the session after a renewal yields the new channel URI",
		Rule:    "A device renews its channel after 15 days, and then starts a session so that the server can read the new URI. The server asks for it there.",
		Source:  learnPush,
		Fix:     "Ask for the channel URI in every session.",
		Mutants: []*mutants.Mutant{mutants.PfnChannelOnce},
		Under:   []string{"PFN-10"},
		Decides: []suite.Premise{suite.AsksURIs},
		Run:     func(t *T) { channelRenewed(t, true) }},
	{ID: "CHN-11", Level: report.Must, Title: "after a channel expires, the PFN is set again",
		Rule:    "A device that was off for a month reports that its channel expired. The server sets the PFN again, in that session or the next; this makes the device register again.",
		Source:  learnPush,
		Fix:     "Set the PFN again as soon as Push/Status is 5.",
		Mutants: []*mutants.Mutant{mutants.ChnExpiredNoPFN},
		Under:   []string{"CHN-05"},
		Run: func(t *T) {
			list := channelExpired(t)
			t.Expect(len(suite.Writes(list[0]))+len(suite.Writes(list[1])), "Add or Replace of .../Push/PFN in the session with Status 5 or the next").To(BeNumerically(">", 0))
		}},
}

// pushesNow makes sure that the server pushes to the device at all: a scenario
// that expects no push would pass on a server that never pushes.
func pushesNow(d *Device) {
	m := d.Mark()
	d.T.Push(d)
	d.AwaitPushes(m, 1)
	d.Settle(m)
}

// noPushTo fails if a notification to a channel URI arrived since m.
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

// channelExpired returns the two sessions after a device's channel expired.
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

// channelRenewed returns a device that got a new channel and reported it to the
// server; old is the channel before. A server that does not ask for it fails the
// scenario if carries is set, and blocks it otherwise.
func channelRenewed(t *T, carries bool) (d *Device, old string) {
	d = t.WithChannel()
	d.Mark() // from now on, notifications to its current channel count as its own
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
		t.Fail("Get of .../Push/ChannelURI in the session after the channel changed", "none, so the server cannot know the new URI")
	}
	return d, old
}
