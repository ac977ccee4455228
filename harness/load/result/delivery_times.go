package result

import (
	"cmp"
	"errors"
	"slices"
)

// weighted is a time in seconds, and how often it was measured.
type weighted struct {
	seconds float64
	count   int64
}

// PolledWork is work that came with a poll: how long it waited until the poll was due,
// and how long it took from then on, in seconds of the run.
type PolledWork struct{ Wait, Rest float64 }

// Fill takes the figures of the work from the load of the way, which ran speed times as
// fast as its plan.
func (w *Way) Fill(speed float64, polled []PolledWork) error {
	pushes, polls := w.Load.Find("pushes"), w.Load.Find("polls")
	if pushes == nil || polls == nil {
		return errors.New("the load has no parts of pushes and polls")
	}
	w.Counts, w.Errors, w.Polls = pushes.Counts, pushes.Errors, polls.Counts.Started
	whole := pushes.Stages[Whole]
	h, err := whole.Histogram()
	if err != nil {
		return err
	}
	var all []weighted
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			all = append(all, weighted{float64(min(bar.To, whole.Max)) / 1e6, bar.Count})
		}
	}
	// What waited for a poll waited in compressed time; the session itself did not.
	for _, p := range polled {
		all = append(all, weighted{p.Wait*speed + p.Rest, 1})
	}
	w.Delivery = times(all)
	return nil
}

// times are the quantiles of what was measured.
func times(all []weighted) (t Times) {
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Compare(a.seconds, b.seconds) })
	for _, v := range all {
		t.Count += v.count
	}
	if t.Count == 0 {
		return t
	}
	at := func(quantile float64) float64 {
		need, seen := quantile*float64(t.Count), int64(0)
		for _, v := range all {
			if seen += v.count; float64(seen) >= need {
				return v.seconds
			}
		}
		return all[len(all)-1].seconds
	}
	t.P50, t.P95, t.P99, t.Max = at(.5), at(.95), at(.99), at(1)
	return t
}
