package scenarios

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestUpperCasePFNOnADesktop: only an old phone rejects a PFN with upper-case letters;
// a desktop registers it, so it blocks nothing.
func TestUpperCasePFNOnADesktop(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys, Mutants: []*mutants.Mutant{mutants.PfnUpperCase, mutants.PfnNoPushNode}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	r, _ := suite.Run(t.Context(), l, &only(t, "ERR-01")[0])
	if r.Outcome != report.NotApplicable || !strings.Contains(r.Reason, "without Add") {
		t.Errorf("%s %s; expected %s, saw %s", r.Outcome, r.Reason, r.Expected, r.Saw)
	}
}
