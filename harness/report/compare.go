package report

import (
	"fmt"
	"slices"
	"strings"
)

// Change is a scenario whose outcome differs between two reports.
type Change struct {
	ID, Title   string
	Level       string
	Before, Now Outcome // empty if the report does not have it
}

// Changes says how a report differs from an earlier one.
type Changes struct {
	Broken []Change // now fail or warn and did not before, or fail instead of warn
	Fixed  []Change // now pass, and failed or warned before
	Added  []Change // only in the later report
	// Undecided were decided before, and are now blocked, skipped or an error. The
	// server may keep or break their rules, so they are neither broken nor fixed.
	Undecided []Change
	Other     []Change // the rest, and scenarios that are gone
}

// ChangeList are the changes of one kind.
type ChangeList struct {
	Word string
	List []Change
}

// Lists returns the changes of each kind, the worst kind first.
func (c *Changes) Lists() []ChangeList {
	return []ChangeList{{"broken", c.Broken}, {"fixed", c.Fixed}, {"new", c.Added}, {"undecided", c.Undecided}, {"other", c.Other}}
}

// String returns the line with the numbers.
func (c *Changes) String() string {
	var parts []string
	for _, l := range c.Lists() {
		parts = append(parts, fmt.Sprintf("%d %s", len(l.List), l.Word))
	}
	return strings.Join(parts, ", ")
}

// words returns the kind of change of each scenario.
func (c *Changes) words() map[string]string {
	out := map[string]string{}
	if c == nil {
		return out
	}
	for _, l := range c.Lists() {
		for _, k := range l.List {
			out[k.ID] = l.Word
		}
	}
	return out
}

// Text says what an outcome was and is.
func (c Change) Text() string {
	word := func(o Outcome) string {
		if o == "" {
			return "none"
		}
		return o.Word()
	}
	return word(c.Before) + " -> " + word(c.Now)
}

// Diff compares two reports.
func Diff(before, now *Report) (out Changes) {
	old := map[string]*Result{}
	for i := range before.Scenarios {
		old[before.Scenarios[i].ID] = &before.Scenarios[i]
	}
	for i := range now.Scenarios {
		s := &now.Scenarios[i]
		c := Change{ID: s.ID, Title: s.Title, Level: s.Level, Now: s.Outcome}
		was := old[s.ID]
		delete(old, s.ID)
		if was == nil {
			out.Added = append(out.Added, c)
			continue
		}
		c.Before = was.Outcome
		switch {
		case was.Outcome == s.Outcome:
		case s.Outcome == Failed, s.Outcome == Warned && !was.Broken():
			out.Broken = append(out.Broken, c)
		case was.Broken() && s.Outcome == Passed:
			out.Fixed = append(out.Fixed, c)
		case (was.Broken() || was.Outcome == Passed) && (s.Outcome == Blocked || s.Outcome == Skipped || s.Outcome == Errored):
			out.Undecided = append(out.Undecided, c)
		default:
			out.Other = append(out.Other, c)
		}
	}
	for _, s := range old {
		out.Other = append(out.Other, Change{ID: s.ID, Title: s.Title, Level: s.Level, Before: s.Outcome})
	}
	slices.SortFunc(out.Other, func(a, b Change) int { return strings.Compare(a.ID, b.ID) })
	return out
}
