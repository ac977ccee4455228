package enroll_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// TestClientSendsNothingInClear: each method that can carry a credential refuses a
// service on plain HTTP, on loopback, too, before it connects.
func TestClientSendsNothingInClear(t *testing.T) {
	var got atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		io.WriteString(w, "no SOAP")
	}))
	defer srv.Close()
	ctx := t.Context()
	for _, at := range []string{srv.URL, strings.Replace(srv.URL, "http", "HTTP", 1)} {
		for _, allowed := range []bool{false, true} {
			c := &enroll.Client{HTTP: srv.Client(), Credential: &enroll.Credential{Username: "u", Password: "secret-1"}, AllowHTTP: allowed}
			for name, f := range map[string]func() error{
				"GetPolicies": func() error { _, err := c.Policies(ctx, at); return err },
				"RST":         func() error { _, err := c.Token(ctx, at, []byte("csr"), nil); return err },
				"renewal":     func() error { _, err := c.Renew(ctx, at, []byte("csr"), nil); return err },
				"message":     func() error { _, err := c.Send(ctx, at, []byte("x")); return err },
				"Discover reply": func() error {
					if err := c.InClear(&enroll.DiscoverResponse{EnrollmentURL: at}); err != nil || !allowed {
						return err
					}
					_, err := c.Token(ctx, at, []byte("csr"), nil)
					return err
				},
			} {
				before := got.Load()
				err := f()
				if err == nil {
					t.Fatalf("%s: no error", name)
				}
				refused := strings.Contains(err.Error(), "the credential would be sent unencrypted") && strings.Contains(err.Error(), "0x8018001a")
				if refused == allowed || (got.Load() > before) != allowed {
					t.Errorf("%s, allowed %v: %v; %d requests", name, allowed, err, got.Load()-before)
				}
			}
		}
	}
}
