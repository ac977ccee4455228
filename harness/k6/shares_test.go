package dmwake

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// names is wake.js with a line that prints the devices.
func names(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("wake.js")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "  const r = await", "  for (const d of fleet.devices) console.log('device ' + d);\n  const r = await", 1)
	file := filepath.Join(t.TempDir(), "names.js")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || text == string(raw) {
		t.Fatal("wake.js has changed", err)
	}
	return file
}

// devices returns the devices that the processes printed.
func devices(list []*k6) (out []string) {
	for _, p := range list {
		for _, line := range strings.Split(p.out.String(), "\n") {
			if _, rest, ok := strings.Cut(line, `msg="device `); ok {
				id, _, _ := strings.Cut(rest, `"`)
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// ask returns the answer of Prometheus to a query, as in its JSON.
func ask(t *testing.T, prometheus, query string) string {
	t.Helper()
	resp, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Data struct {
			Result []struct {
				Value     []any
				Histogram []json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &out); err != nil || len(out.Data.Result) != 1 {
		t.Fatalf("%s: %v %s", query, err, raw)
	}
	r := out.Data.Result[0]
	if len(r.Histogram) == 2 {
		return string(r.Histogram[1])
	}
	return fmt.Sprint(r.Value[1])
}

// TestProcesses: one, two and three processes together have the same devices, and the
// same native histograms bucket for bucket.
func TestProcesses(t *testing.T) {
	prom := prometheus(t, true)
	var all []string
	buckets := map[string]string{}
	for n := 1; n <= 3; n++ {
		c := test{prometheus: prom, id: fmt.Sprintf("rehearsal-%d", n), script: names(t), env: []string{"REHEARSE=true", "DEVICES=60", "RATE=300", "DURATION=4s"}}
		list := c.run(t, n)
		ids := devices(list)
		if all == nil {
			all = ids
		}
		if len(ids) != 60 || !slices.Equal(ids, slices.Compact(slices.Clone(ids))) || !slices.Equal(ids, all) {
			t.Errorf("%d processes: %d devices, other than with one process", n, len(ids))
		}
		code, text, whole := verify(t, append(results(list), "--prometheus", prom, "--instances", fmt.Sprint(n), "--expect", "lost==0", "--expect", "done==1200")...)
		if code != 0 || whole == nil || whole.Counts.Done != 1200 || !strings.Contains(text, "same counts for each instance") || !strings.Contains(text, "same p99 of every stage within a bucket") {
			t.Errorf("%d processes: exit code %d\n%s", n, code, text)
		}
		for _, s := range series(t, prom, fmt.Sprintf(`{__name__=~"k6_dmwake_.*", testid=%q}`, c.id)) {
			if s["part"] != "" {
				t.Errorf("without polls a series has the part %q", s["part"])
			}
		}
		for _, stage := range []string{"whole", "wake"} {
			// The last digits of float sums depend on the order, so compare buckets only.
			var h struct{ Buckets [][]any }
			text := ask(t, prom, fmt.Sprintf(`sum(k6_dmwake_stage_seconds{testid=%q, stage=%q})`, c.id, stage))
			if err := json.Unmarshal([]byte(text), &h); err != nil || len(h.Buckets) < 10 {
				t.Fatalf("%v: %s", err, text)
			}
			got := fmt.Sprint(h.Buckets)
			if n == 1 {
				buckets[stage] = got
			} else if got != buckets[stage] {
				t.Errorf("%d processes: other buckets of %s\n%s\n%s", n, stage, got, buckets[stage])
			}
		}
	}
}

// TestHalves: two processes with half of the devices each measure the same as one
// process, against a server in another process.
func TestHalves(t *testing.T) {
	prom := prometheus(t, true)
	dir := t.TempDir()
	config := filepath.Join(dir, "dmwake.yaml")
	listen, admin := testenv.Addr(t), testenv.Addr(t)
	secrets := []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_TOKEN_KEY=0123456789abcdef0123456789abcdef"}
	// The server knows the address of one WNS, for tokens. Notifications go to the hosts
	// of the channel URIs.
	wns := []string{testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)}
	yaml := fmt.Sprintf(`target:
  discovery: https://%[1]s/EnrollmentServer/Discovery.svc
  username: demo@mdm.example
  password: {env: DMWAKE_PASSWORD}
  ca: ca/ca.pem
  hooks:
    queue: {http: {url: "http://%[2]s/devices/{{.DeviceID}}/commands", headers: {Content-Type: application/json}, body: '{"verb":{{json .Verb}},"locURI":{{json .LocURI}}}'}}
    push: {http: {url: "http://%[2]s/devices/{{.DeviceID}}/push"}}
wns:
  mode: direct
  ca_dir: ca
  token_key: {env: DMWAKE_TOKEN_KEY}
  faults: ["late=2s probability=0.05"]
`, listen, admin)
	if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(id string, n int, at []string) (p99 float64, started int64) {
		server, out := spawn(t, dmwakeBinary, secrets, "mdm", "--listen", listen, "--admin", admin, "--ca-dir", filepath.Join(dir, "ca"), "--wns", "https://"+at[0], "--channel-host", at[len(at)-1],
			"--pfn", fakewns.DefaultApp.PFN)
		defer func() {
			server.Process.Signal(os.Interrupt)
			server.Wait()
		}()
		until(t, "a server that listens", func() bool { return strings.Contains(out.String(), listen) })
		var list []*k6
		began := time.Now().Add(12 * time.Second)
		for k := range n {
			c := test{prometheus: prom, id: id, env: append(secrets, "CONFIG="+config, "DEVICES=60", "RATE=60", "DURATION=10s", "WORK=get", "DMWAKE_WNS_LISTEN="+at[k],
				"START_AT="+fmt.Sprint(began.UnixMilli()))}
			list = append(list, c.start(t, n, k))
		}
		for _, p := range list {
			p.resume()
		}
		for _, p := range list {
			if code := p.wait(); code != 0 {
				t.Fatalf("exit code %d\n%s\n%s", code, p.out, out)
			}
		}
		code, text, whole := verify(t, append(results(list), "--prometheus", prom, "--instances", fmt.Sprint(n), "--expect", "lost==0", "--expect", "failed==0")...)
		if code != 0 || whole == nil {
			t.Fatalf("exit code %d\n%s\n%s", code, text, out)
		}
		exact := float64(whole.Stages["whole"].At["p99"]) / 1e6
		var got float64
		fmt.Sscan(ask(t, prom, fmt.Sprintf(`histogram_quantile(0.99, sum(k6_dmwake_stage_seconds{testid=%q, stage="whole"}))`, id)), &got)
		if math.Abs(got-exact) > exact/10 || exact < 2 {
			t.Errorf("%s: p99 is %.4f s, and %.4f in Prometheus", id, exact, got)
		}
		return got, whole.Counts.Started
	}
	single, n := run("single", 1, wns[:1])
	halves, m := run("halves", 2, wns[1:])
	if d := n - m; d > 2 || d < -2 || n != 600 {
		t.Errorf("%d wake-ups by one process, %d by two halves", n, m)
	}
	if math.Abs(single-halves) > single/20 {
		t.Errorf("p99 of one process %.4f s, of two halves %.4f", single, halves)
	}
}

// series returns the label sets that match.
func series(t *testing.T, prometheus, match string) []map[string]string {
	t.Helper()
	resp, err := http.Get(prometheus + "/api/v1/series?match[]=" + url.QueryEscape(match))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Data []map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Data
}
