package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// way is how devices of a target get enrolled.
type way struct {
	name   string
	server []string                                // flags of the reference server
	config func(t *testing.T, dir, devices string) // additions to the configuration
	only   string
	passed string // the ones that pass
}

// extend adds lines to the target section of a configuration.
func extend(t *testing.T, dir, lines string) {
	t.Helper()
	path := filepath.Join(dir, "dmwake.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), "  hooks:", lines+"  hooks:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keep writes a certificate and its key to cert.pem and key.pem.
func keep(t *testing.T, dir string, c *tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const testTenant = "11111111-2222-3333-4444-555555555555"

// TestWaysOfEnrollment: against a server in another process that enrolls devices in
// each way, "dmwake test" decides what it should, up to the push.
func TestWaysOfEnrollment(t *testing.T) {
	t.Parallel()
	issuer, err := intercept.LoadCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	directory, later := testenv.Addr(t), testenv.Addr(t)
	for _, w := range []way{
		{"Federated", []string{"--auth-policy", "Federated"}, nil, "AAD-01,AAD-05,ENR-06,ENR-07,ENR-18,SES-01,SEC-08,PSH-01", "ENR-06,ENR-07,ENR-18,SES-01,SEC-08,PSH-01"},
		{"Certificate", []string{"--auth-policy", "Certificate", "--enroll-ca", issuer.CertFile}, func(t *testing.T, dir, _ string) {
			cert, err := issuer.ClientCert("provisioning package")
			if err != nil {
				t.Fatal(err)
			}
			keep(t, dir, cert)
			extend(t, dir, "  certificate: {cert: cert.pem, key: key.pem}\n")
		}, "ENR-04,ENR-07,SES-01,PSH-01", "ENR-04,ENR-07,SES-01,PSH-01"},
		{"Entra", []string{"--auth-policy", "Federated", "--entra-keys", "http://" + directory + "/" + testTenant + "/discovery/v2.0/keys",
			"--entra-issuer", "https://sts.windows.net/" + testTenant + "/", "--entra-tenant", testTenant, "--entra-client-id", "c-1"}, func(t *testing.T, dir, devices string) {
			extend(t, dir, "  directory: {listen: '"+directory+"', tenant: "+testTenant+", client_id: c-1}\n  terms_of_use: https://"+devices+mdmserver.TermsPath+"\n")
		}, "AAD-01,AAD-02,AAD-03,AAD-04,AAD-05,AAD-06,AAD-09,AAD-15,AAD-17,ENR-07,SEC-07,SES-01,PSH-01", "AAD-01,AAD-02,AAD-03,AAD-04,AAD-05,AAD-06,AAD-09,AAD-15,AAD-17,ENR-07,SEC-07,SES-01,PSH-01"},
		{"Entra, v2.0 tokens", []string{"--auth-policy", "Federated", "--entra-keys", "http://" + later + "/" + testTenant + "/discovery/v2.0/keys",
			"--entra-issuer", "https://login.microsoftonline.com/" + testTenant + "/v2.0", "--entra-tenant", testTenant, "--entra-audience", "c-1"}, func(t *testing.T, dir, _ string) {
			extend(t, dir, "  directory: {listen: '"+later+"', tenant: "+testTenant+", version: 2.0, client_id: c-1}\n")
		}, "ENR-07,SEC-07,SES-01", "ENR-07,SEC-07,SES-01"},
		{"one shared device", nil, func(t *testing.T, dir, _ string) { extend(t, dir, "  shared_device: true\n") },
			"ENR-11,ENR-20,SES-05,SES-25,PFN-01,ERR-10,PSH-01,PSH-04", "ENR-11,SES-05,PFN-01,ERR-10,PSH-01,PSH-04"},
		{"enrolled already", nil, provisioned, "ENR-01,SES-05,SES-25,PFN-10,PSH-01", "SES-05,PFN-10,PSH-01"},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
			mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy},
				append([]string{"--listen", devices, "--admin", admin, "--ca-dir", "ca"}, w.server...)...)
			config := configure(t, dir, "proxy", devices, admin, wns, proxy)
			if w.config != nil {
				w.config(t, dir, devices)
			}
			got, code := verdicts(t, dir, "--config", config, "--only", w.only)
			if code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			for _, id := range strings.Split(w.only, ",") {
				want := report.NotApplicable
				if strings.Contains(w.passed, id) {
					want = report.Passed
				}
				if got[id] != want {
					t.Errorf("%s: %s, want %s", id, got[id], want)
				}
			}
		})
	}
}

// provisioned enrolls a device by other means and adds it to the configuration.
func provisioned(t *testing.T, dir, devices string) {
	ca, err := intercept.LoadCA(filepath.Join(dir, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := dmclient.New(dmclient.Config{Discovery: "https://" + devices + "/EnrollmentServer/Discovery.svc", Username: "demo@mdm.example", Password: "secret-1",
		Profile: dmclient.Win11(), Roots: ca.Pool(), WNS: fakewns.New(fakewns.Config{}),
		Identity: dmclient.Identity{DeviceID: "0123456789ABCDEF0123456789ABCDEF", GUID: "BA405A5D-B1C7-4737-81C8-8F379A000000", Name: "known", HWDevID: "00"}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil || d.PFN() == "" {
		t.Fatalf("PFN %q: %v", d.PFN(), err)
	}
	keep(t, dir, d.Certificate())
	extend(t, dir, "  provisioned: {server: '"+d.Address()+"', provider_id: "+d.Provider()+", device_id: "+d.Identity().DeviceID+", cert: cert.pem, key: key.pem, pfn: "+d.PFN()+"}\n")
}

// TestKilledServer: if the server dies in the middle of the run, it ends with exit
// code 3, and the report covers the run so far.
func TestKilledServer(t *testing.T) {
	dir := t.TempDir()
	devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
	secrets := []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1", "HTTPS_PROXY=http://" + proxy}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	server := command(ctx, dir, secrets, "mdm", "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	started(t, server, "ready")
	config := configure(t, dir, "proxy", devices, admin, wns, proxy)
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(raw), "timeouts: {", "timeouts: {restart: 1s, ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "result.json")
	run := command(ctx, dir, secrets, "test", "--config", config, "--json", file, "--area", "SES,PFN")
	started(t, run, "pass  ")
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait()
	run.Wait()
	if code := run.ProcessState.ExitCode(); code != exitUnreachable {
		t.Errorf("exit code %d, want %d", code, exitUnreachable)
	}
	var r report.Report
	if raw, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Summary.Passed == 0 || r.Summary.Skipped == 0 || !strings.Contains(r.Aborted, "went away") {
		t.Errorf("summary %+v, aborted %q", r.Summary, r.Aborted)
	}
}

// started starts a command and waits until it prints a text; it discards the rest of
// the output.
func started(t *testing.T, cmd *exec.Cmd, text string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	buf := make([]byte, 4096)
	var all strings.Builder
	for !strings.Contains(all.String(), text) {
		n, err := out.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			t.Fatalf("%q was not printed: %s", text, all.String())
		}
	}
	go func() {
		for {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
}
