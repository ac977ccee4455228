package load

import (
	"context"
	"errors"
	"slices"
	"time"
)

// OneByOne is ConfigView.Rate of Singles.
const OneByOne = "one by one"

// Singles wakes devices one by one, for who decides on each when it is woken, and
// measures them together.
type Singles struct {
	run   *Run
	batch *batch
}

// Singles begins with none.
func (r *Run) Singles() *Singles {
	return &Singles{r, r.batch(&Batch{})}
}

// Wake wakes the next device of this process, or that of the DeviceID, and waits
// until its session ended. It gives the one wake-up as counts, and an error that
// says why no session ended well: the kind that the result counts it under. observe
// is told of the stages; it must not block.
func (s *Singles) Wake(ctx context.Context, device string, observe func(Stage, time.Duration)) (Counts, error) {
	r := s.run
	at := 0
	if device != "" {
		r.mu.Lock()
		i, known := r.index[device]
		r.mu.Unlock()
		if !known {
			return Counts{}, errors.New("no device " + device + " is here")
		}
		at = i
	} else {
		at = r.pick(s.batch)
	}
	number := r.plan(1)
	now := time.Since(r.zero)
	w := &wakeup{batch: s.batch, observe: observe, device: at, intended: now, started: now, counted: true, over: make(chan struct{}), gone: make(chan struct{})}
	r.start(ctx, w, number)
	late := time.NewTimer(r.opts.Drain)
	defer late.Stop()
	select {
	case <-w.over:
	case <-late.C:
	case <-ctx.Done():
	}
	select { // for what the journal tells of it
	case <-w.gone:
	case <-time.After(grace):
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.open[at], w) {
		r.leave(w, ctx.Err() != nil)
		r.forget(at, func(k *wakeup) bool { return k == w })
	}
	c := Counts{Started: 1}
	switch w.outcome {
	case outcomeDone:
		c.Done = 1
		return c, nil
	case outcomePolled:
		c.Polled = 1
		return c, nil
	case outcomeFailed:
		c.Failed = 1
		return c, errors.New(w.trouble)
	case outcomeUnfinished:
		c.Unfinished = 1
		return c, ctx.Err()
	}
	c.Lost = 1
	return c, errors.New("lost: " + r.lostBy(w))
}

// Result is what was measured of all; those under way are lost.
func (s *Singles) Result() *Result {
	r := s.run.result(s.batch, false)
	r.Config.Rate, r.Planned = OneByOne, r.Counts.Started
	return r
}
