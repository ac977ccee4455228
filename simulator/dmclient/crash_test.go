package dmclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

const says = "the server closed the connection without an answer: its handler crashed, or took longer than the server allows"

// TestCrash: a handler that panics is called that, in sessions, posts and every
// step of an enrollment, over both versions of HTTP.
func TestCrash(t *testing.T) {
	for name, edit := range map[string]func(*dmclient.Config){
		"HTTP/2":   nil,
		"HTTP/1.1": func(c *dmclient.Config) { c.Profile = dmclient.Win11(); c.Profile.Quirks.HTTP2 = false },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			crash := ""
			r.intercept = func(_ http.ResponseWriter, req *http.Request) bool {
				if crash != "" && req.Method == http.MethodPost && strings.Contains(req.URL.Path, crash) {
					panic("a bug")
				}
				return false
			}
			for step, path := range map[string]string{"Discover": "Discovery", "GetPolicies": "Policy", "RST": "Enrollment.svc"} {
				crash = path
				if err := r.device(edit).Enroll(r.ctx(), dmclient.EnrollOptions{}); !dmclient.Crash(err) || !strings.Contains(err.Error(), "enrollment: "+step) || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %v", step, err)
				}
			}
			crash = ""
			d := r.device(edit)
			if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); err != nil {
				t.Fatal(err)
			}
			crash = "Management"
			// On the connection that was kept, and on a new one.
			for range 2 {
				s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
				if !dmclient.Crash(err) || s.End != says || !dmclient.Crash(s.Exchanges[0].Err) {
					t.Errorf("session: %v, end %q", err, s.End)
				}
			}
			if ex := d.Post(r.ctx(), "text/plain", strings.NewReader("x"), 1, dmclient.SyncOptions{}); !dmclient.Crash(ex.Err) || ex.Status != 0 {
				t.Errorf("post: %v", ex.Err)
			}
		})
	}
}

// TestNoCrash: what ends a connection for another reason is not called a crash.
func TestNoCrash(t *testing.T) {
	front := func(conf *tls.Config, h http.HandlerFunc) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.TLS = conf
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	hang := make(chan struct{})
	gone := front(nil, nil)
	gone.Close()
	reset, err := net.Listen("tcp", "127.0.0.1:0") // closes before the handshake
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reset.Close() })
	go func() {
		for {
			c, err := reset.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	reached := make(chan struct{}, 100)
	silent := front(nil, func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hang) }) // before the server waits for its handlers
	strict := front(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, nil)
	strict13 := front(&tls.Config{ClientAuth: tls.RequireAnyClientCert}, nil)
	for name, c := range map[string]struct {
		url     string
		timeout time.Duration
		cancel  bool
	}{
		"refused":              {url: gone.URL},
		"cut before the TLS":   {url: "https://" + reset.Addr().String()},
		"a TLS alert":          {url: strict.URL},
		"a TLS alert, TLS 1.3": {url: strict13.URL},
		"no reply in time":     {url: silent.URL, timeout: 50 * time.Millisecond},
		"our own end":          {url: silent.URL, cancel: true},
	} {
		roots := x509.NewCertPool()
		roots.AddCert(silent.Certificate()) // all of httptest's are one
		d, err := dmclient.New(dmclient.Config{Discovery: c.url + mdmserver.DiscoveryPath, Username: "u", Password: "p", Roots: roots, Timeout: c.timeout, Key: ecKey})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c.cancel {
			go func() { <-reached; cancel() }()
		}
		if err := d.Enroll(ctx, dmclient.EnrollOptions{}); err == nil || dmclient.Crash(err) {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
		cancel()
	}
}
