package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// hook ends the body as skipped where a hook failed; the run reports it.
func (t *T) hook(err error) {
	var h *target.HookError
	switch {
	case err == nil:
	case errors.As(err, &h), errors.Is(err, lab.ErrNoHook):
		t.hookErr = err
		t.result.Reason = err.Error()
		t.end(report.Skipped)
	default:
		t.NotApplicable("%v", err)
	}
}

// Queue makes the server queue a command.
func (t *T) Queue(d *Device, c lab.Command) { t.hook(t.Lab.Queue(t.ctx, d.Device, c)) }

// probe is a harmless command for servers that push when something is queued.
var probe = lab.Command{Verb: "Get", LocURI: "./DevInfo/Lang"}

// Push makes the server push.
func (t *T) Push(d *Device) { t.hook(t.push(d)) }

// TryPush makes the server push and does not mind if it says that it cannot:
// for scenarios in which it must not.
func (t *T) TryPush(d *Device) error {
	err := t.push(d)
	if errors.Is(err, lab.ErrNoHook) {
		t.hook(err)
	}
	return err
}

func (t *T) push(d *Device) error {
	if t.Lab.Config.Target.Hooks.Push == nil && t.Lab.Config.Target.PushOnQueue {
		return t.Lab.Queue(t.ctx, d.Device, probe)
	}
	return t.Lab.Push(t.ctx, d.Device)
}

// inBackground makes the server push without waiting for what it says: a server
// that answers the hook only when its push ended must not hold up the scenario.
func (t *T) inBackground(d *Device) {
	if t.Lab.Config.Target.Hooks.Push == nil && !t.Lab.Config.Target.PushOnQueue {
		t.hook(lab.ErrNoHook)
	}
	go t.push(d) //nolint:errcheck // what counts is what comes to WNS
}

// hookless ends the body where there is no hook, and does not mind if the
// server says that it could not push.
func (t *T) hookless(err error) {
	if errors.Is(err, lab.ErrNoHook) {
		t.hook(err)
	}
}

// Mark is a place in the journal and in a device's sessions: "from now on".
type Mark struct {
	journal  uint64
	sessions int
}

// Mark notes now.
func (d *Device) Mark() Mark {
	return Mark{d.t.Lab.WNS.Journal().Mark(), d.SessionCount()}
}

// sessionsSince are the sessions after a SessionCount; a device remembers its
// last ones only.
func (d *Device) sessionsSince(count int) []*dmclient.Session {
	list := d.Sessions()
	return list[max(0, len(list)-(d.SessionCount()-count)):]
}

// to accepts notifications for one device's channels, by channel where it was
// found and by the URI's query where it was not.
func (d *Device) to(e *fakewns.Entry) bool {
	return e.Kind == fakewns.Notification && e.Device == d.Identity().DeviceID
}

func isToken(e *fakewns.Entry) bool { return e.Kind == fakewns.Token }

// Pushes are the notifications to the device since m.
func (d *Device) Pushes(m Mark) []*fakewns.Entry {
	return d.t.Lab.WNS.Journal().Since(m.journal, d.to)
}

// AwaitPushes waits until n notifications to the device came since m. That a
// server does not push at all is PSH-01's and PSH-03's verdict, so here it makes
// the scenario not applicable.
func (d *Device) AwaitPushes(m Mark, n int) []*fakewns.Entry {
	t := d.t
	ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
	defer cancel()
	found, err := t.Lab.WNS.Journal().Await(ctx, m.journal, n, d.to)
	if err != nil {
		t.NotApplicable("%d of %d notifications came to the device's channel within %s of the trigger (see PSH-01, PSH-03 and TOK)",
			len(found), n, t.Lab.Config.Timeouts.Push)
	}
	return found
}

// AwaitStatus waits for a notification and ends the body as not applicable
// unless WNS answered it with status: one that was refused for another reason
// says nothing about what follows that status. A 401 for a token that another
// scenario had revoked is passed over: the server fetches a new one then.
func (d *Device) AwaitStatus(m Mark, status int) *fakewns.Entry {
	for n := 1; ; n++ {
		e := d.AwaitPushes(m, n)[n-1]
		switch {
		case e.Status == status:
			return e
		case e.Status == http.StatusUnauthorized && e.Violated(fakewns.RuleToken) != "" && n < 3:
		default:
			d.t.NotApplicable("WNS answered the notification with %d in place of %d: %s (see the WNS scenarios)", e.Status, status, e.Error)
		}
	}
}

// since gives the notifications to the device from one on.
func (d *Device) since(m Mark, first *fakewns.Entry) []*fakewns.Entry {
	list := d.Pushes(m)
	return list[slices.IndexFunc(list, func(e *fakewns.Entry) bool { return e.Seq == first.Seq }):]
}

// AwaitPushed waits for the session that a push since m starts. carries says
// that this scenario is the one that reports a push that leads to nothing; the
// others are not applicable then.
func (d *Device) AwaitPushed(m Mark, carries bool) *dmclient.Session {
	t := d.t
	s, err := d.AwaitSession(t.ctx, m.sessions, t.Lab.Config.Timeouts.Push, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush })
	if err == nil {
		return s
	}
	pushes := d.Pushes(m)
	for _, e := range pushes {
		t.Evidence("%s", e)
	}
	if len(pushes) == 0 {
		for _, e := range t.Lab.WNS.Journal().Since(m.journal, isToken) {
			t.Evidence("%s", e)
		}
	}
	for _, w := range d.Wakes() {
		if w.Refused != "" {
			t.Evidence("the device refused a push: %s", w.Refused)
		}
	}
	if !carries {
		t.NotApplicable("no push led to a session (see PSH-01, PSH-03)")
	}
	d.excused(m, pushes)
	saw := "no notification at all"
	if len(pushes) > 0 {
		saw = fmt.Sprintf("no session; the last of %d notification(s) was answered %d %s", len(pushes), pushes[len(pushes)-1].Status, pushes[len(pushes)-1].Error)
	}
	t.Fail("a session started by the push within "+t.Lab.Config.Timeouts.Push.String(), strings.TrimSpace(saw))
	return nil
}

// excused ends the body as not applicable where another scenario says why a push
// led to nothing.
func (d *Device) excused(m Mark, pushes []*fakewns.Entry) {
	t := d.t
	if len(pushes) == 0 {
		for _, e := range t.Lab.WNS.Journal().Since(m.journal, isToken) {
			if e.Status != http.StatusOK {
				t.NotApplicable("no notification came, as the server got no token: %d %s (see the TOK scenarios)", e.Status, e.Error)
			}
		}
		return
	}
	last := pushes[len(pushes)-1]
	switch {
	case last.Status == http.StatusUnauthorized && last.Violated(fakewns.RuleAuthorization) == "":
		t.NotApplicable("the server gave up at 401 for a token that had been revoked (see WER-01)")
	case last.Status != http.StatusOK:
		t.NotApplicable("WNS refused the notification with %d: %s (see the WNS scenarios)", last.Status, last.Error)
	}
	for _, w := range d.Wakes()[max(0, len(d.Wakes())-1):] {
		if w.Refused != "" {
			t.NotApplicable("the device refused the notification: %s (see WNS-06)", w.Refused)
		}
	}
}

// AwaitOwn waits for a notification to the device since m; nil if none comes in
// time.
func (d *Device) AwaitOwn(m Mark) *fakewns.Entry {
	ctx, cancel := context.WithTimeout(d.t.ctx, d.t.Lab.Config.Timeouts.Push)
	defer cancel()
	list, err := d.t.Lab.WNS.Journal().Await(ctx, m.journal, 1, d.to)
	if err != nil {
		return nil
	}
	return list[0]
}
