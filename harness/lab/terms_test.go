package lab

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestTermsDoNotHideTheRest: devices enroll without the terms of use if the page fails,
// or what it tells the enrollment service; the run notes it. The first error is the one
// of the terms.
func TestTermsDoNotHideTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		broken []*mutants.Mutant
		notes  []string
	}{
		"sound":                {nil, nil},
		"no page":              {[]*mutants.Mutant{mutants.AadTermsGone}, []string{"The terms-of-use page fails"}},
		"a password":           {[]*mutants.Mutant{mutants.AadPassword}, []string{"which dmwake cannot accept: enrollment: terms of use: the terms-of-use page asks for secret"}},
		"EnrollmentData":       {[]*mutants.Mutant{mutants.AadBlobRefused}, []string{"refuses what its own terms-of-use page told"}},
		"the CSR":              {[]*mutants.Mutant{mutants.EnrStrictCSR}, []string{"refuses the CSR as Windows encodes it"}},
		"no page, and the CSR": {[]*mutants.Mutant{mutants.AadTermsGone, mutants.EnrStrictCSR}, []string{"The terms-of-use page fails", "refuses the CSR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Start(nil, Options{Keys: testKeys, Seed: 1, Setup: "entra", Mutants: c.broken})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for range 2 {
				d := l.device(t)
				if err := l.Enroll(t.Context(), d); err != nil || d.State() != dmclient.Enrolled {
					t.Fatal(err)
				}
			}
			notes := strings.Join(l.Overlooked(), "\n")
			for _, want := range c.notes {
				if !strings.Contains(notes, want) {
					t.Errorf("%q is not in the notes %q", want, notes)
				}
			}
			if n := len(l.Overlooked()); n != len(c.notes) {
				t.Errorf("%d notes: %s", n, notes)
			}
		})
	}
}
