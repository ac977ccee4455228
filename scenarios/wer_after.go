package scenarios

import (
	"net/http"
	"sync"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// afterTrouble are the WER scenarios about what a server does once WNS failed it.
var afterTrouble = []Scenario{
	{ID: "WER-19", Level: report.Should, Needs: []Need{NeedPush}, Title: "WNS never answers: the server goes on",
		Rule:    "A notification that WNS does not answer holds up nothing else: the device's sessions are served, and its next push is sent.",
		Source:  "without it the push path is not reliable; the bound is three times timeouts.push",
		Fix:     "Send notifications outside of sessions and locks, each with a timeout.",
		Mutants: []*mutants.Mutant{mutants.WerHangs, mutants.WerHangsSession},
		Under:   []string{"WER-15", "WER-16", "CHN-06"},
		Run: func(t *T) {
			d := t.WithChannel()
			pushesNow(d)
			silent := make(gate)
			release := sync.OnceFunc(func() { close(silent) })
			t.After(release)
			t.Inject(fakewns.Fault{Name: silent.Fault(), On: fakewns.Notification, Device: d.Identity().DeviceID, Do: silent, Lose: true, Times: 1})
			m := d.Mark()
			t.PushInBackground(d)
			faulted(d, m)
			s := d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule, NoRetry: true})
			if err := suite.Broken(s); err != nil {
				t.Exchanges(s)
				t.Fail("a session that completes while WNS does not answer", err.Error())
			}
			goesOn(t, d, "one that WNS does not answer")
		}},
	{ID: "WER-23", Level: report.Should, Needs: []Need{NeedPush}, Title: "after 410 the new channel is asked for",
		Rule:    "410 says that the channel expired. The device opens another one, and the server learns of it only if it asks: it gets ChannelURI in one of the next two sessions.",
		Source:  learnWNS + ", 410; " + learnPush,
		Fix:     "After 410, get ChannelURI in the device's next session, and until there is one.",
		Mutants: []*mutants.Mutant{mutants.Wer410NoGet},
		Under:   []string{"PFN-10", "CHN-10"},
		Run: func(t *T) {
			d := t.WithChannel()
			t.CloseChannel(d)
			m := d.Mark()
			t.Push(d)
			d.AwaitStatus(m, http.StatusGone)
			t.Quiet() // the server may record the 410 after it answered the hook
			asked := 0
			for range 2 {
				asked += len(t.Managed(d.Sync(dmclient.SyncOptions{})).Find(syncml.Get, "/Push/ChannelURI"))
			}
			t.Expect(asked, "Get of .../Push/ChannelURI in the two sessions after the 410").To(BeNumerically(">", 0))
		}},
}

// dropped is the WNS scenario about the notification after one that WNS dropped.
var dropped = []Scenario{
	{ID: "WNS-20", Level: report.Should, Needs: []Need{NeedPush}, Title: "after a notification that WNS dropped, the next one is sent",
		Rule:    "200 with X-WNS-Status dropped means that no device was woken. A server that waits for the device's session before it pushes again must not wait for this one.",
		Source:  learnWNS + ", X-WNS-Status",
		Fix:     "Count a notification as delivered only if X-WNS-Status is received.",
		Mutants: []*mutants.Mutant{mutants.WnsDroppedWaits},
		Under:   []string{"WER-12", "WER-16", "CHN-06"},
		Run: func(t *T) {
			d := t.WithChannel()
			d.Settle(soundPush(d))
			remove := t.Fault("dropped", d)
			m := d.Mark()
			t.Push(d)
			faulted(d, m)
			t.Quiet()
			remove()
			goesOn(t, d, "the one that WNS dropped")
		}},
}
