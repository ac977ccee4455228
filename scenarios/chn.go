package scenarios

import (
	"context"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// channels are the CHN scenarios.
var channels = []Scenario{
	{ID: "CHN-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "a channel URI that changed is used from then on",
		Rule:   "Once a session told the server a new channel URI, the next push goes to it.",
		Source: learnPush,
		Run: func(t *T) {
			d, _ := t.renewed()
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
		Rule:   "A channel URI that was replaced is not pushed to any more.",
		Source: learnPush,
		Run: func(t *T) {
			d, old := t.renewed()
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
		Rule:   "While ChannelURI is empty and Status is 4 there is nothing to push to; the server does not push to an earlier URI, and asks again in the next session.",
		Source: learnCSP + "; " + learnPush,
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
	{ID: "CHN-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "two devices' channels are never swapped",
		Rule:   "A push for one device goes to that device's channel and to no other.",
		Source: learnPush,
		Run: func(t *T) {
			a, b := t.WithChannel(), t.WithChannel()
			for _, pair := range [][2]*Device{{a, b}, {b, a}} {
				m := pair[0].Mark()
				t.Push(pair[0])
				t.awaitAny(m)
				t.Quiet() // a server that pushes to both does so now
				for _, e := range pair[1].Pushes(m) {
					t.Evidence("%s", e)
				}
				t.Expect(len(pair[1].Pushes(m)), "pushes that reached the other device").To(BeZero())
				pair[0].AwaitPushes(m, 1)
			}
		}},
}

// awaitAny waits for a notification to any channel since m.
func (t *T) awaitAny(m Mark) {
	ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
	defer cancel()
	_, err := t.Lab.WNS.Journal().Await(ctx, m.journal, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification })
	if err != nil {
		t.NotApplicable("no notification came within %s of the trigger (see PSH-01, PSH-03 and TOK)", t.Lab.Config.Timeouts.Push)
	}
}

// renewed is a device whose channel changed and was told to the server; old is
// the channel before.
func (t *T) renewed() (d *Device, old string) {
	d = t.WithChannel()
	old = d.ChannelURI()
	if err := d.RenewChannel(t.ctx); err != nil {
		t.NotApplicable("%v", err)
	}
	t.Managed(d.Sync(dmclient.SyncOptions{}))
	if !d.told() {
		t.Fail("Get of .../Push/ChannelURI in the session after the channel changed", "none, so that the server cannot know the new one (see PFN-10)")
	}
	return d, old
}
