package scenarios

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// endurance are the ROB scenarios about many devices, a server that starts
// again, and wrong clocks.
var endurance = []Scenario{
	{ID: "ROB-10", Level: report.Must, Reach: suite.AloneAtWNS, Title: "many devices at once are all served",
		Rule:    "Devices that open their sessions at the same moment, 200 or target.crowd of them, are all served: each session gets its replies and ends. (A server may say 429 and be asked again.)",
		Source:  "ours; a push to all devices leads to it",
		Fix:     "Look for locks and connection pools that sessions wait for, and raise the limits of the proxy in front.",
		Mutants: []string{"rob-crowd"},
		Run:     crowd},
	{ID: "ROB-11", Level: report.Should, Needs: []Need{NeedQueue, NeedStart}, Reach: suite.AloneAtWNS, Title: "a restart in the middle of a session loses nothing",
		Rule:    "A server that starts again while a device is in a session still has what was queued: what the device had not answered comes in the next session.",
		Source:  "MS-MDM 2.2.6.1 (every command gets a Status)",
		Fix:     "Store the queue, and take a command out only when its Status came.",
		Mutants: []string{"rob-restart"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Queue(d, work)
			var failed error
			d.AddFault(&during{node: workNode, do: func() { failed = t.Lab.Restart(t.Context(), d.Device) }})
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Hook(failed)
			if len(s.Find(work.Verb, workNode)) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.ClearFaults()
			if s.Err == nil {
				t.Evidence("the session went on over the restart")
				return
			}
			t.Evidence("the session in which the server was restarted ended: %s", s.End)
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(work.Verb, workNode)), "the queued Get, whose answer the restart cut off, in the next session").To(Equal(1))
		}},
	{ID: "ROB-12", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a device whose clock is wrong is managed all the same",
		Rule:    "A device whose clock is 45 minutes behind or ahead enrolls and holds its sessions, and may tell its time: that is no reason to fail.",
		Source:  "Learn, \"DevDetail CSP\" (Ext/Microsoft/LocalTime); seen on devices after a reset",
		Fix:     "Do not compare times that a device tells with the server's.",
		Mutants: []string{"rob-skew"},
		Run: func(t *T) {
			for _, skew := range []time.Duration{-45 * time.Minute, 45 * time.Minute} {
				d := t.DeviceWith(func(c *dmclient.Config) { c.Skew = skew })
				enrolls(d)
				d.First()
				t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/Ext/Microsoft/LocalTime"})
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				d.Survived(s, "a clock that is wrong by %s", skew)
				if got := s.Find(syncml.Get, "/LocalTime"); len(got) > 0 {
					t.Evidence("the device told its time, %s", got[0].Result)
				}
				d.Survives(1, "a clock that is wrong by %s", skew)
			}
		}},
}

// during is a fault of one scenario: something happens after a command was
// received, and before it is answered.
type during struct {
	node string
	do   func()
	once sync.Once
}

// Fault implements dmclient.Fault.
func (*during) Fault() string { return "waits while the server starts again" }

// Answer implements dmclient.Answerer; the device answers as ever.
func (f *during) Answer(_ syncml.Verb, locURI string) (code int, ok bool) {
	if strings.HasSuffix(locURI, f.node) {
		f.once.Do(f.do)
	}
	return 0, false
}

// crowd lets many devices open their sessions at the same moment.
func crowd(t *T) {
	n := t.Lab.Config.Target.Crowd
	key, err := rsa.GenerateKey(rand.Reader, 2048) // one for all: making 200 takes half a minute
	if err != nil {
		t.NotApplicable("%v", err)
	}
	list := make([]*Device, n)
	for i := range list {
		list[i] = t.DeviceWith(func(c *dmclient.Config) { c.Key = func() (crypto.Signer, error) { return key, nil } })
		defer list[i].Close()
	}
	enrolls(list[0])
	list[0].First() // where no session is held at all this says nothing
	errs := make([]error, n)
	slots := make(chan struct{}, 8)
	var enrolling sync.WaitGroup
	for i := 1; i < n; i++ {
		enrolling.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = list[i].Enroll()
		})
	}
	enrolling.Wait()
	for i, err := range errs {
		if err != nil {
			t.NotApplicable("device %d of %d could not be enrolled: %v", i+1, n, err)
		}
	}
	sessions := make([]*dmclient.Session, n)
	start := make(chan struct{})
	var syncing sync.WaitGroup
	for i, d := range list {
		syncing.Go(func() {
			<-start
			sessions[i] = d.Sync(dmclient.SyncOptions{})
		})
	}
	close(start)
	syncing.Wait()
	var ended []string
	for i, s := range sessions {
		if err := suite.Broken(s); err != nil || len(s.Received) == 0 {
			ended = append(ended, list[i].Identity().DeviceID+": "+s.End)
		}
	}
	for _, line := range ended[:min(len(ended), 5)] {
		t.Evidence("%s", line)
	}
	if len(ended) > 0 {
		t.Quiet() // what held them up is over then
		t.Control()
	}
	t.Expect(len(ended), "sessions of %d that began at the same moment and did not run to their end", n).To(BeZero())
}
