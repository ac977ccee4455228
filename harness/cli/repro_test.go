package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/repro"
)

// TestReproductionOutOfReach: against a server that does not get to where the symptom
// shows, repro says what is missing and how to get there, and so does a session with
// such a fault.
func TestReproductionOutOfReach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	devices, admin, wns := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1"}, "--listen", devices, "--admin", admin, "--ca-dir", "ca", "--wns", "https://"+wns, "--mutant", "pfn-never")
	config := configure(t, dir, "direct", devices, admin, wns, "")
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, []byte(strings.Replace(string(text), "push: 10s", "push: 500ms", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"pfn-418-500": {"not reached: this shows with an Add or Replace of .../Push/PFN", "to get there: give your server its WNS app", "not seen: 418 to Add"},
		"wns-500":     {"not reached: this shows with a notification to the device's channel", "to get there: set target.hooks.push"},
		"wipe-500":    {"==> seen: a wipe is answered with 500"},
		"atomic-507":  {"the bug is one of the server", "not reached: this shows with an Atomic"},
	} {
		cmd := command(t.Context(), dir, []string{"DMWAKE_PASSWORD=secret-1"}, "repro", "--once", "--config", config, name)
		raw, _ := cmd.CombinedOutput()
		out := string(raw)
		reached := name == "wipe-500"
		if code := cmd.ProcessState.ExitCode(); (code == 0) != reached || strings.Contains(out, "not reached") == reached || strings.Count(out, "not reached") > 1 {
			t.Errorf("%s: exit code %d:\n%s", name, code, out)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q:\n%s", name, w, out)
			}
		}
	}
	w := &workshop{t, dir, devices, admin, "", ""}
	w.enroll()
	if out := w.device(0, "sync", "--fault", "pfn-418-500", "--fault", "session-id=7"); !strings.Contains(out, "fault pfn-418-500 did not show: the server sent no Add or Replace of .../Push/PFN in this session") ||
		!strings.Contains(out, "dmwake repro pfn-418-500") || strings.Contains(out, "fault session-id=7 did not show") {
		t.Errorf("sync with a fault that does not show:\n%s", out)
	}
}

// TestReports: each report of the corpus has its reproduction, with the report's address
// and code.
func TestReports(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "harness/repro/testdata/reports.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name, Code, Seen, Source, Strength string }
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	for _, r := range all {
		c, err := repro.ByName(r.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Contains(c.Sources, r.Source) || r.Code != "" && !strings.Contains(c.Shows, r.Code) {
			t.Errorf("%s: %v, %q; want %s, %s", r.Name, c.Sources, c.Shows, r.Source, r.Code)
		}
	}
}
