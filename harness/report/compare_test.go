package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func of(discovery string, outcomes map[string]Outcome) *Report {
	r := &Report{Dmwake: Version, Target: Target{Discovery: discovery}}
	for _, id := range []string{"A-01", "A-02", "A-03", "A-04", "A-05"} {
		if o, ok := outcomes[id]; ok {
			r.Scenarios = append(r.Scenarios, Result{ID: id, Level: Must, Outcome: o})
		}
	}
	r.Finish()
	return r
}

func TestDiff(t *testing.T) {
	before := of("x", map[string]Outcome{"A-01": Failed, "A-02": Passed, "A-03": Passed, "A-05": Passed})
	now := of("x", map[string]Outcome{"A-01": Passed, "A-02": Failed, "A-03": Skipped, "A-04": Failed})
	fixed, broken, added, other := Diff(before, now)
	got := fmt.Sprint(ids(fixed), ids(broken), ids(added), ids(other))
	if got != "[A-01] [A-02] [A-04] [A-03 A-05]" {
		t.Error(got)
	}
}

func ids(list []Change) (out []string) {
	for _, c := range list {
		out = append(out, c.ID)
	}
	return out
}

func TestMerge(t *testing.T) {
	a := of("x", map[string]Outcome{"A-01": Passed, "A-02": NotApplicable})
	b := of("x", map[string]Outcome{"A-01": Failed, "A-02": Passed, "A-03": Skipped})
	a.Notes, b.Notes = []string{"n"}, []string{"n", "m"}
	m, err := Merge([]*Report{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if m.Summary != (Summary{Passed: 1, Failed: 1, Skipped: 1}) || len(m.Notes) != 2 || len(a.Notes) != 1 {
		t.Errorf("%+v %v", m.Summary, m.Notes)
	}
	if _, err := Merge([]*Report{a, of("y", nil)}); err == nil {
		t.Error("reports of two targets were merged")
	}
	var raw bytes.Buffer
	if err := m.WriteJSON(&raw); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(&raw); err != nil || again.Summary != m.Summary {
		t.Errorf("%v %v", again, err)
	}
	for _, bad := range []string{"", "{}", "[1]"} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
