package cli

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestFindAnotherProcess: searches on a server in another process. They end at
// --find-to, because no test may depend on how fast this machine is.
func TestFindAnotherProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	config := configure(t, dir, "proxy", devices, admin, wns, proxy)
	for _, c := range []struct {
		args  []string
		says  string
		holds float64
		code  int
	}{
		{[]string{"--devices", "80", "--find-from", "10", "--find-to", "20"}, "Capacity: at least 20 wake-ups a second\n", 20, exitOK},
		{[]string{"--find-devices", "--every", "5s", "--find-from", "10", "--find-to", "20"}, "Capacity: at least 20 devices, each woken every 5s\n", 20, exitOK},
		{[]string{"--find-devices", "--poll", "5s", "--find-from", "10", "--find-to", "20"}, "Capacity: at least 20 devices, each checking in every 5s\n", 20, exitOK},
		{[]string{"--devices", "80", "--find-from", "10", "--find-to", "20", "--expect", "rate>=300"}, "NOT AS EXPECTED  rate>=300", 20, exitFailed},
		{[]string{"--devices", "40", "--find", "p50<1us", "--find-from", "12", "--find-to", "12"}, "Capacity: not found", 0, exitFailed},
	} {
		cmd := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, append([]string{"load", "--config", config, "--find", "lost==0", "--step", "1s", "--drain", "1m", "--json", "c.json", "--html", "c.html"}, c.args...)...)
		out, _ := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if c.holds == 0 && code == exitUsage { // this machine is busy, and may be the cause
			code = c.code
		}
		if code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", c.args, code, c.code, c.says, out)
			continue
		}
		r, err := result.ReadCapacity(filepath.Join(dir, "c.json"))
		if err != nil || r.Holds != c.holds || len(r.Steps) < 2 || r.Target.Name != "reference server, another process" {
			t.Errorf("%q: %+v, %v", c.args, r, err)
		}
		if strings.Contains(string(out), "secret-1") {
			t.Errorf("the password is in\n%s", out)
		}
	}
	if _, err := result.Read(filepath.Join(dir, "c.json")); err == nil {
		t.Error("the answer of a search was read as the result of a load")
	}
}

// TestFindMistakes: flags that do not go together are told by name, before anything
// starts.
func TestFindMistakes(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--step 5s":                                                "--step: goes with --find",
		"--find-devices":                                           "--find-devices: goes with --find",
		"--find quick":                                             `--find: "quick" is not an expectation`,
		"--find p99<2s --rate 5":                                   "leave --rate out",
		"--find p99<2s --storm":                                    "leave --storm out",
		"--find p99<2s --share 1/2":                                "leave --share out",
		"--find p99<2s --step 10ms":                                "--step: 10ms is not from 1s to 1h",
		"--find p99<2s --find-from -1":                             "--find-from: -1 is not",
		"--find p99<2s --find-from 9 --find-to 3":                  "--find-to: 3 is below the first value, 9",
		"--find p99<2s --find-to 1e9":                              "--find-to: 1e+09 is not from more than 0 to 1000000",
		"--find p99<2s --every 1m":                                 "--every: goes with --find-devices",
		"--find p99<2s --poll 1m":                                  "--poll: the interval decides on the rate",
		"--find p99<2s --find-devices --poll 1m --every 1m":        "--every: with --poll devices check in by themselves",
		"--find p99<2s --plan p.yaml":                              "leave --plan out",
		"--find p99<2s --work get=2,none=1":                        "--work: --find takes one kind of work",
		"--find p99<2s --speed 60":                                 "leave --speed out",
		"--find p99<2s --sender none":                              "--sender: with none nobody wakes the devices",
		"--find p99<2s --work wipe":                                "--work: a wiped device cannot be woken again",
		"--find p99<2s --find-devices":                             "say how often each device is woken (--every 8h)",
		"--find p99<2s --find-devices --every 1m --devices 5":      "leave --devices and --state out",
		"--find p99<2s --find-devices --every 1m --find-from 10.5": "give whole numbers",
	} {
		var out, errs bytes.Buffer
		if code := Main(append([]string{"load"}, strings.Fields(args)...), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), says) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %q %q, want %q", args, code, out.String(), errs.String(), says)
		}
	}
}

// TestJudgeCapacity: the exit code of a search. A limit of this machine is enough if an
// --expect says so.
func TestJudgeCapacity(t *testing.T) {
	held := []result.CapacityStep{{Value: 20, Verdict: result.StepHolds, Result: &result.Result{Counts: result.Counts{Started: 200, Done: 200}, Seconds: 10}}}
	for name, c := range map[string]struct {
		c      result.Capacity
		expect string
		code   int
	}{
		"found":                 {result.Capacity{Holds: 20, Confirmed: true, Steps: held, Limit: result.Limit{Kind: result.LimitStage}}, "", exitOK},
		"found, not enough":     {result.Capacity{Holds: 20, Confirmed: true, Steps: held, Limit: result.Limit{Kind: result.LimitStage}}, "rate>=50", exitFailed},
		"this machine":          {result.Capacity{Holds: 20, Confirmed: true, Steps: held, Limit: result.Limit{Kind: result.LimitOwn}}, "", exitUsage},
		"this machine, enough":  {result.Capacity{Holds: 20, Confirmed: true, Steps: held, Limit: result.Limit{Kind: result.LimitOwn}}, "rate>=20", exitOK},
		"this machine, at once": {result.Capacity{Fails: 5, Limit: result.Limit{Kind: result.LimitOwn}}, "rate>=20", exitUsage},
		"nothing holds":         {result.Capacity{Fails: 5, Limit: result.Limit{Kind: result.LimitStage}}, "", exitFailed},
		"interrupted":           {result.Capacity{Holds: 20, Steps: held, Aborted: "interrupted"}, "rate>=50", exitInterrupted},
	} {
		expected, err := parseExpectations(nil)
		if c.expect != "" {
			expected, err = parseExpectations([]string{c.expect})
		}
		if err != nil {
			t.Fatal(err)
		}
		code := exitOK
		if e := (*exitError)(nil); errors.As(judgeCapacity(&bytes.Buffer{}, &c.c, expected), &e) {
			code = e.code
		}
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
	}
}
