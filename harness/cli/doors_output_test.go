package cli

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestHangupKeepsTheReport: when a terminal is closed, its programs get SIGHUP from the
// system and from the shell, and nobody reads their output any more. The result of a load
// is written all the same.
func TestHangupKeepsTheReport(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: Windows has no SIGHUP")
	}
	file := filepath.Join(t.TempDir(), "r.json")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := command(ctx, t.TempDir(), nil, "load", "--devices", "4", "--rate", "20", "--duration", "1h", "--json", file)
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), " started ") {
	}
	out.Close()
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	// Later ones, too, as long as it works on the result.
	go func() {
		for ctx.Err() == nil && cmd.Process.Signal(syscall.SIGHUP) == nil {
			<-time.After(time.Millisecond)
		}
	}()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d (%s)", code, cmd.ProcessState)
	}
	r, err := result.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.Aborted == "" || r.Counts.Started == 0 || r.Planned != 72_000 {
		t.Errorf("%q, %d planned, %+v", r.Aborted, r.Planned, r.Counts)
	}
}

// TestOutputThatCannotBeWritten: a full disk behind standard output is an error of every
// command, whatever it found.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("NOT RUN: no /dev/full on this machine")
	}
	defer full.Close()
	for _, args := range [][]string{
		{"explain", "418"}, {"test", "--list"}, {"repro"}, {"lab", "--list-faults"}, {"device", "quirks"}, {"--version"}, {"--help"},
		{"test", "--only", "ENR-01"}, {"load", "--devices", "1", "--rate", "5", "--duration", "1s", "--drain", "5s"}, {"test", "--only", "ENR-01", "--json", "-"},
	} {
		cmd := command(t.Context(), t.TempDir(), nil, args...)
		var errs strings.Builder
		cmd.Stdout, cmd.Stderr = full, &errs
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(errs.String(), "no space left on device") || strings.Count(errs.String(), "no space left") != 1 {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
	// What went wrong by itself keeps its exit code.
	cmd := command(t.Context(), t.TempDir(), nil, "test", "--mutant", "wns-put", "--only", "WNS-01")
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = full, &errs
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(errs.String(), "no space left on device") {
		t.Errorf("a failed run: exit code %d: %s", code, errs.String())
	}
}

// TestReaderThatLeaves: "dmwake test --list | head" ends quietly.
func TestReaderThatLeaves(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: Windows has no SIGPIPE")
	}
	var errs strings.Builder
	cmd := command(t.Context(), t.TempDir(), nil, "test", "--list")
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	cmd.Stdout, cmd.Stderr = w, &errs
	err = cmd.Run()
	w.Close()
	if _, ended := err.(*exec.ExitError); !ended || errs.Len() > 0 { //nolint:errorlint // Run gives just that
		t.Errorf("%v: %s", err, errs.String())
	}
}
