// Package report is the one result model of a run; JSON, JUnit and the
// terminal are views of it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Version of the tool, written into every report.
const Version = "0.1.0"

// Outcome is how a scenario ended.
type Outcome string

// The outcomes. A scenario that could not observe is never passed.
const (
	Passed        Outcome = "passed"
	Failed        Outcome = "failed"
	Skipped       Outcome = "skipped"       // a need is not configured, or a hook failed
	NotApplicable Outcome = "notApplicable" // its precondition never came
)

// Levels of a scenario.
const (
	Must   = "MUST"
	Should = "SHOULD"
	Info   = "INFO"
)

// Report is the result of a run. The JSON form is a contract.
type Report struct {
	Dmwake    string   `json:"dmwake"`
	Target    Target   `json:"target"`
	Summary   Summary  `json:"summary"`
	Scenarios []Result `json:"scenarios"`

	Again      string        `json:"again,omitempty"` // the command that ran, without the selection
	Seed       uint64        `json:"seed"`
	Strict     bool          `json:"strict"`
	Notes      []string      `json:"notes,omitempty"` // what the run tolerated and what limits it
	HookErrors []string      `json:"hookErrors,omitempty"`
	Aborted    string        `json:"aborted,omitempty"` // why the run ended early
	Started    time.Time     `json:"started"`
	Duration   time.Duration `json:"-"`
	DurationMs int64         `json:"durationMs"`
}

// Target is what was tested and how.
type Target struct {
	Name      string   `json:"name"`
	Discovery string   `json:"discovery"`
	Push      string   `json:"push"`
	Profiles  []string `json:"profiles"`
	Mutants   []string `json:"mutants,omitempty"`
}

// Summary counts outcomes.
type Summary struct {
	Passed        int `json:"passed"`
	Failed        int `json:"failed"`
	Skipped       int `json:"skipped"`
	NotApplicable int `json:"notApplicable"`
}

// Result is the outcome of one scenario.
type Result struct {
	ID         string   `json:"id"`
	Area       string   `json:"area"`
	Level      string   `json:"level"`
	Title      string   `json:"title"`
	Outcome    Outcome  `json:"outcome"`
	Reason     string   `json:"reason"`
	Source     string   `json:"source"`
	Rule       string   `json:"rule"`
	Expected   string   `json:"expected"`
	Saw        string   `json:"saw"`
	Evidence   []string `json:"evidence"`
	Profile    string   `json:"profile"`
	DurationMs int64    `json:"durationMs"`
	// Fix is what a server that fails it mostly has to change.
	Fix string `json:"fix,omitempty"`
	// Known says that the baseline names it: its failure does not fail the run.
	Known bool `json:"known,omitempty"`

	// Exchanges are the messages of a failed scenario, Steps all that went
	// between device, server and WNS in it.
	Exchanges []Exchange `json:"exchanges,omitempty"`
	Steps     []Step     `json:"steps,omitempty"`
}

// Finish counts and stamps.
func (r *Report) Finish() {
	r.Dmwake = Version
	r.count()
	r.Duration = time.Since(r.Started)
	r.DurationMs = r.Duration.Milliseconds()
}

func (r *Report) count() {
	r.Summary = Summary{}
	for _, s := range r.Scenarios {
		switch s.Outcome {
		case Passed:
			r.Summary.Passed++
		case Failed:
			r.Summary.Failed++
		case Skipped:
			r.Summary.Skipped++
		case NotApplicable:
			r.Summary.NotApplicable++
		}
	}
}

// Failing tells whether s makes the run fail: a MUST, or with strict a SHOULD,
// that the baseline does not name.
func (r *Report) Failing(s *Result) bool {
	return s.Outcome == Failed && !s.Known && (s.Level == Must || r.Strict && s.Level == Should)
}

// Failures are the results that make the run fail.
func (r *Report) Failures() (out []*Result) {
	for i := range r.Scenarios {
		if r.Failing(&r.Scenarios[i]) {
			out = append(out, &r.Scenarios[i])
		}
	}
	return out
}

// MustUndecided counts the MUST scenarios that neither passed nor failed: with
// any, a green run is partial.
func (r *Report) MustUndecided() (n int) {
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Level == Must && (s.Outcome == Skipped || s.Outcome == NotApplicable) {
			n++
		}
	}
	return n
}

// WriteJSON writes the contract form.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the JSON report: %w", err)
	}
	return nil
}
