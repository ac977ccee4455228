package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

func readText(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestDocumentedCommands: every command line in the documents parses, including its
// flags.
func TestDocumentedCommands(t *testing.T) {
	docs, err := filepath.Glob(filepath.Join(root, "harness/docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range append(docs, filepath.Join(root, "README.md"), filepath.Join(root, "harness/k6/README.md")) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\\\n", " ")
		for _, line := range strings.Split(text, "\n") {
			m := regexp.MustCompile(`^\s+(?:\$ |- |[A-Z_]+=\S+ )*(?:bin/)?dmwake ((?:test|lab|mdm|device|push|explain|csp|repro|read|replay|report|init|doctor|load) .*)$`).FindStringSubmatch(line)
			if m == nil || strings.Contains(line, "[--") || strings.Contains(line, " | ") {
				continue // not a command, or the synopsis
			}
			words := shellWord.FindAllString(m[1], -1)
			for i, w := range words { // up to what the shell handles
				words[i] = strings.Trim(w, `'"`)
				if w == ">" || w == "&" || w == "--" || strings.HasPrefix(w, "#") || strings.HasSuffix(w, ";") || w == "&&" {
					words = words[:i]
					break
				}
			}
			n++
			if err := parses(words); err != nil {
				t.Errorf("%s: dmwake %s: %v", filepath.Base(path), strings.Join(words, " "), err)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d commands were found in the documents", n)
	}
}

// parses checks a command line without running it.
func parses(words []string) error {
	var out bytes.Buffer
	top := rootCommand(&streams{&out, &out})
	c, rest, err := top.Find(words)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if c.Args == nil {
		return nil
	}
	return c.Args(c, c.Flags().Args())
}

// TestContainer: the image is built with the Go version of go.mod, in two stages,
// and runs as an unprivileged user.
func TestContainer(t *testing.T) {
	text := readText(t, "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(readText(t, "go.mod"))[1]
	for _, want := range []string{"FROM golang:" + version + " AS build", "FROM scratch", "USER 65532:65532", "CGO_ENABLED=0 go build", "ENV " + healthEnv + "=/tmp/", `CMD ["/dmwake", "health"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
	if err := parses([]string{"health"}); err != nil {
		t.Errorf("the health check: %v", err)
	}
	if !strings.Contains(readText(t, "harness/docs/ci.md"), "golang:"+version) {
		t.Errorf("the GitLab example is not of Go %s", version)
	}
}

// TestAction: the action is YAML, and uses exactly the inputs that it declares.
func TestAction(t *testing.T) {
	text := readText(t, ".github/actions/dmwake/action.yml")
	var action struct {
		Inputs map[string]struct{ Description string }
		Runs   struct {
			Using string
			Steps []struct {
				Shell, Run string
				Env        map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &action); err != nil {
		t.Fatal(err)
	}
	if action.Runs.Using != "composite" || len(action.Runs.Steps) != 2 {
		t.Errorf("%+v", action.Runs)
	}
	for _, m := range regexp.MustCompile(`inputs\.([\w-]+)`).FindAllStringSubmatch(text, -1) {
		if action.Inputs[m[1]].Description == "" {
			t.Errorf("input %s is used and not declared", m[1])
		}
	}
	for name := range action.Inputs {
		if !strings.Contains(text, "inputs."+name) {
			t.Errorf("input %s is declared and not used", name)
		}
	}
	for _, s := range action.Runs.Steps {
		if strings.Contains(s.Run, "${{") {
			t.Error("a script contains an input, which would be executed: pass it through the environment")
		}
	}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readText(t, "harness/docs/ci.md"), -1) {
		var any map[string]any
		if err := yaml.Unmarshal([]byte(block[1]), &any); err != nil {
			t.Errorf("an example is not YAML: %v\n%s", err, block[1])
		}
	}
}

// TestActionRuns: the action's script runs the suite and writes its reports.
func TestActionRuns(t *testing.T) {
	var action struct {
		Runs struct{ Steps []struct{ Run string } }
	}
	if err := yaml.Unmarshal([]byte(readText(t, ".github/actions/dmwake/action.yml")), &action); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "dmwake")); err != nil {
		t.Fatal(err)
	}
	cmd := script(t, dir, action.Runs.Steps[1].Run, "RUNNER_TEMP="+dir, "CONFIG=", "ARGS=--only SES-01,PFN-03 --mutant pfn-upper-case", "FAIL_ON=must", "RESULTS=out dir", "GITHUB_ACTIONS=true")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit code %d (%v)\n%s", code, err, out)
	}
	if !strings.Contains(string(out), "::error title=PFN-03 the PFN is in lower case::The PFN is sent in lower case%3A") && !strings.Contains(string(out), "::error title=PFN-03 the PFN is in lower case::The PFN") {
		t.Errorf("no annotation:\n%s", out)
	}
	for _, name := range []string{"result.json", "result.xml", "report.html"} {
		if info, err := os.Stat(filepath.Join(dir, "out dir", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// script runs a script as a workflow step does; dmwake in it is this binary.
func script(t *testing.T, dir, text string, env ...string) *exec.Cmd {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("NOT RUN: bash is not on this machine")
	}
	cmd := exec.CommandContext(t.Context(), bash, "-e", "-o", "pipefail", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), asDmwake+"=1"), env...)
	return cmd
}

var shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)

// TestLinks: every file that README and docs link to is there, and each page of the docs
// is linked from somewhere.
func TestLinks(t *testing.T) {
	var pages []string
	for _, page := range documents(t) {
		pages = append(pages, filepath.Join(root, page))
	}
	linked := map[string]bool{}
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "harness/k6/README.md")) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(raw), -1) {
			to := filepath.Join(filepath.Dir(page), m[1])
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			}
			linked[to] = true
		}
	}
	for _, page := range pages {
		if !linked[page] {
			t.Errorf("nothing links to %s", page)
		}
	}
}
