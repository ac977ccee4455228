package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestOneBugIsToldOnce: servers that were seen, each with one bug in its
// sessions, fail the scenarios of that bug and no others, and hide no other bug.
func TestOneBugIsToldOnce(t *testing.T) {
	t.Parallel()
	type bug struct {
		mutant *mutants.Mutant
		fails  []string
		says   string // in what the first of them saw
		hides  bool   // others may be blocked
	}
	for _, c := range sampled([]bug{
		{mutants.SesNoFinal, []string{"SES-13"}, "no Final", true}, // SES-46 is blocked
		{mutants.SesFinalIdle, []string{"SES-13"}, "no Final", false},
		{mutants.SesEndless, []string{"SES-14"}, "./DevInfo/Lang 50 times", true}, // SES-56 is blocked
		{mutants.SesIDDecimal, []string{"SES-17"}, "3 of 3: ", false},             // and does not mix sessions
		{mutants.SesSwapped, []string{"SES-07"}, "https://", false},               // and escapes text
		{mutants.SesIDEscaped, []string{"SES-38"}, "R&amp;D", false},
		{mutants.SesFirst500, []string{"SES-01"}, "500", false},
		{mutants.SesCredWrong, []string{"SES-40", "SES-67"}, "401", false},
		{mutants.SesCompactOnly, []string{"SES-23"}, "1 of 5: white space", false},
		{mutants.PshSkipSession, []string{"SES-44"}, "no such command", false},
		{mutants.SesQueryMode, []string{"SES-28"}, "mode=Machine", true},
		{mutants.SesReplaceUnanswered, []string{"SES-09"}, "no Status", false},
		{mutants.SesUnknownSilent, []string{"SES-24"}, "none", true},                                                // SES-69 is blocked
		{mutants.SesAlertUnanswered, []string{"SES-09", "SES-20", "SES-25", "ERR-23", "ERR-25"}, "no Status", true}, // SES-24 and SES-26 are blocked
		{mutants.SesAlertCmd, []string{"SES-09", "SES-25", "SES-37"}, "Cmd Replace, in reply to Alert", false},
		{mutants.SesResultsCmd, []string{"SES-37"}, "Cmd Replace, in reply to Results", false},
		{mutants.PshEmpty404, []string{"SES-43"}, "404", true},
	}) {
		t.Run(c.mutant.Name, func(t *testing.T) {
			t.Parallel()
			list := slices.DeleteFunc(All(), func(s Scenario) bool {
				return s.Area() != "SES" && s.Area() != "ERR" && !slices.Contains([]string{"SEC-05", "SEC-16", "SEC-17"}, s.ID)
			})
			var broken []string
			results := suite.Collect(t.Context(), newLab(t, c.mutant), list, suite.Options{Parallel: 3, Catalogue: All()}).Results
			for _, r := range results {
				switch {
				case r.Broken():
					if broken = append(broken, r.ID); r.ID == c.fails[0] && !strings.Contains(r.Saw, c.says) {
						t.Errorf("%s saw %q, want something with %q", r.ID, r.Saw, c.says)
					}
				case r.Outcome == report.Passed, r.Outcome == report.Blocked && c.hides:
				default:
					t.Errorf("%s: %s by %s: %s", r.ID, r.Outcome, r.BlockedBy, r.Reason)
				}
			}
			if !slices.Equal(broken, c.fails) {
				t.Errorf("fails %v, want %v", broken, c.fails)
			}
			sum := &report.Report{Scenarios: results}
			sum.Finish()
			if causes := sum.Causes; len(causes) != 1 {
				t.Errorf("%d causes: %+v", len(causes), causes)
			}
		})
	}
}
