package report

import "fmt"

// The words of a report. Terminal, JUnit, annotations and page use the same ones.
const (
	WhatFailed    = "What failed"
	Warnings      = "Warnings"
	KnownFailures = "Known failures"
	OwnFailures   = "dmwake itself failed"
	Undecided     = "Undecided"
	WorthKnowing  = "Worth knowing"
	HooksFailed   = "Hooks that failed (scenarios that need them are skipped)"
)

// The names of what is told about a failure: those of the JSON report.
const (
	LabelCause    = "cause"
	LabelRule     = "rule"
	LabelSource   = "source"
	LabelExpected = "expected"
	LabelSaw      = "saw"
	LabelFix      = "fix"
	LabelAgain    = "again"
	LabelSame     = "same cause"
)

// Word is the outcome in words.
func (o Outcome) Word() string {
	if o == NotApplicable {
		return "not applicable"
	}
	return string(o)
}

// Count is how many scenarios ended with an outcome.
type Count struct {
	Outcome Outcome
	N       int
}

func (c Count) String() string {
	if c.Outcome == Errored {
		return many(c.N, c.Outcome.Word())
	}
	return fmt.Sprintf("%d %s", c.N, c.Outcome.Word())
}

// List returns the numbers in the order in which they are told. It includes errors only
// if there are any.
func (s Summary) List() []Count {
	out := []Count{{Passed, s.Passed}, {Failed, s.Failed}, {Warned, s.Warned}, {Blocked, s.Blocked}, {Skipped, s.Skipped}, {NotApplicable, s.NotApplicable}}
	if s.Error > 0 {
		out = append(out, Count{Errored, s.Error})
	}
	return out
}

// again is the command that runs a scenario again, as a run with that seed did.
func again(command string, s *Result, seed uint64) string {
	return fmt.Sprintf("%s --only %s --seed %d", command, s.ID, seed)
}
