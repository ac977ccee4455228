package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestLoadWatchesServer: a load on a server in another process tells what the server
// used, by its process and by its metrics, and lists the slowest wake-ups by trace. A
// scrape that fails is a note, and the run goes on.
func TestLoadWatchesServer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: processes are watched on Linux only")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	pid := mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	config := configure(t, dir, "proxy", devices, admin, wns, proxy)
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "sessions 3") }))
	defer metrics.Close()
	out, err := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, "load", "--config", config, "--devices", "20", "--rate", "20", "--duration", "2s", "--drain", "1m", "--work", "get",
		"--pid", fmt.Sprint(pid), "--scrape", metrics.URL, "--scrape", "http://127.0.0.1:1/m", "--series", "sessions", "--trace-headers", "--json", "r.json", "--html", "r.html", "--expect", "done==40").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{fmt.Sprintf("watching process %d (", pid), " s of CPU in ", " ms per wake-up, without its idle ", " MB of memory, ", " threads", "sessions: a mean value of 3, at most 3",
		"scrapes of http://127.0.0.1:1/m failed", "slowest wake-ups, by the trace id of their requests:"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	r, err := result.Read(filepath.Join(dir, "r.json"))
	if err != nil || r.Server == nil || len(r.Server.Processes) != 1 || r.Traces == nil || len(r.Traces.Slowest) != result.MaxTraced {
		t.Fatalf("%v, %+v", err, r)
	}
	if p := r.Server.Processes[0]; p.PID != pid || p.CPUSeconds <= 0 || p.IdleCPU == nil || p.PeakRSS < 1e6 || p.PeakFiles < 3 || p.PeakThreads < 1 || len(p.Course) < 2 {
		t.Errorf("%+v", p)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil || !bytes.Contains(page, []byte("CPU of the server")) {
		t.Errorf("the page has no plot of the server: %v", err)
	}
}

// TestLoadWatchesWrong: what cannot be watched is refused before anything is enrolled.
func TestLoadWatchesWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := configure(t, dir, "direct", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:0", "127.0.0.1:0")
	if _, err := intercept.LoadCA(filepath.Join(dir, "ca")); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"the embedded server is a part of dmwake": {"--pid", "1"},
		"--container: ":                {"--config", config, "--container", "--x"},
		"--pid: 0 is not":              {"--config", config, "--pid", "0"},
		"give --scrape, too":           {"--config", config, "--series", "a"},
		"--series: \"a b\" is no":      {"--config", config, "--scrape", "http://127.0.0.1:1", "--series", "a b"},
		"--scrape: \"x\" is not a URL": {"--config", config, "--scrape", "x"},
	} {
		cmd := command(t.Context(), dir, []string{"DMWAKE_PASSWORD=secret-1"}, append([]string{"load"}, args...)...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), want) {
			t.Errorf("%v: exit code %d, %q is not in\n%s", args, code, want, out)
		}
	}
}
