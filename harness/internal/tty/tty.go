// Package tty runs commands on a pseudo-terminal, for tests of what a person sees.
package tty

import (
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

// Command is a command on a real pseudo-terminal, seen through an emulated one.
type Command struct {
	t    testing.TB
	cmd  *exec.Cmd
	pty  *os.File
	done chan struct{} // closed when all output is read

	mu      sync.Mutex
	screen  *vt.Emulator
	raw     strings.Builder
	changed chan struct{}
}

// Start starts cmd on a terminal of that size. Where there are none, it skips the test.
func Start(t testing.TB, columns, rows int, cmd *exec.Cmd) *Command {
	t.Helper()
	f, err := pty.StartWithSize(cmd, size(columns, rows))
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("NOT RUN: this system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	v := &Command{t: t, cmd: cmd, pty: f, done: make(chan struct{}), screen: vt.NewEmulator(columns, rows), changed: make(chan struct{}, 1)}
	go func() {
		defer close(v.done)
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b) // EIO when the process has ended
			v.mu.Lock()
			v.screen.Write(b[:n]) //nolint:errcheck // in memory
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
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-v.done
		f.Close()
	})
	return v
}

// Seen is what stands on the terminal now.
func (v *Command) Seen() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var lines []string
	for line := range strings.Lines(v.screen.String()) {
		lines = append(lines, strings.TrimRight(line, " \r\n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// All is everything that was written.
func (v *Command) All() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.raw.String()
}

// Await waits until the terminal shows what is wanted.
func (v *Command) Await(what string, ok func(seen string) bool) string {
	v.t.Helper()
	limit := time.After(time.Minute)
	for {
		if seen := v.Seen(); ok(seen) {
			return seen
		}
		select {
		case <-v.changed:
		case <-v.done:
			if seen := v.Seen(); ok(seen) {
				return seen
			}
			v.t.Fatalf("the command ended before it showed %s:\n%s", what, v.Seen())
		case <-limit:
			v.t.Fatalf("never shown: %s\n%s", what, v.Seen())
		}
	}
}

// Resize changes the size of the window.
func (v *Command) Resize(columns, rows int) {
	v.t.Helper()
	v.mu.Lock()
	v.screen.Resize(columns, rows)
	v.mu.Unlock()
	if err := pty.Setsize(v.pty, size(columns, rows)); err != nil {
		v.t.Fatal(err)
	}
}

// Interrupt is Ctrl-C, typed.
func (v *Command) Interrupt() {
	io.WriteString(v.pty, "\x03") //nolint:errcheck // End finds out
}

// End waits for the command's end, and returns its exit code.
func (v *Command) End() int {
	v.t.Helper()
	select {
	case <-v.done:
	case <-time.After(time.Minute):
		v.t.Fatalf("the command does not end:\n%s", v.Seen())
	}
	var ended *exec.ExitError
	if err := v.cmd.Wait(); err != nil && !errors.As(err, &ended) {
		v.t.Fatal(err)
	}
	return v.cmd.ProcessState.ExitCode()
}

// Restored fails if a terminal was left in another state than it was found in.
func (v *Command) Restored() {
	v.t.Helper()
	all := v.All()
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

// Screen calls f with the terminal, which does not change meanwhile.
func (v *Command) Screen(f func(*vt.Emulator)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(v.screen)
}

func size(columns, rows int) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)} //nolint:gosec // of a window
}
