package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	a := of("x", map[string]Outcome{"A-01": Passed, "A-02": NotApplicable})
	b := of("x", map[string]Outcome{"A-01": Failed, "A-02": Passed, "A-03": Skipped})
	a.Notes, b.Notes = []string{"n"}, []string{"n", "m"}
	a.DurationMs, b.DurationMs = 3, 4
	m, err := Merge([]*Report{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if m.Summary != (Summary{Passed: 1, Failed: 1, Skipped: 1}) || fmt.Sprint(m.Notes) != "[n m]" || len(a.Notes) != 1 || !m.Partial || len(m.Causes) != 1 || m.DurationMs != 7 {
		t.Errorf("%+v", m)
	}
	var raw bytes.Buffer
	if err := m.WriteJSON(&raw); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(&raw); err != nil || again.Summary != m.Summary || !again.Partial {
		t.Errorf("%v %v", again, err)
	}
	if _, err := Merge(nil); err == nil {
		t.Error("nothing was merged")
	}
}

func TestMergeTargets(t *testing.T) {
	embedded := func(port string, mutants ...string) *Report {
		r := of("https://127.0.0.1:"+port, map[string]Outcome{"A-01": Passed})
		r.Target.Name, r.Target.Embedded, r.Target.Mutants = "reference", true, mutants
		return r
	}
	strict := of("x", nil)
	strict.FailOn = FailOn{OnMust, OnShould}
	explicit := of("x", nil)
	explicit.FailOn = FailOn{OnMust}
	for _, c := range []struct {
		a, b *Report
		want string // in the error; empty if they merge
	}{
		{embedded("1"), embedded("2"), ""},
		{embedded("1", "m", "n"), embedded("2", "n", "m"), ""},
		{embedded("1", "m"), embedded("2"), `"reference" (embedded) broken by m and "reference" (embedded)`},
		{of("x", nil), embedded("2"), `"MDM" (x) and "reference" (embedded)`},
		{of("x", nil), of("y", nil), `"MDM" (x) and "MDM" (y)`},
		{of("x", nil), strict, "must and must,should"},
		{of("x", nil), explicit, ""},
	} {
		_, err := Merge([]*Report{c.a, c.b})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestMergeBlocked: the outcome of a blocked scenario depends on its blocker in the
// merged report.
func TestMergeBlocked(t *testing.T) {
	part := func(list ...Result) *Report {
		r := &Report{Target: Target{Discovery: "x"}, Scenarios: list}
		r.Finish()
		return r
	}
	at := func(id string, o Outcome, by string) Result {
		return Result{ID: id, Level: Must, Outcome: o, BlockedBy: by, Reason: "why"}
	}
	for name, c := range map[string]struct {
		parts []*Report
		want  Result
	}{
		"blocker fails in the same part": {[]*Report{part(at("P", Failed, ""), at("X", Blocked, "P")), part(at("Q", Passed, ""))}, at("X", Blocked, "P")},
		"blocker passes elsewhere, but failed once": {[]*Report{part(at("P", Failed, ""), at("X", Blocked, "P")), part(at("P", Passed, ""))},
			at("X", Blocked, "P")},
		"decided elsewhere":            {[]*Report{part(at("P", Failed, ""), at("X", Blocked, "P")), part(at("X", Passed, ""))}, at("X", Passed, "")},
		"failed elsewhere":             {[]*Report{part(at("X", Failed, "")), part(at("P", Failed, ""), at("X", Blocked, "P"))}, at("X", Failed, "")},
		"blocker passes elsewhere":     {[]*Report{part(at("X", Blocked, "P")), part(at("P", Passed, ""))}, at("X", Skipped, "")},
		"blocker was blocked, passes":  {[]*Report{part(at("P", Blocked, "O"), at("X", Blocked, "P")), part(at("P", Passed, ""))}, at("X", Skipped, "")},
		"blocker is blocked by broken": {[]*Report{part(at("O", Failed, ""), at("P", Blocked, "O"), at("X", Blocked, "P")), part()}, at("X", Blocked, "P")},
		"blocker in no report":         {[]*Report{part(at("X", Blocked, "P")), part()}, at("X", Blocked, "P")},
		"they block each other":        {[]*Report{part(at("X", Blocked, "Y"), at("Y", Blocked, "X")), part()}, at("X", Blocked, "Y")},
	} {
		m, err := Merge(c.parts)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(m.Scenarios, func(s Result) bool { return s.ID == "X" })
		got := m.Scenarios[i]
		if got.Outcome != c.want.Outcome || got.BlockedBy != c.want.BlockedBy || got.Outcome == Skipped && !strings.Contains(got.Reason, "blocked by P in one part") {
			t.Errorf("%s: %s, blocked by %q: %s", name, got.Outcome, got.BlockedBy, got.Reason)
		}
		if got.Outcome != Passed && got.Outcome != Failed && !m.Partial {
			t.Errorf("%s: not partial", name)
		}
		if c.parts[0].Scenarios[0].Reason != "why" {
			t.Errorf("%s: the merge changed its parts", name)
		}
	}
}

// TestMergeManyNotes: merging five reports with 80,000 notes each does not take
// minutes.
func TestMergeManyNotes(t *testing.T) {
	var parts []*Report
	for k := range 5 {
		r := of("x", map[string]Outcome{"A-01": Passed})
		for i := range 80_000 {
			r.Notes = append(r.Notes, fmt.Sprintf("note %d of %d", i, k%4))
		}
		parts = append(parts, r)
	}
	m, err := Merge(parts)
	if err != nil || len(m.Notes) != 4*80_000 {
		t.Errorf("%v, %d notes", err, len(m.Notes))
	}
}
