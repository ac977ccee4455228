package dmclient

import (
	"context"
	"errors"
	"slices"
)

// Attend does what Run would do now: the session that a push or a login asked for, or
// else the due action. did is false if there was nothing to do. It is for callers that
// keep many devices without a goroutine for each; OnWake and Next tell them when to
// call it.
func (d *Device) Attend(ctx context.Context) (s *Session, did bool, err error) {
	select {
	case <-d.wake:
		s, err = d.triggered(ctx)
		return s, true, err
	default:
	}
	next, ok := d.Next()
	if !ok || next.At.After(d.now()) {
		return nil, false, nil
	}
	s, err = d.Act(ctx, next)
	return s, true, err
}

// triggered runs the session that was signalled.
func (d *Device) triggered(ctx context.Context) (*Session, error) {
	d.going()
	defer d.gone()
	d.mu.Lock()
	origin := d.trigger
	d.trigger = 0
	d.mu.Unlock()
	return d.Sync(ctx, SyncOptions{Origin: origin})
}

// Forget drops the n oldest remembered sessions; SessionCount still counts them.
func (d *Device) Forget(n int) {
	d.record.change(func() {
		n = min(max(n, 0), len(d.record.sessions))
		d.record.sessions = slices.Clone(d.record.sessions[n:])
		d.record.dropped += n
	})
}

// SetQuirks switches quirks of a device between two of its sessions: "pfn-errors" on,
// "-pfn-errors" off. case-sensitive cannot be switched: the tree is made with it.
func (d *Device) SetQuirks(ctx context.Context, names ...string) error {
	if err := d.session.take(ctx); err != nil {
		return err
	}
	defer d.session.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	now, own := d.cfg.Profile, Profile{Quirks: d.own}
	for _, name := range names {
		if err := now.SetQuirk(name); err != nil {
			return err
		}
		own.SetQuirk(name) //nolint:errcheck // the same name
	}
	if now.Quirks.CaseSensitive != d.cfg.Profile.Quirks.CaseSensitive {
		return errors.New("quirk case-sensitive cannot be switched: the management tree is made with it; make another device")
	}
	d.cfg.Profile.Quirks, d.own = now.Quirks, own.Quirks
	return nil
}
