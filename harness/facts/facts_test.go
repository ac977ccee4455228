package facts

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
				if pkg, name, ok := strings.Cut(p, "."); ok && !hasTest(t, pkg, name) || !ok && !known[p] {
					t.Errorf("%q: there is no %s", f.Says, p)
				}
			}
		}
	}
}

func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s", pkg)
		return false
	}
	find := regexp.MustCompile(`(?m)^func ` + name + `\(`)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if find.Match(raw) {
			return true
		}
	}
	return false
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
