package scenarios

import (
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestRetryAfterIsTheChannels: a second push does not go out while the first one waits.
func TestRetryAfterIsTheChannels(t *testing.T) {
	for _, id := range []string{"WER-07", "WER-11"} {
		for want, list := range map[report.Outcome][]*mutants.Mutant{report.Passed: nil, report.Warned: {mutants.Wer406One}} {
			t.Run(id+" "+string(want), func(t *testing.T) {
				t.Parallel()
				l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys, Mutants: list})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(l.Close)
				if r, err := suite.Run(t.Context(), l, &only(t, id)[0]); r.Outcome != want {
					t.Errorf("%s %s %v; expected %s, saw %s", r.Outcome, r.Reason, err, r.Expected, r.Saw)
				}
			})
		}
	}
}
