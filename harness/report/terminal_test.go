package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func terminal(r *Report, color bool) string {
	var b strings.Builder
	term := &Terminal{W: &b, Color: color, Again: "dmwake test --config x.yaml", Strict: r.Strict}
	term.Header(r.Target, len(r.Scenarios))
	for _, s := range r.Scenarios {
		term.Progress(s)
	}
	term.Summary(r)
	return b.String()
}

func TestTerminal(t *testing.T) {
	for _, color := range []bool{false, true} {
		out := terminal(sample(false), color)
		for _, want := range []string{"MS-MDM 2.2.6.1", "    rule      the rule\n", "never came", "1 passed, 1 failed, 1 warned, 1 blocked, 1 skipped, 1 not applicable, 1 error in ",
			"The server breaks 1 rule.", "The result is partial: 3 MUST scenarios", "dmwake test --config x.yaml --only SES-09 --seed 5\n", "dmwake itself failed", "ROB-01  a body crashed"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if strings.Contains(out, "\x1b[") != color {
			t.Errorf("colour %v:\n%q", color, out)
		}
	}
}

// TestMarks: four letters per outcome.
func TestOutcomeMarks(t *testing.T) {
	r := sample(false)
	r.Scenarios = append(r.Scenarios, result("SES-10", Must, Failed, known), result("SES-11", Info, Warned))
	out := terminal(r, false)
	for _, want := range []string{"  pass  SES-01  a\n", "  FAIL  SES-09  b <&>\n            saw: two", "  warn  TOK-04  c\n            saw: s\n", "  skip  PSH-01  d\n            no hook\n", "  n/a   PSH-02  e\n            never came\n",
		"  blkd  PSH-03  f\n            blocked by SES-09: no session\n", "  ERR!  ROB-01  g\n            a body crashed\n", "  know  SES-10", "  warn  SES-11"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := terminal(sample(true), false); !strings.Contains(out, "  FAIL  TOK-04") {
		t.Errorf("strict:\n%s", out)
	}
	r = sample(false)
	r.FailOn = FailOn{OnNothing}
	if out := terminal(r, false); !strings.Contains(out, "  FAIL  SES-09") || !strings.Contains(out, "What failed (does not fail this run") {
		t.Errorf("a MUST that failed has to be told, whatever fails the run:\n%s", out)
	}
}

// TestCauseIsToldOnce: one block per cause, worst first, and the other scenarios in
// a readable line.
func TestCauseIsToldOnce(t *testing.T) {
	r := &Report{Scenarios: []Result{result("SES-01", Should, Warned), result("SES-02", Must, Failed), result("SES-03", Must, Failed, under("SES-02")), result("SES-04", Must, Failed), result("TOK-04", Should, Warned, under("SES-02"))}}
	for i := range 40 {
		r.Scenarios = append(r.Scenarios, result(fmt.Sprintf("PSH-%02d", i), Must, Blocked, by("SES-02")))
	}
	r.Finish()
	var b strings.Builder
	(&Terminal{W: &b, Again: "dmwake test"}).Summary(r)
	out := b.String()
	for _, want := range []string{"    same cause  SES-03 failed · 1 warned: TOK-04 · 40 blocked: PSH-00, PSH-01, PSH-02, PSH-03, PSH-04, PSH-05, PSH-06, PSH-07, ... 32 more\n",
		"0 passed, 3 failed, 2 warned, 40 blocked,", "The server breaks 3 rules, from 2 causes."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got := strings.Count(out, "again "); got != 3 {
		t.Errorf("%d blocks, want one for each of 3 causes:\n%s", got, out)
	}
	if a, b, w, c := strings.Index(out, "  SES-02 MUST"), strings.Index(out, "  SES-04 MUST"), strings.Index(out, "\nWarnings"), strings.Index(out, "  SES-01 SHOULD"); a < 0 || b < a || w < b || c < w {
		t.Errorf("order %d %d %d %d:\n%s", a, b, w, c, out)
	}
	var json strings.Builder
	if err := r.WriteJSON(&json); err != nil || !strings.Contains(json.String(), `"PSH-39"
      ]`) {
		t.Errorf("%v: the JSON has not all ids of the cause", err)
	}
	if page := render(t, r); !strings.Contains(page, `<a href="#PSH-39">PSH-39</a>`) {
		t.Error("the page has not all ids of the cause")
	}
}

// TestAnnotations: one per cause, and one for all our own failures.
func TestAnnotations(t *testing.T) {
	r := &Report{Again: "dmwake test", Scenarios: []Result{result("SES-02", Must, Failed, because("broken: 100%")), result("SES-03", Must, Failed, because("broken: 100%")), result("TOK-04", Should, Warned), result("PSH-01", Must, Blocked, by("SES-02")),
		result("SES-09", Must, Failed, known), result("ROB-01", Must, Errored), result("ROB-02", Must, Errored)}}
	r.Finish()
	var b strings.Builder
	r.WriteAnnotations(&b)
	out := strings.Split(strings.TrimSpace(b.String()), "\n")
	want := []string{"::error title=SES-02 title SES-02::broken: 100%25%0A", "::warning title=TOK-04", "::warning title=SES-09", "::error title=dmwake itself failed in 2 scenarios::"}
	if len(out) != len(want) {
		t.Fatalf("%d annotations:\n%s", len(out), b.String())
	}
	for i, w := range want {
		if !strings.HasPrefix(out[i], w) {
			t.Errorf("%s\nwant %s", out[i], w)
		}
	}
	if !strings.Contains(out[0], "same cause: SES-03 failed · 1 blocked: PSH-01") || !strings.Contains(out[3], "ROB-01: %0AROB-02:") {
		t.Errorf("%s\n%s", out[0], out[3])
	}
}

// TestDoing: a terminal shows how far the run is and what runs, until the summary.
func TestDoing(t *testing.T) {
	var b strings.Builder
	var shown []string
	r := sample(false)
	term := &Terminal{W: &b, Status: func(lines ...string) { shown = append(shown, strings.Join(lines, "|")) }}
	term.Header(r.Target, 205)
	term.Doing(0, 205, []string{"SES-01"}, 0)
	for _, s := range r.Scenarios {
		term.Progress(s)
	}
	term.Doing(3, 205, []string{"SES-09", "TOK-04", "PSH-01", "PSH-02", "PSH-03"}, 40*time.Second)
	term.Doing(205, 205, nil, 0)
	term.Summary(r)
	want := []string{"0 of 205  running SES-01", "3 of 205  2 failed  about 40 s left  running SES-09, TOK-04, PSH-01 and 2 more", "205 of 205  2 failed", ""}
	if !slices.Equal(shown, want) {
		t.Errorf("%q\nwant\n%q", shown, want)
	}
	if b.String() != terminal(r, false) && strings.Contains(b.String(), "of 205") {
		t.Errorf("the progress is in the text:\n%s", b.String())
	}
	(&Terminal{W: &b}).Doing(1, 205, nil, time.Minute) // a file: nowhere to show it
}

// TestLoudness: quiet shows only failures as they come; verbose adds times, and every
// reason.
func TestLoudness(t *testing.T) {
	r := sample(false)
	show := func(term *Terminal) string {
		var b strings.Builder
		term.W = &b
		term.Header(r.Target, 1)
		for _, s := range r.Scenarios {
			term.Progress(s)
			term.Progress(s)
		}
		return b.String()
	}
	quiet := show(&Terminal{Quiet: true})
	if strings.Contains(quiet, "scenarios against") || strings.Contains(quiet, "pass  ") || strings.Contains(quiet, "skip  ") || !strings.Contains(quiet, "FAIL  SES-09") || !strings.Contains(quiet, "ERR!  ROB-01") {
		t.Errorf("quiet:\n%s", quiet)
	}
	if verbose := show(&Terminal{Verbose: true}); !strings.Contains(verbose, "pass  SES-01  a (") || strings.Count(verbose, "no hook") != 2 {
		t.Errorf("verbose:\n%s", verbose)
	}
	if usual := show(&Terminal{}); strings.Count(usual, "no hook") != 1 || strings.Contains(usual, " ms)") {
		t.Errorf("by default:\n%s", usual)
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Millisecond: "1 s", 7400 * time.Millisecond: "7 s", 42 * time.Second: "40 s", 99 * time.Second: "100 s", 101 * time.Second: "2 min", 10 * time.Minute: "10 min"} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
