package scenarios

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// endurance are the ROB scenarios about many devices, a server restart, and wrong
// clocks.
var endurance = []Scenario{
	{ID: "ROB-10", Level: report.Must, Reach: suite.Alone, Title: "many devices at once are all served",
		Rule:    "If 200 devices (or target.crowd) open sessions at the same moment, all are served: each session gets its replies and ends. (A server may answer 429; the device then tries again. So does a single device that alone got 502, 503 or 504.)",
		Source:  "ours; a push to all devices causes it",
		Fix:     "Look for locks and connection pools that sessions wait for, and raise the limits of a proxy in front.",
		Mutants: []*mutants.Mutant{mutants.RobCrowd},
		Decides: []suite.Premise{suite.Crowds},
		Run:     crowd,
	},
	{ID: "ROB-11", Level: report.Should, Needs: []Need{NeedWork, NeedStart}, Reach: suite.Alone, Title: "a restart in the middle of a session loses nothing",
		Rule:    "A server that restarts while a device is in a session keeps its queue: commands that the device had not answered come in the next session.",
		Source:  "MS-MDM 2.2.6.1 (every command gets a Status)",
		Fix:     "Persist the queue, and remove a command only when its Status has arrived.",
		Mutants: []*mutants.Mutant{mutants.RobRestart},
		Run:     restarted,
	},
	{ID: "ROB-12", Level: report.Must, Uses: []Need{NeedQueue}, Title: "a device with a wrong clock is managed like any other",
		Rule:    "A device whose clock is 45 minutes slow or fast enrolls, holds its sessions, and may report its time: that is no reason to fail.",
		Source:  "Learn, \"DevDetail CSP\" (Ext/Microsoft/LocalTime); seen on devices after a reset",
		Fix:     "Do not compare a device's time with the server's.",
		Mutants: []*mutants.Mutant{mutants.RobSkew},
		Run: func(t *T) {
			soundDevice(t) // if no device can hold a session, this proves nothing
			t.Try("45 minutes slow", func() { wrongClock(t, -45*time.Minute) })
			t.Try("45 minutes fast", func() { wrongClock(t, 45*time.Minute) })
		}},
}

// restarted restarts the server after a device received a command and before it
// answers.
func restarted(t *T) {
	d, w := soundDevice(t), t.Work()
	w.Give(d)
	var failed error
	d.AddFault(w.At(func() { failed = t.Lab.Restart(t.Context(), d.Device) }))
	s := d.Sync(dmclient.SyncOptions{})
	t.Interrupted(s)
	t.Managed(s)
	var down *lab.DownError
	if errors.As(failed, &down) {
		t.Skip("after the restart hook, %v: let the hook wait until the server is up, or raise timeouts.restart", down)
	}
	t.Hook(failed)
	if w.Times(s) == 0 {
		t.Blocked(suite.By(suite.Delivers), "%s was not in the next session", w)
	}
	d.ClearFaults()
	if s.Err == nil {
		t.Evidence("the session continued across the restart")
		return
	}
	t.Evidence("the session with the restart ended: %s", s.End)
	s = d.Sync(dmclient.SyncOptions{})
	if len(s.Received) == 0 {
		t.Exchanges(s)
		t.Fail("a SyncML message in reply in the first session after the restart", suite.Show(s.End))
	}
	switch n := w.Times(s); n {
	case 0:
		t.Fail(w.String()+", unanswered because of the restart, in the next session", "it was lost")
	case 1:
	default:
		t.Fail(w.String()+", unanswered because of the restart, once in the next session", fmt.Sprintf("%d times", n))
	}
}

// wrongClock manages a device with a wrong clock.
func wrongClock(t *T, skew time.Duration) {
	const want = "a device with a wrong clock "
	d := t.DeviceWith(func(c *dmclient.Config) { c.Skew = skew })
	if err := d.Enroll(); err != nil {
		ours(t, err)
		t.Excused(err)
		keepsEnrollment(d, "the last step of the enrollment")
		t.Fail(want+"enrolls", said(err))
	}
	runs := func() *dmclient.Session {
		s := d.Sync(dmclient.SyncOptions{})
		if suite.Broken(s) != nil {
			t.Exchanges(s)
			t.Fail(want+"completes its sessions", broke(t, s))
		}
		return s
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // SES-01 judges the first one
	localTime := lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/Ext/Microsoft/LocalTime"}
	asked := t.QueueTakes(localTime)
	if asked {
		t.Queue(d, localTime)
	}
	got := runs().Find(syncml.Get, "/LocalTime")
	if len(got) > 0 {
		t.Evidence("the device reported its time, %s", got[0].Result)
	}
	runs()
	if asked && len(got) == 0 {
		t.Blocked(suite.By(suite.Delivers), "the queued Get of the device's time was not sent")
	}
}

// crowd lets many devices open sessions at the same moment.
func crowd(t *T) {
	list := crowdOf(t, t.Lab.Config.Target.Crowd)
	starving := suite.Starving()
	sessions := atOnce(t, list)
	starved := starving()
	lone := loneGateway(sessions)
	var ended []string
	late := 0
	for i, s := range sessions {
		if i == lone {
			t.Evidence("%s: HTTP status %d from a gateway, to this device alone; tried again after the others", list[i].Identity().DeviceID, s.Exchanges[len(s.Exchanges)-1].Status)
			s = list[i].Sync(dmclient.SyncOptions{})
		}
		if tooMany(s) {
			t.Evidence("%s: 429; tried again after the others", list[i].Identity().DeviceID)
			s = list[i].Sync(dmclient.SyncOptions{})
		}
		if suite.Broken(s) == nil && len(s.Received) > 0 {
			continue
		}
		if noReplyInTime(s) {
			late++
		}
		saw := broke(t, s)
		ended = append(ended, saw)
		if len(ended) <= 5 {
			t.Evidence("%s: %s", list[i].Identity().DeviceID, saw)
			if n := len(s.Exchanges); n > 0 {
				t.Keep(list[i], "the last message of a session in the crowd", s.Exchanges[n-1])
			}
		}
	}
	if starved && late > 0 && late == len(ended) {
		t.Skip("this machine is too busy to judge: %d sessions had no reply in time, and dmwake itself got to run less than half of the time; run ROB-10 again when nothing else runs here", late)
	}
	if len(ended) > 0 {
		t.Fail(fmt.Sprintf("sessions of %d devices, started at the same moment, all complete", len(list)), fmt.Sprintf("%d did not, the first: %s", len(ended), ended[0]))
	}
}

// noReplyInTime reports whether a session ended since no reply came within
// timeouts.request.
func noReplyInTime(s *dmclient.Session) bool {
	n := len(s.Exchanges)
	var timeout interface{ Timeout() bool }
	return n > 0 && errors.As(s.Exchanges[n-1].Err, &timeout) && timeout.Timeout()
}

// loneGateway is the index of the only session that broke off, if it ended with what a
// gateway answers for a server behind it; else -1. A gateway that meets a connection at
// its end answers so, whatever the crowd.
func loneGateway(sessions []*dmclient.Session) int {
	at := -1
	for i, s := range sessions {
		if suite.Broken(s) == nil && len(s.Received) > 0 {
			continue
		}
		n := len(s.Exchanges)
		if at >= 0 || n == 0 || s.Exchanges[n-1].Err != nil || !ofGateway(s.Exchanges[n-1].Status) {
			return -1
		}
		at = i
	}
	return at
}

// ofGateway reports whether a gateway answers with a status when the server behind it
// did not answer, or not in time.
func ofGateway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// crowdOf enrolls many devices, and retries failures after the others.
func crowdOf(t *T, n int) []*Device {
	keys := enroll.NewKeyPool(1) // one for all: making 200 takes half a minute
	list := make([]*Device, n)
	for i := range list {
		list[i] = t.DeviceWith(func(c *dmclient.Config) { c.Key = keys.Key })
		t.After(list[i].Close)
	}
	list[0].MustEnroll()
	if s := list[0].Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}); suite.Broken(s) != nil {
		t.Blocked(suite.By(suite.Talks), "the first session of a single device fails as well: %s", broke(t, s))
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
		t.Evidence("device %d could not enroll alongside others, and was tried again: %v", i+1, err)
		if err = list[i].Enroll(); err == nil {
			continue
		}
		t.Excused(err)
		var e *enroll.Error
		if errors.As(err, &e) && e.Status >= 400 && i > 1 {
			t.Skip("device %d of %d could not be enrolled (%v): raise the server's limit on devices or enrollments, or set target.crowd to %d", i+1, n, err, i)
		}
		t.Blocked(suite.By(suite.Enrolls), "device %d of %d could not be enrolled: %v", i+1, n, err)
	}
	return list
}

// atOnce opens a session on each device at the same moment.
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

// tooMany reports whether a session ended with 429, after the device had waited
// several times as the server asked.
func tooMany(s *dmclient.Session) bool {
	n := len(s.Exchanges)
	return n > 0 && s.Exchanges[n-1].Status == http.StatusTooManyRequests
}
