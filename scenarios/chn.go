package scenarios

import (
	"context"
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
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			t.Quiet() // a server that pushes to several URIs does so now
			n := 0
			for _, e := range d.Pushes(m) {
				t.Evidence("%s", e)
				if e.Channel == d.ChannelURI() {
					n++
				}
			}
			t.Expect(n, "pushes to the new channel URI").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "the old channel URI gets no further push",
		Rule:    "A channel URI that was replaced is not pushed to any more.",
		Source:  learnPush,
		Fix:     "Keep one channel URI for a device, the last.",
		Mutants: []string{"chn-keep-first", "chn-push-all"},
		Run: func(t *T) {
			d, old := channelRenewed(t, false)
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			n := 0
			for _, e := range d.Pushes(m) {
				if e.Channel == old {
					n++
					t.Evidence("%s", e)
				}
			}
			t.Expect(n, "pushes to the old channel URI").To(BeZero())
		}},
	{ID: "CHN-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "no channel: no push, and the server asks again",
		Rule:    "While ChannelURI is empty and Status is 4 there is nothing to push to; the server does not push to an earlier URI, and asks again in the next session.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Drop the stored channel URI when the device answers an empty one.",
		Mutants: []string{"chn-keep-on-empty"},
		Run: func(t *T) {
			d := t.WithChannel()
			d.LoseChannel(dmclient.PushNoChannel)
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Get, "/Push/ChannelURI")) == 0 {
				t.Fail("Get of .../Push/ChannelURI in every session", "none in the session after the channel was lost")
			}
			m := d.Mark()
			if err := t.TryPush(d); err != nil {
				t.Evidence("asked to push, the server said: %v", err)
			}
			t.Quiet()
			t.Expect(len(d.Pushes(m)), "pushes to a device that told it has no channel").To(BeZero())
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(syncml.Get, "/Push/ChannelURI")), "Get of .../Push/ChannelURI in the session after").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "Push/Status 1 or 3: no push",
		Rule:    "Status 1 (invalid PFN) and 3 (registration failed) say that the channel is not to be used; the server does not push to it until that changes.",
		Source:  learnCSP,
		Fix:     "Do not push while Push/Status is 1 or 3.",
		Mutants: []string{"chn-ignore-status"},
		Run: func(t *T) {
			for _, status := range []int{dmclient.PushInvalidPFN, dmclient.PushFailed} {
				d := t.Next().Ready()
				t.Misbehaves(d, fmt.Sprint("push-status=", status))
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				if len(s.Find(syncml.Get, "/Push/Status")) == 0 {
					t.NotApplicable("the server did not ask for Push/Status (see PFN-11)")
				}
				m := d.Mark()
				if err := t.TryPush(d); err != nil {
					t.Evidence("asked to push, the server said: %v", err)
				}
				t.Quiet()
				t.Expect(len(d.Pushes(m)), "pushes to a device that told Status %d", status).To(BeZero())
			}
		}},
	{ID: "CHN-05", Level: report.Must, Title: "Push/Status 5, the channel expired: the server does something about it",
		Rule:    "Once a device told that its channel expired the server asks for the channel again or sets the PFN again in the next session.",
		Source:  learnCSP + "; " + learnPush,
		Fix:     "Set the PFN again when Push/Status is 5.",
		Mutants: []string{"chn-expired-silent"},
		Run: func(t *T) {
			s := channelExpired(t)[1]
			t.Expect(len(suite.Writes(s))+len(s.Find(syncml.Get, "/Push/ChannelURI")), "PFN set or ChannelURI asked for in the session after the one that told Status 5").To(BeNumerically(">", 0))
		}},
	{ID: "CHN-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "two devices' channels are never swapped",
		Rule:    "A push for one device goes to that device's channel and to no other.",
		Source:  learnPush,
		Fix:     "Key channel URIs by DeviceID.",
		Mutants: []string{"chn-global"},
		Run: func(t *T) {
			a, b := t.WithChannel(), t.WithChannel()
			for _, pair := range [][2]*Device{{a, b}, {b, a}} {
				m := pair[0].Mark()
				t.Push(pair[0])
				awaitAny(t, m)
				t.Quiet() // a server that pushes to both does so now
				for _, e := range pair[1].Pushes(m) {
					t.Evidence("%s", e)
				}
				t.Expect(len(pair[1].Pushes(m)), "pushes that reached the other device").To(BeZero())
				pair[0].AwaitPushes(m, 1)
			}
		}},
	{ID: "CHN-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "a long channel URI is kept whole",
		Rule:    "A channel URI is opaque: one of a thousand characters, with all that a URI may hold, is used as it is.",
		Source:  learnPush + "; RFC 3986 section 3.4",
		Fix:     "Store the channel URI in a column without a limit under 2,048 characters.",
		Mutants: []string{"chn-cut"},
		Run: func(t *T) {
			d := t.WithChannel()
			base, _, _ := strings.Cut(d.ChannelURI(), "?")
			query := "token=" + strings.Repeat("AwYA%2b%2f~._-!$'()*,;:@%3d", 37)
			t.Misbehaves(d, "channel-uri="+base+"?"+query)
			t.Managed(d.Sync(dmclient.SyncOptions{}))
			m := d.Mark()
			t.PushInBackground(d)
			ctx, cancel := context.WithTimeout(t.Context(), t.Lab.Config.Timeouts.Push)
			defer cancel()
			list, err := t.Lab.WNS.Journal().Await(ctx, m.Journal, 1, func(e *fakewns.Entry) bool { return strings.Contains(e.Target, "?token=AwYA%2") })
			if err != nil && len(t.Lab.WNS.Journal().Since(m.Journal, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification })) == 0 {
				t.NotApplicable("no notification came within %s of the trigger (see PSH-01, PSH-03 and TOK)", t.Lab.Config.Timeouts.Push)
			} else if err != nil {
				t.Fail(fmt.Sprintf("a notification to the channel URI of %d characters", len(base)+1+len(query)), "none within "+t.Lab.Config.Timeouts.Push.String())
			}
			_, got, _ := strings.Cut(list[0].Target, "?")
			t.Expect(len(got), "length of the query of the request").To(Equal(len(query)))
			t.Expect(strings.EqualFold(got, query), "the query being that of the channel URI").To(BeTrue())
		}},
	{ID: "CHN-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "a channel URI that leads elsewhere is not posted to",
		Rule:    "A device chooses its channel URI. A server that posts to any would send its token, and reach hosts of its own network, at the device's will: only https and hosts of the push service are taken.",
		Source:  "Learn, \"Push notification service request and response headers\", security; CWE-918",
		Fix:     "Take https URIs of *.notify.windows.com, port 443, without user information, and no other.",
		Mutants: []string{"chn-any-uri"},
		Run:     hostileChannels},
	{ID: "CHN-09", Level: report.Must, Needs: []Need{NeedPush}, Title: "after enrolling again the old channel is forgotten",
		Rule:    "A device that enrolls again starts anew: nothing is pushed to the channel of its earlier enrollment.",
		Source:  "MS-MDE2 3.1; stale state seen in servers",
		Fix:     "Delete the channel URI when a device enrolls again.",
		Mutants: []string{"chn-keep-enrollment"},
		Run: func(t *T) {
			d := t.WithChannel()
			again := t.DeviceWith(func(c *dmclient.Config) { c.Identity = d.Identity() })
			if err := again.Enroll(); err != nil {
				t.NotApplicable("the device could not enroll again: %v (see ENR-20)", err)
			}
			m := again.Mark()
			if err := t.TryPush(again); err != nil {
				t.Evidence("asked to push, the server said: %v", err)
			}
			t.Quiet()
			t.Expect(len(again.Pushes(m)), "pushes to the channel of the earlier enrollment").To(BeZero())
		}},
	{ID: "CHN-10", Level: report.Should, Title: "the session after a renewal brings the new channel URI",
		Rule:    "A device renews its channel after 15 days and then starts a session so that the server can read the new URI: the server asks for it there.",
		Source:  learnPush,
		Fix:     "Ask for the channel URI in every session.",
		Mutants: []string{"pfn-channel-once"},
		Decides: []suite.Premise{suite.AsksURIs},
		Run:     func(t *T) { channelRenewed(t, true) }},
	{ID: "CHN-11", Level: report.Must, Title: "an expired channel leads to the PFN being set again",
		Rule:    "A device that was off for a month tells that its channel expired. The server sets the PFN again, in that session or the next, which makes the device register anew.",
		Source:  learnPush,
		Fix:     "Set the PFN again once Push/Status is 5.",
		Mutants: []string{"chn-expired-no-pfn"},
		Run: func(t *T) {
			list := channelExpired(t)
			t.Expect(len(suite.Writes(list[0]))+len(suite.Writes(list[1])), "Add or Replace of .../Push/PFN in the two sessions after the channel expired").To(BeNumerically(">", 0))
		}},
}

// expired is the two sessions that follow when a device's channel expired.
func channelExpired(t *T) (list [2]*dmclient.Session) {
	d := t.Enrolled()
	d.Sync(dmclient.SyncOptions{})
	d.NeedChannel()
	t.ExpireChannel(d)
	d.LoseChannel(dmclient.PushExpired)
	for i := range list {
		list[i] = t.Managed(d.Sync(dmclient.SyncOptions{}))
	}
	if len(list[0].Find(syncml.Get, "/Push/Status")) == 0 {
		t.NotApplicable("the server did not ask for Push/Status (see PFN-11)")
	}
	return list
}

// hostileChannels has devices tell channel URIs that lead to a trap.
func hostileChannels(t *T) {
	if w := &t.Lab.Config.WNS; w.Mode == "direct" && !t.Lab.Embedded() {
		t.NotApplicable("with wns.mode direct the server takes channel URIs that are not of the push service")
	}
	trap := t.Trap()
	addr := trap.Addr
	for what, uri := range map[string]string{
		"another host": "https://" + addr + "/?token=AwYx", "plain http": "http://" + addr + "/?token=AwYx",
		"a host behind user information":          "https://db5p.notify.windows.com@" + addr + "/?token=AwYx",
		"a host with the right name after it":     "https://" + addr + "/.notify.windows.com?token=AwYx",
		"a host with the right name behind \"#\"": "https://" + addr + "#.notify.windows.com",
	} {
		d := t.WithChannel()
		t.Misbehaves(d, "channel-uri="+uri)
		t.Managed(d.Sync(dmclient.SyncOptions{}))
		if err := t.TryPush(d); err != nil {
			t.Evidence("asked to push to %s, the server said: %v", what, err)
		}
		t.Quiet()
		t.Expect(trap.Caught(), "connections to %s that a channel URI named", what).To(BeZero())
	}
}

// awaitAny waits for a notification to any channel since m.
func awaitAny(t *T, m Mark) {
	ctx, cancel := context.WithTimeout(t.Context(), t.Lab.Config.Timeouts.Push)
	defer cancel()
	_, err := t.Lab.WNS.Journal().Await(ctx, m.Journal, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification })
	if err != nil {
		t.NotApplicable("no notification came within %s of the trigger (see PSH-01, PSH-03 and TOK)", t.Lab.Config.Timeouts.Push)
	}
}

// renewed is a device whose channel changed and was told to the server; old is
// the channel before. carries says that this scenario is the one that reports
// that the server did not ask.
func channelRenewed(t *T, carries bool) (d *Device, old string) {
	d = t.WithChannel()
	old = d.ChannelURI()
	if err := d.RenewChannel(t.Context()); err != nil {
		t.NotApplicable("%v", err)
	}
	t.Managed(d.Sync(dmclient.SyncOptions{}))
	switch {
	case d.Told():
	case !carries:
		t.NotApplicable("the server did not ask for the channel URI after it changed (see PFN-10, CHN-10)")
	default:
		t.Fail("Get of .../Push/ChannelURI in the session after the channel changed", "none, so that the server cannot know the new one (see PFN-10)")
	}
	return d, old
}
