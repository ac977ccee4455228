package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestCompareDelivery: against a server in another process the three ways are measured,
// with its processor time, and written in all forms.
func TestCompareDelivery(t *testing.T) {
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
	out, err := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, "load", "compare-delivery", "--config", config, "--devices", "20", "--work-rate", "60", "--fast", "30s", "--slow", "1h", "--hours", "0.025",
		"--drain", "1m", "--pid", fmt.Sprint(pid), "--json", "d.json", "--html", "d.html", "--markdown", "d.md").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "d.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d result.Delivery
	if err := json.Unmarshal(raw, &d); err != nil || d.Kind != result.KindDelivery || len(d.Ways) != 3 {
		t.Fatalf("%v, %+v", err, d)
	}
	for i := range d.Ways {
		w := &d.Ways[i]
		if c := w.Counts; c.Done+c.Polled != c.Started || c.Started == 0 || w.ServerCPU == nil || *w.ServerCPU < 0 || w.Load.Server.Processes[0].PID != pid || w.Load.Server.Processes[0].IdleCPU == nil {
			t.Errorf("%s: %+v", w.Name, w)
		}
	}
	for name, want := range map[string][]string{
		"d.md":   {"|  | poll 30s | push, poll 1h | push, poll 30s |", "| server CPU, ms per device-hour | ", "The hours ran 60 times as fast"},
		"d.html": {"<svg ", "server CPU"},
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		for _, text := range want {
			if !strings.Contains(string(raw), text) {
				t.Errorf("%s has no %q", name, text)
			}
		}
	}
	for _, want := range []string{"three ways of 0.025 hours (1.50 s) each", "20 of 20 devices enrolled", "   delivery p50 ", "work delivered"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// TestCompareDeliveryWrong: a comparison that cannot be made is refused in the words of
// its flags.
func TestCompareDeliveryWrong(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for want, args := range map[string][]string{
		"--hours: 0 hours":                                 {"--hours", "0"},
		"--work-rate: 0 pieces of work":                    {"--work-rate", "0"},
		"--fast, --slow: the fast interval 8h":             {"--fast", "8h"},
		"--fast, --slow: every 1s is every":                {"--fast", "1s"},
		"--work: a poll shows":                             {"--work", "none"},
		"--work: \"x\" is unknown":                         {"--work", "x"},
		"--speed: -1 is not":                               {"--speed", "-1"},
		"--speed: 0 is not more":                           {"--speed", "0"},
		"--devices: 0 is not":                              {"--devices", "0"},
		"--profile: ":                                      {"--profile", "win3"},
		"--sender: \"x\" is unknown":                       {"--sender", "x"},
		"--pid: there is no process 999999999":             {"--pid", "999999999"},
		"the embedded server is a part of dmwake":          {"--pid", "1"},
		"the report no/such/folder/d.md cannot be written": {"--markdown", "no/such/folder/d.md"},
	} {
		cmd := command(ctx, t.TempDir(), nil, append([]string{"load", "compare-delivery"}, args...)...)
		out, _ := cmd.CombinedOutput()
		if strings.Contains(string(out), "load compare-delivery: ") {
			t.Errorf("%v: it says that it begins:\n%s", args, out)
		}
		if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), want) {
			t.Errorf("%v: exit code %d, %q is not in\n%s", args, code, want, out)
		}
	}
}
