package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestPrometheus: a real Prometheus scrapes the stages of a run as native histograms.
// Its percentiles match the result, within the width of a bucket.
func TestPrometheus(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("NOT RUN: prometheus is not on this machine (Debian package prometheus)")
	}
	m := NewMetrics()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	addr, dir := testenv.Addr(t), t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- {job_name: load, static_configs: [{targets: ['%s']}]}\n", strings.TrimPrefix(srv.URL, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--enable-feature=native-histograms", "--log.level=error")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		cmd.Wait()
	}()
	o := options(t, "60", 3*time.Second)
	o.Observe, o.Progress = m.Observe, m.Progress
	r := measure(t, o, nil)
	value := func(query string) float64 {
		resp, err := http.Get("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			return -1
		}
		defer resp.Body.Close()
		var out struct {
			Data struct{ Result []struct{ Value []any } }
		}
		if json.NewDecoder(resp.Body).Decode(&out) != nil || len(out.Data.Result) != 1 {
			return -1
		}
		v, err := strconv.ParseFloat(fmt.Sprint(out.Data.Result[0].Value[1]), 64)
		if err != nil {
			return -1
		}
		return v
	}
	got := 0.0
	for end := time.Now().Add(90 * time.Second); got != float64(r.Counts.Done) && time.Now().Before(end); {
		got = value(`histogram_count(dmwake_load_stage_seconds{stage="whole"})`)
	}
	if got != float64(r.Counts.Done) {
		t.Fatalf("Prometheus has %v of %d\n%s", got, r.Counts.Done, &log)
	}
	h := r.Stages[result.Whole]
	if p50 := value(`histogram_quantile(0.5, dmwake_load_stage_seconds{stage="whole"})`) * 1e6; p50 < 0.88*float64(h.At["p50"]) || p50 > 1.12*float64(h.At["p50"]) {
		t.Errorf("p50 is %.0f us, and %d in the result", p50, h.At["p50"])
	}
}
