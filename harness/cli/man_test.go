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

// TestManPages: each command has a page with what man-pages(7) asks for, and groff sets
// it without a warning.
func TestManPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	var out, errs strings.Builder
	if code := Main([]string{"man", dir}, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "wrote ") {
		t.Fatalf("exit code %d: %s%s", code, out.String(), errs.String())
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 30 {
		t.Fatalf("%d pages: %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(strings.TrimSuffix(f.Name(), ".1"), "-", `\\-`)
		for _, want := range []string{
			`(?m)\A\.TH "[A-Z\\-]+" "1" `, `(?m)^\.SH "NAME"\n` + name + ` \\- \S.*$`, `(?m)^\.SH "SYNOPSIS"\ndmwake\b`, `(?m)^\.SH "DESCRIPTION"\n\S`,
			`(?m)^\.SH "OPTIONS"\n\.TP\n\.B \S`,
		} {
			if !regexp.MustCompile(want).Match(text) {
				t.Errorf("%s has no %s:\n%s", f.Name(), want, text)
			}
		}
	}
	man, err := exec.LookPath("man")
	if err != nil {
		t.Log("NOT RUN: man is not on this machine (Debian package man-db)")
		return
	}
	for i, f := range files {
		if testing.Short() && i%11 != 0 {
			continue // a sixth of a second each
		}
		cmd := exec.Command(man, "--warnings", "-l", filepath.Join(dir, f.Name()))
		cmd.Env = append(os.Environ(), "MANPAGER=cat", "LC_ALL=C", "MANWIDTH=100")
		var said strings.Builder
		cmd.Stderr = &said
		page, err := cmd.Output()
		if err != nil || !strings.Contains(string(page), "SYNOPSIS") {
			t.Errorf("man %s: %v\n%s", f.Name(), err, page)
		}
		for line := range strings.Lines(said.String()) {
			if !strings.Contains(line, "can't break line") { // a Package SID is wider than a page
				t.Errorf("man %s: %s", f.Name(), line)
			}
		}
	}
}

// TestManKeepsTheText: hyphens, backslashes and lines that begin with a dot are shown as
// they are written.
func TestManKeepsTheText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"--fail-on": `\-\-fail\-on`, `a\b`: `a\eb`, ".dmwake": `\&.dmwake`, "'quoted'": `\&'quoted'`} {
		if got := escaped(text); got != want {
			t.Errorf("%s is set as %s, want %s", text, got, want)
		}
	}
	page := manPage(rootCommand(&streams{io.Discard, io.Discard}))
	if !strings.Contains(page, "\n.nf\ndmwake test          run the suite against the embedded reference server\n") || strings.Count(page, ".nf") != strings.Count(page, ".fi") {
		t.Errorf("the table of commands is not kept:\n%s", page)
	}
}

// TestCompletions: each shell that a release has a file for gets one, and bash reads it.
func TestCompletions(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out, errs strings.Builder
		if code := Main([]string{"completion", shell}, &out, &errs); code != 0 || !strings.Contains(out.String(), "dmwake") {
			t.Errorf("%s: exit code %d: %s", shell, code, errs.String())
		}
		path, err := exec.LookPath(shell)
		if err != nil || shell == "powershell" {
			t.Logf("NOT RUN: %s does not check its completions here", shell)
			continue
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = strings.NewReader(out.String())
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%s -n: %v\n%s", shell, err, said)
		}
	}
}
