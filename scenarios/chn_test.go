package scenarios

import (
	"slices"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestChannelToldOnce: what a server does with an odd channel URI is judged as well if
// it asks a device for its URI only once.
func TestChannelToldOnce(t *testing.T) {
	t.Parallel()
	all := All()
	for _, c := range []struct {
		id   string
		also *mutants.Mutant
		want report.Outcome
	}{
		{"CHN-07", nil, report.Passed},
		{"CHN-08", nil, report.Passed},
		{"CHN-07", mutants.ChnCut, report.Failed},
		{"CHN-08", mutants.ChnAnyURI, report.Failed},
	} {
		broken := []*mutants.Mutant{mutants.PfnChannelOnce}
		if c.also != nil {
			broken = append(broken, c.also)
		}
		l := newLab(t, broken...)
		r, err := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == c.id })])
		if err != nil || r.Outcome != c.want {
			t.Errorf("%s with %v: %s %v, %s, saw %s, want %s", c.id, c.also, r.Outcome, err, r.Reason, r.Saw, c.want)
		}
	}
}
