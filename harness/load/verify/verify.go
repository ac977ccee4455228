// Package verify judges a load that several k6 processes shared, because k6 itself
// does not. It checks the results of the processes against each other and against
// Prometheus, which silently drops data when processes write to the same series.
package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/wording"
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
		v.check(len(list) == want, wording.Counted(want, "process has", "processes have")+" a result", "%s a result, %d were started: the others ended before they measured anything", wording.Counted(len(list), "process has", "processes have"), want)
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
			v.check(false, "", "instance %q has %s, %q has %d", in.ID, wording.Count(len(in.Batches), "batch"), first.ID, len(first.Batches))
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
			v.started(k+1, b)
		}
		batches = append(batches, b)
	}
	whole, err := result.Sum(batches)
	if err != nil {
		v.check(false, "", "%v", err)
		return v
	}
	v.accounted(whole)
	v.Whole = whole
	return v
}

// started checks that all that was planned was started, part by part.
func (v *Verdict) started(batch int, b *result.Result) {
	for _, p := range b.All() {
		v.check(p.Counts.Started == p.Planned, fmt.Sprintf("batch %d: all %d %s were started", batch, p.Planned, what(b, &p)), "batch %d: %d of %d planned %s were started", batch, p.Counts.Started, p.Planned, what(b, &p))
	}
}

// accounted checks that all that was started ended in one way, part by part, and that the
// parts are the whole.
func (v *Verdict) accounted(r *result.Result) {
	var sum result.Counts
	for _, p := range r.All() {
		c := p.Counts
		v.check(c.Started == c.Ended()+c.Unfinished, fmt.Sprintf("all %d %s are accounted for", c.Started, what(r, &p)), "%d %s were started, but %d done, %d polled, %d failed, %d lost", c.Started, what(r, &p), c.Done, c.Polled, c.Failed, c.Lost)
		sum.Add(c)
	}
	if sum.Offline = r.Counts.Offline; len(r.Parts) > 0 { // the parts have the same devices
		v.check(sum == r.Counts, "the parts add up to the whole", "the parts add up to %+v, and the whole is %+v", sum, r.Counts)
	}
}

// what are the items of a part.
func what(r *result.Result, p *result.LoadPart) string {
	if len(r.Parts) == 0 {
		return "wake-ups"
	}
	return p.Name
}

// combine is result.Combine. A single process that runs all is not combined.
func combine(parts []*result.Result) (*result.Result, error) {
	if len(parts) == 1 && parts[0].Part == nil {
		return parts[0], nil
	}
	return result.Combine(parts)
}
