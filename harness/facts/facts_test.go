package facts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/scenarios"
)

// TestProofsExist: every listed proof exists.
func TestProofsExist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range scenarios.All() {
		known[s.ID] = true
	}
	for _, s := range All() {
		for _, f := range s.Facts {
			if f.Source == "" || len(f.Proofs) == 0 {
				t.Errorf("%q has no source or no proof", f.Says)
			}
			for _, p := range f.Proofs {
				if known[p] {
					continue
				}
				if _, err := testenv.Proof("../..", p); err != nil {
					t.Errorf("%q: %v", f.Says, err)
				}
			}
		}
	}
}

// TestPageIsCurrent: harness/docs/facts.md is the output of make facts.
func TestPageIsCurrent(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "docs", "facts.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != Markdown() {
		t.Error("harness/docs/facts.md is not current; run make facts")
	}
}
