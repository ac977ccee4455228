package doctor

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestSignInPageOfAScript: for a page that dmwake cannot fill in, doctor names the ways
// out.
func TestSignInPageOfAScript(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Setup: "federated"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at, err := url.Parse(l.Config.Target.Discovery)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := l.CA.Leaf(at.Hostname())
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: at.Host})
	through.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.CA.Pool(), MinVersion: tls.VersionTLS12}}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mdmserver.SignInPath {
			io.WriteString(w, `<div id="app"></div><script src="/app.js"></script>`)
			return
		}
		through.ServeHTTP(w, r)
	}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12}
	front.StartTLS()
	defer front.Close()
	l.Config.Target.Connect = front.Listener.Addr().String()
	seen := false
	Examine(t.Context(), l, func(f Finding) {
		if f.Step != "enrollment" {
			return
		}
		seen = true
		if f.State != Bad || !strings.Contains(f.Do, "target.signin (steps, hook or browser") || !strings.Contains(f.Do, "target.hooks.token") {
			t.Errorf("%+v", f)
		}
	})
	if !seen {
		t.Error("no step enrollment")
	}
}

// TestSenderIsTurnedAway: a sender that comes and gets no further is told apart from one
// that never comes.
func TestSenderIsTurnedAway(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Push: 2e9})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The server of this hook does not trust the lab's CA.
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "https://"+l.WNSAddr()+"/accesstoken.srf", nil)
		if err != nil {
			t.Error(err)
			return
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Error("a client without the lab's CA got an answer")
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer api.Close()
	l.Config.Target.Hooks.Push = &target.Hook{HTTP: &target.HTTPHook{URL: api.URL}}
	seen := false
	Examine(t.Context(), l, func(f Finding) {
		if f.Step != "push" {
			return
		}
		seen = true
		if f.State != Bad || !strings.Contains(f.Saw, "the sender does not trust the certificate") || !strings.Contains(f.Do, "SSL_CERT_FILE for Go") || !strings.Contains(f.Do, "DENO_CERT for Deno") {
			t.Errorf("%+v", f)
		}
	})
	if !seen {
		t.Error("no step push")
	}
}
