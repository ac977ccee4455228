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

// reader is a variable that names a file of authorities, and the software that reads
// it. SSL_CERT_FILE and its kind replace the system's authorities; the variables of Node
// and Deno add to theirs.
type reader struct {
	variable string
	file     func(*Trust) string
	software string
}

func (t *Trust) ca() string     { return t.CA }
func (t *Trust) bundle() string { return t.Bundle }

// readers are documented by each software; curl, Node, Python and Java are tested.
var readers = []reader{
	{"SSL_CERT_FILE", (*Trust).bundle, "Go, OpenSSL, Ruby, .NET on Linux, Rust (rustls-native-certs), Python's ssl and httpx, PHP's streams"},
	{"NODE_EXTRA_CA_CERTS", (*Trust).ca, "Node and Bun"},
	{"DENO_CERT", (*Trust).ca, "Deno"},
	{"REQUESTS_CA_BUNDLE", (*Trust).bundle, "Python's requests"},
	{"CURL_CA_BUNDLE", (*Trust).bundle, "curl"},
}

// javaVariable holds options of Java, not a file.
const javaVariable = "JAVA_TOOL_OPTIONS"

// Readers says which variable is for which software, one phrase each:
// "DENO_CERT for Deno".
func Readers() (out []string) {
	for _, r := range readers {
		out = append(out, r.variable+" for "+r.software)
	}
	return append(out, javaVariable+" for Java")
}

// PHP makes PHP's curl extension trust the CA, for which there is no variable.
func (t *Trust) PHP() string {
	return "curl.cainfo=" + t.Bundle + " in php.ini, or php -d curl.cainfo=" + t.Bundle
}

// Env is the environment, NAME=value, that makes unmodified software (see Readers)
// trust the CA and use the proxy, if it is not empty.
func (t *Trust) Env(proxy string) (env []string) {
	java := "-Djavax.net.ssl.trustStore=" + t.Java + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + javaPassword
	for _, r := range readers {
		env = append(env, r.variable+"="+r.file(t))
	}
	if proxy != "" {
		// Node's own fetch supports a proxy since version 24, and only on
		// request.
		env = append(env, "HTTPS_PROXY=http://"+proxy, "https_proxy=http://"+proxy, "NO_PROXY=localhost,127.0.0.1,::1", "no_proxy=localhost,127.0.0.1,::1",
			"NODE_USE_ENV_PROXY=1")
		if host, port, err := net.SplitHostPort(proxy); err == nil {
			java += " -Dhttps.proxyHost=" + host + " -Dhttps.proxyPort=" + port
		}
	}
	return append(env, javaVariable+"="+java)
}
