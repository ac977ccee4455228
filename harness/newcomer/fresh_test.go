package newcomer

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	module  = "github.com/dmwake/dmwake"
	version = "v0.1.0-newcomer.1" // of the module that the walk installs
)

// clean gives the reader a machine with nothing but Go and git: an empty home, empty
// caches. github.com/dmwake/dmwake is this repository's last commit, for git and for go
// install; other modules come from where they always do.
func (w *walker) clean() {
	w.t.Helper()
	repo, err := filepath.Abs(root)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := w.publish(repo)
	w.env = append(w.env, "HOME="+w.home, "GOENV=off", "GOPATH="+filepath.Join(w.home, "go"), "GOBIN=", "GOCACHE="+filepath.Join(w.home, "cache"), "GOMODCACHE=", "GOFLAGS=-modcacherw", "TMPDIR=",
		"GOPROXY=file://"+proxy+","+goEnv(w, "GOPROXY"), "GONOSUMDB="+module, "GOSUMDB="+goEnv(w, "GOSUMDB"), "GOTOOLCHAIN="+goEnv(w, "GOTOOLCHAIN"),
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=url.file://"+repo+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+module, "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*")
}

func goEnv(w *walker, name string) string {
	w.t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// publish writes the files of a module proxy for the last commit (Go Modules Reference,
// "GOPROXY protocol"). A module has no file of a module below it.
func (w *walker) publish(repo string) string {
	w.t.Helper()
	at := filepath.Join("proxy", module, "@v")
	mod, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(filepath.Join(at, "list"), version+"\n")
	w.write(filepath.Join(at, version+".info"), `{"Version":"`+version+`","Time":"2026-11-27T00:00:00Z"}`)
	w.write(filepath.Join(at, version+".mod"), string(mod))
	zip := exec.CommandContext(w.t.Context(), "git", "archive", "--format=zip", "--prefix="+module+"@"+version+"/", "-o", filepath.Join(w.home, at, version+".zip"), "HEAD", "--", ".", ":!harness/k6")
	zip.Dir = repo
	if out, err := zip.CombinedOutput(); err != nil {
		w.t.Fatalf("git archive: %v\n%s", err, out)
	}
	return filepath.Join(w.home, "proxy")
}

// installed checks what go install made.
func (w *walker) installed() {
	w.t.Helper()
	out, code := w.run("dmwake version", w.dir)
	if code != 0 || !regexp.MustCompile(`^dmwake `+regexp.QuoteMeta(strings.TrimPrefix(version, "v"))+"\n").MatchString(out) {
		w.t.Errorf("dmwake version: exit code %d: %s", code, out)
	}
}
