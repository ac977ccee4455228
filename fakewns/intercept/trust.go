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

// Trust is a set of files that make software trust the lab's CA. Variables that
// name such a file replace the system's authorities, so the bundles contain
// those, too.
type Trust struct {
	CA     string // only the lab's certificate, PEM
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

// certificates reads a PEM file and skips what is not a readable certificate.
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

// Env is the environment, NAME=value, that makes unmodified software trust the
// CA and use the proxy, if it is not empty: Go and OpenSSL (SSL_CERT_FILE),
// Node, Python's requests, curl, and Java.
func (t *Trust) Env(proxy string) []string {
	java := "-Djavax.net.ssl.trustStore=" + t.Java + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + javaPassword
	env := []string{"SSL_CERT_FILE=" + t.Bundle, "NODE_EXTRA_CA_CERTS=" + t.CA, "REQUESTS_CA_BUNDLE=" + t.Bundle, "CURL_CA_BUNDLE=" + t.Bundle}
	if proxy != "" {
		// Node's own fetch supports a proxy since version 24, and only on
		// request.
		env = append(env, "HTTPS_PROXY=http://"+proxy, "https_proxy=http://"+proxy, "NO_PROXY=localhost,127.0.0.1,::1", "no_proxy=localhost,127.0.0.1,::1",
			"NODE_USE_ENV_PROXY=1")
		if host, port, err := net.SplitHostPort(proxy); err == nil {
			java += " -Dhttps.proxyHost=" + host + " -Dhttps.proxyPort=" + port
		}
	}
	return append(env, "JAVA_TOOL_OPTIONS="+java)
}
