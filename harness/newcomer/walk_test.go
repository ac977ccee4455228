package newcomer

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

var fresh = flag.Bool("fresh", false, "begin as a new user does: no binary, a fresh clone, empty caches (ten minutes)")

const root = "../.."

// step is how a command of README is run. All are: what is not in this table fails the
// test.
type step struct {
	adds  string // flags for private ports, or what the reader answers
	exit  int
	fresh bool // only with -fresh
}

var steps = map[string]step{
	"go install github.com/dmwake/dmwake@latest":              {fresh: true},
	"git clone https://github.com/dmwake/dmwake && cd dmwake": {fresh: true},
	"make run":    {fresh: true},
	"make test":   {fresh: true},
	"dmwake test": {},
	// The reader's server is the reference server, my-server below.
	"dmwake init": {adds: " --preset reference --server https://$DEVICES --admin http://$ADMIN --wns-listen $WNS --proxy $PROXY"},
	"dmwake test --print-env --config dmwake.yaml > lab.env": {},
	". ./lab.env && ./my-server &":                           {},
	"dmwake doctor":                                          {},
	"dmwake test --config dmwake.yaml":                       {},
	"dmwake test --mutant wns-put --area WNS --seed 1":       {exit: 1},
}

const myServer = `#!/bin/sh
exec dmwake mdm --listen $DEVICES --admin $ADMIN --ready server.json
`

// readme are README's commands, in its order.
func readme(t *testing.T) []Command {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return Commands(string(page))
}

// TestEveryCommandIsRun: the walk below knows each command of README, and each of its own
// is in README.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, c := range readme(t) {
		lines = append(lines, c.Line)
		if _, ok := steps[c.Line]; !ok {
			t.Errorf("README has a command that this test does not know: %s", c.Line)
		}
	}
	for line := range steps {
		if !slices.Contains(lines, line) {
			t.Errorf("README has no command %s", line)
		}
	}
}

// TestReadme does what README says, command by command, in an empty folder, and compares
// the output that it shows. The commands that set up a machine run with -fresh.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("make ci runs README's commands")
	}
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: the commands are those of a Unix shell")
	}
	w := &walker{t: t, home: t.TempDir()}
	w.dir = filepath.Join(w.home, "work")
	bin := filepath.Join(w.home, "go", "bin")
	w.write("work/my-server", myServer)
	w.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "DMWAKE_PASSWORD=demo", "NO_COLOR=1",
		"DEVICES="+testenv.Addr(t), "ADMIN="+testenv.Addr(t), "WNS="+testenv.Addr(t), "PROXY="+testenv.Addr(t))
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "MAKEFLAGS", "MAKELEVEL", "GITHUB_ACTIONS", "DMWAKE_READY"} {
		w.env = append(w.env, name+"=")
	}
	if *fresh {
		w.clean()
	} else {
		w.run("go build -o '"+filepath.Join(bin, "dmwake")+"' .", root)
	}
	t.Cleanup(w.stop)
	ran := 0
	for _, c := range readme(t) {
		s := steps[c.Line]
		if s.fresh && !*fresh {
			continue
		}
		ran++
		w.step(c, s)
	}
	if ran < 7 {
		t.Errorf("%d commands were run", ran)
	}
}

// walker is a reader at a shell.
type walker struct {
	t         *testing.T
	home, dir string
	clone     string // the reader's clone
	env       []string
	server    bool // the reader's server was started
}

func (w *walker) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

// step runs a command of README, and compares its output.
func (w *walker) step(c Command, s step) {
	w.t.Helper()
	line, dir := c.Line, w.dir
	if at, to, ok := strings.Cut(line, " && cd "); ok { // for the lines of this block
		line, w.clone = at, filepath.Join(w.dir, to)
	}
	if strings.HasPrefix(line, "make ") { // before the reader sets what the later commands need
		line, dir = "unset DMWAKE_PASSWORD DMWAKE_READY NO_COLOR; "+line, w.clone
	}
	out, code := w.run(line+s.adds, dir)
	if code != s.exit {
		w.t.Fatalf("%s: exit code %d, want %d\n%s", c.Line, code, s.exit, out)
	}
	switch {
	case strings.HasSuffix(line, "&"):
		w.await()
	case strings.HasPrefix(line, "go install"):
		w.installed()
	}
	if c.Shown != nil {
		if err := Compare(c.Shown, out); err != nil {
			w.t.Errorf("%s: %v\n%s", c.Line, err, out)
		}
	}
	w.t.Logf("ran %s", c.Line)
}

// run runs a line as a shell does; what it starts in the background goes on.
func (w *walker) run(line, dir string) (string, int) {
	w.t.Helper()
	file, err := os.Create(filepath.Join(w.t.TempDir(), "out"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.CommandContext(context.WithoutCancel(w.t.Context()), "sh", "-c", line) // stop is a cleanup
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, w.env, file, file
	if err := cmd.Run(); cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	out, err := os.ReadFile(file.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// await waits for the reader's server.
func (w *walker) await() {
	w.t.Helper()
	w.server = true
	for range 1000 {
		if _, code := w.run("dmwake health --ready server.json", w.dir); code == 0 {
			return
		}
	}
	w.t.Fatal("the server did not get ready")
}

// stop ends the reader's server.
func (w *walker) stop() {
	if !w.server {
		return
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, "server.json"))
	if err != nil {
		w.t.Error(err)
		return
	}
	var at struct{ PID int }
	if err := json.Unmarshal(raw, &at); err != nil {
		w.t.Error(err)
		return
	}
	p, err := os.FindProcess(at.PID)
	if err == nil {
		err = p.Signal(os.Interrupt)
	}
	for range 1000 {
		if _, code := w.run("dmwake health --ready server.json", w.dir); err != nil || code != 0 {
			break
		}
	}
	if err != nil {
		w.t.Error(err)
	}
}
