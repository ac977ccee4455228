//go:build !windows

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// tty is a command on a real pseudo-terminal, seen through an emulated one.
type tty struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File
	done chan struct{} // closed when all output is read

	mu      sync.Mutex
	screen  *vt.Emulator
	raw     strings.Builder
	changed chan struct{}
}

func onTerminal(t *testing.T, columns, rows uint16, cmd *exec.Cmd) *tty {
	t.Helper()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: columns, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	v := &tty{t: t, cmd: cmd, pty: f, done: make(chan struct{}), screen: vt.NewEmulator(int(columns), int(rows)), changed: make(chan struct{}, 1)}
	go func() {
		defer close(v.done)
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b) // EIO when the process has ended
			v.mu.Lock()
			v.screen.Write(b[:n])
			v.raw.Write(b[:n])
			v.mu.Unlock()
			select {
			case v.changed <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-v.done
		f.Close()
	})
	return v
}

// seen is what stands on the terminal now.
func (v *tty) seen() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var lines []string
	for line := range strings.Lines(v.screen.String()) {
		lines = append(lines, strings.TrimRight(line, " \r\n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// all is everything that was written.
func (v *tty) all() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.raw.String()
}

// await waits until the terminal shows what is wanted.
func (v *tty) await(what string, ok func(seen string) bool) string {
	v.t.Helper()
	limit := time.After(time.Minute)
	for {
		if seen := v.seen(); ok(seen) {
			return seen
		}
		select {
		case <-v.changed:
		case <-v.done:
			if seen := v.seen(); ok(seen) {
				return seen
			}
			v.t.Fatalf("the command ended before it showed %s:\n%s", what, v.seen())
		case <-limit:
			v.t.Fatalf("never shown: %s\n%s", what, v.seen())
		}
	}
}

func (v *tty) resize(columns, rows uint16) {
	v.t.Helper()
	v.mu.Lock()
	v.screen.Resize(int(columns), int(rows))
	v.mu.Unlock()
	if err := pty.Setsize(v.pty, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		v.t.Fatal(err)
	}
}

// interrupt is Ctrl-C, typed.
func (v *tty) interrupt() { io.WriteString(v.pty, "\x03") }

// end waits for the command's end, and returns its exit code.
func (v *tty) end() int {
	v.t.Helper()
	select {
	case <-v.done:
	case <-time.After(time.Minute):
		v.t.Fatalf("the command does not end:\n%s", v.seen())
	}
	var ended *exec.ExitError
	if err := v.cmd.Wait(); err != nil && !errors.As(err, &ended) {
		v.t.Fatal(err)
	}
	return v.cmd.ProcessState.ExitCode()
}

// restored fails if a terminal was left in another state than it was found in.
func (v *tty) restored() {
	v.t.Helper()
	all := v.all()
	if off, on := strings.LastIndex(all, "\x1b[?7l"), strings.LastIndex(all, "\x1b[?7h"); off > on {
		v.t.Error("automatic wrapping is left off")
	}
	if off, on := strings.LastIndex(all, "\x1b[3"), strings.LastIndex(all, "\x1b[0m"); off > on {
		v.t.Error("a colour is left on")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.screen.IsAltScreen() {
		v.t.Error("the other screen is left on")
	}
}

// narrow fails if a line is wider than the terminal was, unless it is for copying or a
// word of its own.
func narrow(t *testing.T, out string, columns int) {
	t.Helper()
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimPrefix(strings.TrimSpace(line), "# ")
		if n := len([]rune(line)); n > columns && strings.Contains(text, " ") && !strings.Contains(text, "export ") && !strings.Contains(text, "curl ") && !strings.HasPrefix(text, "-H ") && !strings.Contains(text, "dmwake ") {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
}

// TestDeviceRunOnATerminal: a table of what the devices do, which follows pushes and the
// window's size, and leaves the terminal as it was.
func TestDeviceRunOnATerminal(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.enroll("--count", "8", "--name", "PC")
	all := w.list()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	v := onTerminal(t, 80, 24, command(ctx, w.dir, []string{"TERM=xterm"}, "device", "run", "--wns-listen", w.wns, "--proxy", w.proxy, "--ca-dir", "ca"))
	v.await("a row for each device with its session", func(seen string) bool {
		return strings.Contains(seen, "device           state") && strings.Count(seen, "channel, ") == 8 && strings.Contains(seen, "8 of 8 enrolled")
	})
	w.post("/devices/"+all[2].DeviceID+"/push", "")
	seen := v.await("the push and its session", func(seen string) bool { return strings.Contains(seen, "push, ") && strings.Contains(seen, "1 pushes") })
	if !strings.Contains(seen, "  1  poll at ") {
		t.Errorf("no row with one push, and what is next:\n%s", seen)
	}
	for _, line := range strings.Split(seen[strings.Index(seen, "device  "):], "\n") {
		if len([]rune(line)) > 79 {
			t.Errorf("a row of more than 79 columns: %q", line)
		}
	}
	v.resize(60, 9)
	seen = v.await("fewer rows", func(seen string) bool { return strings.Contains(seen, "and 3 more") })
	if !strings.Contains(seen, "push, ") {
		t.Errorf("the device with the newest session is not among the rows:\n%s", seen)
	}
	v.interrupt()
	if code := v.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	v.restored()
	if seen := v.seen(); strings.Contains(seen, "device  ") || !strings.Contains(seen, "8 of 8 enrolled") {
		t.Errorf("after Ctrl-C:\n%s", seen)
	}
	if !strings.Contains(v.all(), "\x1b[1mdevice") {
		t.Error("the heading has no colour")
	}
}

// TestSuiteOnATerminal: colours, the progress with what runs, and nothing wider than the
// window. NO_COLOR takes the colours away and leaves the progress.
func TestSuiteOnATerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env    []string
		colour bool
		live   bool
	}{{[]string{"TERM=xterm"}, true, true}, {[]string{"TERM=xterm", "NO_COLOR=1"}, false, true}, {[]string{"TERM=dumb"}, false, false}} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		v := onTerminal(t, 70, 30, command(ctx, t.TempDir(), c.env, "test", "--only", "SES-01,PFN-01", "--mutant", "pfn-never", "--seed", "7"))
		code := v.end()
		out := v.all()
		if code != exitFailed {
			t.Errorf("%v: exit code %d\n%s", c.env, code, out)
		}
		if colour := strings.Contains(out, "\x1b[31mFAIL\x1b[0m"); colour != c.colour {
			t.Errorf("%v: colours: %v\n%q", c.env, colour, out)
		}
		if live := strings.Contains(out, "1 of 2") && strings.Contains(out, "running "); live != c.live {
			t.Errorf("%v: progress: %v\n%q", c.env, live, out)
		}
		if strings.Contains(v.seen(), "running ") {
			t.Errorf("%v: the progress is left:\n%s", c.env, v.seen())
		}
		v.restored()
	}
}

// TestLabOnATerminal: a coloured verdict for each request, and a summary after Ctrl-C.
func TestLabOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	v := onTerminal(t, 80, 60, command(ctx, dir, []string{"TERM=xterm"}, "lab", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0", "--ca-dir", "ca"))
	v.await("the addresses", func(seen string) bool { return strings.Contains(seen, "ready; Ctrl-C") })
	addr := map[string]string{}
	for _, m := range labAddr.FindAllStringSubmatch(strings.ReplaceAll(v.all(), "\r", ""), -1) {
		addr[m[1]] = m[2]
	}
	for _, args := range [][]string{nil, {"--header", "Content-Type: text/plain"}} {
		cmd := command(ctx, dir, nil, append([]string{"push", "--ca-dir", "ca", "--wns-listen", addr["fake WNS"], "--control", "http://" + addr["control API"], "--device", sampleDevice}, args...)...)
		cmd.Run() // its exit codes are another test's
	}
	v.await("the second notification", func(seen string) bool { return strings.Contains(seen, "#3") })
	v.interrupt()
	if code := v.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	out := v.all()
	for _, want := range []string{"\x1b[32mok        \x1b[0m", "\x1b[31mBROKEN    \x1b[0m", "requests    4: 2 for tokens, 2 notifications", "verdicts    \x1b[32m3 ok\x1b[0m, \x1b[31m1 BROKEN\x1b[0m", "rules       broken: 1 × content-type"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%q", want, out)
		}
	}
	narrow(t, strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(out), 80)
	v.restored()
}
