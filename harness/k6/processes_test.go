package dmwake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
)

// The programs that the tests run, built once.
var k6Binary, dmwakeBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dmwake-k6-")
	if err != nil {
		panic(err)
	}
	k6Binary, dmwakeBinary = filepath.Join(dir, "k6"), filepath.Join(dir, "dmwake")
	for out, what := range map[string][2]string{k6Binary: {".", "./cmd/k6"}, dmwakeBinary: {"../..", "."}} {
		cmd := exec.Command("go", "build", "-o", out, what[1])
		cmd.Dir = what[0]
		if text, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", out, err, text)
			os.Exit(1)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// until waits until f returns true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("after a minute: not %s", what)
		}
	}
}

// output is what a process has printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// spawn starts a process, and kills it at the end of the test.
func spawn(t *testing.T, bin string, env []string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	out := &output{}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, out
}

// prometheus starts a Prometheus and returns its URL. With receiver it accepts samples
// from k6.
func prometheus(t *testing.T, receiver bool) string {
	t.Helper()
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("NOT RUN: prometheus is not on this machine (Debian package prometheus)")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := testenv.Addr(t)
	args := []string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + at, "--enable-feature=native-histograms", "--log.level=warn"}
	if receiver {
		args = append(args, "--web.enable-remote-write-receiver")
	}
	_, out := spawn(t, bin, nil, args...)
	until(t, "ready: "+out.String(), func() bool {
		resp, err := http.Get("http://" + at + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return "http://" + at
}

// k6 is one process of a test.
type k6 struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *output
	at     string // of its REST API
	result string
}

// test is what all processes of a test have in common.
type test struct {
	prometheus, id string
	env            []string
	script         string   // default wake.js
	args           []string // additional ones
	tagless        bool     // without instance_id
}

// segments selects the k-th of n equal parts.
func segments(n, k int) []string {
	if n == 1 {
		return nil
	}
	at := func(k int) string {
		switch k {
		case 0:
			return "0"
		case n:
			return "1"
		}
		return fmt.Sprintf("%d/%d", k, n)
	}
	var all []string
	for i := range n + 1 {
		all = append(all, at(i))
	}
	return []string{"--execution-segment", at(k) + ":" + at(k+1), "--execution-segment-sequence", strings.Join(all, ",")}
}

// start starts the k-th process of n, paused.
func (c test) start(t *testing.T, n, k int) *k6 {
	t.Helper()
	p := &k6{t: t, at: testenv.Addr(t), result: filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.json", c.id, k))}
	script := c.script
	if script == "" {
		script = "wake.js"
	}
	args := append([]string{"run", "--paused", "--quiet", "--no-color", "--address", p.at, "-o", "experimental-prometheus-rw", "--tag", "testid=" + c.id}, segments(n, k)...)
	if n > 1 && !c.tagless {
		args = append(args, "--tag", fmt.Sprintf("instance_id=%d", k+1))
	}
	env := append([]string{"K6_NO_USAGE_REPORT=true", "K6_AUTO_EXTENSION_RESOLUTION=false", "K6_FEATURES=native-histograms", "K6_PROMETHEUS_RW_PUSH_INTERVAL=1s",
		"K6_PROMETHEUS_RW_SERVER_URL=" + c.prometheus + "/api/v1/write", "RESULT=" + p.result, fmt.Sprintf("INSTANCES=%d", n)}, c.env...)
	p.cmd, p.out = spawn(t, k6Binary, env, append(append(args, c.args...), script)...)
	return p
}

// resume lets the process start its script, when it is ready.
func (p *k6) resume() {
	p.t.Helper()
	until(p.t, "resumed", func() bool {
		req, err := http.NewRequest(http.MethodPatch, "http://"+p.at+"/v1/status", strings.NewReader(`{"data":{"type":"status","id":"default","attributes":{"paused":false}}}`))
		if err != nil {
			p.t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return strings.Contains(p.out.String(), "level=error")
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// wait waits for the process and returns its exit code.
func (p *k6) wait() int {
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// run runs n processes at the same time.
func (c test) run(t *testing.T, n int) (list []*k6) {
	t.Helper()
	for k := range n {
		list = append(list, c.start(t, n, k))
	}
	for _, p := range list {
		p.resume()
	}
	for _, p := range list {
		if code := p.wait(); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.out)
		}
	}
	return list
}

// verify runs dmwake load verify.
func verify(t *testing.T, args ...string) (code int, text string, whole *result.Result) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "whole.json")
	cmd, out := spawn(t, dmwakeBinary, nil, append([]string{"load", "verify", "--json", file}, args...)...)
	cmd.Wait()
	if raw, err := os.ReadFile(file); err == nil {
		json.Unmarshal(raw, &whole)
	}
	return cmd.ProcessState.ExitCode(), out.String(), whole
}

func results(list []*k6) (out []string) {
	for _, p := range list {
		out = append(out, p.result)
	}
	return out
}
