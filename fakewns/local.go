package fakewns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/dmwake/dmwake/fakewns/intercept"
)

// Local is a push service that listens on loopback, for tests, as
// httptest.Server does for a handler.
type Local struct {
	*Server
	URL      string // https://127.0.0.1:port
	TokenURL string // for classic apps; see EntraURL for the others

	ca    *intercept.CA
	addr  string
	mu    sync.Mutex
	stops []func()
	proxy string
}

// NewServer starts a push service on a free loopback port. If cfg.ChannelBase
// is empty, channel URIs use the real service's names; reach them by Client, or
// through ProxyURL. It panics if it cannot listen, as httptest does. Close ends
// it.
func NewServer(cfg Config) *Local {
	ca, err := intercept.NewCA()
	if err != nil {
		panic("fakewns: " + err.Error())
	}
	l := &Local{Server: New(cfg), ca: ca}
	ln := l.listen(l.Server, func(ln net.Listener) net.Listener { return tls.NewListener(ln, l.SpoilTLS(ca.ServerTLS(false))) })
	l.addr = ln.Addr().String()
	l.URL = "https://" + l.addr
	l.TokenURL = l.URL + TokenPath
	return l
}

func (l *Local) listen(h http.Handler, wrap func(net.Listener) net.Listener) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("fakewns: cannot listen on loopback: %v", err))
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: intercept.HandshakeErrors(l.Attempted)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(wrap(ln)) //nolint:errcheck // ends with Close
	}()
	l.stops = append(l.stops, func() {
		srv.Close()
		<-done
	})
	return ln
}

// EntraURL is the token endpoint of a directory.
func (l *Local) EntraURL(tenant string) string { return l.URL + "/" + tenant + "/oauth2/v2.0/token" }

// Roots trust the service's certificates.
func (l *Local) Roots() *x509.CertPool { return l.ca.Pool() }

// WriteCA writes the certificate that a sender in another process has to
// trust, as PEM.
func (l *Local) WriteCA(file string) error {
	return os.WriteFile(file, l.ca.PEM(), 0o644) //nolint:gosec // a certificate is public
}

// Client is an HTTP client that trusts the service and also reaches it under
// the real names. A sender that takes a client needs no other change. It
// follows no redirects, so no token leaks.
func (l *Local) Client() *http.Client {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.Roots(), MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(addr); err == nil && port == "443" && intercept.IsService(host) {
				addr = l.addr
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}
	l.mu.Lock()
	l.stops = append(l.stops, t.CloseIdleConnections)
	l.mu.Unlock()
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ProxyURL starts a proxy on its first call, for a sender in another process:
// the value of its HTTPS_PROXY.
func (l *Local) ProxyURL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proxy == "" {
		ln := l.listen(intercept.Proxy(l.addr, l.Attempted), func(ln net.Listener) net.Listener { return ln })
		l.proxy = "http://" + ln.Addr().String()
	}
	return l.proxy
}

// Close ends the service and waits for it.
func (l *Local) Close() {
	l.mu.Lock()
	stops := l.stops
	l.stops = nil
	l.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}
