package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/wording"
)

// Terminal writes progress and summary for a person. Its methods may be called
// from several goroutines.
type Terminal struct {
	W      io.Writer
	Color  bool
	Strict bool   // a SHOULD counts
	Again  string // the command that ran, without the selection
	// Quiet leaves out what passed or is undecided while the suite runs. Verbose adds how
	// long each scenario took, and each reason.
	Quiet, Verbose bool
	// Status shows the progress below the text, as a terminal can; no lines end it. A file
	// or a pipe has none: it gets a line for each scenario.
	Status func(lines ...string)

	mu     sync.Mutex
	area   string
	reason string // the last reason printed for an undecided scenario
	failed int
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
	"ENR": "enrollment: does the server enroll a device",
	"SES": "sessions: does it speak SyncML as Windows expects",
	"PFN": "push provisioning: does it set the package family name",
	"CHN": "channels: does it keep track of the channel URI",
	"TOK": "tokens: does it get and keep a WNS access token",
	"WNS": "notifications: does it send valid requests to WNS",
	"WER": "WNS errors: what does it do when WNS says no",
	"PSH": "push to work: does a push start a session that does the work",
	"ERR": "device errors: what does it do when the device says no",
	"SEC": "security: whom does it let in",
	"ROB": "robustness: how does it handle broken input",
	"AAD": "directory: does it work with Entra's tokens and show the terms of use",
	"ESP": "enrollment status page: is the page that Windows shows during setup run soundly",
	"MSG": "every message: is what it sent in the whole run sound",
	"WDC": "declared configuration: does it enroll devices linked and manage them by documents",
	"CSP": "CSPs: do its commands fit the nodes that Microsoft describes",
}

// Area says in words what the scenarios of an area ask; empty for an unknown one.
func Area(name string) string { return areas[name] }

// Header prints what the run tests.
func (t *Terminal) Header(target Target, count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Quiet {
		return
	}
	fmt.Fprintf(t.W, "dmwake %s: %s against %s\n", Version, wording.Count(count, "scenario"), inLine(target.Name))
	if len(target.Mutants) > 0 {
		fmt.Fprintf(t.W, "broken on purpose: %s\n", inLine(strings.Join(target.Mutants, ", ")))
	}
	fmt.Fprintf(t.W, "simulated devices: %s\n", inLine(strings.Join(target.Profiles, ", ")))
}

// Progress prints a result as it arrives.
func (t *Terminal) Progress(s Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	code, mark := t.mark(&s)
	if code == red {
		t.failed++
	} else if t.Quiet {
		return
	}
	if s.Area != t.area {
		t.area = s.Area
		fmt.Fprintf(t.W, "\n%s  %s\n", t.paint(bold, inLine(s.Area)), areas[s.Area])
	}
	tail := ""
	switch {
	case s.Broken():
		tail = "saw: " + s.Saw
	case s.Outcome != Passed:
		// Print a reason only once for many in a row.
		if tail = s.WhyUndecided(); tail == t.reason && !t.Verbose {
			tail = ""
		} else {
			t.reason = tail
		}
	}
	if tail != "" {
		tail = "\n            " + t.paint(gray, inLine(short(redact.Text(tail))))
	}
	took := ""
	if t.Verbose {
		took = t.paint(gray, fmt.Sprintf(" (%d ms)", s.DurationMs))
	}
	fmt.Fprintf(t.W, "  %s  %s  %s%s%s\n", t.paint(code, mark), inLine(s.ID), inLine(s.Title), took, tail)
}

// mark is an outcome in four letters.
func (t *Terminal) mark(s *Result) (color, word string) {
	switch s.Outcome {
	case Failed, Warned:
		switch {
		case s.Known:
			return yellow, "know"
		case s.Level == Must, t.Strict && s.Level == Should:
			return red, "FAIL"
		}
		return yellow, "warn"
	case Blocked:
		return yellow, "blkd"
	case Skipped:
		return yellow, "skip"
	case NotApplicable:
		return gray, "n/a "
	case Errored:
		return red, "ERR!"
	}
	return green, "pass"
}

func short(s string) string {
	s = oneLine(s)
	if r := []rune(s); len(r) > 160 {
		return string(r[:157]) + "..."
	}
	return s
}

// Summary prints what failed, each cause once, with the rule, its source, and what
// was expected and seen.
func (t *Terminal) Summary(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	failed, warned, known := r.told()
	title := WhatFailed
	if !r.FailOn.level(Must) {
		title += " (does not fail this run: --fail-on nothing)"
	}
	t.list(r, title, red, failed)
	if len(failed) > 0 {
		fmt.Fprintf(t.W, "\n  %s\n", t.paint(gray, "The JSON report (--json FILE) has the messages of each failure, with secrets redacted."))
	}
	title = Warnings
	if !r.FailOn.level(Should) {
		title += " (a SHOULD does not fail the run without --strict)"
	}
	t.list(r, title, yellow, warned)
	if len(known) > 0 {
		fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, KnownFailures+" (in the baseline; they do not fail the run)"))
		for _, c := range known {
			for _, s := range c.Known {
				fmt.Fprintf(t.W, "  %s  %s\n", inLine(s.ID), inLine(s.Title))
			}
		}
	}
	var errors []string
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Outcome == Errored {
			errors = append(errors, s.ID+"  "+short(redact.Text(s.Reason)))
		}
	}
	t.bullets(OwnFailures+" (this says nothing about the server)", "  ", errors)
	t.bullets(Undecided, "  ", r.Open())
	t.bullets(WorthKnowing, "  - ", r.Notes)
	t.bullets(HooksFailed, "  - ", r.HookErrors)
	fmt.Fprintf(t.W, "\n%s in %s (seed %d)\n", r.Summary.Counts(), r.Duration.Round(100*time.Millisecond), r.Seed)
	verdict, tone := r.Verdict()
	fmt.Fprintln(t.W, t.paint(map[string]string{"good": green, "warn": yellow, "bad": red}[tone], inLine(verdict)))
}

func (t *Terminal) bullets(title, mark string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, title))
	for _, l := range lines {
		fmt.Fprintf(t.W, "%s%s\n", mark, strings.ReplaceAll(shown(l), "\n", "\n"+strings.Repeat(" ", len(mark))))
	}
}

func (t *Terminal) list(r *Report, title, color string, causes []toldCause) {
	if len(causes) == 0 {
		return
	}
	fmt.Fprintf(t.W, "\n%s\n", t.paint(bold, title))
	for _, c := range causes {
		s := c.Head
		fmt.Fprintf(t.W, "\n  %s %s  %s\n", t.paint(color, inLine(s.ID)), inLine(s.Level), inLine(s.Title))
		line := func(label, text string) { fmt.Fprintf(t.W, "    %-8s  %s\n", label, indent(text)) }
		if s.Cause != "" {
			line(LabelCause, shown(s.Cause))
		}
		line(LabelRule, shown(s.Rule))
		line(LabelSource, inLine(s.Source))
		line(LabelExpected, shown(s.Expected))
		line(LabelSaw, shown(s.Saw))
		for _, e := range fewer(s.Evidence) {
			fmt.Fprintf(t.W, "              %s\n", t.paint(gray, indent(shown(e))))
		}
		if s.Fix != "" {
			line(LabelFix, shown(s.Fix))
		}
		line(LabelAgain, inLine(again(t.Again, s, r.Seed)))
		if same := c.same(); same != "" {
			line(LabelSame, inLine(same))
		}
		for _, s := range c.others() {
			fmt.Fprintf(t.W, "      %s  %s: saw %s\n", inLine(s.ID), inLine(s.Title), inLine(beginning(redact.Text(s.Saw), maxOther)))
		}
	}
}

// How many other scenarios of a cause are told with what they saw, and how long.
const maxOthers, maxOther = 8, 110

// others are the first scenarios that failed for the same cause.
func (c *toldCause) others() (out []*Result) {
	for _, s := range c.Failed {
		if s != c.Head && len(out) < maxOthers {
			out = append(out, s)
		}
	}
	return out
}

// beginning is that of a text, in one line.
func beginning(s string, longest int) string {
	r := []rune(oneLine(s))
	if len(r) > longest {
		return string(r[:longest]) + "..."
	}
	return string(r)
}

// same lists the other scenarios with the same cause, in one line.
func (c *toldCause) same() string {
	var parts []string
	add := func(list []string, text func(n int, ids string) string) {
		if len(list) > 0 {
			parts = append(parts, text(len(list), someIDs(list)))
		}
	}
	rest := func(list []*Result) (out []string) {
		for _, s := range list {
			if s != c.Head {
				out = append(out, s.ID)
			}
		}
		return out
	}
	add(rest(c.Failed), func(_ int, ids string) string { return ids + " failed" })
	add(rest(c.Warned), func(n int, ids string) string { return fmt.Sprintf("%d warned: %s", n, ids) })
	add(rest(c.Known), func(n int, ids string) string { return fmt.Sprintf("%d known: %s", n, ids) })
	add(c.Blocked, func(n int, ids string) string { return fmt.Sprintf("%d blocked: %s", n, ids) })
	return strings.Join(parts, " · ")
}

// shown is a text of a server or of a file as a terminal may show it, in several lines;
// inLine is one in one line.
func shown(s string) string { return printable.Text(redact.Text(s)) }

func inLine(s string) string { return printable.Line(redact.Text(s)) }

func indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n              ")
}
