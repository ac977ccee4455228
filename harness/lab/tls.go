package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
)

// TLS tries to connect to the server of an https URL with a version of TLS at most,
// and those cipher suites only where any are named. It tells what was agreed on.
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
	// What is asked is what the server takes, not who it is.
	c := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS10, MaxVersion: version, CipherSuites: suites, InsecureSkipVerify: true}) //nolint:gosec // as said
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := c.ConnectionState()
	return &state, nil
}
