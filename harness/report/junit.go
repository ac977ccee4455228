package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Errors    int         `xml:"errors,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Time      string      `xml:"time,attr"`
	Cases     []junitCase `xml:"testcase"`
	ms        int64
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Classname string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitMessage `xml:"failure,omitempty"`
	Error     *junitMessage `xml:"error,omitempty"`
	Skipped   *junitMessage `xml:"skipped,omitempty"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func seconds(ms int64) string { return fmt.Sprintf("%.3f", float64(ms)/1000) }

// WriteJUnit writes one testsuite per area. A broken rule that does not fail the
// run (a SHOULD without strict) is a passed case that says so in its output.
func (r *Report) WriteJUnit(w io.Writer) error {
	r.redact()
	top := junitSuites{Name: "dmwake", Time: seconds(r.DurationMs)}
	at := map[string]int{}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		k, ok := at[s.Area]
		if !ok {
			k = len(top.Suites)
			at[s.Area] = k
			top.Suites = append(top.Suites, junitSuite{Name: "dmwake." + s.Area, Timestamp: r.Started.UTC().Format(time.RFC3339)})
		}
		suite := &top.Suites[k]
		c := junitCase{Name: clean(s.ID + " " + s.Title), Classname: "dmwake." + s.Area, Time: seconds(s.DurationMs)}
		detail := clean(s.detail())
		switch {
		case r.Failing(s):
			c.Failure = &junitMessage{Message: clean(oneLine("expected " + s.Expected + "; saw " + s.Saw)), Type: s.Level, Text: detail}
			suite.Failures++
		case s.Outcome == Errored:
			c.Error = &junitMessage{Message: clean(oneLine("dmwake itself failed: " + s.Reason)), Type: "dmwake", Text: clean(strings.Join(fewer(s.Evidence), "\n"))}
			suite.Errors++
		case s.Outcome == Blocked || s.Outcome == Skipped || s.Outcome == NotApplicable:
			c.Skipped = &junitMessage{Message: clean(oneLine(s.undecided()))}
			suite.Skipped++
		case s.Broken():
			why := s.Level + " not met, which does not fail the run\n"
			if s.Known {
				why = "known failure (in the baseline), which does not fail the run\n"
			}
			c.Out = why + detail
		}
		suite.Tests++
		suite.ms += s.DurationMs
		suite.Cases = append(suite.Cases, c)
	}
	for i := range top.Suites {
		s := &top.Suites[i]
		s.Time = seconds(s.ms)
		top.Tests += s.Tests
		top.Failures += s.Failures
		top.Errors += s.Errors
		top.Skipped += s.Skipped
	}
	w = printable.NewWriter(w, false)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(top); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// undecided says why a scenario was not decided, starting with its outcome.
func (s *Result) undecided() string {
	if s.Outcome == Blocked && s.BlockedBy != "" {
		return s.WhyUndecided()
	}
	return s.Outcome.Word() + ": " + s.Reason
}

// detail describes a failure in full, as text.
func (s *Result) detail() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Title)
	for _, l := range [][2]string{{LabelRule, s.Rule}, {LabelSource, s.Source}, {LabelExpected, s.Expected}, {LabelSaw, s.Saw}} {
		fmt.Fprintf(&b, "%s: %s\n", l[0], l[1])
	}
	for _, l := range [][2]string{{LabelCause, s.Cause}, {LabelFix, s.Fix}} {
		if l[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", l[0], l[1])
		}
	}
	for _, e := range fewer(s.Evidence) {
		b.WriteString("  " + e + "\n")
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clean escapes the control characters that XML 1.0 forbids, and what a terminal or a CI
// system obeys: both print what a JUnit report has.
func clean(s string) string { return printable.Text(s) }
