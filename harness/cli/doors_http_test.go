package cli

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// plainServer is an MDM server whose discovery, over TLS, names services on plain HTTP.
// They work there, and remember what they were sent.
type plainServer struct {
	discovery, ca, plain string

	mu   sync.Mutex
	sent []string
}

func startPlainServer(t *testing.T, dir string) *plainServer {
	t.Helper()
	p := &plainServer{ca: filepath.Join(dir, "front.pem")}
	var server *mdmserver.Server
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.sent = append(p.sent, fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body))
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(plain.Close)
	front := httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	p.discovery, p.plain = base+mdmserver.DiscoveryPath, plain.URL
	var err error
	if server, err = mdmserver.New(mdmserver.Config{BaseURL: base, Username: "demo@mdm.example", Password: "secret-1"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := httptest.NewRecorder()
		server.ServeHTTP(reply, r)
		body := reply.Body.String()
		if r.URL.Path == mdmserver.DiscoveryPath {
			body = strings.ReplaceAll(body, base, p.plain)
		}
		for name, values := range reply.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(reply.Code)
		io.WriteString(w, body)
	})
	front.StartTLS()
	t.Cleanup(front.Close)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(p.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// received is what the plain services got.
func (p *plainServer) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.sent, "\n")
}

// TestNoCredentialOverHTTP: no command sends the password to a service on plain HTTP
// that discovery names, and each says why.
func TestNoCredentialOverHTTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPlainServer(t, dir)
	config := filepath.Join(dir, "dmwake.yaml")
	text := fmt.Sprintf("target:\n  discovery: %s\n  ca: %s\n  username: demo@mdm.example\n  password: {env: DMWAKE_PASSWORD}\n  push: none\n", p.discovery, p.ca)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"test", "--config", config},
		{"doctor", "--config", config},
		{"device", "enroll", "--config", config, "--state", "d.db"},
		{"load", "--config", config, "--devices", "2", "--duration", "1s", "--sender", "none"},
		{"device", "enroll", "--discovery", p.plain + mdmserver.DiscoveryPath, "--username", "demo@mdm.example", "--state", "e.db"},
		{"device", "enroll", "--discovery", p.discovery, "--ca", p.ca, "--username", "demo@mdm.example", "--state", "e.db"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		cmd := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, args...)
		out, err := cmd.CombinedOutput()
		cancel()
		if err == nil {
			t.Errorf("%v: succeeds", args)
		}
		if args[0] != "load" && !slices.Contains(args, p.plain+mdmserver.DiscoveryPath) && !strings.Contains(string(out), "EnrollmentPolicyServiceUrl is "+p.plain) {
			t.Errorf("%v does not say why:\n%s", args, out)
		}
		if got := p.received(); strings.Contains(got, "secret-1") || strings.Contains(got, "Password") {
			t.Fatalf("%s sent a credential in the clear:\n%.3000s", args[0], got)
		}
	}
	// Whoever wants it anyway can have it.
	cmd := command(t.Context(), dir, []string{"DMWAKE_PASSWORD=secret-1"}, "device", "enroll", "--config", config, "--state", "f.db", "--allow-http")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 device enrolled") {
		t.Errorf("--allow-http: %v\n%s", err, out)
	}
	if !strings.Contains(p.received(), "secret-1") {
		t.Error("nothing was sent: the services on plain HTTP are not what this test is about")
	}
	if err := os.WriteFile(config, []byte(strings.Replace(text, "target:\n", "target:\n  allow_http: true\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = command(t.Context(), dir, []string{"DMWAKE_PASSWORD=secret-1"}, "test", "--config", config, "--only", "ENR-05,ENR-36")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "1 passed, 1 failed") {
		t.Errorf("target.allow_http: %v\n%s", err, out)
	}
}
