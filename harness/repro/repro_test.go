package repro

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
)

// TestEveryCaseShows: against the embedded server, each reproduction shows its
// symptom, and does not show it without its faults.
func TestEveryCaseShows(t *testing.T) {
	all := All()
	if !slices.IsSortedFunc(all, func(a, b Case) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}) {
		t.Error("the reproductions are not sorted by name")
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if c.Shows == "" || len(c.Sources) == 0 || c.LookAt == "" || c.Reach.Met == nil {
				t.Error("it says too little")
			}
			if !shows(t, c) {
				t.Error("the symptom was not seen")
			}
			sound := Case{Name: "nothing wrong", Profile: c.Profile, Quirks: c.Quirks, Pushes: c.Pushes, Setup: c.Setup, Token: c.Token, Enrolls: c.Enrolls, Seen: c.Seen, Reach: c.Reach}
			if shows(t, sound) {
				t.Error("the symptom is seen where nothing is wrong: it shows nothing")
			}
		})
	}
	if _, err := ByName("nothing"); err == nil {
		t.Error("an unknown name")
	}
}

func shows(t *testing.T, c Case) bool {
	t.Helper()
	opts := c.Options()
	opts.Seed = 1
	l, err := lab.Start(nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := Start(t.Context(), l, &c)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Pushes {
		return r.Showed()
	}
	mark := l.WNS.Journal().Mark()
	if err := r.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The effects of a push are over when its request, and what follows it, is in the
	// journal.
	for n := 1; !r.Showed(); n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, err := l.WNS.Journal().Await(ctx, mark, n, nil)
		cancel()
		if err != nil {
			return r.Showed()
		}
	}
	return true
}
