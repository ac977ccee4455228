package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// ErrNoWork is wrapped if the work hook ran and gave the device nothing.
var ErrNoWork = errors.New("no work")

// NoWorkError says that the work hook ran and gave the device nothing.
type NoWorkError struct {
	Hook   string
	Waited time.Duration
	// PFN is why the server cannot push to the device, if it should: many servers drop
	// work that they cannot announce. Nil if the way is clear.
	PFN *PFNTrouble
	// Printed is what the hook printed, in lines.
	Printed []string
}

func (e *NoWorkError) Error() string {
	text := fmt.Sprintf("%v: the %s hook ran, but the sessions of the next %s brought nothing that the sessions before it had not", ErrNoWork, e.Hook, e.Waited)
	if e.PFN != nil {
		text += ". The server cannot push to this device, and may drop its work for that: " + e.PFN.What
	} else {
		text += ": let it give the device something to do, and make each call differ, with {{.N}} or {{uuid}}"
	}
	if len(e.Printed) > 0 {
		text += ". " + strings.Join(e.Printed, "; ")
	}
	return text
}

// Unwrap returns ErrNoWork.
func (*NoWorkError) Unwrap() error { return ErrNoWork }

// SessionsError says that a device's sessions fail, so nobody knows what work it got.
type SessionsError struct {
	Hook string // that ran before; empty if the sessions fail without it, too
	Err  error
}

func (e *SessionsError) Error() string {
	if e.Hook == "" {
		return fmt.Sprintf("the device's sessions fail even before the work hook runs, so no work can reach it: %v", e.Err)
	}
	return fmt.Sprintf("after the %s hook the device's sessions fail, so nobody knows what work it got: %v", e.Hook, e.Err)
}

// Unwrap returns the error of the last session.
func (e *SessionsError) Unwrap() error { return e.Err }

// failed reports whether a session came to nothing: the server refused it, or gave no
// answer. A session without an end does not count.
func failed(s *dmclient.Session) bool {
	return s.Err != nil && !errors.Is(s.Err, dmclient.ErrEndless)
}

// noSession is the error for a device that holds no session any more after the hook: it
// was unenrolled, say.
func (l *Lab) noSession(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	name, _ := l.workHook()
	return &SessionsError{name, err}
}

// noWork is the error for a hook that gave a device nothing since then.
func (l *Lab) noWork(d *dmclient.Device, hook string, since time.Time) error {
	sessions := d.Sessions()
	if s := sessions[len(sessions)-1]; failed(s) {
		return &SessionsError{hook, s.Err}
	}
	e := &NoWorkError{Hook: hook, Waited: l.Config.Timeouts.Push}
	if l.Config.Target.Push != "none" {
		e.PFN = l.PFNTrouble(d)
	}
	for _, o := range l.HookOutcomes(d.Identity().DeviceID, since) {
		if o.Hook == hook {
			e.Printed = o.Lines()[1:] // of the last call
		}
	}
	return e
}
