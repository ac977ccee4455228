package devices

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// Enrollment says how to enroll now.
type Enrollment struct {
	// Again removes an enrollment first, without telling the server, as a reset does.
	Again bool `json:"again,omitempty"`
	// NoSync leaves out the first session, which Windows opens right after.
	NoSync bool `json:"noSync,omitempty"`
}

// Enroll enrolls a device, and runs its first session. An error is of the enrollment;
// that the first session failed is in the device's Problem.
func (p *Pool) Enroll(ctx context.Context, id string, e Enrollment) (Device, error) {
	return p.change(ctx, id, func(s *slot) error {
		ctx, done := s.with(ctx)
		defer done()
		err := s.dev.Enroll(ctx, dmclient.EnrollOptions{Again: e.Again, PlainCSR: s.spec.Enroll.PlainCSR})
		if err != nil {
			err = s.enrollmentError(ctx, err)
			s.note(err)
			p.tell(s, Event{Kind: NotEnrolled, Text: err.Error(), Failed: true})
			return err
		}
		s.note(nil)
		p.tell(s, Event{Kind: Enrolled, Text: redact.Text(s.dev.Address())})
		p.settle(s)
		var hook error
		if p.cfg.AfterEnroll != nil {
			hook = p.cfg.AfterEnroll(ctx, s.dev)
			s.note(hook)
		}
		if e.NoSync {
			return nil
		}
		session, err := s.dev.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment, NoRetry: true})
		s.ran(session)
		p.after(ctx, s, session, err)
		if err == nil && hook != nil {
			s.note(hook)
		}
		return nil
	})
}

// enrollmentError is an enrollment's error as users read it.
func (s *slot) enrollmentError(ctx context.Context, err error) error {
	out := &Error{Cause: Refused, Text: s.name() + " is not enrolled: " + redact.Text(err.Error())}
	var e *enroll.Error
	if errors.As(err, &e) {
		if out.Code = e.HResult(); e.Step == enroll.StepStart {
			out.Cause = Conflict
			out.Text += `; {"again": true} enrolls it anew`
		}
	}
	if ctx.Err() != nil {
		out.Text = s.name() + " is not enrolled: the server did not answer in time"
	}
	return out
}

// Sync says how to run a session.
type Sync struct {
	// Origin is why: user (default), schedule, push, login, csp or api.
	Origin string `json:"origin,omitempty"`
}

// Sync runs a session of a device, after the one that is under way. If the session
// fails, it is returned with the error.
func (p *Pool) Sync(ctx context.Context, id string, o Sync) (Session, error) {
	origin := dmclient.OriginUser
	if o.Origin != "" {
		found := false
		var known []string
		for k, name := range origins {
			if known = append(known, name); name == o.Origin {
				origin, found = k, true
			}
		}
		if !found {
			slices.Sort(known)
			return Session{}, fail(Invalid, "unknown origin %q; known origins: %s", o.Origin, strings.Join(known, ", "))
		}
	}
	return p.session(ctx, id, func(ctx context.Context, d *dmclient.Device) (*dmclient.Session, error) {
		return d.Sync(ctx, dmclient.SyncOptions{Origin: origin, NoRetry: true})
	})
}

// Unenroll disconnects a device as its user does: in a last session the server is told.
// The device is unenrolled whatever the server answers.
func (p *Pool) Unenroll(ctx context.Context, id string) (Session, error) {
	return p.session(ctx, id, func(ctx context.Context, d *dmclient.Device) (*dmclient.Session, error) { return d.Unenroll(ctx) })
}

// session runs a session for a caller.
func (p *Pool) session(ctx context.Context, id string, run func(context.Context, *dmclient.Device) (*dmclient.Session, error)) (out Session, err error) {
	_, err = p.change(ctx, id, func(s *slot) error {
		ctx, done := s.with(ctx)
		defer done()
		session, err := run(ctx, s.dev)
		s.ran(session)
		p.after(ctx, s, session, err)
		if session != nil {
			out = viewSession(s.numberOf(session), session, false, false)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, dmclient.ErrNotEnrolled):
			return fail(Conflict, "%s is not enrolled; POST /v1/devices/%s/enroll enrolls it", s.name(), s.id)
		case session == nil && ctx.Err() != nil:
			return fail(Conflict, "%s has a session that did not end in time", s.name())
		}
		return fail(Refused, "session %d of %s failed: %s", out.Number, s.name(), redact.Text(err.Error()))
	})
	return out, err
}

// Wipe resets a device as its user does: the server is not told.
func (p *Pool) Wipe(ctx context.Context, id string) (Device, error) {
	return p.change(ctx, id, func(s *slot) error {
		done := make(chan struct{})
		go func() { // a session with a server that never answers must not hold the caller
			defer close(done)
			s.dev.Wipe()
			p.settle(s)
		}()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return s.busy("its state")
		}
	})
}

// Remove takes a device out of the pool. A server still has it as enrolled; its
// channels are forgotten.
func (p *Pool) Remove(id string) error {
	s, err := p.find(id)
	if err != nil {
		return err
	}
	p.drop(s)
	return nil
}

func (p *Pool) drop(s *slot) {
	p.mu.Lock()
	key := strings.ToUpper(s.id)
	if p.slots[s.i] != s {
		p.mu.Unlock()
		return
	}
	delete(p.slots, s.i)
	delete(p.byID, key)
	if len(p.spaces) < 4*MaxDevices {
		p.spaces[key] = s.spec.Namespace
	}
	p.mu.Unlock()
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.stop()
	s.dev.Close()
	p.kept.forget(s)
	if p.cfg.Release != nil {
		p.cfg.Release(s.id)
	}
	p.lose(s)
	p.tell(s, Event{Kind: Removed})
}

// with is a context that also ends with the device.
func (s *slot) with(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// begin notes that a call which changes the device begins; undo takes that back.
func (s *slot) begin(mark uint64) (undo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, own, answered := s.mark, s.own, s.answered
	s.mark, s.own, s.answered = mark, 0, map[string]uint64{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mark, s.own, s.answered = before, own, answered
	}
}

// ran notes the session that the call ran.
func (s *slot) ran(session *dmclient.Session) {
	n := s.numberOf(session)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = n
}

// note keeps why the device's last enrollment or session failed.
func (s *slot) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem = ""; err != nil {
		s.problem = cutText(err.Error())
	}
}
