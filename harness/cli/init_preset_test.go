package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/doctor"
	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/target/presets"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// presetTests is how each preset is tried: what runs the server, and the flags of
// init.
var presetTests = map[string]func(t *testing.T, dir, proxy string) (flags []string){
	"reference": func(t *testing.T, dir, proxy string) []string {
		devices, admin := testenv.Addr(t), testenv.Addr(t)
		mdm(t, dir, []string{"HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin)
		return []string{"--server", "https://" + devices, "--admin", "http://" + admin + "/"}
	},
	"entra": func(t *testing.T, dir, proxy string) []string {
		devices, admin, directory := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
		mdm(t, dir, []string{"HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--auth-policy", "Federated",
			"--entra-keys", "http://"+directory+"/"+testTenant+"/discovery/v2.0/keys", "--entra-issuer", "https://login.microsoftonline.com/"+testTenant+"/v2.0",
			"--entra-tenant", testTenant, "--entra-audience", "c-1")
		return append(apiFlags(admin), "--username", "demo@mdm.example", "--discovery", "https://"+devices+"/EnrollmentServer/Discovery.svc", "--ca", ".dmwake/ca.pem",
			"--directory", directory, "--tenant", testTenant, "--client-id", "c-1")
	},
	"certificate": func(t *testing.T, dir, proxy string) []string {
		issuer, err := intercept.LoadCA(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		cert, err := issuer.ClientCert("provisioning package")
		if err != nil {
			t.Fatal(err)
		}
		keep(t, dir, cert)
		devices, admin := testenv.Addr(t), testenv.Addr(t)
		mdm(t, dir, []string{"HTTPS_PROXY=http://" + proxy}, "--listen", devices, "--admin", admin, "--auth-policy", "Certificate", "--enroll-ca", issuer.CertFile)
		return append(apiFlags(admin), "--discovery", "https://"+devices+"/EnrollmentServer/Discovery.svc", "--ca", ".dmwake/ca.pem", "--cert", "cert.pem", "--key", "key.pem")
	},
	"fleet": func(t *testing.T, dir, _ string) []string {
		f := startFleet(t, "enroll-secret-1", "api-token-1")
		t.Setenv("FLEET_ENROLL_SECRET", "enroll-secret-1")
		t.Setenv("FLEET_API_TOKEN", "api-token-1")
		if err := os.WriteFile(filepath.Join(dir, "ca.pem"), f.ca, 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--server", f.url + "/", "--ca", "ca.pem"}
	},
}

// apiFlags name the reference server's admin API.
func apiFlags(admin string) []string {
	at := "http://" + admin + "/devices/{{.DeviceID}}"
	return []string{"--queue-url", at + "/commands", "--work-url", at + "/profile", "--push-url", at + "/push", "--restart", "http://" + admin + "/restart"}
}

// TestPresets: with the file that init writes from each preset, devices enroll with a
// server that behaves so, get work, wake by a push where the server pushes, and every
// hook does what it is for.
func TestPresets(t *testing.T) {
	t.Setenv("DMWAKE_PASSWORD", "secret-1")
	for _, p := range presets.All()[1:] {
		t.Run(p.Name, func(t *testing.T) {
			start, ok := presetTests[p.Name]
			if !ok {
				t.Fatal("no test tries this preset: it must not be shipped")
			}
			dir, wns, proxy := t.TempDir(), testenv.Addr(t), testenv.Addr(t)
			flags := append(start(t, dir, proxy), "--preset", p.Name, "--wns-listen", wns, "--proxy", proxy)
			out, err := command(t.Context(), dir, nil, append([]string{"init"}, flags...)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "The newest Windows that the server takes is win11-25h2.\nWrote dmwake.yaml.") {
				t.Fatalf("init: %v\n%s", err, out)
			}
			file := filepath.Join(dir, "dmwake.yaml")
			cfg, err := target.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			l, err := lab.Start(cfg, lab.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			steps := map[string]doctor.State{}
			doctor.Examine(t.Context(), l, func(f doctor.Finding) {
				steps[f.Step] = f.State
				if f.State == doctor.Bad || f.State == doctor.Stops {
					t.Errorf("%s: %s -> %s\n%s", f.Step, f.Saw, f.Do, strings.Join(f.Hooks, "\n"))
				}
			})
			if want := cfg.Target.Push != "none"; steps["enrollment"] != doctor.OK || steps["queue hook"] != doctor.OK || (steps["push"] == doctor.OK) != want {
				t.Errorf("the steps of doctor: %v", steps)
			}
			everyHook(t, l, file)
		})
	}
}

// everyHook runs the hooks that doctor does not, and compares what ran with the file.
func everyHook(t *testing.T, l *lab.Lab, file string) {
	t.Helper()
	h := &l.Config.Target.Hooks
	d, err := l.NewDevice(dmclient.Win11v25H2())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := l.Enroll(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	sync := func() *dmclient.Session {
		s, err := d.Sync(t.Context(), dmclient.SyncOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sync()
	if h.Queue != nil { // twice: servers know commands by ids
		c, _ := lab.AnyCommand(h.Queue)
		for range 2 {
			if err := l.Queue(t.Context(), d, c); err != nil {
				t.Error(err)
			}
		}
		if n := len(sync().Find(c.Verb, c.LocURI[1:])); n != 2 {
			t.Errorf("%d of 2 queued commands arrived", n)
		}
	}
	if h.Work != nil {
		if err := l.Work(t.Context(), d); err != nil {
			t.Error(err)
		}
		if len(sync().Commands) == 0 {
			t.Error("the work hook gave no work")
		}
	}
	if h.Restart != nil {
		if err := l.Restart(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	if h.Unenroll != nil {
		if err := l.Unenroll(t.Context(), d); err != nil {
			t.Error(err)
		}
		sync()
		if d.Provider() != "" {
			t.Error("the unenroll hook left the device enrolled")
		}
	}
	ran := map[string]bool{}
	for _, o := range l.HookOutcomes("", time.Time{}) {
		ran[o.Hook] = true
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Target struct {
			Hooks map[string]any `yaml:"hooks"`
		} `yaml:"target"`
	}
	if err := yaml.Unmarshal(raw, &doc); err != nil || len(doc.Target.Hooks) == 0 {
		t.Fatalf("%d hooks, %v", len(doc.Target.Hooks), err)
	}
	for name := range doc.Target.Hooks {
		if !ran[name] {
			t.Errorf("the hook %s of the preset was not tried", name)
		}
	}
}
