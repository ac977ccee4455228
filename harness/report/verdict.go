package report

import (
	"fmt"
	"strings"
)

// toldCause is a cause with its results.
type toldCause struct {
	Cause
	Head   *Result   // the scenario to look at
	Failed []*Result // what counts as failed, including Head
	Warned []*Result
	Known  []*Result
}

// told splits the causes by their worst scenario; each cause is listed once.
func (r *Report) told() (failed, warned, known []toldCause) {
	at := map[string]*Result{}
	for i := range r.Scenarios {
		at[r.Scenarios[i].ID] = &r.Scenarios[i]
	}
	for _, c := range r.Causes {
		t := toldCause{Cause: c}
		for _, id := range c.Scenarios {
			switch s := at[id]; {
			case s == nil:
			case r.counts(s):
				t.Failed = append(t.Failed, s)
			case s.Known:
				t.Known = append(t.Known, s)
			default:
				t.Warned = append(t.Warned, s)
			}
		}
		switch {
		case len(t.Failed) > 0:
			t.Head = t.Failed[0]
			failed = append(failed, t)
		case len(t.Warned) > 0:
			t.Head = t.Warned[0]
			warned = append(warned, t)
		case len(t.Known) > 0:
			t.Head = t.Known[0]
			known = append(known, t)
		}
	}
	return failed, warned, known
}

// Verdict describes the run in plain words, and says how good that is: "good",
// "warn" or "bad".
func (r *Report) Verdict() (text, tone string) {
	var out []string
	tone = "good"
	if r.Aborted != "" {
		out, tone = append(out, "The run ended early: "+strings.TrimSuffix(r.Aborted, ".")+"."), "bad"
	}
	if s := r.kept(); s != "" {
		out = append(out, s)
	}
	if r.Partial && tone == "good" {
		tone = "warn"
	}
	known := 0
	for i := range r.Scenarios {
		switch s := &r.Scenarios[i]; {
		case r.counts(s):
			tone = "bad"
		case s.Broken() && s.Known:
			known++
		}
	}
	if (known > 0 || r.Summary.Passed == 0) && tone == "good" {
		tone = "warn"
	}
	if r.Partial {
		out = append(out, r.undecided())
	}
	if n := r.Summary.Error; n > 0 {
		out, tone = append(out, fmt.Sprintf("dmwake itself failed in %s: this says nothing about the server; please report it.", many(n, "scenario"))), "bad"
	}
	return strings.Join(out, " "), tone
}

// kept says how many rules the server breaks, or that all checked rules passed.
func (r *Report) kept() string {
	failed, _, _ := r.told()
	levels := map[string]int{}
	broken, warned, known := 0, 0, 0
	for i := range r.Scenarios {
		switch s := &r.Scenarios[i]; {
		case r.counts(s):
			broken++
			levels[s.Level]++
		case s.Broken() && s.Known:
			known++
		case s.Broken():
			warned++
		}
	}
	more := ""
	if known > 0 {
		more = " (" + many(known, "known failure") + ")"
	}
	switch {
	case broken > 0:
		rules := many(broken, "rule")
		if levels[Should] > 0 {
			rules = many(levels[Should], "SHOULD rule")
			if levels[Must] > 0 {
				rules = many(levels[Must], "MUST rule") + " and " + rules
			}
		}
		if broken > 1 {
			rules += ", from " + many(len(failed), "cause")
		}
		return "The server breaks " + rules + more + "."
	case r.Aborted != "":
		return "" // rules that were not checked may be broken
	case known > 0:
		return "No new failures" + more + "."
	case warned > 0 && r.Summary.Passed > 0:
		return fmt.Sprintf("All checked MUST rules passed (%s).", many(warned, "warning"))
	case warned > 0:
		return fmt.Sprintf("No failures (%s).", many(warned, "warning"))
	case r.Summary.Passed == 0:
		return "No rule could be checked."
	}
	return "All checked rules passed."
}

// undecided says that the result is partial.
func (r *Report) undecided() string {
	by := map[Outcome]int{}
	n := 0
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Level == Must {
			by[s.Outcome]++
		}
	}
	var parts []string
	for _, k := range []struct {
		o    Outcome
		word string
	}{{Blocked, "blocked"}, {Skipped, "skipped"}, {Errored, "error"}} {
		if c := by[k.o]; c > 0 {
			n += c
			word := k.word
			if k.o == Errored && c > 1 {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", c, word))
		}
	}
	return fmt.Sprintf("The result is partial: %s could not be decided (%s).", many(n, "MUST scenario"), strings.Join(parts, ", "))
}

// Counts returns the line with the numbers.
func (s Summary) Counts() string {
	var parts []string
	for _, c := range s.List() {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, ", ")
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// someIDs lists the first few ids.
func someIDs(list []string) string {
	const shown = 8
	if len(list) <= shown+1 { // "1 more" is no shorter than an id
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s, ... %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}

// WhyUndecided says why a scenario neither passed nor broke its rule.
func (s *Result) WhyUndecided() string {
	if s.Outcome == Blocked && s.BlockedBy != "" {
		return "blocked by " + s.BlockedBy + ": " + s.Reason
	}
	return s.Reason
}
