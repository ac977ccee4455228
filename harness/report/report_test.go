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
	r := &Report{Started: time.Now(), Strict: strict, Target: Target{Name: "x"}, Seed: 5, Scenarios: []Result{
		{ID: "SES-01", Area: "SES", Level: Must, Title: "a", Outcome: Passed, Evidence: []string{}},
		{ID: "SES-09", Area: "SES", Level: Must, Title: "b <&>", Outcome: Failed, Rule: "the rule", Source: "MS-MDM 2.2.6.1", Expected: "one", Saw: "two \x01", Evidence: []string{"line"}},
		{ID: "TOK-04", Area: "TOK", Level: Should, Title: "c", Outcome: Failed, Expected: "e", Saw: "s", Evidence: []string{}},
		{ID: "PSH-01", Area: "PSH", Level: Must, Title: "d", Outcome: Skipped, Reason: "no hook", Evidence: []string{}},
		{ID: "PSH-02", Area: "PSH", Level: Must, Title: "e", Outcome: NotApplicable, Reason: "never came", Evidence: []string{}},
	}}
	r.Finish()
	return r
}

// TestJSONIsTheContract: the keys that others rely on are there under their
// names.
func TestJSONIsTheContract(t *testing.T) {
	var b bytes.Buffer
	if err := sample(false).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Dmwake    *string
		Target    map[string]any
		Summary   struct{ Passed, Failed, Skipped, NotApplicable *int }
		Scenarios []map[string]any
	}
	dec := json.NewDecoder(&b)
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	s := got.Summary
	if got.Dmwake == nil || *got.Dmwake != Version || *s.Passed != 1 || *s.Failed != 2 || *s.Skipped != 1 || *s.NotApplicable != 1 {
		t.Errorf("version or summary: %+v", got)
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
	if got := sample(false).MustUndecided(); got != 2 {
		t.Errorf("%d undecided, want 2", got)
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := sample(false).WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if got.Tests != 5 || got.Failures != 1 || got.Skipped != 2 || len(got.Suites) != 3 {
		t.Errorf("counts: %+v", got)
	}
	f := got.Suites[0].Cases[1].Failure
	if f == nil || !strings.Contains(f.Message, "expected one; saw two") || !strings.Contains(f.Text, "MS-MDM 2.2.6.1") || strings.Contains(f.Text, "\x01") {
		t.Errorf("failure: %+v", f)
	}
	if !strings.Contains(got.Suites[1].Cases[0].Out, "SHOULD not met") {
		t.Errorf("a SHOULD that is not met must be told: %+v", got.Suites[1].Cases[0])
	}
}

func TestTerminal(t *testing.T) {
	for _, color := range []bool{false, true} {
		var b bytes.Buffer
		r := sample(false)
		term := &Terminal{W: &b, Color: color, Again: "dmwake test --config x.yaml"}
		term.Header(r.Target, len(r.Scenarios))
		for _, s := range r.Scenarios {
			term.Progress(s)
		}
		term.Summary(r)
		out := b.String()
		for _, want := range []string{"SES-09", "MS-MDM 2.2.6.1", "the rule", "no hook", "never came", "1 passed, 2 failed, 1 skipped, 1 not applicable",
			"breaks 1 of the rules", "dmwake test --config x.yaml --only SES-09"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if strings.Contains(out, "\x1b[") != color {
			t.Errorf("colour %v:\n%q", color, out)
		}
	}
	var b bytes.Buffer
	r := sample(false)
	r.Scenarios = r.Scenarios[3:]
	r.Finish()
	(&Terminal{W: &b}).Summary(r)
	if !strings.Contains(b.String(), "the result is partial: 2 MUST") {
		t.Errorf("skipped MUSTs are no pass:\n%s", b.String())
	}
}
