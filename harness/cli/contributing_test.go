package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	testName = regexp.MustCompile(`\bTest[A-Z]\w*`)
)

// TestContributing: the files, tests, targets and commands that the page for contributors
// names are there.
func TestContributing(t *testing.T) {
	t.Parallel()
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, ".github/CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t, root)
	seen := 0
	for _, m := range quoted.FindAllStringSubmatch(string(page), -1) {
		text := m[1]
		for _, name := range testName.FindAllString(text, -1) {
			seen++
			if !tests[name] {
				t.Errorf("`%s`: there is no %s", text, name)
			}
		}
		words := strings.Fields(text)
		switch {
		case words[0] == "make":
			seen++
			if !strings.Contains(string(makefile), "\n"+words[1]+":") {
				t.Errorf("`%s`: no such target", text)
			}
		case words[0] == "dmwake" && len(words) > 1:
			seen++
			c, rest, err := rootCommand(&streams{io.Discard, io.Discard}).Find(words[1:])
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err != nil || !c.HasParent() {
				t.Errorf("`%s`: %v", text, err)
			}
		case len(words) == 1 && strings.Contains(text, "/") && !strings.Contains(text, "NAME"):
			seen++
			if _, err := os.Stat(filepath.Join(root, text)); err != nil {
				t.Errorf("`%s`: %v", text, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d names found: is the page read?", seen)
	}
}

// allTests are the names of the tests below a folder.
func allTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	if _, err := exec.LookPath("grep"); err != nil {
		t.Skip("NOT RUN: no grep on this machine")
	}
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test[A-Z]\w*`, root).Output()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		names[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	return names
}
