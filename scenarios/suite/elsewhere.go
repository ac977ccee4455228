package suite

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/dmwake/dmwake/harness/lab"
)

// Elsewhere is an HTTPS server that is not WNS, with its own name and a certificate
// from the lab's CA.
type Elsewhere struct {
	// URL is its address: the name localhost, and a port.
	URL string

	tokens atomic.Int64
}

// WithToken returns how many requests carried an access token.
func (e *Elsewhere) WithToken() int { return int(e.tokens.Load()) }

// Elsewhere starts such a server; it stops when the scenario ends.
func (t *T) Elsewhere() *Elsewhere {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error("no listener for a host other than WNS: %v", err)
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Error("no listener for a host other than WNS: %v", err)
	}
	e := &Elsewhere{URL: "https://localhost:" + port + "/"}
	srv := lab.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			e.tokens.Add(1)
		}
		w.WriteHeader(http.StatusOK)
	}))
	t.After(func() { srv.Close() })
	go srv.Serve(tls.NewListener(ln, t.Lab.CA.ServerTLS(false))) //nolint:errcheck // it ends with the scenario
	return e
}
