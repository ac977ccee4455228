// Package verify judges a load that several k6 processes shared, because k6 itself
// does not. It checks the results of the processes against each other and against
// Prometheus, which silently drops data when processes write to the same series.
package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Check is one check and its outcome.
type Check struct {
	OK   bool
	What string // what is OK, or what is wrong and what to do
}

// Verdict is the outcome of all checks.
type Verdict struct {
	Checks []Check
	// Whole is the result of all processes together; nil if they cannot be combined.
	Whole *result.Result
}

// OK tells whether all checks passed.
func (v *Verdict) OK() bool {
	return v.Whole != nil && !slices.ContainsFunc(v.Checks, func(c Check) bool { return !c.OK })
}

func (v *Verdict) check(ok bool, good, bad string, args ...any) bool {
	if ok {
		v.Checks = append(v.Checks, Check{true, good})
	} else {
		v.Checks = append(v.Checks, Check{false, fmt.Sprintf(bad, args...)})
	}
	return ok
}

// maxApart is how far apart the processes may start a batch. Their plans are parts of
// one plan, so they have to run at the same time.
const maxApart = time.Second

// Instances checks the results of the processes against each other. want is the
// expected number of processes; 0: unknown.
func Instances(list []*result.Instance, want int) *Verdict {
	v := &Verdict{}
	first := list[0]
	if want > 0 {
		v.check(len(list) == want, fmt.Sprintf("%d processes have a result", want), "%d processes have a result, %d were started: the others ended before they measured anything", len(list), want)
	}
	ids := map[string]bool{}
	for _, in := range list {
		if ids[in.ID] {
			v.check(false, "", "two results have the instance_id %q: give each process its own --tag instance_id", in.ID)
		}
		ids[in.ID] = true
		if in.TestID != first.TestID {
			v.check(false, "", "the results belong to different tests: testid %q and %q", first.TestID, in.TestID)
		}
		if !in.Whole {
			v.check(false, "", "the script of instance %q did not reach its end: it does not call close, or the process was killed", in.ID)
		}
		if len(in.Batches) != len(first.Batches) {
			v.check(false, "", "instance %q has %d batches, %q has %d", in.ID, len(in.Batches), first.ID, len(first.Batches))
			return v
		}
	}
	var batches []*result.Result
	for k := range first.Batches {
		var parts []*result.Result
		for _, in := range list {
			parts = append(parts, in.Batches[k])
		}
		b, err := combine(parts)
		if err != nil {
			v.check(false, "", "batch %d: %v", k+1, err)
			return v
		}
		begin, last := parts[0].Started, parts[0].Started
		for _, p := range parts {
			if p.Aborted != "" {
				v.check(false, "", "batch %d ended early: %s", k+1, p.Aborted)
			}
			if p.Started.Before(begin) {
				begin = p.Started
			}
			if p.Started.After(last) {
				last = p.Started
			}
		}
		if apart := last.Sub(begin); apart > maxApart {
			v.check(false, "", "batch %d started %s apart: give all processes the same START_AT, after the time their devices take to enroll", k+1, apart.Round(time.Millisecond))
		}
		if b.Config.Rate != result.OneByOne {
			v.check(b.Counts.Started == b.Planned, fmt.Sprintf("batch %d: all %d wake-ups were started", k+1, b.Planned), "batch %d: %d of %d planned wake-ups were started", k+1, b.Counts.Started, b.Planned)
		}
		batches = append(batches, b)
	}
	whole, err := result.Sum(batches)
	if err != nil {
		v.check(false, "", "%v", err)
		return v
	}
	c := whole.Counts
	v.check(c.Started == c.Ended()+c.Unfinished, fmt.Sprintf("all %d wake-ups are accounted for", c.Started), "%d wake-ups were started, but %d done, %d polled, %d failed, %d lost", c.Started, c.Done, c.Polled, c.Failed, c.Lost)
	v.Whole = whole
	return v
}

// combine is result.Combine. A single process that runs all is not combined.
func combine(parts []*result.Result) (*result.Result, error) {
	if len(parts) == 1 && parts[0].Part == nil {
		return parts[0], nil
	}
	return result.Combine(parts)
}

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
	for _, c := range counters {
		got, err := p.Vector(ctx, fmt.Sprintf("sum by (instance_id) (k6_dmwake_%s_total{%s})", c.name, test), "instance_id", at)
		if err != nil {
			return err
		}
		good := true
		for _, in := range list {
			want := int64(0)
			for _, b := range in.Batches {
				want += c.of(b.Counts)
			}
			if n := got[in.ID]; n != float64(want) {
				good = v.check(false, "", "Prometheus has %.0f %s of instance %q, its result has %d%s", n, c.name, in.ID, want, hint(n, want)) && good
			}
			delete(got, in.ID)
		}
		for id, n := range got {
			switch id {
			case "":
				v.check(false, "", "Prometheus has %.0f %s without an instance_id: processes wrote to the same series, and samples out of order were dropped; give each process its own --tag instance_id", n, c.name)
			default:
				v.check(false, "", "Prometheus has %.0f %s of instance %q, which has no result: it was killed, or testid %q was used before", n, c.name, id, list[0].TestID)
			}
			good = false
		}
		if good && c.name == "started" {
			v.check(true, "Prometheus has the same counts for each instance", "")
		}
	}
	if v.Whole == nil {
		return nil
	}
	return v.histograms(ctx, p, test, at)
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

func (v *Verdict) histograms(ctx context.Context, p Prometheus, test string, at time.Time) error {
	series := fmt.Sprintf("sum by (stage) (k6_dmwake_stage_seconds{%s})", test)
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
		h := v.Whole.Stages[s]
		if got := counts[string(s)]; got != float64(h.Count) {
			if len(counts) == 0 {
				v.check(false, "", "Prometheus has no native histograms of this test: start k6 with K6_FEATURES=native-histograms, and Prometheus with --enable-feature=native-histograms")
				return nil
			}
			v.check(false, "", "Prometheus has %.0f times of stage %s, the results have %d", got, s, h.Count)
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
		v.check(len(off) == 0, "Prometheus has the same number of times, and the same p99 of every stage within a bucket", "the p99 of Prometheus is off by more than a bucket: %s", strings.Join(off, "; "))
	}
	return nil
}
