package devices

import (
	"context"
	"errors"
	"maps"
	"time"
)

// Change is what a caller changes of a device from within, as its user or its hardware
// does. What is nil stays.
type Change struct {
	Labels *map[string]string `json:"labels,omitempty"` // all of them
	Power  *string            `json:"power,omitempty"`  // normal, saver, limited or off
	// Offline is power off, or normal.
	Offline *bool   `json:"offline,omitempty"`
	Login   *string `json:"login,omitempty"` // user, others or none
	// Clock is how far the device's clock is ahead of the machine's. Advance moves it.
	Clock   *string   `json:"clock,omitempty"`
	Advance *string   `json:"advance,omitempty"`
	Faults  *[]string `json:"faults,omitempty"` // all of them
	Quirks  []string  `json:"quirks,omitempty"` // "pfn-errors" on, "-pfn-errors" off
}

// maxAhead is how far a clock can be moved.
const maxAhead = 100 * 365 * 24 * time.Hour

// Set changes a device. Either all of it is done or nothing.
func (p *Pool) Set(ctx context.Context, id string, c Change) (Device, error) {
	return p.change(ctx, id, func(s *slot) error {
		if err := c.apply(ctx, s); err != nil {
			return err
		}
		p.tell(s, Event{Kind: Changed, Text: c.words()})
		return nil
	})
}

// change runs a call that changes a device.
func (p *Pool) change(ctx context.Context, id string, f func(*slot) error) (Device, error) {
	s, err := p.find(id)
	if err != nil {
		return Device{}, err
	}
	if err := ctx.Err(); err != nil {
		return Device{}, err
	}
	undo := s.begin(p.events.mark())
	if err := f(s); err != nil {
		var e *Error
		if errors.As(err, &e) && (e.Cause == Invalid || e.Cause == Unknown || e.Cause == Conflict) {
			undo() // it changed nothing
		}
		return Device{}, err
	}
	p.settle(s)
	p.keep(s) //nolint:errcheck // told by /readyz
	p.hand(s)
	return p.view(s, false), nil
}

// apply checks the whole change, and then makes it.
func (c *Change) apply(ctx context.Context, s *slot) error {
	var do []func()
	also := func(f func()) { do = append(do, f) }
	if c.Power != nil && c.Offline != nil {
		return fail(Invalid, "give power or offline, not both")
	}
	name := ""
	switch {
	case c.Power != nil:
		name = *c.Power
	case c.Offline != nil && *c.Offline:
		name = "off"
	case c.Offline != nil:
		name = "normal"
	}
	if name != "" || c.Power != nil {
		to, err := power(name)
		if err != nil {
			return err
		}
		also(func() { s.dev.SetPower(to) })
	}
	if c.Login != nil {
		to, err := login(*c.Login)
		if err != nil {
			return err
		}
		also(func() { s.dev.SetLogin(to) })
	}
	ahead, err := c.ahead(s)
	if err != nil {
		return err
	}
	also(func() { s.clock.set(ahead) })
	if c.Labels != nil {
		spec := Spec{Namespace: DefaultNamespace, Labels: *c.Labels}
		if err := spec.check(); err != nil {
			return err
		}
		also(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.labels = maps.Clone(*c.Labels); s.labels == nil {
				s.labels = map[string]string{}
			}
		})
	}
	if c.Faults != nil {
		made, err := newFaults(*c.Faults)
		if err != nil {
			return err
		}
		also(func() {
			s.dev.ClearFaults()
			for _, f := range made {
				s.dev.AddFault(f)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.faults = list(*c.Faults)
		})
	}
	if len(c.Quirks) > mostItems {
		return fail(Invalid, "quirks: at most %d at once", mostItems)
	}
	if len(c.Quirks) > 0 {
		if err := s.dev.SetQuirks(ctx, c.Quirks...); err != nil {
			if ctx.Err() != nil {
				return s.busy("its quirks")
			}
			return fail(Invalid, "quirks: %v", err)
		}
	}
	for _, f := range do {
		f()
	}
	return nil
}

// busy is the error of a call that waited for a session's end in vain.
func (s *slot) busy(what string) error {
	return fail(Conflict, "%s has a session that does not end; %s can only change between two sessions", s.name(), what)
}

// ahead is how far the clock will be ahead.
func (c *Change) ahead(s *slot) (time.Duration, error) {
	ahead := s.clock.ahead()
	for _, v := range []struct {
		name string
		said *string
		from time.Duration
	}{{"clock", c.Clock, 0}, {"advance", c.Advance, ahead}} {
		if v.said == nil {
			continue
		}
		if c.Clock != nil && c.Advance != nil {
			return 0, fail(Invalid, "give clock or advance, not both")
		}
		by, err := time.ParseDuration(*v.said)
		if err != nil || by > maxAhead || by < -maxAhead || v.from+by > maxAhead || v.from+by < -maxAhead {
			return 0, fail(Invalid, "%s %q is not a duration such as 25h or -10m, up to 100 years", v.name, *v.said)
		}
		ahead = v.from + by
	}
	return ahead, nil
}

// words say what changes.
func (c *Change) words() (out string) {
	for _, v := range []struct {
		name string
		set  bool
	}{{"labels", c.Labels != nil}, {"power", c.Power != nil || c.Offline != nil}, {"login", c.Login != nil}, {"clock", c.Clock != nil || c.Advance != nil},
		{"faults", c.Faults != nil}, {"quirks", len(c.Quirks) > 0}} {
		if v.set {
			if out != "" {
				out += ", "
			}
			out += v.name
		}
	}
	return out
}
