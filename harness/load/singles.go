package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Singles wakes devices one by one, when the caller decides to, and measures all
// wake-ups together.
type Singles struct {
	run   *Run
	batch *batch
	was   before
}

// Singles returns a Singles without wake-ups.
func (r *Run) Singles() *Singles {
	return &Singles{r, r.newBatch(&Batch{}), r.before()}
}

// Wake wakes a device and waits until its session ended. An empty id is the next
// device of this process. The counts have this wake-up only. The error says why no
// session succeeded, in the words under which the result counts it. observe is
// called for each measured stage; it must not block.
func (s *Singles) Wake(ctx context.Context, id string, observe func(result.Stage, time.Duration)) (result.Counts, error) {
	r := s.run
	if err := r.opts.checkReached(false); err != nil {
		return result.Counts{}, err
	}
	device, err := s.find(id)
	if err != nil {
		return result.Counts{}, err
	}
	number, now := r.takeNumbers(s.batch, 1), r.now()
	w := &wakeup{batch: s.batch, observe: observe, device: device, work: s.batch.work(), due: now, started: now, counted: true, over: make(chan struct{}), settled: make(chan struct{})}
	r.start(ctx, w, number)
	late := time.NewTimer(r.opts.Drain)
	defer late.Stop()
	select {
	case <-w.over:
	case <-late.C:
	case <-ctx.Done():
	}
	select { // wait for the journal
	case <-w.settled:
	case <-time.After(grace):
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := &r.devices[device]; slices.Contains(d.open, w) {
		r.giveUp(w, ctx.Err() != nil)
		r.drop(d, func(k *wakeup) bool { return k == w })
	}
	c := result.Counts{Started: 1}
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
	return c, errors.New("lost: " + r.whyLost(w))
}

func (s *Singles) find(id string) (device int, err error) {
	if id == "" {
		if device = s.run.pick(s.batch); device < 0 {
			return 0, errors.New(noDevice)
		}
		return device, nil
	}
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	device, ok := s.run.index[id]
	if !ok {
		return 0, fmt.Errorf("device %s is not in this process", id)
	}
	return device, nil
}

// Result returns what was measured so far. Wake-ups under way count as lost.
func (s *Singles) Result() *result.Result {
	r := s.run.result(s.batch, false)
	r.CPU = cpuNow().since(s.was.cpu)
	r.Notes = s.run.notes(r, []*batch{s.batch}, s.was)
	r.Config.Rate, r.Planned = result.OneByOne, r.Counts.Started
	return r
}
