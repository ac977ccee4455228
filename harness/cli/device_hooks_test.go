package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDeviceEnrollByConfig: dmwake device enroll signs in as the configuration says, and
// runs its hooks.
func TestDeviceEnrollByConfig(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, "--auth-policy", "Federated")
	write := func(rest string) {
		t.Helper()
		text := "target:\n  discovery: https://" + w.devices + "/EnrollmentServer/Discovery.svc\n  ca: ca/ca.pem\n  username: demo@mdm.example\n  profiles: [win10-22h2]\n  quirks: [pfn-errors]\n" + rest
		if err := os.WriteFile(filepath.Join(w.dir, "dmwake.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	calls := func() string {
		raw, err := os.ReadFile(filepath.Join(w.dir, "calls"))
		if err != nil {
			return ""
		}
		os.Remove(filepath.Join(w.dir, "calls"))
		return string(raw)
	}
	const hooks = `  hooks:
    lookup: {exec: [sh, -c, 'echo lookup $1 >> calls; echo S-7', '-', '{{.DeviceID}}']}
    enrolled: {exec: [sh, -c, 'echo enrolled $1 >> calls', '-', '{{.ServerID}}']AFTER}
`
	write("  signin: {hook: {exec: [sh, -c, 'echo signin >> calls; echo no token of this server']}}\n")
	if out := w.device(3, "enroll", "--config", "dmwake.yaml", "--key", "ec"); !strings.Contains(out, "refused") || calls() != "signin\n" {
		t.Errorf("the sign-in hook of the configuration was not used:\n%s", out)
	}
	write("  signin: {steps: [{get: ''}, {fill: {user: '{{.Username}}', password: '{{.Password}}'}}]}\n" + strings.ReplaceAll(hooks, "AFTER", ", after: session"))
	if out := w.device(0, "enroll", "--config", "dmwake.yaml", "--key", "ec", "--no-sync"); !strings.Contains(out, "win10-22h2 enrolled") || calls() != "" {
		t.Errorf("the hook ran without a session, or another Windows enrolled:\n%s", out)
	}
	first := w.list()[0].DeviceID
	w.device(0, "enroll", "--config", "dmwake.yaml", "--key", "ec")
	all := w.list()
	second := all[slices.IndexFunc(all, func(d listed) bool { return d.DeviceID != first })].DeviceID
	if got := calls(); got != "lookup "+second+"\nenrolled S-7\n" {
		t.Errorf("the hooks after the first session of %s: %q", second, got)
	}
	write("  hooks: {enrolled: {exec: [sh, -c, 'echo no group >&2; exit 1']}}\n  signin: {form: true}\n")
	out := w.device(2, "enroll", "--config", "dmwake.yaml", "--key", "ec")
	if !strings.Contains(out, "enrolled, but the enrolled hook failed: sh: exit status 1: no group") || len(w.list()) != len(all)+1 {
		t.Errorf("a device that is enrolled was lost, or nothing said of the hook:\n%s", out)
	}
}
