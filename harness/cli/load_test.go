package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load"
)

// TestLoadAnotherProcess: a load on a server in another process, which it is told to
// push by its hook, which pushes by itself, or for which dmwake pushes.
func TestLoadAnotherProcess(t *testing.T) {
	for _, c := range []struct {
		sender, server string // the default sender, and the server's variant
		config, with   string // replaced in the configuration
		args           []string
		queue          int64 // wake-ups that have the stage
	}{
		{load.SenderHook, "", "", "", nil, 40},
		{load.SenderOwn, "push-itself", "push:\n", "lock:\n", nil, 0},
		{load.SenderWNS, "", "push:\n", "lock:\n", []string{"--resident"}, 40},
	} {
		t.Run(c.sender, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			dir := t.TempDir()
			devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
			args := []string{"--listen", devices, "--admin", admin, "--ca-dir", "ca"}
			if c.server != "" {
				args = append(args, "--variant", c.server)
			}
			mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}, args...)
			config := configure(t, dir, "proxy", devices, admin, wns, proxy)
			raw, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			if c.config != "" && !strings.Contains(string(raw), c.config) {
				t.Fatalf("the configuration has no %q", c.config)
			}
			if err := os.WriteFile(config, []byte(strings.Replace(string(raw), c.config, c.with, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.sender == load.SenderOwn {
				extend(t, dir, "  push_on_queue: true\n")
			}
			out, err := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, append([]string{"load", "--config", config, "--devices", "8", "--rate", "20", "--duration", "2s", "--drain", "1m", "--work", "get",
				"--json", "r.json", "--expect", "done==40", "--expect", "lost==0"}, c.args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"\n8 of 8 devices enrolled\n", "40 wake-ups: 40 done by push", "\ntrigger           40 "} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
			r, err := load.Read(filepath.Join(dir, "r.json"))
			if err != nil || r.Config.Sender != c.sender || r.Stages[load.Queue].Count != c.queue || r.Stages[load.Ack].Count != 40 {
				t.Errorf("%+v, %d were queued, %d acknowledged: %v", r.Config, r.Stages[load.Queue].Count, r.Stages[load.Ack].Count, err)
			}
			if strings.Contains(string(out), "secret-1") {
				t.Errorf("the password is in\n%s", out)
			}
		})
	}
}

// TestLoadInterrupted: Ctrl-C ends a load cleanly, with what was measured.
func TestLoadInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	cmd := command(ctx, dir, nil, "load", "--devices", "4", "--rate", "20", "--duration", "1h", "--json", "r.json")
	started(t, cmd, " done ")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	r, err := load.Read(filepath.Join(dir, "r.json"))
	if err != nil || r.Counts.Done == 0 || r.Aborted != "interrupted" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLoadUnwritten: a report that cannot be written costs neither the other one nor
// the figures on the terminal.
func TestLoadUnwritten(t *testing.T) {
	const full = "/dev/full" // every write to it fails
	if _, err := os.Stat(full); err != nil {
		t.Skip("NOT RUN: this system has no " + full)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, bad := range []string{"--html", "--json"} {
		dir := t.TempDir()
		good := map[string]string{"--html": "--json", "--json": "--html"}[bad]
		cmd := command(ctx, dir, nil, "load", "--devices", "2", "--rate", "10", "--duration", "1s", bad, full, good, "good")
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "10 wake-ups: 10 done by push") || !strings.Contains(string(out), "no space left") {
			t.Errorf("%s: exit code %d\n%s", bad, cmd.ProcessState.ExitCode(), out)
		}
		if raw, err := os.ReadFile(filepath.Join(dir, "good")); err != nil || len(raw) == 0 {
			t.Errorf("%s: the other report: %v", bad, err)
		}
	}
}

// TestLoadMetrics: who watched a load by its metrics gets to see how it ended, and the
// command ends then.
func TestLoadMetrics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	at := testenv.Addr(t)
	look := func() string {
		resp, err := http.Get("http://" + at + "/metrics")
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(raw)
	}
	go func() {
		for look() == "" && ctx.Err() == nil {
			<-time.After(20 * time.Millisecond)
		}
	}()
	cmd := command(ctx, t.TempDir(), nil, "load", "--devices", "4", "--rate", "20", "--duration", "3s", "--metrics", at)
	started(t, cmd, "waiting for Prometheus to look once more")
	text := look()
	for _, want := range []string{`dmwake_load_wakeups{state="started"} 60`, `dmwake_load_wakeups{state="done"} 60`, `dmwake_load_wakeups{state="lost"} 0`, `dmwake_load_wakeups{state="open"} 0`, `dmwake_load_stage_seconds_count{stage="whole"} 60`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTell: what went wrong is told in an order, the most frequent first.
func TestTell(t *testing.T) {
	var b strings.Builder
	tell(&b, &load.Result{Counts: load.Counts{Started: 9, Done: 1, Failed: 4, Lost: 3, Unfinished: 1}, Errors: map[string]int64{"b": 1, "a": 1, "c": 3, "lost: d": 2}, Excluded: map[string]int{"RST: refused": 2, "Discover: no answer in time": 5}, Aborted: "interrupted"})
	for _, want := range []string{"9 wake-ups: 1 done by push, 0 by polling, 4 failed, 3 lost, 1 under way when it was interrupted; 0.0 a second\n",
		"       3  c\n       2  lost: d\n       1  a\n       1  b\n       5  devices left out: Discover: no answer in time\n       2  devices left out: RST: refused\n", "ended early: interrupted"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

// TestJudge: what decides on the exit code of a load.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		counts  load.Counts
		aborted string
		expect  string
		code    int
		says    string
	}{
		{load.Counts{Started: 3, Done: 3}, "", "lost==0", exitOK, "as expected      lost==0: it is 0"},
		{load.Counts{Started: 3, Done: 2, Lost: 1}, "", "lost==0", exitFailed, "NOT AS EXPECTED  lost==0: it is 1"},
		{load.Counts{Started: 3, Done: 2, Lost: 1}, "", "", exitOK, ""},
		{load.Counts{Started: 3, Polled: 3}, "", "lost==0", exitOK, "as expected"},
		{load.Counts{Started: 3, Failed: 3}, "", "", exitFailed, ""},
		{load.Counts{Started: 3, Failed: 3}, "", "lost==0", exitFailed, "as expected"},
		{load.Counts{Started: 3, Failed: 3}, "", "done==0", exitOK, "as expected"},
		{load.Counts{Started: 3, Unfinished: 3}, "interrupted", "lost==0", exitInterrupted, "as expected"},
		{load.Counts{}, "interrupted", "", exitInterrupted, ""},
	} {
		var list []*load.Expectation
		if c.expect != "" {
			e, err := load.ParseExpectation(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		var b strings.Builder
		err := judge(&b, &load.Result{Counts: c.counts, Aborted: c.aborted}, list)
		code := exitOK
		if e := (*exitError)(nil); errors.As(err, &e) {
			code = e.code
		}
		if code != c.code || !strings.Contains(b.String(), c.says) {
			t.Errorf("%+v, %q: exit code %d, want %d: %s", c.counts, c.expect, code, c.code, &b)
		}
	}
}

// TestFit: a line that is written over never wraps.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		columns int
		want    string
	}{{100, "   9s     100 started  p50 42µs"}, {32, "   9s     100 started  p50 42µs"}, {31, "9s 100 started p50 42µs"}, {23, "9s 100 started p50 42µ"}, {1, ""}, {0, ""}} {
		if got := fit("   9s     100 started  p50 42µs", c.columns); got != c.want {
			t.Errorf("%d columns: %q, want %q", c.columns, got, c.want)
		}
	}
}

// TestLiveLine: what the warm-up does is called that.
func TestLiveLine(t *testing.T) {
	var b bytes.Buffer
	l := &liveLine{w: &b}
	l.progress(load.Progress{Elapsed: 2 * time.Second, Warming: true, Counts: load.Counts{Warm: 40}, Rate: 20, Open: 1})
	l.said = time.Time{} // long ago
	l.progress(load.Progress{Elapsed: 9 * time.Second, Counts: load.Counts{Warm: 40, Started: 100, Done: 97, Polled: 1, Failed: 2}, Rate: 20, P99: 5000})
	want := "   2s  warm-up:     40 started     20/s      1 open\n   9s     100 started      98 done     20/s      0 open      2 failed  p50 0s  p99 5ms\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
