package load

import (
	"context"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// What a caller needs who drives several batches, one after the other.

// count notes a session that ended. The caller holds r.mu.
func (r *Run) count(s *session) {
	r.active = r.now()
	if s.Origin == dmclient.OriginPush && s.err == nil {
		r.sessions++
	}
}

// Merged is how many wake-ups so far shared a successful session with another one:
// a device that is due again during a session holds one more for all of them. It is too
// low by the sessions that served no wake-up.
func (r *Run) Merged() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done - r.sessions + r.shared
}

// Waited is how many devices were woken so far while the limit of concurrent
// sessions was reached.
func (r *Run) Waited() int64 { return r.pool.waited() }

// Len is the number of devices that can be woken.
func (r *Run) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.devices)
}

// quiet is how long nothing must happen until a server counts as idle, and
// lookEvery how often to look.
const (
	quiet     = time.Second
	lookEvery = 100 * time.Millisecond
)

// Idle waits until no session is under way, and no notification arrived and no
// session ended for a second. It returns false if that takes longer than most, or
// ctx ends.
func (r *Run) Idle(ctx context.Context, most time.Duration) bool {
	if r.opts.Rehearse {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		r.mu.Lock()
		last := r.active
		r.mu.Unlock()
		if r.pool.busy() == 0 && r.now()-last >= quiet {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// busy is how many devices are in a session or wait for one.
func (p *pool) busy() int {
	switch {
	case p.crew != nil:
		return p.crew.Busy()
	case p.fleet != nil:
		return p.fleet.Busy()
	}
	return 0
}
