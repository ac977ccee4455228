package load

import (
	"context"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Progress is the state of a run.
type Progress struct {
	Elapsed  time.Duration
	Warming  bool          // the warm-up is not over
	Counts   result.Counts // lost ones are known at the end only
	Open     int64         // wake-ups under way, including the warm-up's
	Rate     float64       // wake-ups that ended in the last second
	P50, P99 int64         // of Whole so far, in microseconds
}

// report calls Progress once a second until ctx ends.
func (r *Run) report(ctx context.Context, b *batch) {
	if b.Progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		t := &b.tally
		whole := t.stages[result.Whole]
		p := Progress{Elapsed: r.now() - b.base, Counts: t.counts(), Open: t.open(), Rate: float64(t.over - last), P50: whole.ValueAtQuantile(50), P99: whole.ValueAtQuantile(99)}
		p.Warming = b.Plan != nil && p.Elapsed < b.Plan.Warmup
		last = t.over
		r.mu.Unlock()
		b.Progress(p)
	}
}
