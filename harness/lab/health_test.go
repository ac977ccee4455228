package lab

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestHealthByStatus: what a target answers from the start is no reason to wait for it. A
// gateway that begins to answer in its place is.
func TestHealthByStatus(t *testing.T) {
	var status atomic.Int32
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer srv.Close()
	for _, c := range []struct {
		first int32
		well  []int32
		sick  []int32
	}{
		{200, []int32{200, 404, 501}, []int32{500, 502, 503, 504}},
		{500, []int32{200, 500, 501, 503}, []int32{502, 504}},
		{502, []int32{200, 500, 502, 503, 504}, nil},
	} {
		cfg := &target.Config{WNS: target.WNS{Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: t.TempDir()}, Target: target.Target{Discovery: srv.URL + "/D.svc"}}
		cfg.Defaults()
		l, err := Start(cfg, Options{Keys: testKeys, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		l.roots = x509.NewCertPool()
		l.roots.AddCert(srv.Certificate())
		status.Store(c.first)
		l.learnHealth(t.Context())
		for _, s := range c.well {
			status.Store(s)
			if err := l.Healthy(t.Context()); err != nil {
				t.Errorf("%d after %d from the start: %v", s, c.first, err)
			}
		}
		for _, s := range c.sick {
			status.Store(s)
			if err := l.Healthy(t.Context()); err == nil {
				t.Errorf("%d after %d from the start is no reason to wait", s, c.first)
			}
		}
	}
}
