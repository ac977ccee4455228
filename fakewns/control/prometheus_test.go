package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// listening is the line in which Prometheus says which port it was given.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// TestPrometheus: a real Prometheus scrapes the API, with its token, and
// answers what happened.
func TestPrometheus(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("NOT RUN: prometheus is not on this machine (Debian package prometheus)")
	}
	d, dir := newDesk(t, Options{Token: "sesame"}), t.TempDir()
	for range 3 {
		must(d.Push(t.Context(), Push{Device: device}))(t)
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: dmwake\n  authorization: {credentials: sesame}\n  static_configs: [{targets: ['%s']}]\n",
		strings.TrimPrefix(d.srv.URL, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	log := must(os.Create(filepath.Join(dir, "log")))(t)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		cmd.Wait()
	}()
	addr := ""
	for end := time.Now().Add(90 * time.Second); addr == "" && time.Now().Before(end); {
		if found := listening.FindSubmatch(must(os.ReadFile(log.Name()))(t)); found != nil {
			addr = string(found[1])
		}
	}
	for query, want := range map[string]string{
		`dmwake_wns_requests_total{kind="notification",status="200"}`: "3", `dmwake_wns_deliveries_total{outcome="woken"}`: "3",
		`dmwake_wns_channels{state="open"}`: "1", `up{job="dmwake"}`: "1",
	} {
		got := ""
		for end := time.Now().Add(90 * time.Second); got != want && time.Now().Before(end); {
			got = ask(ctx, addr, query)
		}
		if got != want {
			t.Fatalf("%s is %q, want %s\n%s", query, got, want, must(os.ReadFile(log.Name()))(t))
		}
	}
}

// ask returns the only value of a query; empty while it has no result.
func ask(ctx context.Context, addr, query string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/api/v1/query?query="+url.QueryEscape(query), nil)
	if err != nil {
		return ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var out struct {
		Data struct {
			Result []struct{ Value []any }
		}
	}
	if json.NewDecoder(resp.Body).Decode(&out) != nil || len(out.Data.Result) != 1 || len(out.Data.Result[0].Value) != 2 {
		return ""
	}
	return fmt.Sprint(out.Data.Result[0].Value[1])
}
