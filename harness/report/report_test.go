package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

func sample(strict bool) *Report {
	var on FailOn
	if strict {
		on = FailOn{OnMust, OnShould}
	}
	r := &Report{Started: time.Now(), FailOn: on, Target: Target{Name: "x"}, Seed: 5, Scenarios: []Result{
		{ID: "SES-01", Area: "SES", Level: Must, Title: "a", Outcome: Passed, Evidence: []string{}},
		{ID: "SES-09", Area: "SES", Level: Must, Title: "b <&>", Outcome: Failed, Rule: "the rule", Source: "MS-MDM 2.2.6.1", Expected: "one", Saw: "two \x01", Evidence: []string{"line"}},
		{ID: "TOK-04", Area: "TOK", Level: Should, Title: "c", Outcome: Warned, Expected: "e", Saw: "s", Evidence: []string{}},
		{ID: "PSH-01", Area: "PSH", Level: Must, Title: "d", Outcome: Skipped, Reason: "no hook", Evidence: []string{}},
		{ID: "PSH-02", Area: "PSH", Level: Must, Title: "e", Outcome: NotApplicable, Reason: "never came", Evidence: []string{}},
		{ID: "PSH-03", Area: "PSH", Level: Must, Title: "f", Outcome: Blocked, BlockedBy: "SES-09", Reason: "no session", Evidence: []string{}},
		{ID: "ROB-01", Area: "ROB", Level: Must, Title: "g", Outcome: Errored, Reason: "a body crashed", Evidence: []string{"stack"}},
	}}
	r.Finish()
	return r
}

// TestJSONIsTheContract: the keys that others rely on exist.
func TestJSONIsTheContract(t *testing.T) {
	var b bytes.Buffer
	if err := sample(false).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Dmwake    *string
		Target    map[string]any
		Summary   struct{ Passed, Failed, Warned, Blocked, Skipped, NotApplicable, Error *int }
		Partial   *bool
		Causes    []map[string]any
		Scenarios []map[string]any
	}
	dec := json.NewDecoder(&b)
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	s := got.Summary
	if got.Dmwake == nil || *got.Dmwake != Version || *s.Passed != 1 || *s.Failed != 1 || *s.Warned != 1 || *s.Blocked != 1 || *s.Skipped != 1 || *s.NotApplicable != 1 || *s.Error != 1 {
		t.Errorf("version or summary: %+v", got)
	}
	if got.Partial == nil || !*got.Partial || len(got.Causes) != 2 || got.Causes[0]["scenarios"] == nil || got.Causes[0]["blocked"] == nil {
		t.Errorf("partial %v, causes %v", got.Partial, got.Causes)
	}
	for _, key := range []string{"id", "area", "level", "title", "outcome", "reason", "source", "expected", "saw", "evidence", "durationMs"} {
		if _, ok := got.Scenarios[0][key]; !ok {
			t.Errorf("a scenario has no %q", key)
		}
	}
}

func TestWhatFailsTheRun(t *testing.T) {
	if got := len(sample(false).Failures()); got != 1 {
		t.Errorf("%d failures, want the MUST alone", got)
	}
	if got := len(sample(true).Failures()); got != 2 {
		t.Errorf("%d failures with strict, want 2", got)
	}
	if got := sample(false).MustUndecided(); got != 3 {
		t.Errorf("%d undecided, want 3", got)
	}
}

func TestParseFailOn(t *testing.T) {
	for in, want := range map[string]string{"": "must", "must": "must", "should": "must,should", "partial": "must,partial", "nothing": "nothing", "Must, should,must": "must,should"} {
		got, err := ParseFailOn(strings.FieldsFunc(in, func(r rune) bool { return r == ',' }))
		if err != nil || got.String() != want {
			t.Errorf("%q: %s %v", in, got, err)
		}
	}
	for _, in := range []string{"nothing,must", "always"} {
		if _, err := ParseFailOn(strings.Split(in, ",")); err == nil {
			t.Errorf("%q was read", in)
		}
	}
}

func TestJUnit(t *testing.T) {
	r := sample(false)
	r.Scenarios = append(r.Scenarios, Result{ID: "ROB-02", Area: "ROB", Level: Must, Outcome: Failed, Known: true})
	var b bytes.Buffer
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if got.Tests != 8 || got.Failures != 1 || got.Skipped != 3 || got.Errors != 1 || len(got.Suites) != 4 || got.Suites[3].Errors != 1 {
		t.Errorf("counts: %+v", got)
	}
	f := got.Suites[0].Cases[1].Failure
	if f == nil || !strings.Contains(f.Message, "expected one; saw two") || !strings.Contains(f.Text, "MS-MDM 2.2.6.1") || strings.Contains(f.Text, "\x01") {
		t.Errorf("failure: %+v", f)
	}
	if c := got.Suites[1].Cases[0]; c.Failure != nil || !strings.Contains(c.Out, "SHOULD not met") {
		t.Errorf("a SHOULD that is not met must be told: %+v", c)
	}
	for i, want := range []string{"skipped: no hook", "not applicable: never came", "blocked by SES-09: no session"} {
		if c := got.Suites[2].Cases[i]; c.Skipped == nil || c.Skipped.Message != want {
			t.Errorf("%+v, want %q", c.Skipped, want)
		}
	}
	if c := got.Suites[3].Cases[0]; c.Error == nil || !strings.Contains(c.Error.Message, "a body crashed") || c.Error.Text != "stack" {
		t.Errorf("error: %+v", c)
	}
	if c := got.Suites[3].Cases[1]; c.Failure != nil || !strings.Contains(c.Out, "known failure") {
		t.Errorf("a known failure: %+v", c)
	}
}
