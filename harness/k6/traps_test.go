package dmwake

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// rehearsal is the environment of a short rehearsal.
var rehearsal = []string{"REHEARSE=true", "DEVICES=60", "RATE=200", "DURATION=3s"}

// refused runs a process that must end with this error and without a result.
func refused(t *testing.T, c test, n, k int, want string) {
	t.Helper()
	p := c.start(t, n, k)
	p.resume()
	if code := p.wait(); code == 0 || !strings.Contains(p.out.String(), want) {
		t.Errorf("exit code %d, want %q\n%s", code, want, p.out)
	}
	if code, text, _ := verify(t, p.result); code == 0 || !strings.Contains(text, "ended without a result") {
		t.Errorf("the verifier: exit code %d\n%s", code, text)
	}
}

// TestRefused: mistakes end the process with an error. k6 alone would go on, measure
// nothing or something else, and exit with 0.
func TestRefused(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	for name, k := range map[string]struct {
		c    test
		n, k int
		want string
	}{
		"indivisible":            {test{env: []string{"REHEARSE=true", "DEVICES=100"}}, 3, 1, "100 devices cannot be divided into 3 equal parts: take 99 or 102"},
		"no instance_id":         {test{env: rehearsal, tagless: true}, 2, 0, "need different --tag instance_id"},
		"segment by environment": {test{env: append([]string{"K6_EXECUTION_SEGMENT=0:1/2"}, rehearsal...)}, 1, 0, "k6 ignores the environment variable K6_EXECUTION_SEGMENT"},
		"no sequence":            {test{env: rehearsal, args: []string{"--execution-segment", "0:1/2", "--tag", "instance_id=1"}}, 1, 0, "without --execution-segment-sequence"},
		"a start in the past":    {test{env: append([]string{"START_AT=2020-01-31T12:00:00Z"}, rehearsal...)}, 1, 0, "choose a later one"},
		"a wrong rate":           {test{env: []string{"REHEARSE=true", "RATE=lots"}}, 1, 0, "is not a number of wake-ups a second"},
		"no such configuration":  {test{env: []string{"CONFIG=nowhere.yaml"}}, 1, 0, "nowhere.yaml: cannot be read"},
		"an unknown option":      {test{script: script(t, "await dmwake.open({device: 5})")}, 1, 0, `unknown field \"device\"`},
		"an option by its key":   {test{script: script(t, "await dmwake.open({devices: 5, key: 'rsa', keyPool: 0})")}, 1, 0, "keyPool: 0 keys; give 1 or more"},
		"too short an interval":  {test{env: append([]string{"POLL=10ms"}, rehearsal...)}, 1, 0, "poll: a session takes longer than 10ms; take an interval of 50ms or more"},
		"no interval":            {test{env: append([]string{"POLL=often"}, rehearsal...)}, 1, 0, `poll: \"often\" is not an interval, such as 1m`},
		"nothing to do":          {test{env: append(rehearsal[:2:2], "RATE=0")}, 1, 0, "rate: there is nothing to do"},
		"random polls":           {test{env: append(rehearsal[:2:2], "POLL=1s", "POISSON=true")}, 1, 0, "polls are spread evenly"},
		"a burst with polls":     {test{script: script(t, "await (await dmwake.open({rehearse: true})).burst(5, {poll: '1s'})")}, 1, 0, "burst: the only option is startAt"},
		"nobody pushes or polls": {test{script: script(t, "await (await dmwake.open({devices: 1, sender: 'none', resident: true})).burst(5)")}, 1, 0, "give an interval (poll) or choose another sender"},
		"no result directory":    {test{env: append([]string{"RESULT=/nowhere/r.json"}, rehearsal...)}, 1, 0, "the result file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k.c.prometheus, k.c.id = nowhere, "refused"
			refused(t, k.c, k.n, k.k, k.want)
		})
	}
}

// script makes a script with this default function.
func script(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.js")
	if err := os.WriteFile(file, []byte("import dmwake from 'k6/x/dmwake';\nexport default async function () {\n"+body+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestThrows: k6 exits with 0 after a script that always throws, but there is no result
// for the verifier. With wake.js a threshold fails, too.
func TestThrows(t *testing.T) {
	c := test{prometheus: "http://127.0.0.1:1", id: "throws", script: script(t, "throw new Error('always')")}
	p := c.start(t, 1, 0)
	p.resume()
	p.wait()
	if code, text, _ := verify(t, p.result); code == 0 {
		t.Errorf("exit code %d\n%s", code, text)
	}
	c = test{prometheus: c.prometheus, id: "throws", env: []string{"START_AT=soon"}}
	p = c.start(t, 1, 0)
	p.resume()
	if code := p.wait(); code == 0 {
		t.Errorf("exit code %d\n%s", code, p.out)
	}
}

// TestPrometheusAway: k6 exits with 0 even if Prometheus rejects its samples. The
// verifier does not.
func TestPrometheusAway(t *testing.T) {
	away := "http://" + testenv.Addr(t)
	p := test{prometheus: away, id: "away", env: rehearsal}.run(t, 1)[0]
	if code, text, _ := verify(t, p.result, "--prometheus", away); code != 3 || !strings.Contains(text, "Prometheus does not answer") {
		t.Errorf("Prometheus is away: exit code %d\n%s", code, text)
	}
	deaf := prometheus(t, false)
	p = test{prometheus: deaf, id: "deaf", env: rehearsal}.run(t, 1)[0]
	if code, text, _ := verify(t, p.result, "--prometheus", deaf); code != 1 || !strings.Contains(text, "Prometheus has 0 started") {
		t.Errorf("Prometheus accepts nothing: exit code %d\n%s", code, text)
	}
	if code, text, _ := verify(t, p.result); code != 0 {
		t.Errorf("the result alone: exit code %d\n%s", code, text)
	}
}

// TestKilled: one of two processes is killed, and the other exits with 0.
func TestKilled(t *testing.T) {
	prom := prometheus(t, true)
	c := test{prometheus: prom, id: "killed", env: rehearsal}
	a, b := c.start(t, 2, 0), c.start(t, 2, 1)
	a.resume()
	b.resume()
	until(t, "in Prometheus", func() bool {
		return len(series(t, prom, `k6_dmwake_started_total{testid="killed", instance_id="2"}`)) > 0
	})
	b.cmd.Process.Kill()
	if code := a.wait(); code != 0 {
		t.Errorf("the other: exit code %d\n%s", code, a.out)
	}
	b.wait()
	for want, args := range map[string][]string{
		"shares are missing":   {a.result},
		"has no result":        {a.result, "--prometheus", prom},
		"1 process has":        {a.result, "--instances", "2"},
		"ended without a":      {a.result, b.result},
		"of the same devices":  nil,
		"two results have the": nil,
	} {
		if args == nil {
			args = []string{a.result, a.result}
			if want == "of the same devices" {
				want = "the same devices"
			}
		}
		if code, text, _ := verify(t, args...); code == 0 || !strings.Contains(text, want) {
			t.Errorf("%v: exit code %d, want %q\n%s", args, code, want, text)
		}
	}
}

// TestMixedUp: two complete runs with one testid and without instance_id write to the
// same series. Prometheus drops samples out of order, and k6 exits with 0.
func TestMixedUp(t *testing.T) {
	prom := prometheus(t, true)
	c := test{prometheus: prom, id: "mixed", env: rehearsal}
	a, b := c.start(t, 1, 0), c.start(t, 1, 0)
	a.resume()
	b.resume()
	if x, y := a.wait(), b.wait(); x != 0 || y != 0 {
		t.Errorf("exit codes %d and %d", x, y)
	}
	code, text, _ := verify(t, a.result, b.result, "--prometheus", prom)
	if code == 0 || !strings.Contains(text, "two results have the instance_id") || !strings.Contains(text, "Prometheus has") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestUsedTwice: if a testid was used before, Prometheus counts too many wake-ups.
func TestUsedTwice(t *testing.T) {
	prom := prometheus(t, true)
	c := test{prometheus: prom, id: "again", env: rehearsal, args: []string{"--tag", "instance_id=1"}}
	c.run(t, 1)
	c.args = []string{"--tag", "instance_id=2"}
	p := c.run(t, 1)[0]
	if code, text, _ := verify(t, p.result, "--prometheus", prom); code != 1 || !strings.Contains(text, "was used before") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestClassic: without native histograms the verifier says how to turn them on.
func TestClassic(t *testing.T) {
	prom := prometheus(t, true)
	p := test{prometheus: prom, id: "classic", env: append([]string{"K6_FEATURES="}, rehearsal...)}.run(t, 1)[0]
	if code, text, _ := verify(t, p.result, "--prometheus", prom); code != 1 || !strings.Contains(text, "K6_FEATURES=native-histograms") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestInspect: when k6 only reads the script, no device is started.
func TestInspect(t *testing.T) {
	cmd, out := spawn(t, k6Binary, []string{"K6_NO_USAGE_REPORT=true"}, "inspect", "wake.js")
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 0 || !strings.Contains(out.String(), "per-vu-iterations") {
		t.Error(out)
	}
	cmd, out = spawn(t, k6Binary, []string{"K6_NO_USAGE_REPORT=true"}, "run", "--quiet", initScript(t))
	if cmd.Wait(); cmd.ProcessState.ExitCode() == 0 || !strings.Contains(out.String(), "not in the init context") {
		t.Error(out)
	}
}

func initScript(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "init.js")
	if err := os.WriteFile(file, []byte("import dmwake from 'k6/x/dmwake';\ndmwake.open({});\nexport default function () {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDevices: one process with real devices runs a rate, a burst and single wake-ups,
// and all of them are counted.
func TestDevices(t *testing.T) {
	prom := prometheus(t, true)
	c := test{prometheus: prom, id: "devices", script: script(t, `
  const fleet = await dmwake.open({ devices: 12, sender: 'wns', resident: true, result: __ENV.RESULT, drain: '3s' });
  const again = await dmwake.open({ devices: 12, sender: 'wns', resident: true, result: __ENV.RESULT, drain: '3s' });
  if (again.devices.length !== 12) throw new Error('other devices');
  const r = await fleet.rate('10..30', '2s', { poisson: true, warmup: '500ms' });
  if (r.done !== r.started || !(r.stages.whole.p99 > 0)) throw new Error(JSON.stringify(r));
  const b = await fleet.burst(24);
  if (b.done !== 24) throw new Error(JSON.stringify(b));
  await fleet.wake(fleet.devices[3]);
  let reason = '';
  try { await fleet.wake('nobody'); } catch (e) { reason = String(e); }
  if (!reason.includes('nobody')) throw new Error(reason);
  await fleet.close();`)}
	p := c.run(t, 1)[0]
	if strings.Contains(p.out.String(), "level=error") {
		t.Error(p.out)
	}
	code, text, whole := verify(t, p.result, "--prometheus", prom, "--expect", "lost==0")
	if code != 0 || whole == nil || whole.Counts.Done < 40 || whole.Stages["open"].Count != whole.Counts.Done {
		t.Errorf("exit code %d\n%s\n%s", code, text, p.out)
	}
}

// TestLog: the verifier reads a result from a log, too.
func TestLog(t *testing.T) {
	c := test{prometheus: "http://127.0.0.1:1", id: "log", env: append([]string{"RESULT=-"}, rehearsal...)}
	p := c.run(t, 1)[0]
	file := filepath.Join(t.TempDir(), "pod.log")
	if err := os.WriteFile(file, []byte(p.out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text, whole := verify(t, file, "--expect", "done==600"); code != 0 || whole == nil || whole.Counts.Done != 600 {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestInterrupted: after Ctrl-C the result has what was measured, and the verifier
// does not take it for complete.
func TestInterrupted(t *testing.T) {
	c := test{prometheus: "http://127.0.0.1:1", id: "interrupted", env: []string{"REHEARSE=true", "DEVICES=60", "RATE=200", "DURATION=10m"}}
	p := c.start(t, 1, 0)
	p.resume()
	until(t, "started", func() bool {
		resp, err := http.Get("http://" + p.at + "/v1/metrics/dmwake_started")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var out struct {
			Data struct {
				Attributes struct{ Sample struct{ Count float64 } }
			}
		}
		return json.NewDecoder(resp.Body).Decode(&out) == nil && out.Data.Attributes.Sample.Count > 0
	})
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code == 0 {
		t.Errorf("exit code %d\n%s", code, p.out)
	}
	code, text, whole := verify(t, p.result)
	if code != 1 || whole == nil || whole.Counts.Done == 0 || !strings.Contains(text, "ended early: interrupted") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}
