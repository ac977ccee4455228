package dmclient

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAskedForCertificate: whether a server asks for a client certificate is
// known of every exchange, also of those on kept connections and of resumed TLS
// sessions, in which it does not ask again.
func TestAskedForCertificate(t *testing.T) {
	for _, c := range []struct {
		name string
		auth tls.ClientAuthType
		want bool
	}{
		{"no request", tls.NoClientCert, false},
		{"a request", tls.RequestClientCert, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			resumed := false
			front := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { resumed = r.TLS.DidResume }))
			front.TLS = &tls.Config{ClientAuth: c.auth}
			front.StartTLS()
			defer front.Close()
			d, err := New(Config{Discovery: front.URL, Identity: capturedIdentity(),
				TLS: &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}})
			if err != nil {
				t.Fatal(err)
			}
			d.provider, d.addr, d.state = "MDM", front.URL, Enrolled
			d.transport = d.newTransport(nil, &d.asked)
			for _, on := range []string{"a new connection", "a kept one", "a resumed one"} {
				if on == "a resumed one" {
					d.Disconnect()
					d.transport = d.newTransport(nil, &d.asked)
				}
				ex := d.Post(t.Context(), "text/plain", strings.NewReader("x"), 1, SyncOptions{})
				if ex.Err != nil || ex.AskedForCertificate != c.want {
					t.Errorf("%s: asked %v, want %v; err %v", on, ex.AskedForCertificate, c.want, ex.Err)
				}
			}
			if !resumed {
				t.Error("no TLS session was resumed")
			}
		})
	}
}
