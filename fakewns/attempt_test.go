package fakewns_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
)

// TestAttempts: a connection that brings no request is journaled with its cause and
// with the name it was for. A request leaves no such entry.
func TestAttempts(t *testing.T) {
	s := fakewns.NewServer(fakewns.Config{})
	t.Cleanup(s.Close)
	service, proxy := strings.TrimPrefix(s.URL, "https://"), s.ProxyURL()
	direct := func(*url.URL) func(*http.Request) (*url.URL, error) { return nil }
	via := func(u *url.URL) func(*http.Request) (*url.URL, error) { return http.ProxyURL(u) }
	ask := func(target string, through func(*url.URL) func(*http.Request) (*url.URL, error), roots *x509.CertPool, edit func(*tls.Config)) {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		conf := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if edit != nil {
			edit(conf)
		}
		tr := &http.Transport{Proxy: through(u), TLSClientConfig: conf}
		defer tr.CloseIdleConnections()
		if resp, err := (&http.Client{Transport: tr}).Get(target); err == nil {
			resp.Body.Close()
		}
	}
	none := x509.NewCertPool()
	for name, c := range map[string]struct {
		do    func()
		cause intercept.Cause
		host  string
	}{
		"CA not trusted, by the proxy": {func() { ask("https://login.live.com/", via, none, nil) }, intercept.Untrusted, "login.live.com"},
		"CA not trusted, directly":     {func() { ask("https://"+service+"/", direct, none, nil) }, intercept.Untrusted, ""},
		"left in the handshake":        {func() { leave(t, service) }, intercept.Abandoned, "login.live.com"},
		"another name":                 {func() { ask("https://"+service+"/", direct, s.Roots(), named("mdm.example")) }, intercept.NoCertificate, "mdm.example"},
		"plain HTTP":                   {func() { ask("http://"+service+"/", direct, nil, nil) }, intercept.NoTLS, ""},
		"TLS 1.1":                      {func() { ask("https://"+service+"/", direct, s.Roots(), old) }, intercept.OldTLS, ""},
		"another host":                 {func() { ask("https://www.example.com/", via, none, nil) }, intercept.OtherHost, "www.example.com:443"},
		"another port":                 {func() { ask("https://db5.notify.windows.com:8443/", via, none, nil) }, intercept.OtherPort, "db5.notify.windows.com:8443"},
		"http by the proxy":            {func() { ask("http://login.live.com/", via, none, nil) }, intercept.NotConnect, "login.live.com"},
		"the proxy as the service":     {func() { ask(proxy+"/accesstoken.srf", direct, none, nil) }, intercept.ToProxy, strings.TrimPrefix(proxy, "http://")},
		"a long host":                  {func() { connect(t, proxy, strings.Repeat("a", 4000)+":443") }, intercept.OtherHost, strings.Repeat("a", 255)},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			mark := s.Journal().Mark()
			c.do()
			list, err := s.Journal().Await(ctx, mark, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Attempt })
			if err != nil {
				t.Fatal("no attempt was journaled")
			}
			e := list[0]
			if e.Cause != c.cause || e.Host != c.host || e.Peer == "" {
				t.Errorf("%s of %q from %q (%s), want %s of %q", e.Cause, e.Host, e.Peer, e.Error, c.cause, c.host)
			}
			if line := e.String(); !strings.Contains(line, "no request: ") || strings.Contains(line, "-> 0") || len(line) > 500 {
				t.Errorf("the line is %s", line)
			}
		})
	}
	mark := s.Journal().Mark()
	ask("https://login.live.com/accesstoken.srf", via, s.Roots(), nil)
	for _, e := range s.Journal().Since(mark, nil) {
		if e.Kind == fakewns.Attempt {
			t.Errorf("a request was journaled as an attempt: %s", e)
		}
	}
}

func named(name string) func(*tls.Config) { return func(c *tls.Config) { c.ServerName = name } }

func old(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }

// leave closes the connection after the server's part of the handshake, without an
// alert, as some libraries do.
func leave(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(conn, &tls.Config{ServerName: "login.live.com", InsecureSkipVerify: true, VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
		return conn.Close()
	}})
	if err := c.HandshakeContext(t.Context()); err == nil {
		t.Error("the handshake was completed")
	}
}

func connect(t *testing.T, proxy, host string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
	bufio.NewReader(conn).ReadString('\n')
}
