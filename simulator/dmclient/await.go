package dmclient

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// EnrollExchanges are the enrollment requests so far, oldest first.
func (d *Device) EnrollExchanges() []*Exchange {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return slices.Clone(d.record.enrolls)
}

// Sessions are the remembered sessions (Config.Keep), oldest first.
func (d *Device) Sessions() []*Session {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return slices.Clone(d.record.sessions)
}

// SessionCount is the number of sessions so far; a mark for AwaitSession.
func (d *Device) SessionCount() int {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return d.record.dropped + len(d.record.sessions)
}

// Wakes are the pushes that reached the device, oldest first.
func (d *Device) Wakes() []Wake {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return slices.Clone(d.record.wakes)
}

// AwaitSession waits for the first session after mark (a SessionCount) that want
// accepts; a nil want accepts any. The session must begin before within has passed: one
// that is under way by then is awaited to its end, or until ctx ends. A slow server's
// session is a session.
func (d *Device) AwaitSession(ctx context.Context, mark int, within time.Duration, want func(*Session) bool) (*Session, error) {
	begun, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if s, ok := d.AwaitBegun(ctx, begun.Done(), mark, want); ok {
		return s, nil
	}
	return nil, fmt.Errorf("no such session within %s", within)
}

// AwaitBegun is AwaitSession with the end of the time to begin as a channel that is
// closed then. ok is false if no such session began.
func (d *Device) AwaitBegun(ctx context.Context, over <-chan struct{}, mark int, want func(*Session) bool) (s *Session, ok bool) {
	for late := false; ; {
		due := d.due() // before the record: Run clears it when the record has the session
		d.record.mu.Lock()
		changed, underway := d.record.changed, due || d.record.underway > 0
		from := max(mark-d.record.dropped, 0)
		for _, s := range d.record.sessions[min(from, len(d.record.sessions)):] {
			if want == nil || want(s) {
				d.record.mu.Unlock()
				return s, true
			}
		}
		d.record.mu.Unlock()
		if ctx.Err() != nil || late && !underway {
			return nil, false
		}
		select {
		case <-changed:
		case <-over:
			late, over = true, ctx.Done()
		}
	}
}

// due reports whether Run has a session to begin.
func (d *Device) due() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.runs && d.trigger != 0
}

// going counts a session that runs or waits for one that does; gone takes it back, and
// tells those who wait for it.
func (d *Device) going() {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	d.record.underway++
}

func (d *Device) gone() { d.record.change(func() { d.record.underway-- }) }
