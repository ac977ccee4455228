package intercept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// CA is the lab's certificate authority. Servers under test trust it, so that
// the fake WNS can answer under the real names. It can sign for those names, loopback
// and what its user named, and for nothing else (RFC 5280, section 4.2.1.10): who gets
// its key is not any host to those servers.
type CA struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// CertFile is the certificate's path; empty if it is only in memory.
	CertFile string
	// Note is what the user should know of a CA that was loaded; mostly empty.
	Note string

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// NewCA makes an authority that lives as long as the process. names are hosts or
// addresses that it may sign for, besides those of WNS and of loopback.
func NewCA(names ...string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the lab CA key: %w", err)
	}
	subject := pkix.Name{CommonName: "dmwake lab CA " + time.Now().UTC().Format("2006-01-02 15:04:05")}
	return certify(key, subject, usual().add(names))
}

// certify makes the CA's certificate. A new one with the key and subject of an older one
// can take its place: certificates of leaves chain to both.
func certify(key *ecdsa.PrivateKey, subject pkix.Name, to permitted) (*CA, error) {
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: subject,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: to.domains, PermittedIPRanges: to.ranges,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the lab CA: %w", err)
	}
	return newCA(key, der)
}

func newCA(key *ecdsa.PrivateKey, der []byte) (*CA, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	return &CA{key: key, cert: cert, leaves: map[string]*tls.Certificate{}}, nil
}

// PEM is the certificate that servers under test have to trust.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// Pool trusts the CA alone.
func (c *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// Leaf gives a server certificate for a name or an IP address.
func (c *CA) Leaf(host string) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.leaves[host]; leaf != nil {
		return leaf, nil
	}
	if !c.permits(host) {
		return nil, fmt.Errorf("lab CA: it may not sign for %s; it may for %s", strconv.Quote(host), c.permitted())
	}
	tmpl, name := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, host
	if ip := net.ParseIP(host); ip != nil {
		// OpenSSL holds a common name that looks like a host against the names of the CA
		// if there is no other name.
		tmpl.IPAddresses, name = []net.IP{ip}, "the address "+host
	} else {
		tmpl.DNSNames = []string{host}
	}
	leaf, err := c.issue(tmpl, name)
	if err != nil {
		return nil, err
	}
	if len(c.leaves) > 1000 {
		clear(c.leaves) // bounded, whatever names a peer invents
	}
	c.leaves[host] = leaf
	return leaf, nil
}

// ClientCert makes a client certificate of this CA, which is foreign to every
// server under test.
func (c *CA) ClientCert(name string) (*tls.Certificate, error) {
	return c.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, name)
}

func (c *CA) issue(tmpl *x509.Certificate, name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", name, err)
	}
	now := time.Now()
	tmpl.SerialNumber, tmpl.Subject = serial(), pkix.Name{CommonName: name}
	tmpl.NotBefore, tmpl.NotAfter = now.Add(-time.Hour), now.AddDate(0, 3, 0)
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tmpl, c.cert, key.Public(), c.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: key}, nil
}

func serial() *big.Int {
	var b [15]byte
	rand.Read(b[:])
	return new(big.Int).Add(new(big.Int).SetBytes(b[:]), big.NewInt(1))
}

// ServerTLS presents a certificate for the requested name: a push service name,
// localhost, or the address connected to. It speaks HTTP/1.1 only, as WNS does.
// With clientCerts it requests a client certificate and leaves the check to the
// server.
func (c *CA) ServerTLS(clientCerts bool) *tls.Config {
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := strings.ToLower(hello.ServerName)
			switch {
			case host == "":
				h, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
				if err != nil {
					return nil, err
				}
				host = h
			case host != "localhost" && !IsService(host):
				return nil, fmt.Errorf("no certificate for %s here", strconv.Quote(host))
			}
			return c.Leaf(host)
		},
	}
	if clientCerts {
		cfg.ClientAuth = tls.RequestClientCert
	}
	return cfg
}
