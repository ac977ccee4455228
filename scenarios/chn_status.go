package scenarios

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// channelStatus are the CHN scenarios about the rarer values of Push/Status.
var channelStatus = []Scenario{
	{ID: "CHN-12", Level: report.Should, Needs: []Need{NeedPush}, Title: "Push/Status 2, 6, 7 or 8 is understood, and is not for ever",
		Rule:    "Status 2 (the device could not authenticate), 6 (an old URI was not revoked), 7 (no session for want of power) and 8 (unknown error, or no push on this edition) break no session. Once the device reports 0 again after 2, 6 or 7, it is pushed to again.",
		Source:  learnCSP + "; MS-MDE2 2.2.9.3 (they disagree about 8)",
		Fix:     "Treat a Push/Status that you do not know as no obstacle. Read it anew in every session.",
		Mutants: []*mutants.Mutant{mutants.ChnStatusFails, mutants.ChnStatusForGood},
		Under:   []string{"PSH-01"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			for _, status := range []int{2, 6, 7, 8} {
				t.Try(fmt.Sprint("Status ", status), func() { recovers(t.Next().Ready(), status) })
			}
		}},
}

// recovers has a device report a Push/Status in one session, and 0 in the next ones.
func recovers(d *Device, status int) {
	t := d.T
	t.Misbehaves(d, fmt.Sprint("push-status=", status))
	s := d.Sync(dmclient.SyncOptions{})
	d.ClearFaults()
	runsToEnd(d, s, "Push/Status %d", status)
	if len(s.Find(syncml.Get, "/Push/Status")) == 0 {
		t.Blocked(suite.By(suite.AsksWhy, suite.AsksURIs), "the server did not ask for Push/Status")
	}
	for range 3 { // a server may set the PFN again, and ask for the new channel in the session after it
		runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a session with Push/Status %d", status)
	}
	if status == 8 {
		return // for good, says one of the documents
	}
	m := d.Mark()
	if err := t.TryPush(d); err != nil {
		t.Evidence("asked to push, the server said: %v", err)
	}
	if d.AwaitOne(m, nil) == nil {
		t.Fail("a notification to a device that reports Status 0 again", "none within "+t.Lab.Config.Timeouts.Push.String())
	}
}
