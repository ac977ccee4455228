package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/live"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestLoadAnotherProcess: a load on a server in another process. The server pushes by
// its hook or by itself, or dmwake pushes.
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
			r, err := result.Read(filepath.Join(dir, "r.json"))
			if err != nil || r.Config.Sender != c.sender || r.Stages[result.Queue].Count != c.queue || r.Stages[result.Ack].Count != 40 {
				t.Errorf("%+v, %d were queued, %d acknowledged: %v", r.Config, r.Stages[result.Queue].Count, r.Stages[result.Ack].Count, err)
			}
			if strings.Contains(string(out), "secret-1") {
				t.Errorf("the password is in\n%s", out)
			}
		})
	}
}

// TestLoadInterrupted: Ctrl-C ends a load cleanly and writes the result.
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
	r, err := result.Read(filepath.Join(dir, "r.json"))
	if err != nil || r.Counts.Done == 0 || r.Aborted != "interrupted" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLoadUnwritten: if one report cannot be written, the other one and the terminal
// still have the figures.
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

// TestLoadMetrics: a Prometheus that scraped a load gets its final figures, and then the
// command ends.
func TestLoadMetrics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	at := testenv.Addr(t)
	scrape := func() string {
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
		for scrape() == "" && ctx.Err() == nil {
			<-time.After(20 * time.Millisecond)
		}
	}()
	cmd := command(ctx, t.TempDir(), nil, "load", "--devices", "4", "--rate", "20", "--duration", "3s", "--metrics", at)
	started(t, cmd, "for a last scrape by Prometheus")
	text := scrape()
	for _, want := range []string{`dmwake_load_wakeups{part="pushes",state="started"} 60`, `dmwake_load_wakeups{part="pushes",state="done"} 60`, `dmwake_load_wakeups{part="pushes",state="lost"} 0`, `dmwake_load_wakeups{part="pushes",state="open"} 0`, `dmwake_load_stage_seconds_count{part="pushes",stage="whole"} 60`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTell: errors are printed in order, the most frequent first.
func TestTell(t *testing.T) {
	var b strings.Builder
	tell(&b, &result.Result{Counts: result.Counts{Started: 9, Done: 1, Failed: 4, Lost: 3, Unfinished: 1}, Errors: map[string]int64{"b": 1, "a": 1, "c": 3, "lost: d": 2}, Excluded: map[string]int{"RST: refused": 2, "Discover: no answer in time": 5}, Aborted: "interrupted"})
	for _, want := range []string{"9 wake-ups: 1 done by push, 0 by polling, 4 failed, 3 lost, 1 unfinished when interrupted; 0.0 a second\n",
		"       3  c\n       2  lost: d\n       1  a\n       1  b\n       5  devices excluded: Discover: no answer in time\n       2  devices excluded: RST: refused\n", "ended early: interrupted"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

// TestJudge: the exit code of a load.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		counts  result.Counts
		aborted string
		expect  string
		code    int
		says    string
	}{
		{result.Counts{Started: 3, Done: 3}, "", "lost==0", exitOK, "as expected      lost==0: saw 0"},
		{result.Counts{Started: 3, Done: 2, Lost: 1}, "", "lost==0", exitFailed, "NOT AS EXPECTED  lost==0: saw 1"},
		{result.Counts{Started: 3, Done: 2, Lost: 1}, "", "", exitOK, ""},
		{result.Counts{Started: 3, Polled: 3}, "", "lost==0", exitOK, "as expected"},
		{result.Counts{Started: 3, Failed: 3}, "", "", exitFailed, ""},
		{result.Counts{Started: 3, Failed: 3}, "", "lost==0", exitFailed, "as expected"},
		{result.Counts{Started: 3, Failed: 3}, "", "done==0", exitOK, "as expected"},
		{result.Counts{Started: 3, Unfinished: 3}, "interrupted", "lost==0", exitInterrupted, "as expected"},
		{result.Counts{}, "interrupted", "", exitInterrupted, ""},
	} {
		var list []*result.Expectation
		if c.expect != "" {
			e, err := result.ParseExpectation(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		var b strings.Builder
		err := judge(&b, &result.Result{Counts: c.counts, Aborted: c.aborted}, list)
		code := exitOK
		if e := (*exitError)(nil); errors.As(err, &e) {
			code = e.code
		}
		if code != c.code || !strings.Contains(b.String(), c.says) {
			t.Errorf("%+v, %q: exit code %d, want %d: %s", c.counts, c.expect, code, c.code, &b)
		}
	}
}

// TestLiveLine: progress during the warm-up says so.
func TestLiveLine(t *testing.T) {
	var b bytes.Buffer
	l := &liveLine{w: &b}
	l.progress(load.Progress{Elapsed: 2 * time.Second, Warming: true, Counts: result.Counts{Warm: 40}, Rate: 20, Open: 1})
	l.said = time.Time{} // long ago
	l.progress(load.Progress{Elapsed: 9 * time.Second, Counts: result.Counts{Warm: 40, Started: 100, Done: 97, Polled: 1, Failed: 2}, Rate: 20, P99: 5000})
	want := "   2s  warm-up:     40 started     20/s      1 open\n   9s     100 started      98 done     20/s      0 open      2 failed  p50 0s  p99 5ms\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	l.quiet = true
	l.progress(load.Progress{Elapsed: time.Hour})
	if l.end(); b.Len() > 0 {
		t.Errorf("with -q: %q", b.String())
	}
}

// TestLiveLineOnATerminal: progress does not wrap, and its last line stays.
func TestLiveLineOnATerminal(t *testing.T) {
	var b bytes.Buffer
	screen := live.New(&b, func() (int, int) { return 60, 24 })
	l := &liveLine{w: screen, screen: screen}
	l.progress(load.Progress{Elapsed: 9 * time.Second, Counts: result.Counts{Started: 100, Done: 97}, Rate: 20})
	if !strings.Contains(b.String(), "9s 100 started 97 done 20/s 0 open 0 failed p50 0s p99 0s") {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	if l.end(); strings.Count(b.String(), "100 started") != 1 || !strings.HasSuffix(b.String(), "p99 0s\n") {
		t.Errorf("at the end: %q", b.String())
	}
}

// TestOptionNames: errors name flags, and each of these exists. The k6 extension has
// the same test for its keys.
func TestOptionNames(t *testing.T) {
	flags := loadCommand(&streams{}).Flags()
	for field, flag := range flagOf {
		if flags.Lookup(flag) == nil {
			t.Errorf("%s: there is no flag --%s", field, flag)
		}
	}
	for f := range reflect.TypeFor[load.Options]().Fields() {
		internal := f.Type.Kind() == reflect.Func || !f.IsExported() || f.Name == "Plan" || f.Name == "Rehearse" || f.Name == "Unscheduled" // --poll implies it
		if _, ok := flagOf[load.Field(f.Name)]; ok == internal {
			t.Errorf("%s: has a flag name: %t", f.Name, ok)
		}
	}
	_, err := load.ParsePlan("5", time.Second, 2*time.Second)
	if got := inFlags(err).Error(); got != "--warmup: 2s leaves nothing of the duration 1s" {
		t.Error(got)
	}
}
