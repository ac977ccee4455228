package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/client"
	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// walkthrough is the block of commands in lab.md that drives a device.
func walkthrough(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "\n    LAB=")
	block, _, ended := strings.Cut("    LAB="+rest, "\n\n")
	if !ok || !ended || strings.Count(block, "curl") < 10 {
		t.Fatalf("lab.md has no walk-through any more:\n%s", block)
	}
	return block
}

// TestDevicesWalkthrough: the commands in lab.md do what it says, against the reference
// server; and with --state the devices are there again after kill -9.
func TestDevicesWalkthrough(t *testing.T) {
	t.Parallel()
	dir, mdm, admin, proxy := t.TempDir(), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	configure(t, dir, "proxy", mdm, admin, testenv.Addr(t), proxy)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := startLab(t, dir, "ready", "--proxy", proxy, "--config", "dmwake.yaml", "--state", "lab.db")
	server := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1", "HTTPS_PROXY=http://" + proxy}, "mdm", "--listen", mdm, "--admin", admin, "--ca-dir", "ca")
	started(t, server, "ready")
	defer func() {
		cancel()
		server.Wait()
	}()
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := http.Get(p.api.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	script := strings.NewReplacer("http://127.0.0.1:7081", p.api.URL, "http://127.0.0.1:8444", "http://"+admin, "\n", "\necho\n").Replace(walkthrough(t))
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("NOT RUN: curl is not on this machine")
	} else {
		out, err := exec.CommandContext(ctx, "sh", "-e", "-c", script).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		for _, want := range []string{`"state":"enrolled"`, `"kind":"command"`, `"origin":"push"`, "DeviceLock/MinDevicePasswordLength=8", `"state":"wiped"`, `"namespace":"t1","devices":1`} {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %s in\n%s", want, out)
			}
		}
	}
	c := &client.Client{URL: p.api.URL}
	d, err := c.Create(ctx, devices.Spec{Key: "ec"})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = c.Enroll(ctx, d.ID, devices.Enrollment{}); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = startLab(t, dir, "ready", "--state", "lab.db")
	c.URL = p.api.URL
	got, err := c.Device(ctx, d.ID, false)
	if err != nil || got.State != "enrolled" || got.Push.URI != d.Push.URI || got.Discovery != d.Discovery {
		raw, _ := json.Marshal(got)
		t.Errorf("after a restart: %s %v", raw, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "lab.db.devices")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the devices' file: %v %v", info, err)
	}
}
