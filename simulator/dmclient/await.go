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

// AwaitSession waits for the first session after mark (a SessionCount) that
// want accepts, until within has passed or ctx ends. A nil want accepts any.
func (d *Device) AwaitSession(ctx context.Context, mark int, within time.Duration, want func(*Session) bool) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		d.record.mu.Lock()
		changed := d.record.changed
		from := max(mark-d.record.dropped, 0)
		for _, s := range d.record.sessions[min(from, len(d.record.sessions)):] {
			if want == nil || want(s) {
				d.record.mu.Unlock()
				return s, nil
			}
		}
		d.record.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("no such session within %s", within)
		}
	}
}
