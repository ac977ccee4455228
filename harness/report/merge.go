package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// worse ranks outcomes: of two runs of a scenario the worse counts, and a decided
// one before an undecided one.
var worse = map[Outcome]int{NotApplicable: 0, Skipped: 1, Blocked: 2, Errored: 3, Passed: 4, Warned: 5, Failed: 6}

// Merge joins reports of parts of a run against one target.
//
// If several reports have a scenario, its worst decided outcome counts. A scenario
// that is still blocked stays blocked if its blocker is broken in the merged
// report, or missing from it. If the blocker passed in another report, nothing
// blocks the scenario, but nobody judged it either: it becomes skipped.
func Merge(parts []*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("no report to merge")
	}
	out := *parts[0]
	out.Scenarios, out.Causes = nil, nil
	out.FailOn = slices.Clone(out.FailOn)
	out.Aborted, out.DurationMs = "", 0
	var notes, hooks, aborted lines
	at := map[string]int{}
	for _, p := range parts {
		switch {
		case !p.Target.same(&out.Target):
			return nil, fmt.Errorf("reports of different targets cannot be merged: %s and %s", out.Target.named(), p.Target.named())
		case !p.FailOn.same(out.FailOn):
			return nil, fmt.Errorf("reports with different --fail-on cannot be merged: %s and %s; run all parts with the same --fail-on", out.FailOn, p.FailOn)
		}
		if p.Started.Before(out.Started) {
			out.Started = p.Started
		}
		out.DurationMs += p.DurationMs
		notes.add(p.Notes...)
		hooks.add(p.HookErrors...)
		if p.Aborted != "" {
			aborted.add(p.Aborted)
		}
		for i := range p.Scenarios {
			s := &p.Scenarios[i]
			if k, ok := at[s.ID]; !ok {
				at[s.ID] = len(out.Scenarios)
				out.Scenarios = append(out.Scenarios, *s)
			} else if worse[s.Outcome] > worse[out.Scenarios[k].Outcome] {
				out.Scenarios[k] = *s
			}
		}
	}
	out.unblock(at)
	out.Notes, out.HookErrors, out.Aborted = notes.list, hooks.list, strings.Join(aborted.list, "; ")
	out.Dmwake = Version
	out.Duration = time.Duration(out.DurationMs) * time.Millisecond
	out.digest()
	return &out, nil
}

// unblock marks scenarios as skipped if their blocker turned out not to be broken.
func (r *Report) unblock(at map[string]int) {
	free := map[int]string{}
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Outcome == Blocked {
			if k := blocker(r.Scenarios, at, i); k >= 0 && !r.Scenarios[k].Broken() {
				free[i] = r.Scenarios[k].ID
			}
		}
	}
	for i, by := range free {
		s := &r.Scenarios[i]
		s.Reason = fmt.Sprintf("blocked by %s in one part of the run, but %s did not fail in another; run it again", by, by)
		s.Outcome, s.BlockedBy = Skipped, ""
	}
}

// lines collects distinct texts in order. Reports may have very many.
type lines struct {
	list []string
	seen map[string]bool
}

func (l *lines) add(texts ...string) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, s := range texts {
		if !l.seen[s] {
			l.seen[s] = true
			l.list = append(l.list, s)
		}
	}
}

// same reports whether two runs were against the same server. The port of an
// embedded server differs from run to run, so only its mutants count.
func (t *Target) same(o *Target) bool {
	if t.Embedded != o.Embedded || !slices.Equal(slices.Sorted(slices.Values(t.Mutants)), slices.Sorted(slices.Values(o.Mutants))) {
		return false
	}
	return t.Embedded || t.Discovery == o.Discovery
}

func (t *Target) named() string {
	s := fmt.Sprintf("%q (%s)", t.Name, t.Discovery)
	if t.Embedded {
		s = fmt.Sprintf("%q (embedded)", t.Name)
	}
	if len(t.Mutants) > 0 {
		s += " broken by " + strings.Join(t.Mutants, ", ")
	}
	return s
}
