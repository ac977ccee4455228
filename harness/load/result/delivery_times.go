package result

import (
	"cmp"
	"errors"
	"slices"
)

// weighted is a time in microseconds, and how often it was measured.
type weighted struct {
	us    float64
	count int64
}

// Fill takes the figures of the work from the load of the way, which ran speed times as
// fast as its plan.
func (w *Way) Fill(speed float64) error {
	pushes, polls := w.Load.Find("pushes"), w.Load.Find("polls")
	if pushes == nil || polls == nil {
		return errors.New("the load has no parts of pushes and polls")
	}
	w.Counts, w.Errors, w.Polls = pushes.Counts, pushes.Errors, polls.Counts.Started
	// What waited for a poll waited in compressed time; the session itself did not.
	session := float64(polls.Stages[Whole].At["p50"])
	var all []weighted
	for stage, scale := range map[Stage]func(float64) float64{
		Whole:  func(us float64) float64 { return us },
		Polled: func(us float64) float64 { return max(us-session, 0)*speed + min(us, session) },
	} {
		s := pushes.Stages[stage]
		h, err := s.Histogram()
		if err != nil {
			return err
		}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				all = append(all, weighted{scale(float64(min(bar.To, s.Max))), bar.Count})
			}
		}
	}
	w.Delivery = times(all)
	return nil
}

// times are the quantiles of what was measured.
func times(all []weighted) (t Times) {
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Compare(a.us, b.us) })
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
				return v.us / 1e6
			}
		}
		return all[len(all)-1].us / 1e6
	}
	t.P50, t.P95, t.P99, t.Max = at(.5), at(.95), at(.99), at(1)
	return t
}
