package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Terminal writes progress and summary for a person.
type Terminal struct {
	W      io.Writer
	Color  bool
	Strict bool   // a SHOULD counts
	Again  string // the command that ran, without the selection

	area string
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	gray   = "90"
	bold   = "1"
)

func (t *Terminal) paint(code, s string) string {
	if !t.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// areas in words, for a newcomer.
var areas = map[string]string{
	"ENR": "enrollment: does the server take a device in",
	"SES": "sessions: does it speak SyncML as Windows expects",
	"PFN": "push provisioning: does it set the package family name",
	"CHN": "channels: does it keep track of the channel URI",
	"TOK": "tokens: does it get and keep a WNS access token",
	"WNS": "notifications: is what it sends to WNS right",
	"WER": "WNS errors: what does it do when WNS says no",
	"PSH": "push to work: does a push lead to a session that does the work",
	"ERR": "device errors: what does it do when the device says no",
	"SEC": "security: whom does it let in",
	"ROB": "robustness: what does broken input do to it",
}

// Header introduces the run.
func (t *Terminal) Header(target Target, count int) {
	fmt.Fprintf(t.W, "dmwake %s: %d scenarios against %s\n", Version, count, target.Name)
	if len(target.Mutants) > 0 {
		fmt.Fprintf(t.W, "broken on purpose: %s\n", strings.Join(target.Mutants, ", "))
	}
	fmt.Fprintf(t.W, "simulated devices: %s\n", strings.Join(target.Profiles, ", "))
}

// Progress tells one result as it comes.
func (t *Terminal) Progress(s Result) {
	if s.Area != t.area {
		t.area = s.Area
		fmt.Fprintf(t.W, "\n%s  %s\n", t.paint(bold, s.Area), areas[s.Area])
	}
	mark := t.paint(green, "pass")
	tail := ""
	switch s.Outcome {
	case Failed, Warned:
		mark = t.paint(red, "FAIL")
		switch {
		case s.Known:
			mark = t.paint(yellow, "know")
		case s.Level != Must && !(t.Strict && s.Level == Should):
			mark = t.paint(yellow, "warn")
		}
		tail = "\n            " + t.paint(gray, "saw: "+short(s.Saw))
	case Skipped:
		mark = t.paint(yellow, "skip")
		tail = "\n            " + t.paint(gray, short(s.Reason))
	case NotApplicable:
		mark = t.paint(gray, "n/a ")
		tail = "\n            " + t.paint(gray, short(s.Reason))
	}
	fmt.Fprintf(t.W, "  %s  %s  %s%s\n", mark, s.ID, s.Title, tail)
}

func short(s string) string {
	s = oneLine(s)
	if r := []rune(s); len(r) > 160 {
		return string(r[:157]) + "..."
	}
	return s
}

// Summary tells what failed, what the standard says and where, and what was
// seen.
func (t *Terminal) Summary(r *Report) {
	var failed, warned, known []*Result
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Broken() {
			switch {
			case r.Failing(s):
				failed = append(failed, s)
			case s.Known:
				known = append(known, s)
			default:
				warned = append(warned, s)
			}
		}
	}
	t.list("What failed", failed)
	if len(failed) > 0 {
		fmt.Fprintf(t.W, "\n  %s\n", t.paint(gray, "The messages of each failure are in the JSON report (--json FILE), secrets redacted."))
	}
	t.list("What could be better (does not fail the run; --strict makes a SHOULD count)", warned)
	if len(known) > 0 {
		fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, "Failures that the baseline knows (they do not fail the run)"))
		for _, s := range known {
			fmt.Fprintf(t.W, "  %s  %s\n", s.ID, s.Title)
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, "Worth knowing"))
		for _, n := range r.Notes {
			fmt.Fprintf(t.W, "  - %s\n", n)
		}
	}
	if len(r.HookErrors) > 0 {
		fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, "Hooks that failed (what needed them was skipped)"))
		for _, n := range r.HookErrors {
			fmt.Fprintf(t.W, "  - %s\n", n)
		}
	}
	s := r.Summary
	fmt.Fprintf(t.W, "\n%d passed, %d failed, %d skipped, %d not applicable in %s (seed %d)\n",
		s.Passed, s.Failed, s.Skipped, s.NotApplicable, r.Duration.Round(100*time.Millisecond), r.Seed)
	text, tone := r.Verdict()
	fmt.Fprintln(t.W, t.paint(map[string]string{"good": green, "warn": yellow, "bad": red}[tone], text))
}

func (t *Terminal) list(title string, results []*Result) {
	if len(results) == 0 {
		return
	}
	fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, title))
	for _, s := range results {
		fmt.Fprintf(t.W, "\n  %s %s  %s\n", t.paint(red, s.ID), s.Level, s.Title)
		fmt.Fprintf(t.W, "    the rule  %s\n", s.Rule)
		fmt.Fprintf(t.W, "    source    %s\n", s.Source)
		fmt.Fprintf(t.W, "    expected  %s\n", indent(s.Expected))
		fmt.Fprintf(t.W, "    saw       %s\n", indent(s.Saw))
		for _, e := range s.Evidence {
			fmt.Fprintf(t.W, "              %s\n", t.paint(gray, e))
		}
		if s.Fix != "" {
			fmt.Fprintf(t.W, "    likely    %s\n", s.Fix)
		}
		fmt.Fprintf(t.W, "    again     %s --only %s\n", t.Again, s.ID)
	}
}

func indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n              ")
}
