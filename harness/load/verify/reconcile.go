package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Prometheus answers queries.
type Prometheus interface {
	// Vector evaluates a query at a time. It returns values by label; "" stands for
	// series without the label.
	Vector(ctx context.Context, query, label string, at time.Time) (map[string]float64, error)
}

// bucket is how far off a percentile of Prometheus may be. The buckets of the native
// histograms are 9 % wide.
const bucket = 0.10

// lookback is how long Prometheus finds the last sample of a series.
const lookback = 4 * time.Minute

// counters are the metrics that count wake-ups.
var counters = []struct {
	name string
	of   func(result.Counts) int64
}{
	{"started", func(c result.Counts) int64 { return c.Started }}, {"done", func(c result.Counts) int64 { return c.Done }},
	{"polled", func(c result.Counts) int64 { return c.Polled }}, {"failed", func(c result.Counts) int64 { return c.Failed }}, {"lost", func(c result.Counts) int64 { return c.Lost }},
}

// Reconcile checks that Prometheus has the same figures as the results. It returns an
// error if Prometheus does not answer.
func (v *Verdict) Reconcile(ctx context.Context, p Prometheus, list []*result.Instance, now time.Time) error {
	ended := time.Time{}
	for _, in := range list {
		if e := in.Batches[len(in.Batches)-1].Ended; e.After(ended) {
			ended = e
		}
	}
	// k6 writes the last samples when it ends, shortly after the last batch.
	at := ended.Add(lookback / 2)
	if at.After(now) {
		at = now
	}
	test := fmt.Sprintf("testid=%q", list[0].TestID)
	all := []scope{{match: test}}
	if v.Whole != nil {
		all[0].stages = v.Whole.Stages
		for _, p := range v.Whole.Parts {
			match := fmt.Sprintf("part=%q", p.Kind)
			if p.Kind == "push" {
				match = `part=~"|push"` // batches of pushes alone have no parts
			}
			all = append(all, scope{test + ", " + match, p.Kind, " (" + p.Name + ")", p.Stages})
		}
	}
	for _, s := range all {
		if err := v.counts(ctx, p, list, s, at); err != nil {
			return err
		}
		if v.Whole == nil {
			continue
		}
		if err := v.histograms(ctx, p, s, at); err != nil {
			return err
		}
	}
	return nil
}

// scope is what is compared with Prometheus: everything, or one part.
type scope struct {
	match  string // the labels of its series
	kind   string // of the part; empty: everything
	words  string // of its name, in messages
	stages map[result.Stage]result.Summary
}

// of are the counts of a batch in the scope.
func (s *scope) of(b *result.Result) (sum result.Counts) {
	for _, p := range b.All() {
		if s.kind == "" || s.kind == p.Kind {
			sum.Add(p.Counts)
		}
	}
	return sum
}

// counts checks the counters of each instance.
func (v *Verdict) counts(ctx context.Context, p Prometheus, list []*result.Instance, s scope, at time.Time) error {
	good := true
	for _, c := range counters {
		got, err := p.Vector(ctx, fmt.Sprintf("sum by (instance_id) (k6_dmwake_%s_total{%s})", c.name, s.match), "instance_id", at)
		if err != nil {
			return err
		}
		for _, in := range list {
			want := int64(0)
			for _, b := range in.Batches {
				want += c.of(s.of(b))
			}
			if n := got[in.ID]; n != float64(want) {
				good = v.check(false, "", "Prometheus has %.0f %s%s of instance %q, its result has %d%s", n, c.name, s.words, in.ID, want, hint(n, want))
			}
			delete(got, in.ID)
		}
		for id, n := range got {
			switch id {
			case "":
				v.check(false, "", "Prometheus has %.0f %s%s without an instance_id: processes wrote to the same series, and samples out of order were dropped; give each process its own --tag instance_id", n, c.name, s.words)
			default:
				v.check(false, "", "Prometheus has %.0f %s%s of instance %q, which has no result: it was killed, or testid %q was used before", n, c.name, s.words, id, list[0].TestID)
			}
			good = false
		}
	}
	if good {
		v.check(true, "Prometheus has the same counts for each instance"+s.words, "")
	}
	return nil
}

func hint(n float64, want int64) string {
	switch {
	case n == 0:
		return ": did k6 write to this Prometheus (-o experimental-prometheus-rw) within the last minutes?"
	case n < float64(want):
		return ": samples were dropped; the log of k6 says why"
	}
	return ": was the testid used before?"
}

// around returns the values just below and above a percentile. With few values,
// implementations differ in which of them they choose.
func around(s *result.Summary, p float64) (low, high float64, err error) {
	h, err := s.Histogram()
	if err != nil || s.Count == 0 {
		return 0, 0, err
	}
	one := 1 / float64(s.Count)
	return float64(h.ValueAtQuantile(100 * max(p-one, 0))), float64(h.ValueAtQuantile(100 * min(p+one, 1))), nil
}

// histograms checks the times of all instances together.
func (v *Verdict) histograms(ctx context.Context, p Prometheus, in scope, at time.Time) error {
	series := fmt.Sprintf("sum by (stage) (k6_dmwake_stage_seconds{%s})", in.match)
	counts, err := p.Vector(ctx, "histogram_count("+series+")", "stage", at)
	if err != nil {
		return err
	}
	p99, err := p.Vector(ctx, "histogram_quantile(0.99, "+series+")", "stage", at)
	if err != nil {
		return err
	}
	var off []string
	n := 0
	for _, s := range result.Stages() {
		h := in.stages[s]
		if got := counts[string(s)]; got != float64(h.Count) {
			if len(counts) == 0 {
				v.check(false, "", "Prometheus has no native histograms of this test: start k6 with K6_FEATURES=native-histograms, and Prometheus with --enable-feature=native-histograms")
				return nil
			}
			v.check(false, "", "Prometheus has %.0f times of stage %s%s, the results have %d", got, s, in.words, h.Count)
			continue
		}
		n++
		got := p99[string(s)] * 1e6
		low, high, err := around(&h, 0.99)
		if err != nil {
			v.check(false, "", "the result of stage %s: %v", s, err)
			continue
		}
		// Results round times to microseconds.
		if h.Count > 0 && (got < low*(1-bucket)-1 || got > high*(1+bucket)+1) {
			off = append(off, fmt.Sprintf("%s %.0f us instead of %d", s, got, h.At["p99"]))
		}
	}
	if n == len(result.Stages()) {
		v.check(len(off) == 0, "Prometheus has the same number of times, and the same p99 of every stage within a bucket"+in.words, "the p99 of Prometheus%s is off by more than a bucket: %s", in.words, strings.Join(off, "; "))
	}
	return nil
}
