package report

import (
	"slices"
	"testing"
)

// TestOpen: one line for each reason, with the setting that would decide most first.
func TestOpen(t *testing.T) {
	work := []string{"target.hooks.work", "target.hooks.queue"}
	r := Report{Scenarios: []Result{
		{ID: "ENR-01", Outcome: Passed},
		{ID: "SEC-04", Outcome: Skipped, Reason: "the certificate is valid too long"},
		{ID: "SES-18", Outcome: Skipped, Reason: "no hook", DecidedBy: work},
		{ID: "ERR-07", Outcome: Skipped, Reason: "no hook gives a device work", DecidedBy: work},
		{ID: "SES-02", Outcome: Blocked, BlockedBy: "SES-01"},
		{ID: "SES-01", Outcome: Failed},
		{ID: "WNS-01", Outcome: NotApplicable, Reason: "the target has no WNS push (target.push: none)"},
		{ID: "SES-29", Outcome: NotApplicable, Reason: "the server identifies devices by their certificate"},
	}}
	want := []string{
		"  2  without target.hooks.work or target.hooks.queue: SES-18, ERR-07",
		"  1  the certificate is valid too long: SEC-04",
		"  1  blocked by a failure or warning above: SES-02",
		"  1  not applicable: the target has no WNS push (target.push: none): WNS-01",
		"  1  not applicable to this server, for various reasons: SES-29",
	}
	if got := r.Open(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&Report{Scenarios: []Result{{ID: "ENR-01", Outcome: Passed}}}).Open(); len(got) != 0 {
		t.Errorf("nothing is open, got %q", got)
	}
}
