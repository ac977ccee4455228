package intercept

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"software.sslmate.com/src/go-pkcs12"
)

// Trust are files that make software trust the lab's CA beside the authorities
// it trusts already: the variables that name such a file replace those.
type Trust struct {
	CA     string // the lab's certificate alone, PEM
	Bundle string // with the system's authorities, PEM
	Java   string // the same as a PKCS#12 trust store
}

// javaPassword protects nothing: a trust store holds certificates.
const javaPassword = "changeit"

// systemBundles are where systems keep their authorities.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// WriteTrust writes the files beside the CA's certificate, which must be on
// disk.
func (c *CA) WriteTrust() (*Trust, error) {
	if c.CertFile == "" {
		return nil, errors.New("lab CA: it is in memory only")
	}
	file, err := filepath.Abs(c.CertFile) // a server may run in another folder
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	dir := filepath.Dir(file)
	t := &Trust{CA: file, Bundle: filepath.Join(dir, "bundle.pem"), Java: filepath.Join(dir, "truststore.p12")}
	bundle, certs := c.PEM(), []*x509.Certificate{c.cert}
	for _, path := range systemBundles {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		bundle = append(append(bundle, '\n'), raw...)
		certs = append(certs, certificates(raw)...)
		break
	}
	store, err := pkcs12.Modern.EncodeTrustStore(certs, javaPassword)
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	for path, content := range map[string][]byte{t.Bundle: bundle, t.Java: store} {
		if old, err := os.ReadFile(path); err == nil && path == t.Bundle && bytes.Equal(old, content) {
			continue
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // certificates are public
			return nil, fmt.Errorf("lab CA: %w", err)
		}
	}
	return t, nil
}

// certificates reads those of a PEM file that can be read.
func certificates(raw []byte) (out []*x509.Certificate) {
	for {
		var b *pem.Block
		if b, raw = pem.Decode(raw); b == nil {
			return out
		}
		if cert, err := x509.ParseCertificate(b.Bytes); err == nil {
			out = append(out, cert)
		}
	}
}

// Env are the variables, NAME=value, with which software that was not changed
// trusts the CA and, where proxy is not empty, goes through it: Go and OpenSSL
// (SSL_CERT_FILE), Node, Python's requests, curl, and Java.
func (t *Trust) Env(proxy string) []string {
	java := "-Djavax.net.ssl.trustStore=" + t.Java + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + javaPassword
	env := []string{"SSL_CERT_FILE=" + t.Bundle, "NODE_EXTRA_CA_CERTS=" + t.CA, "REQUESTS_CA_BUNDLE=" + t.Bundle, "CURL_CA_BUNDLE=" + t.Bundle}
	if proxy != "" {
		// Node's own fetch goes through a proxy from version 24 on, and only if
		// it is told to.
		env = append(env, "HTTPS_PROXY=http://"+proxy, "https_proxy=http://"+proxy, "NO_PROXY=localhost,127.0.0.1,::1", "no_proxy=localhost,127.0.0.1,::1",
			"NODE_USE_ENV_PROXY=1")
		if host, port, err := net.SplitHostPort(proxy); err == nil {
			java += " -Dhttps.proxyHost=" + host + " -Dhttps.proxyPort=" + port
		}
	}
	return append(env, "JAVA_TOOL_OPTIONS="+java)
}
