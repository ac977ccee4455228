package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Read reads a JSON report.
func Read(r io.Reader) (*Report, error) {
	var out Report
	if err := json.NewDecoder(r).Decode(&out); err != nil {
		return nil, fmt.Errorf("no JSON report of dmwake: %w", err)
	}
	if out.Dmwake == "" {
		return nil, fmt.Errorf("no JSON report of dmwake: it names no version")
	}
	return &out, nil
}

// Change is a scenario whose outcome differs between two reports.
type Change struct {
	ID, Title   string
	Level       string
	Before, Now Outcome // empty where the report does not have it
}

// Diff compares two reports: what fails no more, what fails now, what only the
// second has, what changed in another way or is gone.
func Diff(before, now *Report) (fixed, broken, added, other []Change) {
	old := map[string]*Result{}
	for i := range before.Scenarios {
		old[before.Scenarios[i].ID] = &before.Scenarios[i]
	}
	for i := range now.Scenarios {
		s := &now.Scenarios[i]
		c := Change{ID: s.ID, Title: s.Title, Level: s.Level, Now: s.Outcome}
		was := old[s.ID]
		delete(old, s.ID)
		switch {
		case was == nil:
			added = append(added, c)
			continue
		case was.Outcome == s.Outcome:
			continue
		}
		c.Before = was.Outcome
		switch {
		case s.Broken():
			broken = append(broken, c)
		case was.Broken() && s.Outcome == Passed:
			fixed = append(fixed, c)
		default:
			other = append(other, c)
		}
	}
	for _, s := range old {
		other = append(other, Change{ID: s.ID, Title: s.Title, Level: s.Level, Before: s.Outcome})
	}
	slices.SortFunc(other, func(a, b Change) int { return strings.Compare(a.ID, b.ID) })
	return fixed, broken, added, other
}

// worse ranks outcomes: of two runs of a scenario the worse one counts.
var worse = map[Outcome]int{NotApplicable: 0, Skipped: 1, Blocked: 2, Errored: 3, Passed: 4, Warned: 5, Failed: 6}

// Merge joins reports of parts of a run, against one target: a scenario that
// several have counts as it went worst, where it was run at all.
func Merge(parts []*Report) (*Report, error) {
	out := *parts[0]
	out.Scenarios = nil
	at := map[string]int{}
	for _, p := range parts {
		if p.Target.Discovery != out.Target.Discovery || !slices.Equal(p.FailOn, out.FailOn) {
			return nil, fmt.Errorf("the reports are of different targets or levels: %s and %s", out.Target.Discovery, p.Target.Discovery)
		}
		if p.Started.Before(out.Started) {
			out.Started = p.Started
		}
		if out.Aborted == "" {
			out.Aborted = p.Aborted
		}
		for _, list := range []struct{ from, to *[]string }{{&p.Notes, &out.Notes}, {&p.HookErrors, &out.HookErrors}} {
			for _, n := range *list.from {
				if !slices.Contains(*list.to, n) {
					*list.to = append(slices.Clip(*list.to), n)
				}
			}
		}
		for _, s := range p.Scenarios {
			if i, ok := at[s.ID]; !ok {
				at[s.ID] = len(out.Scenarios)
				out.Scenarios = append(out.Scenarios, s)
			} else if worse[s.Outcome] > worse[out.Scenarios[i].Outcome] {
				out.Scenarios[i] = s
			}
		}
	}
	took := int64(0)
	for _, p := range parts {
		took += p.DurationMs
	}
	out.digest()
	out.DurationMs = took
	return &out, nil
}
