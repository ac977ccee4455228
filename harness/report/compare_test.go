package report

import (
	"fmt"
	"testing"
)

// of returns a report with these outcomes of MUST scenarios, in the order of ids.
func of(discovery string, outcomes map[string]Outcome) *Report {
	r := &Report{Dmwake: Version, Target: Target{Name: "MDM", Discovery: discovery}}
	for _, id := range []string{"A-01", "A-02", "A-03", "A-04", "A-05"} {
		if o, ok := outcomes[id]; ok {
			level := Must
			if o == Warned {
				level = Should
			}
			r.Scenarios = append(r.Scenarios, Result{ID: id, Area: "A", Level: level, Outcome: o})
		}
	}
	r.Finish()
	return r
}

func changed(list []Change) (out []string) {
	for _, c := range list {
		out = append(out, c.ID)
	}
	return out
}

// TestDiff: where each pair of outcomes goes.
func TestDiff(t *testing.T) {
	const none = Outcome("")
	want := map[string][][2]Outcome{
		"broken": {{Passed, Failed}, {Passed, Warned}, {Warned, Failed}, {Skipped, Failed}, {Blocked, Failed}, {Errored, Warned}, {NotApplicable, Failed}},
		"fixed":  {{Failed, Passed}, {Warned, Passed}},
		"new":    {{none, Passed}, {none, Failed}, {none, Blocked}},
		"undecided": {{Passed, Blocked}, {Passed, Skipped}, {Passed, Errored}, {Failed, Blocked}, {Warned, Errored},
			{Failed, Skipped}},
		"other": {{Passed, none}, {Failed, none}, {Failed, Warned}, {Passed, NotApplicable}, {Failed, NotApplicable}, {Blocked, Passed}, {Blocked, Skipped}, {Errored, Blocked}, {Skipped, Passed}},
		"none":  {{Passed, Passed}, {Failed, Failed}, {Blocked, Blocked}},
	}
	for list, pairs := range want {
		for _, p := range pairs {
			one := func(o Outcome) *Report {
				if o == none {
					return &Report{}
				}
				return &Report{Scenarios: []Result{{ID: "A-01", Outcome: o}}}
			}
			d := Diff(one(p[0]), one(p[1]))
			got := map[string][]Change{"broken": d.Broken, "fixed": d.Fixed, "new": d.Added, "undecided": d.Undecided, "other": d.Other}
			for name, in := range got {
				if (len(in) == 1) != (name == list) {
					t.Errorf("%q -> %q: %d in %s, want it in %s", p[0], p[1], len(in), name, list)
				}
			}
		}
	}
	d := Diff(of("x", map[string]Outcome{"A-01": Passed, "A-02": Passed, "A-05": Passed}), of("x", map[string]Outcome{"A-02": NotApplicable}))
	if got := fmt.Sprint(changed(d.Other)); got != "[A-01 A-02 A-05]" {
		t.Errorf("in the order of ids: %s", got)
	}
}
