package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// TestOneBugIsToldOnce: servers that were seen, each with one bug in its
// sessions, fail the scenarios of that bug and no others, and hide no other bug.
func TestOneBugIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		mutant string
		fails  []string
		says   string // in what the first of them saw
		hides  bool   // others may be blocked
	}{
		{"ses-no-final", []string{"SES-13"}, "no Final", false},
		{"ses-final-idle", []string{"SES-13"}, "no Final", false},
		{"ses-endless", []string{"SES-14"}, "./DevInfo/Lang 50 times", false},
		{"ses-id-decimal", []string{"SES-17"}, "3 of 3: ", false}, // and does not mix sessions
		{"ses-swapped", []string{"SES-07"}, "https://", false},    // and escapes text
		{"ses-id-escaped", []string{"SES-38"}, "R&amp;D", false},
		{"ses-first-500", []string{"SES-01"}, "500", false},
		{"ses-cred-wrong", []string{"SES-40"}, "401", false},
		{"ses-compact-only", []string{"SES-23"}, "1 of 5: white space", false},
		{"psh-skip-session", []string{"SES-44"}, "no such command", false},
		{"ses-query-mode", []string{"SES-28"}, "mode=Machine", true},
		{"ses-replace-unanswered", []string{"SES-09"}, "no Status", false},
		{"ses-unknown-silent", []string{"SES-24"}, "none", false},
		{"ses-alert-unanswered", []string{"SES-09", "SES-20", "SES-25"}, "no Status", true}, // SES-24 is blocked
		{"ses-alert-cmd", []string{"SES-09", "SES-25", "SES-37"}, "Cmd Replace, in reply to Alert", false},
		{"ses-results-cmd", []string{"SES-37"}, "Cmd Replace, in reply to Results", false},
		{"psh-empty-404", []string{"SES-43"}, "404", true},
	} {
		t.Run(c.mutant, func(t *testing.T) {
			t.Parallel()
			list := slices.DeleteFunc(All(), func(s Scenario) bool {
				return s.Area() != "SES" && s.Area() != "ERR" && !slices.Contains([]string{"SEC-05", "SEC-16", "SEC-17"}, s.ID)
			})
			var broken []string
			for _, r := range suite.Collect(t.Context(), newLab(t, c.mutant), list, suite.Options{Parallel: 3, Catalogue: All()}).Results {
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
		})
	}
}
