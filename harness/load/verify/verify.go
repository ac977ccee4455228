// Package verify gives the one verdict on a load that several processes shared:
// k6 has none. It holds the processes' own results together, and against what
// came to Prometheus, which accepts half of the data without a word where series
// are mixed up.
package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load"
)

// Check is one thing that was looked at.
type Check struct {
	OK   bool
	What string // in words that say what to do where it is not OK
}

// Verdict is what was found.
type Verdict struct {
	Checks []Check
	// Whole is all processes together; nil where they cannot be put together.
	Whole *load.Result
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

// together is how far apart the processes may begin a batch: their plans are one
// plan, and what one meets is the load of all.
const together = time.Second

// Instances holds the results of the processes together. want is how many there
// should be, 0 if that is not known.
func Instances(list []*load.Instance, want int) *Verdict {
	v := &Verdict{}
	first := list[0]
	if want > 0 {
		v.check(len(list) == want, fmt.Sprintf("%d processes have a result", want), "%d processes have a result, and %d were started: the others ended before they measured anything", len(list), want)
	}
	ids := map[string]bool{}
	for _, in := range list {
		if ids[in.ID] {
			v.check(false, "", "two results are of instance_id %q: give each process its own --tag instance_id", in.ID)
		}
		ids[in.ID] = true
		if in.TestID != first.TestID {
			v.check(false, "", "the results are of different tests: testid %q and %q", first.TestID, in.TestID)
		}
		if !in.Whole {
			v.check(false, "", "the script of instance %q did not come to its end: it has no close, or the process was ended", in.ID)
		}
		if len(in.Batches) != len(first.Batches) {
			v.check(false, "", "instance %q has %d batches, and %q has %d", in.ID, len(in.Batches), first.ID, len(first.Batches))
			return v
		}
	}
	var batches []*load.Result
	for k := range first.Batches {
		var parts []*load.Result
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
				v.check(false, "", "batch %d was ended early: %s", k+1, p.Aborted)
			}
			if p.Started.Before(begin) {
				begin = p.Started
			}
			if p.Started.After(last) {
				last = p.Started
			}
		}
		if apart := last.Sub(begin); apart > together {
			v.check(false, "", "batch %d began %s apart: give all processes the same START_AT, later than their devices take to enroll", k+1, apart.Round(time.Millisecond))
		}
		if b.Config.Rate != load.OneByOne {
			v.check(b.Counts.Started == b.Planned, fmt.Sprintf("batch %d: all of %d wake-ups were started", k+1, b.Planned), "batch %d: %d wake-ups were started of %d that were planned", k+1, b.Counts.Started, b.Planned)
		}
		batches = append(batches, b)
	}
	whole, err := load.Sum(batches)
	if err != nil {
		v.check(false, "", "%v", err)
		return v
	}
	c := whole.Counts
	v.check(c.Started == c.Ended()+c.Unfinished, fmt.Sprintf("%d wake-ups are accounted for", c.Started), "%d wake-ups were started, and %d done, %d polled, %d failed, %d lost", c.Started, c.Done, c.Polled, c.Failed, c.Lost)
	v.Whole = whole
	return v
}

// combine is load.Combine, that of a single process itself.
func combine(parts []*load.Result) (*load.Result, error) {
	if len(parts) == 1 && parts[0].Part == nil {
		return parts[0], nil
	}
	return load.Combine(parts)
}

// Prometheus is what verify asks of one.
type Prometheus interface {
	// Vector evaluates a query at a time: values by the label, "" where a series
	// has none.
	Vector(ctx context.Context, query, label string, at time.Time) (map[string]float64, error)
}

// bucket is how far a percentile of Prometheus may be off: its native histograms
// have buckets of 9 % here.
const bucket = 0.10

// lookback is how long Prometheus finds the last sample of a series.
const lookback = 4 * time.Minute

// counters are the metrics of the counts.
var counters = []struct {
	name string
	of   func(load.Counts) int64
}{
	{"started", func(c load.Counts) int64 { return c.Started }}, {"done", func(c load.Counts) int64 { return c.Done }},
	{"polled", func(c load.Counts) int64 { return c.Polled }}, {"failed", func(c load.Counts) int64 { return c.Failed }}, {"lost", func(c load.Counts) int64 { return c.Lost }},
}

// Reconcile holds what came to Prometheus against the results. The error tells
// that Prometheus could not be asked.
func (v *Verdict) Reconcile(ctx context.Context, p Prometheus, list []*load.Instance, now time.Time) error {
	ended := time.Time{}
	for _, in := range list {
		if e := in.Batches[len(in.Batches)-1].Ended; e.After(ended) {
			ended = e
		}
	}
	// The last samples are written when k6 ends, a little after the last batch.
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
				good = v.check(false, "", "Prometheus has %.0f %s of instance %q, and its result %d%s", n, c.name, in.ID, want, hint(n, want)) && good
			}
			delete(got, in.ID)
		}
		for id, n := range got {
			switch id {
			case "":
				v.check(false, "", "Prometheus has %.0f %s without an instance_id: processes wrote to the same series, and what came out of order was dropped; give each --tag instance_id", n, c.name)
			default:
				v.check(false, "", "Prometheus has %.0f %s of instance %q, and there is no result of it: it was ended, or testid %q was used before", n, c.name, id, list[0].TestID)
			}
			good = false
		}
		if good && c.name == "started" {
			v.check(true, "Prometheus has the same counts, instance by instance", "")
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
		return ": is it the Prometheus that k6 wrote to, by -o experimental-prometheus-rw, within the last minutes?"
	case n < float64(want):
		return ": samples were dropped; k6's log says why"
	}
	return ": was the testid used before?"
}

// around is a percentile by the one time before and the one after it: of few times,
// which of them it is depends on who counts.
func around(s *load.Summary, p float64) (low, high float64, err error) {
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
	for _, s := range load.Stages() {
		h := v.Whole.Stages[s]
		if got := counts[string(s)]; got != float64(h.Count) {
			if len(counts) == 0 {
				v.check(false, "", "Prometheus has no native histograms of the test: start k6 with K6_FEATURES=native-histograms, and Prometheus with --enable-feature=native-histograms")
				return nil
			}
			v.check(false, "", "Prometheus has %.0f times of stage %s, and the results %d", got, s, h.Count)
			continue
		}
		n++
		got := p99[string(s)] * 1e6
		low, high, err := around(&h, 0.99)
		if err != nil {
			v.check(false, "", "the result of stage %s: %v", s, err)
			continue
		}
		// Short times are whole microseconds in the results.
		if h.Count > 0 && (got < low*(1-bucket)-1 || got > high*(1+bucket)+1) {
			off = append(off, fmt.Sprintf("%s %.0f us, and exactly %d", s, got, h.At["p99"]))
		}
	}
	if n == len(load.Stages()) {
		v.check(len(off) == 0, "Prometheus has the same times, and its p99 of every stage is within a bucket", "p99 as Prometheus has it is further off than its buckets are wide: %s", strings.Join(off, "; "))
	}
	return nil
}
