// Package report is the result model of a run. JSON, JUnit, HTML and the terminal
// are views of it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
)

// Outcome is how a scenario ended.
type Outcome string

// The outcomes. A scenario that could not judge never counts as passed.
const (
	Passed Outcome = "passed"
	// Failed is a broken MUST.
	Failed Outcome = "failed"
	// Warned is a broken SHOULD, or an INFO that is not met.
	Warned Outcome = "warned"
	// Blocked could not judge because of another scenario's failure: Result.BlockedBy.
	Blocked Outcome = "blocked"
	// Skipped lacks something from the user: a hook, or time.
	Skipped Outcome = "skipped"
	// NotApplicable has no meaning for this server. Result.Reason says which
	// observation or setting makes it so.
	NotApplicable Outcome = "notApplicable"
	// Errored is dmwake's own failure: a body that crashed, a limit of this
	// machine. It says nothing about the server.
	Errored Outcome = "error"
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
	Causes    []Cause  `json:"causes"` // of what failed and warned, worst first
	Scenarios []Result `json:"scenarios"`

	// Partial says that MUST scenarios are undecided: then a green run proves
	// nothing.
	Partial bool `json:"partial"`

	Again      string        `json:"again,omitempty"` // the command that ran, without the selection
	Seed       uint64        `json:"seed"`
	FailOn     FailOn        `json:"failOn,omitempty"` // what fails the run
	Strict     bool          `json:"strict"`           // FailOn has should
	Notes      []string      `json:"notes,omitempty"`  // what the run tolerated, and its limits
	HookErrors []string      `json:"hookErrors,omitempty"`
	Aborted    string        `json:"aborted,omitempty"` // why the run ended early
	Started    time.Time     `json:"started"`
	Duration   time.Duration `json:"-"`
	DurationMs int64         `json:"durationMs"`
}

// Target says what was tested and how.
type Target struct {
	Name      string   `json:"name"`
	Discovery string   `json:"discovery"`
	Embedded  bool     `json:"embedded,omitempty"` // the embedded reference server; its port in Discovery differs from run to run
	Push      string   `json:"push"`
	Profiles  []string `json:"profiles"`
	Mutants   []string `json:"mutants,omitempty"`
}

// Summary counts outcomes.
type Summary struct {
	Passed        int `json:"passed"`
	Failed        int `json:"failed"`
	Warned        int `json:"warned"`
	Blocked       int `json:"blocked"`
	Skipped       int `json:"skipped"`
	NotApplicable int `json:"notApplicable"`
	Error         int `json:"error"`
}

// Result is the outcome of one scenario.
type Result struct {
	ID      string  `json:"id"`
	Area    string  `json:"area"`
	Level   string  `json:"level"`
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	// Reason is why a scenario is blocked, skipped, not applicable or an error.
	Reason string `json:"reason"`
	// BlockedBy is the id of the failed or warned scenario that kept this one from
	// judging.
	BlockedBy string `json:"blockedBy,omitempty"`
	// DecidedBy are the settings of which any would have decided a skipped scenario.
	DecidedBy  []string `json:"decidedBy,omitempty"`
	Source     string   `json:"source"`
	Rule       string   `json:"rule"`
	Expected   string   `json:"expected"`
	Saw        string   `json:"saw"`
	Evidence   []string `json:"evidence"`
	Profile    string   `json:"profile"`
	DurationMs int64    `json:"durationMs"`
	// Fix is what a failing server usually has to change.
	Fix string `json:"fix,omitempty"`
	// Cause is why it failed or warned, as a sentence: failures with the same
	// sentence have one cause. It is empty if the scenario is its own cause.
	Cause string `json:"cause,omitempty"`
	// Under are ids of scenarios: if one of them failed, too, it explains this
	// failure.
	Under []string `json:"under,omitempty"`
	// Known says that it is in the baseline: its failure does not fail the run.
	Known bool `json:"known,omitempty"`

	// Exchanges are the messages of a failed scenario, Steps all its traffic between
	// device, server and WNS.
	Exchanges []Exchange `json:"exchanges,omitempty"`
	Steps     []Step     `json:"steps,omitempty"`
	// Hooks are lines about the hooks that ran for its devices, with what they
	// printed.
	Hooks []string `json:"hooks,omitempty"`
}

// Broken reports whether the scenario saw its rule broken, at any level.
func (s *Result) Broken() bool { return s.Outcome == Failed || s.Outcome == Warned }

// Finish counts outcomes, groups causes and sets version and duration.
func (r *Report) Finish() {
	r.Dmwake = Version
	r.digest()
	r.Duration = time.Since(r.Started)
	r.DurationMs = r.Duration.Milliseconds()
}

// digest computes everything that follows from the scenarios, and hides secrets.
func (r *Report) digest() {
	r.Summary = Summary{}
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Outcome == Failed && s.Level != Must {
			s.Outcome = Warned // older reports have Failed here
		}
		switch r.Scenarios[i].Outcome {
		case Passed:
			r.Summary.Passed++
		case Failed:
			r.Summary.Failed++
		case Warned:
			r.Summary.Warned++
		case Blocked:
			r.Summary.Blocked++
		case Skipped:
			r.Summary.Skipped++
		case NotApplicable:
			r.Summary.NotApplicable++
		case Errored:
			r.Summary.Error++
		}
	}
	r.Strict = slices.Contains(r.FailOn, OnShould)
	r.Partial = r.MustUndecided() > 0
	r.redact()
	r.Causes = causes(r.Scenarios)
}

// Failing reports whether s makes the run fail: FailOn names its level, and it is
// not in the baseline.
func (r *Report) Failing(s *Result) bool {
	return s.Broken() && !s.Known && r.FailOn.level(s.Level)
}

// Failures returns the results that make the run fail.
func (r *Report) Failures() (out []*Result) {
	for i := range r.Scenarios {
		if r.Failing(&r.Scenarios[i]) {
			out = append(out, &r.Scenarios[i])
		}
	}
	return out
}

// FailedPartly reports whether the run fails because it is partial. Scenarios
// blocked by a known failure do not count: otherwise no run with a baseline could
// pass.
func (r *Report) FailedPartly() bool {
	if !slices.Contains(r.FailOn, OnPartial) {
		return false
	}
	known := map[string]bool{}
	for i := range r.Scenarios {
		known[r.Scenarios[i].ID] = r.Scenarios[i].Known
	}
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.undecidedMust() && !(s.Outcome == Blocked && known[s.BlockedBy]) {
			return true
		}
	}
	return false
}

// undecidedMust reports whether a MUST neither passed nor failed although it
// applies to this server.
func (s *Result) undecidedMust() bool {
	return s.Level == Must && (s.Outcome == Skipped || s.Outcome == Blocked || s.Outcome == Errored)
}

// MustUndecided counts the MUST scenarios that apply to this server but neither
// passed nor failed. If there are any, the run is partial.
func (r *Report) MustUndecided() (n int) {
	for i := range r.Scenarios {
		if r.Scenarios[i].undecidedMust() {
			n++
		}
	}
	return n
}

// counts reports whether a broken scenario is listed as failed: it fails the run, or
// is a MUST. A MUST counts as failed whatever FailOn says.
func (r *Report) counts(s *Result) bool {
	return s.Broken() && !s.Known && (s.Outcome == Failed || r.FailOn.level(s.Level))
}

// WriteJSON writes the report as JSON, whose form is a contract. It adds the verdict in
// the words of terminal and page.
func (r *Report) WriteJSON(w io.Writer) error {
	r.redact()
	type plain Report // without methods, or Verdict would be one of them
	verdict, _ := r.Verdict()
	enc := json.NewEncoder(printable.NewWriter(w, false))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		*plain
		Verdict string `json:"verdict"`
	}{(*plain)(r), verdict}); err != nil {
		return fmt.Errorf("write the JSON report: %w", err)
	}
	return nil
}
