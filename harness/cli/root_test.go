package cli

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangUp: closing the terminal ends a run like Ctrl-C, with a report; a run
// started with nohup goes on.
func TestHangUp(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("NOT RUN: these tests run under nohup, and so would the run that must end")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// With this seed the first area runs first, one scenario at a time: at the first
	// result most of a run of five areas is still to come.
	run := func(file, area string, wrap ...string) (code int, out string) {
		cmd := command(ctx, t.TempDir(), nil, "test", "--area", area, "--json", file, "--parallel", "1", "--seed", "7")
		if len(wrap) > 0 {
			path, err := exec.LookPath(wrap[0])
			if err != nil {
				t.Skipf("NOT RUN: %s is not on this machine", wrap[0])
			}
			cmd.Path, cmd.Args = path, append(wrap, cmd.Args...)
		}
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for lines, sent := bufio.NewScanner(pipe), false; lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if !sent && strings.Contains(lines.Text(), "pass  ") {
				sent = true
				if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()
		return cmd.ProcessState.ExitCode(), all.String()
	}
	file := filepath.Join(t.TempDir(), "result.json")
	if code, out := run(file, "PFN,CHN,TOK,WNS,PSH"); code != exitInterrupted || !strings.Contains(out, "interrupted") {
		t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, out)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("the report: %v", err)
	}
	if code, out := run(file, "CHN", "nohup"); code == exitInterrupted || code < 0 {
		t.Errorf("with nohup: exit code %d:\n%s", code, out)
	}
}
