package lab

import (
	"context"
	"sync"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// newcomers are devices that enrolled, and for which the enrolled hook runs after
// their first session. A copy of such a device is not one of them.
type newcomers struct {
	mu   sync.Mutex
	list map[*dmclient.Device]struct{}
}

func (n *newcomers) add(d *dmclient.Device) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.list == nil {
		n.list = map[*dmclient.Device]struct{}{}
	}
	n.list[d] = struct{}{}
}

// take reports whether the device is one, and forgets it.
func (n *newcomers) take(d *dmclient.Device) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, is := n.list[d]
	delete(n.list, d)
	return is
}

// AfterEnrollment runs the enrolled hook for a device that has just enrolled by
// other means than Enroll. If the hook runs after the first session, AfterSession
// does.
func (l *Lab) AfterEnrollment(ctx context.Context, d *dmclient.Device) error {
	h := l.Config.Target.Hooks.Enrolled
	switch {
	case h == nil:
		return nil
	case h.After == target.AfterSession:
		l.newcomers.add(d)
		return nil
	}
	_, err := l.hook(ctx, "enrolled", h, d, Command{})
	return err
}

// AfterSession runs the enrolled hook if the session was the first of an enrollment,
// the server answered it, and the hook runs after the first session. Call it after
// each session that may be the first.
func (l *Lab) AfterSession(ctx context.Context, d *dmclient.Device, s *dmclient.Session) error {
	if s == nil || len(s.Received) == 0 || !l.newcomers.take(d) {
		return nil
	}
	_, err := l.hook(ctx, "enrolled", l.Config.Target.Hooks.Enrolled, d, Command{})
	return err
}

// firstSession holds the first session after an enrollment. The error is that of the
// enrolled hook; the suite judges sessions.
func (l *Lab) firstSession(ctx context.Context, d *dmclient.Device) error {
	s, _ := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // as above
	return l.AfterSession(ctx, d, s)
}
