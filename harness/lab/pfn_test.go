package lab

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestPFNTrouble: all reasons are told at once, since the next one shows only when the
// first was mended.
func TestPFNTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		mutants []*mutants.Mutant
		fault   string
		cause   PFNCause
		code    int
		says    []string
	}{
		"sound": {},
		"two reasons": {mutants: []*mutants.Mutant{mutants.PfnUpperCase, mutants.PfnNoPushNode}, cause: PFNRefused, code: 500,
			says: []string{"did not add .../Push before it; and the PFN is not in lower case", "send Add of .../Push, Format node, before the PFN; and send 52314"}},
		"418, then 500": {fault: "pfn-418-500", cause: PFNRefused, code: 500, says: []string{"answered Replace of the PFN"}},
		"another app":   {mutants: []*mutants.Mutant{mutants.PfnPerDevice}, cause: PFNRefused, code: 500, says: []string{"the fake WNS knows 52314publisher.testwns_t6e9vsyjkrw9w only", "wns.app"}},
		"never":         {mutants: []*mutants.Mutant{mutants.PfnNever}, cause: PFNNever, says: []string{"set no PFN in 2 sessions", "turn WNS push on"}},
		"never asked":   {mutants: []*mutants.Mutant{mutants.PfnChannelNever}, cause: PFNNotAsked, code: 200, says: []string{"did not ask for its URI"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Start(nil, Options{Keys: testKeys, Seed: 1, Mutants: c.mutants})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			d, err := l.NewDevice(dmclient.WP81())
			if err != nil {
				t.Fatal(err)
			}
			if c.fault != "" {
				f, err := faults.New(c.fault)
				if err != nil {
					t.Fatal(err)
				}
				d.AddFault(f)
			}
			if err := l.Enroll(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				d.Sync(t.Context(), dmclient.SyncOptions{}) // what counts is the PFN
			}
			got := l.PFNTrouble(d)
			if c.cause == 0 {
				if got != nil {
					t.Errorf("%+v", got)
				}
				return
			}
			if got == nil || got.Cause != c.cause || got.Code != c.code {
				t.Fatalf("%+v, want cause %d, code %d", got, c.cause, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(got.What+" -> "+got.Do, want) {
					t.Errorf("no %q in %s -> %s", want, got.What, got.Do)
				}
			}
		})
	}
}
