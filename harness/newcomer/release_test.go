package newcomer

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func text(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestWorkflows: the workflows are YAML, run targets that are there, and the nightly one
// has a job for each target of make nightly.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	makefile := text(t, "Makefile")
	nightly := regexp.MustCompile(`(?m)^NIGHTLY \?= (.*)$`).FindStringSubmatch(makefile)
	if nightly == nil {
		t.Fatal("the Makefile has no NIGHTLY")
	}
	wanted := strings.Fields(nightly[1])
	for _, name := range []string{"ci", "release", "nightly"} {
		var flow struct {
			Jobs map[string]struct {
				Timeout  int `yaml:"timeout-minutes"`
				Strategy struct {
					Matrix struct{ Target []string }
				}
				Steps []struct{ Run string }
			}
		}
		if err := yaml.Unmarshal([]byte(text(t, ".github/workflows/"+name+".yml")), &flow); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		targets := 0
		for id, job := range flow.Jobs {
			if job.Timeout == 0 {
				t.Errorf("%s: %s has no time limit", name, id)
			}
			for _, s := range job.Steps {
				for _, m := range regexp.MustCompile(`\bmake ([a-z-]+)`).FindAllStringSubmatch(s.Run, -1) {
					targets++
					wanted = append(wanted, m[1])
				}
				targets += strings.Count(s.Run, ".ci/run")
			}
			if name == "nightly" && !slices.Equal(job.Strategy.Matrix.Target, strings.Fields(nightly[1])) {
				t.Errorf("the nightly workflow runs %v, make nightly %s", job.Strategy.Matrix.Target, nightly[1])
			}
		}
		if targets == 0 {
			t.Errorf("%s runs nothing", name)
		}
	}
	for _, target := range wanted {
		if !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("there is no target %s", target)
		}
	}
}

// TestOneGoreleaser: all name one version of goreleaser.
func TestOneGoreleaser(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range []string{"Makefile", ".goreleaser.yaml", ".github/workflows/release.yml"} {
		found := regexp.MustCompile(`goreleaser(?:/v2@| )(v2\.[0-9.]*[0-9])`).FindAllStringSubmatch(text(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s names no version of goreleaser", file)
		}
		for _, m := range found {
			seen[m[1]] = true
		}
	}
	if len(seen) != 1 {
		t.Errorf("versions of goreleaser: %v", seen)
	}
}

// TestReleaseNotes: the changes have "Unreleased" on top and then a version, whose section
// is the release's notes; a version without one is not released.
func TestReleaseNotes(t *testing.T) {
	t.Parallel()
	heads := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text(t, "CHANGELOG.md"), -1)
	if len(heads) < 2 || heads[0][1] != "Unreleased" || !regexp.MustCompile(`^\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}$`).MatchString(heads[1][1]) {
		t.Fatalf("the sections of CHANGELOG.md: %v", heads)
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("NOT RUN: make is not on this machine")
	}
	dir := t.TempDir()
	for _, file := range []string{"Makefile", "CHANGELOG.md"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text(t, file)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	version, _, _ := strings.Cut(heads[1][1], " ")
	if out, err := exec.CommandContext(t.Context(), "make", "-C", dir, "release-notes", "VERSION=v"+version).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	notes, err := os.ReadFile(filepath.Join(dir, "bin", "notes.md"))
	if err != nil || !strings.Contains(string(notes), "- ") || strings.Contains(string(notes), "\n## ") {
		t.Errorf("%v\n%s", err, notes)
	}
	if out, err := exec.CommandContext(t.Context(), "make", "-C", dir, "release-notes", "VERSION=v9.9.9").CombinedOutput(); err == nil || !strings.Contains(string(out), "no section") {
		t.Errorf("of a version without a section: %v\n%s", err, out)
	}
}
