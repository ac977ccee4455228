package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// worse ranks outcomes: of two runs of a scenario the worse one counts, and a
// decided one before one that could not look.
var worse = map[Outcome]int{NotApplicable: 0, Skipped: 1, Blocked: 2, Errored: 3, Passed: 4, Warned: 5, Failed: 6}

// Merge joins reports of parts of a run, against one target.
//
// A scenario that several have counts as it went worst, where it was decided at
// all. One that is still blocked after that stays blocked if its blocker is
// broken in the whole, or in no report. If the blocker passed in another report,
// nothing blocks it any more, but nobody looked either: it becomes skipped.
func Merge(parts []*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("there is no report to merge")
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
			return nil, fmt.Errorf("reports with different --fail-on cannot be merged: %s and %s; run all parts with the same", out.FailOn, p.FailOn)
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

// unblock makes those skipped whose blocker turned out well.
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

// lines are texts, each once, in the order they came. Reports may have very
// many.
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

// same tells whether two runs were against one server. Of embedded ones the port
// differs from run to run, so that what they were broken with counts.
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
