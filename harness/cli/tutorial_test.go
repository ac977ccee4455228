package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// wholeTutorial also runs the commands that take minutes: the whole suite.
var wholeTutorial = flag.Bool("whole", false, "follow the tutorial with the run of the whole suite at its end, which takes two minutes")

// startCommand is the command by which the reader starts the server, in a terminal of its own.
// Here it is built first, so that the process that runs is the one that is ended.
const startCommand, built = "go run .", "go build -o toy . && exec ./toy"

// patience is how long the page's dmwake waits for a push; here, beside other tests, it
// waits longer.
const patience, busyPatience = "5s", "30s"

// pageReader is who follows the page: a folder, and the server that runs in it.
type pageReader struct {
	t      *testing.T
	dir    string
	env    []string            // of both terminals
	more   string              // what the server's terminal runs before each start
	change func(string) string // the page's ports to free ones
	server *exec.Cmd
}

func newPageReader(t *testing.T) *pageReader {
	t.Helper()
	for _, tool := range []string{"go", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT RUN: %s is not on this machine", tool)
		}
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "dmwake")); err != nil {
		t.Skipf("NOT RUN: no symbolic links here: %v", err)
	}
	ports := strings.NewReplacer("127.0.0.1:8443", testenv.Addr(t), "127.0.0.1:8444", testenv.Addr(t), "push: "+patience, "push: "+busyPatience)
	r := &pageReader{t: t, dir: t.TempDir(), change: ports.Replace,
		env: append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "GOWORK=off", "GOFLAGS=", // and no way to the real WNS:
			"HTTPS_PROXY=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9")}
	t.Cleanup(r.stop)
	return r
}

// shell is a command line of the page. What it does to its environment stays with it.
func (r *pageReader) shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.dir, r.env, 10*time.Second
	return cmd
}

// wholeSuite is a run of the whole suite.
var wholeSuite = regexp.MustCompile(`^dmwake test --config \S+$`)

// do runs a command of the page, and compares what it prints.
func (r *pageReader) do(c shownCommand) {
	r.t.Helper()
	switch assignment, is := strings.CutPrefix(c.text, "export "); {
	case is:
		r.env = append(r.env, strings.Fields(assignment)...)
		return
	case strings.HasPrefix(c.text, "eval "):
		r.more = c.text + "; "
		return
	case wholeSuite.MatchString(c.text) && !*wholeTutorial:
		r.t.Logf("line %d: not run without -whole: %s", c.line, c.text)
		return
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Minute)
	defer cancel()
	var got []string
	if c.text == startCommand {
		got = r.restart(len(c.want))
	} else {
		began := time.Now()
		out, err := r.shell(ctx, c.text).CombinedOutput()
		if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
			r.t.Fatalf("line %d: %s: %v\n%s", c.line, c.text, err, out)
		}
		r.t.Logf("line %d: %s took %v", c.line, c.text, time.Since(began).Round(time.Millisecond))
		got = lines(strings.ReplaceAll(string(out), "within "+busyPatience, "within "+patience))
	}
	want := c.want
	for len(want) > 0 && want[len(want)-1] == "" { // before the next command
		want = want[:len(want)-1]
	}
	if !pageShows(want, got) {
		r.t.Fatalf("%s:%d: %s\nprints:\n%s\nand the page shows:\n%s", tutorialPage, c.line, c.text, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// restart starts the server as it is now, and gives the first lines that it prints.
func (r *pageReader) restart(n int) (out []string) {
	r.t.Helper()
	r.stop()
	cmd := r.shell(context.Background(), r.more+built)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.server = cmd
	n = max(n, 1)
	printed := bufio.NewScanner(pipe)
	for len(out) < n && printed.Scan() {
		out = append(out, printed.Text())
	}
	go io.Copy(io.Discard, pipe) // so that the server never waits for its reader
	return out
}

func (r *pageReader) stop() {
	if r.server == nil {
		return
	}
	r.server.Process.Kill() // it may have ended
	r.server.Wait()         // it was killed
	r.server = nil
}

// TestTutorial follows the page from its first line to its last.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("make ci follows the whole page; TestLastStep takes its end")
	}
	t.Parallel()
	r := newPageReader(t)
	for _, b := range tutorialBlocks(t) {
		if err := b.write(r.dir, r.change); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.commands() {
			r.do(c)
		}
	}
}

// TestLastStep writes all files of the page, starts the server that they make, and looks
// whether doctor finds it as the page shows at its end.
func TestLastStep(t *testing.T) {
	t.Parallel()
	r := newPageReader(t)
	var doctor, starts []shownCommand
	for _, b := range tutorialBlocks(t) {
		if err := b.write(r.dir, r.change); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.commands() {
			switch {
			case strings.HasPrefix(c.text, "dmwake doctor"):
				doctor = append(doctor, c)
			case c.text == startCommand:
				starts = append(starts, c)
			case strings.HasPrefix(c.text, "dmwake "):
			default:
				r.do(c)
			}
		}
	}
	if len(doctor) < 3 || len(starts) < 3 {
		t.Fatalf("%d commands of doctor and %d starts were found on the page", len(doctor), len(starts))
	}
	r.do(starts[len(starts)-1])
	r.do(doctor[len(doctor)-1])
	if formatted, err := r.shell(t.Context(), "gofmt -l .").CombinedOutput(); err != nil || len(formatted) > 0 {
		t.Errorf("not formatted: %s %v", formatted, err)
	}
}
