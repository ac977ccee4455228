package load

import (
	"math"
	"time"
)

// Scheduled says what a part would do. Times and rates are those of the plan, before it is
// compressed.
type Scheduled struct {
	*Part
	Text        string
	Items       int64         // in the counted time; the mean, if Random
	Warm        int64         // in the warm-up
	Random      bool          // the intervals are drawn
	First, Last time.Duration // when the first and the last item are due, the warm-up's included
	Peak        float64       // items a second
	Steps       []int64       // items in each of equal parts of the duration
}

// Preview says what a run by Go would start, and checks it as far as that is possible
// without a target.
func (o *Options) Preview(steps int) ([]Scheduled, error) {
	full := *o
	if full.Sender == "" {
		full.Sender = SenderHook // any, it is known with the target only
	}
	full.parts = nil
	full.resolve()
	if err := full.checkNumbers(); err != nil {
		return nil, err
	}
	if err := full.checkParts(); err != nil {
		return nil, err
	}
	var out []Scheduled
	for _, p := range full.parts {
		if p.given != nil {
			p = p.given
		}
		out = append(out, p.schedule(o.Devices, steps))
	}
	return out, nil
}

func (p *Part) schedule(devices, steps int) Scheduled {
	s := Scheduled{Part: p, Text: p.Text(), Steps: make([]int64, steps)}
	if p.Storm {
		s.Items, s.First, s.Last, s.Peak = int64(devices), p.Plan.Warmup, p.Plan.Warmup, float64(devices)
		s.Text = "all at once"
		s.Steps[int(float64(steps)*float64(p.Plan.Warmup)/float64(p.Plan.Duration))] = s.Items
		return s
	}
	plan := p.arrivals(devices)
	whole := func(n float64) int64 { return int64(math.Floor(n + 1e-6)) }
	all := whole(plan.Total())
	if plan.Warmup > 0 {
		s.Warm = whole(plan.until(plan.Warmup))
	}
	s.Items, s.Random, s.Peak = all-s.Warm, plan.Poisson, plan.Peak()
	s.First, _ = plan.at(1)
	s.Last, _ = plan.at(float64(all))
	before := int64(0)
	for k := range s.Steps {
		n := whole(plan.until(time.Duration(float64(plan.Duration) * float64(k+1) / float64(steps))))
		s.Steps[k], before = n-before, n
	}
	return s
}
