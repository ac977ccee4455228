package facts

import (
	"os"
	"regexp"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// TestProofsOfPromises: each test that reliability.md names exists.
func TestProofsOfPromises(t *testing.T) {
	page, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`[a-z/]+\.(Test|Fuzz)\w+`).FindAllString(string(page), -1)
	if len(names) < 20 {
		t.Fatalf("only %d tests are named", len(names))
	}
	for _, name := range names {
		if _, err := testenv.Proof("../..", name); err != nil {
			t.Error(err)
		}
	}
}
