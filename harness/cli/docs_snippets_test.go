package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goCode recognizes a line of a document that is Go: the statements and declarations that
// no command and no YAML looks like.
var goCode = regexp.MustCompile(`(?m)^(?:\w+(?:, \w+)* :?= (?:\w+\.)+\w+\(|func \w*\(|func Test|var _ = |import |package |defer )`)

// goSnippets are the indented blocks of Go in README and harness/docs, by document.
func goSnippets(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	out := map[string][]string{}
	for _, file := range append(files, "../../README.md", "../k6/README.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var block []string
		end := func() {
			if text := strings.TrimSpace(strings.Join(block, "\n")); goCode.MatchString(text) {
				out[filepath.Base(file)] = append(out[filepath.Base(file)], text+"\n")
			}
			block = nil
		}
		for line := range strings.SplitSeq(string(raw), "\n") {
			code, indented := strings.CutPrefix(line, "    ")
			switch {
			case indented:
				block = append(block, code)
			case strings.TrimSpace(line) != "" || len(block) == 0:
				end()
			default:
				block = append(block, "")
			}
		}
		end()
	}
	return out
}

// around is what a document's reader has around a snippet: the file that it becomes.
var around = map[string]struct{ file, before, after string }{
	"lab.md": {"lab.go", `package main

import (
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
)

func lab() {
	var sender struct{ HTTP *http.Client }
`, `	resp, err := sender.HTTP.Get("https://db5p.notify.windows.com/?token=x")
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	if n := len(wns.Journal().Since(0, nil)); n != 1 {
		panic(n)
	}
}
`},
	"devices.md": {"devices.go", `package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

func devices() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	front := httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	mdm, err := mdmserver.New(mdmserver.Config{BaseURL: base, Username: "demo@mdm.example", Password: "demo"})
	if err != nil {
		panic(err)
	}
	defer mdm.Close()
	front.Config.Handler, front.TLS = mdm, mdm.TLS(&tls.Config{MinVersion: tls.VersionTLS12})
	front.StartTLS()
	defer front.Close()
	url, roots := base+mdmserver.DiscoveryPath, x509.NewCertPool()
	roots.AddCert(front.Certificate())
`, `	if err != nil || session.Err != nil {
		panic(err)
	}
}
`},
	"server.md": {"server_test.go", `package main

import (
	"testing"

	"github.com/dmwake/dmwake/scenarios"
)

`, ""},
}

// TestSnippetsRun: every Go snippet of the documents compiles, with no change, in a module
// of its reader's own, and runs.
func TestSnippetsRun(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.mod", strings.Replace(string(mod), "module github.com/dmwake/dmwake", "module reader", 1)+
		"\nrequire github.com/dmwake/dmwake v0.0.0\n\nreplace github.com/dmwake/dmwake => "+root+"\n")
	write("go.sum", string(sum))
	write("main.go", "package main\n\nfunc main() {\n\tlab()\n\tdevices()\n}\n")
	found := goSnippets(t)
	for doc, list := range found {
		a, ok := around[doc]
		if !ok || len(list) != 1 {
			t.Fatalf("%s has %d Go snippets, and this test has no place for them:\n%s", doc, len(list), strings.Join(list, "\n"))
		}
		write(a.file, a.before+list[0]+a.after)
	}
	if len(found) != len(around) {
		t.Fatalf("snippets were found in %d documents of %d", len(found), len(around))
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("run", ".")
	if out := run("test", "-vet=off", "-list", "."); !strings.Contains(out, "TestMDM") {
		t.Errorf("go test finds no TestMDM:\n%s", out)
	}
}
