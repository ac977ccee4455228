package facts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
)

var levels = []string{"MUST", "MUST*", "SHOULD", "SHOULD*", "MAY", "MAY*"}

// TestRequirements: every requirement is checked by a scenario that exists, or says
// why none does; and no scenario is a MUST without a document that says so, or a
// reason why the push path needs it.
func TestRequirements(t *testing.T) {
	level := map[string]string{}
	for _, s := range scenarios.All() {
		level[s.ID] = s.Level
	}
	backed, keys := map[string][]string{}, map[string]bool{}
	for _, g := range Requirements() {
		for _, r := range g.Requirements {
			if keys[r.Key] || r.Source == "" || r.Says == "" || !slices.Contains(levels, r.Level) {
				t.Errorf("%s: twice, or without source, text or level: %+v", r.Key, r)
			}
			keys[r.Key] = true
			if len(r.Scenarios) == 0 && r.Reason == "" {
				t.Errorf("%s is checked by no scenario, and no reason is given", r.Key)
			}
			for _, id := range r.Scenarios {
				if level[id] == "" {
					t.Errorf("%s: there is no scenario %s", r.Key, id)
				}
				word := r.Level
				if r.Needed != "" {
					word = "MUST"
				}
				backed[id] = append(backed[id], word)
			}
		}
	}
	for id, words := range backed {
		if level[id] == report.Must && !slices.Contains(words, "MUST") {
			t.Errorf("%s is a MUST; its requirements say %v", id, words)
		}
	}
}

// TestRequirementsAreWhole: no rule of the list beside the checkout is left out of a
// group that is taken up.
func TestRequirementsAreWhole(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "REQUIREMENTS.md"))
	if err != nil {
		t.Skipf("NOT RUN: the list of requirements is not beside this checkout: %v", err)
	}
	have, groups := map[string]bool{}, map[string]bool{}
	for _, g := range Requirements() {
		for _, r := range g.Requirements {
			have[r.Key], groups[r.Key[:1]] = true, true
		}
	}
	found := regexp.MustCompile(`(?m)^\| ([A-Z]-\d\d) \|`).FindAllStringSubmatch(string(raw), -1)
	if len(found) < 300 {
		t.Fatalf("only %d rules were found in the list", len(found))
	}
	for _, m := range found {
		if groups[m[1][:1]] && !have[m[1]] {
			t.Errorf("%s is missing", m[1])
		}
	}
}
