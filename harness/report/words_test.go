package report

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// text is what a page shows, without its markup.
func text(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
		}
	}
	return oneLine(b.String())
}

// TestSameWords: terminal, JSON, JUnit and page tell a run in the same words.
func TestSameWords(t *testing.T) {
	r := sampleReport()
	r.Scenarios = append(r.Scenarios, result("SES-01", Must, Failed, because("it has a cause")), result("SES-02", Must, NotApplicable, func(r *Result) { r.Reason = "it never came" }))
	r.Scenarios[1].Fix = "change it"
	r.Finish()
	var out, raw strings.Builder
	(&Terminal{W: &out, Again: r.Again}).Summary(r)
	if err := r.WriteJSON(&raw); err != nil {
		t.Fatal(err)
	}
	var j struct {
		Verdict string
		Causes  []struct{ Cause string }
		Summary map[string]int
	}
	if err := json.Unmarshal([]byte(raw.String()), &j); err != nil {
		t.Fatal(err)
	}
	terminal, page := oneLine(out.String()), text(t, render(t, r))
	verdict, _ := r.Verdict()
	if j.Verdict != verdict {
		t.Errorf("the verdict of the JSON is %q, not %q", j.Verdict, verdict)
	}
	both := []string{verdict, r.Summary.Counts(), WhatFailed, Warnings, KnownFailures, OwnFailures, Undecided, WorthKnowing, HooksFailed, LabelCause + " it has a cause", LabelRule + " a rule", LabelSource + " MS-MDM 1.1",
		LabelExpected + " one ", LabelSaw + " two ", LabelFix + " change it", "dmwake test --config my.yaml --only PFN-02 --seed 7"}
	for _, line := range r.Open() {
		both = append(both, oneLine(line))
	}
	for _, want := range both {
		if !strings.Contains(terminal, want) {
			t.Errorf("the terminal has no %q in\n%s", want, out.String())
		}
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q in\n%s", want, page)
		}
	}
	for _, c := range j.Causes {
		if !strings.Contains(page, oneLine(c.Cause)) {
			t.Errorf("the page has no cause %q", c.Cause)
		}
	}
	for _, c := range r.Summary.List() {
		if n, ok := j.Summary[string(c.Outcome)]; !ok || n != c.N {
			t.Errorf("the JSON counts %d %s, not %d", n, c.Outcome, c.N)
		}
		if c.N > 0 && !strings.Contains(page, c.Outcome.Word()+" (") {
			t.Errorf("the page has no group %q", c.Outcome.Word())
		}
	}
}
