package dmclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// testCA signs the certificates of servers.
type testCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newTestCA(t *testing.T) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &testCA{cert, key}
}

// serve starts a server whose certificate is for those addresses, for a day.
func (ca *testCA) serve(t *testing.T, addresses ...string) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, a := range addresses {
		tmpl.IPAddresses = append(tmpl.IPAddresses, net.ParseIP(a))
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(&strings.Builder{}, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// reach asks a server through the transport of a new device.
func reach(t *testing.T, cfg Config, delivered [][]byte, url string) error {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.roots = delivered
	tr := d.managed()
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// TestTrust: devices that share what they found out accept and refuse the servers that
// devices on their own do, with the same errors, in any order.
func TestTrust(t *testing.T) {
	ours, others := newTestCA(t), newTestCA(t)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	right, misnamed, foreign := ours.serve(t, "127.0.0.1"), ours.serve(t, "127.0.0.2"), others.serve(t, "127.0.0.1")
	later := func() time.Time { return time.Now().Add(36 * time.Hour) }
	trust := &Trust{}
	for _, again := range []string{"first", "again"} {
		for name, c := range map[string]struct {
			url       string
			delivered [][]byte
			now       func() time.Time
			ok        bool
		}{
			"right":             {url: right.URL, ok: true},
			"a wrong name":      {url: misnamed.URL},
			"another name":      {url: strings.Replace(right.URL, "127.0.0.1", "localhost", 1)},
			"a foreign CA":      {url: foreign.URL},
			"a CA provisioned":  {url: foreign.URL, delivered: [][]byte{others.cert.Raw}, ok: true},
			"expired":           {url: right.URL, now: later},
			"a root is no name": {url: misnamed.URL, delivered: [][]byte{others.cert.Raw}},
		} {
			cfg := Config{Discovery: "https://127.0.0.1/", Roots: roots, Timeout: time.Minute, TLS: &tls.Config{Time: c.now, MinVersion: tls.VersionTLS12}}
			alone := reach(t, cfg, c.delivered, c.url)
			cfg.Trust = trust
			shared := reach(t, cfg, c.delivered, c.url)
			if (alone == nil) != c.ok || (shared == nil) != c.ok {
				t.Errorf("%s, %s: alone %v, shared %v", name, again, alone, shared)
				continue
			}
			var one, two *tls.CertificateVerificationError
			if !c.ok && (!errors.As(alone, &one) || !errors.As(shared, &two) || one.Error() != two.Error() && c.now == nil) {
				t.Errorf("%s, %s: alone %v, shared %v", name, again, alone, shared)
			}
		}
	}
	if len(trust.good) != 2 || len(trust.pools) != 1 {
		t.Errorf("%d chains and %d pools, of 2 and 1", len(trust.good), len(trust.pools))
	}
}

// TestTrustIsBounded: what is remembered does not grow with what servers show.
func TestTrustIsBounded(t *testing.T) {
	ca, trust := newTestCA(t), &Trust{}
	for i := range maxPools + 10 {
		trust.rootsOf(x509.NewCertPool(), [][]byte{ca.cert.Raw, {byte(i)}})
	}
	if len(trust.pools) > maxPools {
		t.Errorf("%d pools", len(trust.pools))
	}
}
