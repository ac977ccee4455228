package target

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestHTTPHook(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1000)
		n, _ := r.Body.Read(buf)
		got = r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Device") + " " + string(buf[:n])
		if r.URL.Path == "/fail" {
			http.Error(w, "the database is down\nstack trace", http.StatusInternalServerError)
		}
	}))
	t.Cleanup(srv.Close)
	ctx := context.Background()
	h := &Hook{HTTP: &HTTPHook{URL: srv.URL + "/d/{{.DeviceID}}", Headers: map[string]string{"X-Device": "{{.DeviceName}}"}, Body: `{"data":{{json .Data}}}`}}
	if _, err := h.Run(ctx, "queue", Vars{DeviceID: "D1", DeviceName: "N", Data: "a \"b\"\n"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := `POST /d/D1 N {"data":"a \"b\"\n"}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	h = &Hook{HTTP: &HTTPHook{Method: "PUT", URL: srv.URL + "/fail"}}
	_, err := h.Run(ctx, "push", Vars{}, time.Minute)
	var he *HookError
	if !errors.As(err, &he) || err.Error() != "the push hook failed: HTTP status 500: the database is down" {
		t.Errorf("error %q", err)
	}
}

// TestHTTPHookHides: what a server repeats of a hook's secrets is hidden.
func TestHTTPHookHides(t *testing.T) {
	t.Setenv("DMWAKE_TEST_API_TOKEN", "s3cret-9")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not you: "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key"), http.StatusForbidden)
	}))
	t.Cleanup(srv.Close)
	h := &Hook{HTTP: &HTTPHook{URL: srv.URL + `/a?key={{env "DMWAKE_TEST_API_TOKEN"}}`, Headers: map[string]string{"Authorization": "Basic {{.DeviceID}}", "X-Api-Key": "plain-key-1"}}}
	o := h.Do(context.Background(), "push", Vars{DeviceID: "secret-device"}, time.Minute)
	text := o.Err.Error() + strings.Join(o.Lines(), "\n")
	if strings.Contains(text, "s3cret") || strings.Contains(text, "plain-key") || strings.Contains(text, "secret-device") || !strings.Contains(text, "not you: [redacted] [redacted]") || o.Status != http.StatusForbidden {
		t.Errorf("%d: %s", o.Status, text)
	}
}

// TestHookConnections: under load the HTTP hooks of all devices share a limited
// number of connections.
func TestHookConnections(t *testing.T) {
	var opened, n atomic.Int64
	var there sync.WaitGroup
	there.Add(hookConnections)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) <= hookConnections {
			there.Done()
			there.Wait()
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	h := &Hook{HTTP: &HTTPHook{URL: srv.URL}}
	for range 2 {
		var all sync.WaitGroup
		for range hookConnections + 20 {
			all.Go(func() {
				if _, err := h.Run(context.Background(), "push", Vars{}, time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if opened.Load() != hookConnections || n.Load() != 2*(hookConnections+20) {
		t.Errorf("%d connections for %d requests, want %d", opened.Load(), n.Load(), hookConnections)
	}
}

func TestExecHook(t *testing.T) {
	ctx := context.Background()
	// No shell: shell syntax stays text.
	out, err := (&Hook{Exec: []string{"echo", "{{.DeviceID}}", "$(id); {{.Data}}"}}).Run(ctx, "queue", Vars{DeviceID: "D", Data: "a b"}, time.Minute)
	if err != nil || out != "D $(id); a b\n" {
		t.Errorf("%q %v", out, err)
	}
	_, err = (&Hook{Exec: []string{"sh", "-c", "echo no such device >&2; exit 3"}}).Run(ctx, "wipe", Vars{}, time.Minute)
	if err == nil || err.Error() != "the wipe hook failed: sh: exit status 3: no such device" {
		t.Errorf("error %v", err)
	}
	// The reason for a failure is the last line, after any amount of output.
	_, err = (&Hook{Exec: []string{"sh", "-c", `echo "Traceback (most recent call last):" >&2; yes "  File x, line 1" | head -n 5000 >&2; printf 'KeyError: no such device\n\n' >&2; exit 1`}}).Run(ctx, "wipe", Vars{}, time.Minute)
	if err == nil || err.Error() != "the wipe hook failed: sh: exit status 1: KeyError: no such device" {
		t.Errorf("error %v", err)
	}
	_, err = (&Hook{Exec: []string{"sh", "-c", "yes x | tr -d '\\n' | head -c 9000 >&2; exit 1"}}).Run(ctx, "wipe", Vars{}, time.Minute)
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("error %v", err)
	}
	_, err = (&Hook{Exec: []string{"/no/such/program"}}).Run(ctx, "wipe", Vars{}, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error %v", err)
	}
	_, err = (&Hook{Exec: []string{"sleep", "600"}, Timeout: 50 * time.Millisecond}).Run(ctx, "push", Vars{}, time.Minute)
	if err == nil || err.Error() != "the push hook failed: it did not end within 50ms" {
		t.Errorf("error %v", err)
	}
}

// TestHookTrustsTargetCA: the server's API usually has a certificate from the same
// private CA as its endpoints.
func TestHookTrustsTargetCA(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	files := map[string]string{
		"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})), "pw": "x",
		"a.yaml": "target: {discovery: 'https://x/D', ca: ca.pem, username: u, password: {file: pw}, hooks: {push: {http: {url: '" + srv.URL + "'}}}}",
	}
	files["b.yaml"] = strings.Replace(files["a.yaml"], "ca: ca.pem, ", "", 1)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"a.yaml": true, "b.yaml": false} {
		c, err := Load(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Target.Hooks.Push.Run(context.Background(), "push", Vars{}, time.Minute); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("pw", "s3cret\n")
	path := write("ok.yaml", `
target:
  discovery: https://mdm.example/D.svc
  username: u
  password: {file: pw}
  push_on_queue: true
  profiles: [wp81]
wns: {mode: hosts, app: {pfn: a.b_t6e9vsyjkrw9w}}
timeouts: {push: 3s}
`)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Target.Password.Value() != "s3cret" || c.Target.Password.String() != "[redacted]" || c.WNS.Listen != "127.0.0.1:443" ||
		c.Timeouts.Push != 3*time.Second || c.Timeouts.Quiet == 0 || c.Target.Push != "wns" || c.WNS.CADir != filepath.Join(dir, ".dmwake") {
		t.Errorf("%+v", c)
	}
	t.Setenv("DMWAKE_USERNAME", "other")
	t.Setenv("DMWAKE_PASSWORD", "env")
	if c, err = Load(path); err != nil || c.Target.Username != "other" || c.Target.Password.Value() != "env" {
		t.Errorf("the environment goes before the file: %v %+v", err, c)
	}
	for name, text := range map[string]string{
		"no discovery":  `target: {username: u, password: {file: pw}}`,
		"bad profile":   `target: {discovery: 'https://x', username: u, password: {file: pw}, profiles: [xp]}`,
		"bad push":      `target: {discovery: 'https://x', username: u, password: {file: pw}, push: apns}`,
		"bad CA":        `target: {discovery: 'https://x', username: u, password: {file: pw}, ca: pw}`,
		"both hooks":    `target: {discovery: 'https://x', username: u, password: {file: pw}, hooks: {push: {exec: [x], http: {url: y}}}}`,
		"empty hook":    `target: {discovery: 'https://x', username: u, password: {file: pw}, hooks: {push: {}}}`,
		"bad connect":   `target: {discovery: 'https://x', username: u, password: {file: pw}, connect: nowhere}`,
		"both secrets":  `target: {discovery: 'https://x', username: u, password: {file: pw, env: X}}`,
		"missing file":  `target: {discovery: 'https://x', username: u, password: {file: nope}}`,
		"bad duration":  `timeouts: {push: soon}`,
		"unknown block": `targets: {}`,
	} {
		_, err := Load(write("bad.yaml", text))
		var ce *ConfigError
		if !errors.As(err, &ce) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: %v; want one line that names the file", name, err)
		}
	}
}

// TestEnrolledAfter: only the enrolled hook can wait, and only for the first session.
func TestEnrolledAfter(t *testing.T) {
	for _, c := range []struct{ hooks, want string }{
		{"enrolled: {exec: [x], after: session}", ""},
		{"enrolled: {exec: [x], after: enrollment}", ""},
		{"enrolled: {exec: [x], after: push}", `target.hooks.enrolled.after "push" is neither enrollment nor session, the first one`},
		{"push: {exec: [x], after: session}", "target.hooks.push.after: only target.hooks.enrolled has it"},
	} {
		path := filepath.Join(t.TempDir(), "dmwake.yaml")
		if err := os.WriteFile(path, []byte("target: {discovery: 'https://x/D.svc', username: u, hooks: {"+c.hooks+"}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path)
		switch {
		case c.want == "" && (err != nil || cfg.Target.Hooks.Enrolled.After == ""):
			t.Errorf("%s: %v", c.hooks, err)
		case c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.hooks, err, c.want)
		}
	}
}
