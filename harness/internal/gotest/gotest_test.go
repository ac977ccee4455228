package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// module is a module of one test file.
func module(t *testing.T, tests string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "m_test.go": "package m\n\nimport \"testing\"\n\n" + tests} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRuns runs the real go test on small modules. The exit status is go
// test's, and the list of skipped tests is right even after a failure.
func TestRuns(t *testing.T) {
	const (
		passes = "func TestPasses(t *testing.T) { t.Log(\"of no interest\") }\n"
		fails  = "func TestFails(t *testing.T) { t.Log(\"before it\"); t.Run(\"sub\", func(t *testing.T) { t.Error(\"the reason\") }) }\n"
		skips  = "func TestSkips(t *testing.T) { t.Skip(\"NOT RUN: prometheus is missing\") }\n"
		partly = "func TestPartly(t *testing.T) { t.Log(\"NOT RUN: npm is missing\") }\n"
		many   = "func TestMany(t *testing.T) { for range 5 { t.Run(\"x\", func(t *testing.T) { t.Skip(\"no captures\") }) } }\n"
		panics = "func TestPanics(t *testing.T) { t.Log(\"before it\"); panic(\"the reason\") }\n"
		broken = "func TestBroken(t *testing.T) { nothing() }\n"
	)
	for name, c := range map[string]struct {
		tests string
		args  []string
		code  int
		want  []string // in this order
		never []string
	}{
		"all pass":            {passes, nil, 0, []string{"ok  \tm\t", "no test was skipped"}, []string{"of no interest", "PASS"}},
		"a skip":              {passes + skips, nil, 0, []string{"ok  \tm\t", "skipped:\n  m TestSkips: prometheus is missing\n"}, []string{"no test was skipped", "NOT RUN"}},
		"a test run in part":  {partly, nil, 0, []string{"ok  \tm\t", "  m TestPartly: npm is missing\n"}, []string{"no test was skipped"}},
		"many with a reason":  {many, nil, 0, []string{"  m TestMany/x, TestMany/x#01, TestMany/x#02 and 2 more: no captures\n"}, nil},
		"a failure":           {passes + fails, nil, 1, []string{"before it", "--- FAIL: TestFails", "the reason", "FAIL\tm\t"}, []string{"skipped", "of no interest"}},
		"a failure and skips": {fails + skips, nil, 1, []string{"the reason", "FAIL\tm\t", "  m TestSkips: prometheus is missing\n"}, []string{"no test was skipped"}},
		"a panic":             {passes + panics, nil, 1, []string{"before it", "panic: the reason", "FAIL\tm\t"}, []string{"skipped", "of no interest"}},
		"it does not compile": {broken, nil, 1, []string{"undefined: nothing", "FAIL\tm [build failed]"}, []string{"skipped"}},
		"-v":                  {passes + fails, []string{"-v"}, 1, []string{"=== RUN   TestPasses", "of no interest", "before it", "FAIL\tm\t"}, []string{"skipped"}},
		"a wrong flag":        {passes, []string{"-colour"}, 1, nil, []string{"skipped"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code, err := run("go", append(append([]string{"-C", module(t, c.tests)}, c.args...), "./..."), &out, &errs)
			if (code == 0) != (c.code == 0) || err != nil {
				t.Errorf("exit %d, %v; want %d", code, err, c.code)
			}
			rest := out.String()
			for _, text := range c.want {
				_, after, found := strings.Cut(rest, text)
				if !found {
					t.Errorf("%q is missing, or not in order, in\n%s%s", text, out.String(), errs.String())
					break
				}
				rest = after
			}
			for _, text := range c.never {
				if strings.Contains(out.String(), text) {
					t.Errorf("%q is in\n%s", text, out.String())
				}
			}
			if c.args != nil && c.args[0] == "-v" && strings.Count(out.String(), "before it") != 1 {
				t.Errorf("-v prints a failed test twice:\n%s", out.String())
			}
		})
	}
	if code, err := run("no-such-go", nil, &bytes.Buffer{}, &bytes.Buffer{}); code == 0 || err == nil {
		t.Errorf("without go: exit %d, %v", code, err)
	}
}

// TestEnvironment: what a user set for dmwake does not reach the tests.
func TestEnvironment(t *testing.T) {
	t.Setenv("DMWAKE_PASSWORD", "hunter2")
	t.Setenv("NO_COLOR", "1")
	t.Setenv("KEPT", "yes")
	dir := module(t, "import \"os\"\n\nfunc TestSees(t *testing.T) { t.Error(os.Getenv(\"DMWAKE_PASSWORD\") + os.Getenv(\"NO_COLOR\") + \"it sees \" + os.Getenv(\"KEPT\")) }\n")
	var out, errs bytes.Buffer
	if _, err := run("go", []string{"-C", dir, "./..."}, &out, &errs); err != nil || !strings.Contains(out.String(), ": it sees yes\n") {
		t.Errorf("%v\n%s%s", err, &out, &errs)
	}
}

// TestMakeHelp: make help lists every target of the Makefile.
func TestMakeHelp(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("NOT RUN: make is not on this machine")
	}
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command("make", "-s", "-C", root, "help").CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, help)
	}
	targets := regexp.MustCompile(`(?m)^\.PHONY: (\S+)$`).FindAllSubmatch(text, -1)
	if len(targets) < 5 {
		t.Fatalf("the Makefile has %d targets", len(targets))
	}
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^  ` + string(target[1]) + ` +\S`).Match(help) {
			t.Errorf("make help does not list %s", target[1])
		}
	}
}
