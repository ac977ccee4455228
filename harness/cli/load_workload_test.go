package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/workload"
)

// TestLoadPlanAnotherProcess: all kinds of parts beside each other, against a server in
// another process, by its hooks only.
func TestLoadPlanAnotherProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	config := configure(t, dir, "proxy", devices, admin, wns, proxy)
	if err := os.WriteFile(filepath.Join(dir, "plan.yaml"), []byte(`devices: 20
duration: 1h
speed: 1800
parts:
  - push: {rate: 0.005, work: {get: 3, profile:5: 1, app: 1, none: 1}, who: random}
  - poll: 30m
  - storm: {at: 30m, within: 5m}
  - login: 0.002
  - enroll: 0.002
  - reenroll: 0.001
  - churn: 0.001
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, "load", "--config", config, "--plan", "plan.yaml", "--drain", "1m", "--json", "r.json").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, err := result.Read(filepath.Join(dir, "r.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := result.Counts{}
	for name, want := range map[string]int64{"push": 18, "poll": 40, "storm": 20, "login": 7, "enroll": 7, "reenroll": 3, "churn": 3} {
		p := r.Find(name)
		if p == nil || p.Counts.Started != want || p.Planned != want || p.Counts.Started != p.Counts.Ended() {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		sum.Add(p.Counts)
	}
	// A push may meet a device that is about to leave; nothing else fails.
	if sum != r.Counts || r.Counts.Done+r.Counts.Polled < 98-4 || r.Counts.Failed+r.Counts.Lost > r.Find("push").Counts.Started {
		t.Errorf("%+v, the parts %+v: %v", r.Counts, sum, r.Errors)
	}
	if !strings.Contains(string(out), "churn: churn, 0.001") {
		t.Errorf("%s", out)
	}
}

// TestDocumentedPlan: the plan of the documentation is one.
func TestDocumentedPlan(t *testing.T) {
	_, after, ok := strings.Cut(readText(t, "harness/docs/load-workloads.md"), "```yaml\n")
	text, _, ok2 := strings.Cut(after, "```")
	if !ok || !ok2 {
		t.Fatal("the page has no plan")
	}
	if p, err := workload.Parse("fleet.yaml", []byte(text)); err != nil || len(p.Parts) != 6 {
		t.Errorf("%+v %v", p, err)
	}
}
