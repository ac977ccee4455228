package load

import (
	"maps"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Recent keeps what a run measured in the last minute, for a page that shows the run
// while it goes on. Observe and Progress are those of Options.
type Recent struct {
	now func() time.Time

	mu    sync.Mutex
	marks uint64
	slots [slots]slot
	last  result.Recent // without Stages
}

// The last minute is kept in slots.
const (
	slotLength = 5 * time.Second
	slots      = 12
	rates      = 60 // seconds
)

// slot is what was measured in one part of the last minute.
type slot struct {
	begin  time.Time
	stages map[result.Stage]result.Histogram
}

// NewRecent returns a Recent without figures.
func NewRecent() *Recent { return &Recent{now: time.Now} }

// Observe notes a measured stage.
func (r *Recent) Observe(stage result.Stage, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begin := r.now().Truncate(slotLength)
	s := &r.slots[int(begin.Unix()/int64(slotLength/time.Second))%slots]
	if !s.begin.Equal(begin) {
		s.begin = begin
		for _, h := range s.stages {
			h.Reset()
		}
		if s.stages == nil {
			s.stages = map[result.Stage]result.Histogram{}
		}
	}
	h, ok := s.stages[stage]
	if !ok {
		h = result.NewCoarseHistogram()
		s.stages[stage] = h
	}
	h.Record(d)
}

// Progress notes the state of the run.
func (r *Recent) Progress(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks++
	r.last.Elapsed, r.last.Warming, r.last.Counts, r.last.Open, r.last.Errors = p.Elapsed, p.Warming, p.Counts, p.Open, p.Errors
	if r.last.Rates = append(r.last.Rates, p.Rate); len(r.last.Rates) > rates {
		r.last.Rates = r.last.Rates[len(r.last.Rates)-rates:]
	}
}

// Say notes what the run does now.
func (r *Recent) Say(doing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.Doing != doing {
		r.last.Doing = doing
		r.marks++
	}
}

// Mark changes with the figures, once a second.
func (r *Recent) Mark() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.marks
}

// Figures returns a copy of the figures.
func (r *Recent) Figures() result.Recent {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.last
	out.Rates, out.Errors = append([]float64(nil), out.Rates...), maps.Clone(out.Errors)
	oldest := r.now().Truncate(slotLength).Add(-(slots - 1) * slotLength)
	for _, stage := range result.Stages() {
		sum := result.NewCoarseHistogram()
		for i := range r.slots {
			if h, ok := r.slots[i].stages[stage]; ok && !r.slots[i].begin.Before(oldest) {
				sum.Merge(h.Histogram)
			}
		}
		if n := sum.TotalCount(); n > 0 {
			out.Stages = append(out.Stages, result.RecentStage{Stage: stage, Count: n, P50: sum.ValueAtQuantile(50), P90: sum.ValueAtQuantile(90), P99: sum.ValueAtQuantile(99), Max: sum.Max()})
		}
	}
	return out
}
