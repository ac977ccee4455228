package load

import (
	"context"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Progress is the state of a run.
type Progress struct {
	Elapsed  time.Duration
	Warming  bool           // the warm-up is not over
	Counts   result.Counts  // lost ones are known at the end only
	Parts    []PartProgress // of each of the batches that go on beside each other, in their order
	Open     int64          // wake-ups under way, including the warm-up's
	Rate     float64        // wake-ups that ended in the last second
	P50, P99 int64          // of Whole so far, in microseconds
	Errors   map[string]int64
}

// PartProgress is the state of a part of a run.
type PartProgress struct {
	Name   string
	Counts result.Counts
	Open   int64
}

// report calls Progress once a second until ctx ends, with the sums of the batches.
func (r *Run) report(ctx context.Context, list []*batch) {
	if list[0].Progress == nil {
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
		b := list[0]
		p := Progress{Elapsed: r.now() - b.base, Errors: map[string]int64{}}
		p.Warming = b.Plan != nil && p.Elapsed < b.Plan.Warmup
		over, whole := int64(0), result.NewHistogram()
		r.mu.Lock()
		for _, b := range list {
			t := &b.tally
			p.Parts = append(p.Parts, PartProgress{b.part.Name, t.counts(), t.open()})
			p.Counts.Add(t.counts())
			p.Open += t.open()
			over += t.over
			for kind, n := range t.errors {
				p.Errors[kind] += n
			}
			if len(list) == 1 {
				whole = t.stages[result.Whole]
			} else {
				whole.Merge(t.stages[result.Whole].Histogram)
			}
		}
		p.P50, p.P99 = whole.ValueAtQuantile(50), whole.ValueAtQuantile(99)
		r.mu.Unlock()
		p.Rate, last = float64(over-last), over
		b.Progress(p)
	}
}
