package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// connections limits the connections to one host, so that a burst of
// notifications waits for a connection instead of opening hundreds: their
// handshakes would delay it more.
const connections = 64

// LabClient returns a client that connects to addr, the fake WNS of a lab,
// whatever host a URL names. The host only has to match the certificate. The
// timeout is for one request.
func LabClient(addr string, roots *x509.CertPool, timeout time.Duration) *http.Client {
	return client(timeout, &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519}},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	})
}

// RealClient returns a client for the real service, through the proxy that the
// environment names.
func RealClient(timeout time.Duration) *http.Client {
	return client(timeout, &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Proxy: http.ProxyFromEnvironment})
}

func client(timeout time.Duration, t *http.Transport) *http.Client {
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost = connections, connections
	return &http.Client{
		Timeout: timeout, Transport: t,
		// A redirect would take the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
