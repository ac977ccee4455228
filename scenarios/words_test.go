package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestRuleOfProfile: a server is told of Windows Phone only if it manages one.
func TestRuleOfProfile(t *testing.T) {
	all := All()
	for _, c := range []struct {
		id     string
		mutant *mutants.Mutant
	}{{"PFN-03", mutants.PfnUpperCase}, {"PFN-07", mutants.PfnNoPushNode}} {
		for profile, want := range map[string]struct {
			outcome report.Outcome
			phone   bool
		}{"win11-25h2": {report.Warned, false}, "wp81": {report.Failed, true}} {
			t.Run(c.id+" "+profile, func(t *testing.T) {
				t.Parallel()
				l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{c.mutant}, Keys: sharedKeys})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				l.Config.Target.Profiles = []string{profile}
				r, err := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == c.id })])
				text := strings.Join([]string{r.Title, r.Rule, r.Expected, r.Saw, r.Fix, r.Cause}, " ")
				if err != nil || r.Outcome != want.outcome || strings.Contains(text, "Phone") != want.phone {
					t.Errorf("%s %v: %s", r.Outcome, err, text)
				}
			})
		}
	}
}

// TestDeviceThatLeft: to serve a device that left is a cause of its own, also where
// callers without a certificate are served.
func TestDeviceThatLeft(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{mutants.SecNoCert, mutants.SecUnenrolled}, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list, err := Select([]string{"SEC-01", "SEC-06"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Report{Scenarios: suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All()}).Results}
	r.Finish()
	if len(r.Causes) != 2 || r.Summary.Failed != 2 {
		t.Errorf("%d failed, causes %+v", r.Summary.Failed, r.Causes)
	}
}
