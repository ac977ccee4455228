package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
)

// TLS connects to the server of an https URL with a maximum TLS version and, if
// given, only these cipher suites. It returns the negotiated state.
func (l *Lab) TLS(ctx context.Context, address string, version uint16, suites ...uint16) (*tls.ConnectionState, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	host := u.Host
	if u.Port() == "" {
		host += ":443"
	}
	dial := l.Config.Dialer()
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	ctx, cancel := context.WithTimeout(ctx, l.Config.Timeouts.Request)
	defer cancel()
	conn, err := dial(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// This checks what the server accepts, not who it is.
	c := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS10, MaxVersion: version, CipherSuites: suites, InsecureSkipVerify: true}) //nolint:gosec // as said
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := c.ConnectionState()
	return &state, nil
}
