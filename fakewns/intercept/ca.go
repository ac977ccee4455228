package intercept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// CA is the lab's certificate authority. Servers under test trust it, so that
// the fake WNS can answer under the real names.
type CA struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// CertFile is the certificate's path; empty if it is only in memory.
	CertFile string

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// Names of the files in the CA's folder.
const (
	caCertFile = "ca.pem"
	caKeyFile  = "ca-key.pem"
)

// NewCA makes an authority that lives as long as the process.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the lab CA key: %w", err)
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "dmwake lab CA " + now.UTC().Format("2006-01-02 15:04:05")},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
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

// LoadCA loads the authority from dir, and creates it on the first run. Only
// the owner can read the key.
func LoadCA(dir string) (*CA, error) {
	certPath, keyPath := filepath.Join(dir, caCertFile), filepath.Join(dir, caKeyFile)
	keyPEM, err := os.ReadFile(keyPath)
	if errors.Is(err, os.ErrNotExist) {
		return createCA(dir, certPath, keyPath)
	}
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	certPEM, err := os.ReadFile(certPath)
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("lab CA in %s is damaged: %w; delete the folder to make a new one", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("lab CA in %s: the key is not ECDSA; delete the folder to make a new one", dir)
	}
	ca, err := newCA(key, pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if time.Now().After(ca.cert.NotAfter) {
		return nil, fmt.Errorf("lab CA in %s expired on %s; delete the folder to make a new one", dir, ca.cert.NotAfter.Format(time.DateOnly))
	}
	ca.CertFile = certPath
	return ca, nil
}

func createCA(dir, certPath, keyPath string) (*CA, error) {
	ca, err := NewCA()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(ca.key)
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(keyPath, keyPEM, 0o600); err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	if err := os.WriteFile(certPath, ca.PEM(), 0o644); err != nil { //nolint:gosec // a certificate is public
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	ca.CertFile = certPath
	return ca, nil
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
	tmpl := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	leaf, err := c.issue(tmpl, host)
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
