package scenarios

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// endurance are the ROB scenarios about many devices, a server that starts
// again, and wrong clocks.
var endurance = []Scenario{
	{ID: "ROB-10", Level: report.Must, Reach: suite.Alone, Title: "many devices at once are all served",
		Rule:    "Devices that open their sessions at the same moment, 200 or target.crowd of them, are all served: each session gets its replies and ends. (A server may say 429 and be asked again.)",
		Source:  "ours; a push to all devices leads to it",
		Fix:     "Look for locks and connection pools that sessions wait for, and raise the limits of the proxy in front.",
		Mutants: []string{"rob-crowd"},
		Decides: []suite.Premise{suite.Crowds},
		Run:     crowd,
	},
	{ID: "ROB-11", Level: report.Should, Needs: []Need{NeedQueue, NeedStart}, Reach: suite.Alone, Title: "a restart in the middle of a session loses nothing",
		Rule:    "A server that starts again while a device is in a session still has what was queued: what the device had not answered comes in the next session.",
		Source:  "MS-MDM 2.2.6.1 (every command gets a Status)",
		Fix:     "Store the queue, and take a command out only when its Status came.",
		Mutants: []string{"rob-restart"},
		Run:     restarted,
	},
	{ID: "ROB-12", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a device whose clock is wrong is managed all the same",
		Rule:    "A device whose clock is 45 minutes behind or ahead enrolls and holds its sessions, and may tell its time: that is no reason to fail.",
		Source:  "Learn, \"DevDetail CSP\" (Ext/Microsoft/LocalTime); seen on devices after a reset",
		Fix:     "Do not compare times that a device tells with the server's.",
		Mutants: []string{"rob-skew"},
		Run: func(t *T) {
			soundDevice(t) // where no device holds a session this says nothing
			t.Try("45 minutes behind", func() { wrongClock(t, -45*time.Minute) })
			t.Try("45 minutes ahead", func() { wrongClock(t, 45*time.Minute) })
		}},
}

// restarted lets the server start again after a device received a command, and
// before it answers.
func restarted(t *T) {
	d := soundDevice(t)
	t.Queue(d, work)
	var failed error
	d.AddFault(&during{node: workNode, do: func() { failed = t.Lab.Restart(t.Context(), d.Device) }})
	s := t.Managed(d.Sync(dmclient.SyncOptions{}))
	var down *lab.DownError
	if errors.As(failed, &down) {
		t.Skip("after the restart hook %v: let the hook wait until the server is up, or raise timeouts.restart", down)
	}
	t.Hook(failed)
	if len(s.Find(work.Verb, workNode)) == 0 {
		t.Blocked(suite.By(suite.Delivers), "the queued Get was not in the next session")
	}
	d.ClearFaults()
	if s.Err == nil {
		t.Evidence("the session went on over the restart")
		return
	}
	t.Evidence("the session in which the server was restarted ended: %s", s.End)
	s = d.Sync(dmclient.SyncOptions{})
	if len(s.Received) == 0 {
		t.Exchanges(s)
		t.Fail("the device's next session after the restart: a SyncML message in reply", suite.Show(s.End))
	}
	switch n := len(s.Find(work.Verb, workNode)); n {
	case 0:
		t.Fail("the queued Get, whose answer the restart cut off: in the next session", "it is lost")
	case 1:
	default:
		t.Fail("the queued Get, whose answer the restart cut off: once in the next session", fmt.Sprintf("%d times", n))
	}
}

// wrongClock manages a device whose clock is wrong.
func wrongClock(t *T, skew time.Duration) {
	const want = "a device with a wrong clock: "
	d := t.DeviceWith(func(c *dmclient.Config) { c.Skew = skew })
	if err := d.Enroll(); err != nil {
		ours(t, err)
		t.Excused(err)
		keepsEnrollment(d, "the last step of the enrollment")
		t.Fail(want+"it enrolls", said(err))
	}
	runs := func() *dmclient.Session {
		s := d.Sync(dmclient.SyncOptions{})
		if suite.Broken(s) != nil {
			t.Exchanges(s)
			t.Fail(want+"its sessions run to their end", broke(t, s))
		}
		return s
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the first one is another scenario's
	t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/Ext/Microsoft/LocalTime"})
	got := runs().Find(syncml.Get, "/LocalTime")
	if len(got) > 0 {
		t.Evidence("the device told its time, %s", got[0].Result)
	}
	runs()
	if len(got) == 0 {
		t.Blocked(suite.By(suite.Delivers), "the device was not asked for its time, though that was queued")
	}
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
	list := crowdOf(t, t.Lab.Config.Target.Crowd)
	sessions := atOnce(t, list)
	var ended []string
	for i, s := range sessions {
		if tooMany(s) {
			t.Evidence("%s: 429; asked again after the others", list[i].Identity().DeviceID)
			s = list[i].Sync(dmclient.SyncOptions{})
		}
		if suite.Broken(s) == nil && len(s.Received) > 0 {
			continue
		}
		saw := broke(t, s)
		ended = append(ended, saw)
		if len(ended) <= 5 {
			t.Evidence("%s: %s", list[i].Identity().DeviceID, saw)
			if n := len(s.Exchanges); n > 0 {
				t.Keep(list[i], "the last message of a session of the crowd", s.Exchanges[n-1])
			}
		}
	}
	if len(ended) > 0 {
		t.Fail(fmt.Sprintf("sessions of %d devices that begin at the same moment: all run to their end", len(list)), fmt.Sprintf("%d did not, the first: %s", len(ended), ended[0]))
	}
}

// crowdOf enrolls many devices. A few that fail at first are tried again when
// the others are done.
func crowdOf(t *T, n int) []*Device {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // one for all: making 200 takes half a minute
	if err != nil {
		t.Error("no key could be made: %v", err)
	}
	list := make([]*Device, n)
	for i := range list {
		list[i] = t.DeviceWith(func(c *dmclient.Config) { c.Key = func() (crypto.Signer, error) { return key, nil } })
		t.After(list[i].Close)
	}
	list[0].MustEnroll()
	if s := list[0].Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}); suite.Broken(s) != nil {
		t.Blocked(suite.By(suite.Talks), "the first session of one device breaks as well: %s", broke(t, s))
	}
	sound(list[0])
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
		if err == nil {
			continue
		}
		ours(t, err)
		t.Evidence("device %d could not enroll beside others, and was tried again: %v", i+1, err)
		if err = list[i].Enroll(); err == nil {
			continue
		}
		t.Excused(err)
		var e *enroll.Error
		if errors.As(err, &e) && e.Status >= 400 && i > 1 {
			t.Skip("device %d of %d could not be enrolled (%v): lift the server's limit of devices or enrollments, or set target.crowd to %d", i+1, n, err, i)
		}
		t.Blocked(suite.By(suite.Enrolls), "device %d of %d could not be enrolled: %v", i+1, n, err)
	}
	return list
}

// atOnce opens a session of each device at the same moment.
func atOnce(t *T, list []*Device) []*dmclient.Session {
	sessions := make([]*dmclient.Session, len(list))
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
	for _, s := range sessions {
		ours(t, s.Err)
	}
	return sessions
}

// tooMany tells whether a session ended with 429: the device had waited several
// times as long as the server said.
func tooMany(s *dmclient.Session) bool {
	n := len(s.Exchanges)
	return n > 0 && s.Exchanges[n-1].Status == http.StatusTooManyRequests
}
