package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// TestMistakes: a problem with a run gives one line that says what to do, the right
// exit code and no stack trace.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	good, err := os.ReadFile(configure(t, dir, "proxy", devices, admin, wns, proxy))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name     string
		old, new string // replaced in the configuration
		password string
		only     string
		code     int
		shows    string // in the output
		say      string // the last line of standard error
	}{
		{"all is well", "", "", "secret-1", "PSH-01", 0, "", ""},
		{"no push hook", "    push:\n", "    lock:\n", "secret-1", "WNS-01,ENR-01", 0, "no push hook: set target.hooks.push", ""},
		{"no push at all", "  name: ", "  push: none\n  name: ", "secret-1", "PFN-01,ENR-01", 0, "the target has no WNS push (target.push: none)", ""},
		{"another app", "ca_dir: ca}", "ca_dir: ca, app: {pfn: other.app_8wekyb3d8bbwe}}", "secret-1", "PFN-01,CHN-01", 0, "but the fake WNS knows other.app_8wekyb3d8bbwe: set wns.app to the server's app identity", ""},
		{"only the phone", "[wp81, win11-24h2, win11-25h2]", "[wp81]", "secret-1", "PSH-08,PFN-03", 0, "2 passed", ""},
		{"wrong password", "", "", "wrong", "ENR-01", 3, "", "the server refuses to enroll demo@mdm.example: Authentication: the user name or the password is wrong (Windows shows 0x80180002); check target.username and target.password"},
		{"nobody there", devices + "/Enroll", testenv.Addr(t) + "/Enroll", "secret-1", "ENR-01", 3, "", "; start the server, or check target.discovery"},
		{"unknown CA", "  ca: ca/ca.pem\n", "", "secret-1", "ENR-01", 3, "", "is signed by an unknown authority; set target.ca to the PEM file of the CA that signed it"},
		{"no such name", "https://" + devices, "https://nowhere.invalid", "secret-1", "ENR-01", 3, "", "the name of nowhere.invalid does not resolve; check target.discovery, or set target.connect to an address"},
		{"no TLS there", devices + "/Enroll", admin + "/Enroll", "secret-1", "ENR-01", 3, "", "does not speak TLS; check the port in target.discovery"},
		{"no such page", "Discovery.svc", "Nothing.svc", "secret-1", "ENR-01", 3, "expected  HTTP status of GET https://" + devices + "/EnrollmentServer/Nothing.svc: 200", "(Windows shows 0x80190194)"},
		{"port in use", "listen: '" + wns, "listen: '" + devices, "secret-1", "ENR-01", 2, "", "wns.listen: " + devices + " is in use by another program; stop it, or choose another port or auto"},
		{"hook fails", "http: {url: 'http://" + admin + "/devices/{{.DeviceID}}/push', headers: {Authorization: Bearer admin-1}}", "exec: [sh, -c, 'echo cannot push >&2; exit 1']",
			"secret-1", "WNS-01,PSH-01", 2, "push hook, standard error: cannot push", "the push hook failed: sh: exit status 1: cannot push; fix target.hooks in the configuration"},
		{"hook hangs", "http: {url: 'http://" + admin + "/devices/{{.DeviceID}}/push', headers: {Authorization: Bearer admin-1}}", "{exec: [sleep, '600'], timeout: 100ms}",
			"secret-1", "WNS-01", 2, "", "the push hook failed: it did not end within 100ms; fix target.hooks in the configuration"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := string(good)
			if c.old != "" {
				if !strings.Contains(text, c.old) {
					t.Fatalf("%q is not in the configuration", c.old)
				}
				text = strings.Replace(text, c.old, c.new, 1)
			}
			config := filepath.Join(dir, "case.yaml")
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			cmd := command(ctx, dir, []string{"DMWAKE_PASSWORD=" + c.password}, "test", "--config", config, "--only", c.only)
			var out, errs strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &errs
			cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", got, c.code, out.String(), errs.String())
			}
			said := strings.TrimSpace(errs.String())
			if c.say == "" && said != "" || c.say != "" && (!strings.HasSuffix(said, c.say) || strings.Contains(said, "\n")) {
				t.Errorf("said %q, want one line that ends in %q", said, c.say)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("%q is not in the output:\n%s", c.shows, out.String())
			}
			for _, bad := range []string{"goroutine", c.password} {
				if strings.Contains(out.String()+said, bad) && bad != "wrong" {
					t.Errorf("%q is in the output:\n%s%s", bad, out.String(), said)
				}
			}
		})
	}
}
