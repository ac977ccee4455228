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
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// served are names that the lab serves; foreign ones it must not be able to serve.
var (
	served  = []string{"login.live.com", "login.microsoftonline.com", "db5p.notify.windows.com", "wns2-par02p.notify.windows.com", "localhost", "127.0.0.1", "127.8.9.1", "::1", "mdm.lab.example", "192.0.2.7", "2001:db8::7"}
	foreign = []string{"www.example.com", "live.com", "evil-notify.windows.com", "login.live.com.evil.example", "lab.example", "192.0.2.8", "10.0.0.1", "::2"}
)

// forced makes a certificate that the CA itself refuses to make, as a thief of its key
// would.
func forced(t *testing.T, c *CA, host string) *tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	leaf, err := c.issue(tmpl, "a thief")
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// TestCAIsConstrained: Go and OpenSSL accept the CA's certificates for every name that
// the lab serves, and for no other, whoever has its key.
func TestCAIsConstrained(t *testing.T) {
	ca, err := LoadCA(filepath.Join(t.TempDir(), "ca"), "mdm.lab.example", "192.0.2.7", "[2001:DB8::7]", "MDM.lab.example.", "")
	if err != nil {
		t.Fatal(err)
	}
	if !ca.cert.MaxPathLenZero || ca.cert.MaxPathLen != 0 {
		t.Errorf("path length %d", ca.cert.MaxPathLen)
	}
	openssl, _ := exec.LookPath("openssl")
	if openssl == "" {
		t.Log("NOT RUN with OpenSSL: it is not on this machine")
	}
	check := func(host string, leaf *tls.Certificate, want bool) {
		t.Helper()
		cert, err := x509.ParseCertificate(leaf.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: host}); (err == nil) != want {
			t.Errorf("Go, %s: %v", host, err)
		}
		if openssl == "" {
			return
		}
		file := filepath.Join(t.TempDir(), "leaf.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		verify := "-verify_hostname"
		if net.ParseIP(host) != nil {
			verify = "-verify_ip"
		}
		if out, err := exec.Command(openssl, "verify", "-purpose", "sslserver", "-x509_strict", "-no-CApath", "-CAfile", ca.CertFile, verify, host, file).CombinedOutput(); (err == nil) != want {
			t.Errorf("OpenSSL, %s: %v\n%s", host, err, out)
		}
	}
	for _, host := range served {
		leaf, err := ca.Leaf(host)
		if err != nil {
			t.Fatal(err)
		}
		check(host, leaf, true)
	}
	for _, host := range foreign {
		if _, err := ca.Leaf(host); err == nil || !strings.Contains(err.Error(), "may not sign for") {
			t.Errorf("%s: %v", host, err)
		}
		check(host, forced(t, ca, host), false)
	}
}

// TestClientsAcceptTheCA: over real connections, curl and Go accept the lab's chain for
// its names.
func TestClientsAcceptTheCA(t *testing.T) {
	ca, err := LoadCA(filepath.Join(t.TempDir(), "ca"))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", ca.ServerTLS(false))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				c.Read(buf)
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
			}()
		}
	}()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	curl, _ := exec.LookPath("curl")
	if curl == "" {
		t.Log("NOT RUN with curl: it is not on this machine")
	}
	for _, host := range []string{"login.live.com", "login.microsoftonline.com", "db5p.notify.windows.com", "localhost", "127.0.0.1"} {
		c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: host, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Errorf("Go, %s: %v", host, err)
		} else {
			c.Close()
		}
		if curl == "" {
			continue
		}
		out, err := exec.Command(curl, "-sS", "--noproxy", "*", "--cacert", ca.CertFile, "--connect-to", "::127.0.0.1:"+port, "https://"+host+":"+port+"/").CombinedOutput()
		if err != nil || string(out) != "ok" {
			t.Errorf("curl, %s: %v %s", host, err, out)
		}
	}
}

// TestCAGetsMoreNames: a kept CA that lacks a name gets it with its old key, says so, and
// whoever trusts its old certificate still accepts the old names.
func TestCAGetsMoreNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	first, err := LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	same, err := LoadCA(dir, "127.0.0.1", "db5p.notify.windows.com", "localhost")
	if err != nil || same.Note != "" || string(same.PEM()) != string(first.PEM()) {
		t.Fatalf("names that it has make another CA: %v %q", err, same.Note)
	}
	next, err := LoadCA(dir, "mdm.lab.example", "192.0.2.7")
	if err != nil || !strings.Contains(next.Note, "mdm.lab.example, 192.0.2.7") || !strings.Contains(next.Note, next.CertFile) {
		t.Fatalf("%v %q", err, next.Note)
	}
	again, err := LoadCA(dir, "mdm.lab.example")
	if err != nil || again.Note != "" || string(again.PEM()) != string(next.PEM()) {
		t.Errorf("the new names were not kept: %v %q", err, again.Note)
	}
	for host, want := range map[string][2]bool{"login.live.com": {true, true}, "mdm.lab.example": {false, true}, "192.0.2.7": {false, true}} {
		leaf, err := next.Leaf(host)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(leaf.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, trusted := range []*CA{first, next} {
			if _, err := cert.Verify(x509.VerifyOptions{Roots: trusted.Pool(), DNSName: host}); (err == nil) != want[i] {
				t.Errorf("%s, trusting CA %d: %v", host, i, err)
			}
		}
	}
}

// TestUnspecifiedAddress: a lab that listens on all addresses may sign for each of them.
func TestUnspecifiedAddress(t *testing.T) {
	ca, err := NewCA("0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range ownAddresses() {
		if !ca.permits(a) {
			t.Errorf("it may not sign for %s", a)
		}
	}
	if ca.permits("198.51.100.200") {
		t.Error("it may sign for any address")
	}
}

// TestOldCA: a CA of an earlier version, without constraints, still works, and its user
// learns of it.
func TestOldCA(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "dmwake lab CA 2026-01-01 00:00:00"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 6, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{caCertFile: {Type: "CERTIFICATE", Bytes: der}, caKeyFile: {Type: "EC PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := LoadCA(dir, "mdm.lab.example")
	if err != nil || !strings.Contains(ca.Note, "may sign for every name") || !strings.Contains(ca.Note, "Delete the folder") {
		t.Fatalf("%v %q", err, ca.Note)
	}
	if string(ca.PEM()) != string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) {
		t.Error("another certificate: servers that trust the old one would not trust it")
	}
	if _, err := ca.Leaf("mdm.lab.example"); err != nil {
		t.Error(err)
	}
}

// TestCAFiles: each way in which the two files do not fit has one sentence that says what
// to do, and nothing is overwritten.
func TestCAFiles(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(dir string) error
		says string
	}{
		{"key without certificate", func(dir string) error { return os.Remove(filepath.Join(dir, caCertFile)) }, "is there without its certificate, ca.pem: put the certificate back, or delete the key"},
		{"certificate without key", func(dir string) error { return os.Remove(filepath.Join(dir, caKeyFile)) }, "is there without its key, ca-key.pem: put the key back, or delete the certificate"},
		{"a key that the group reads", func(dir string) error { return os.Chmod(filepath.Join(dir, caKeyFile), 0o640) }, "others can read its key"},
		{"a key that everybody reads", func(dir string) error { return os.Chmod(filepath.Join(dir, caKeyFile), 0o644) }, "(mode 0644): run chmod 600 on it"},
		{"an empty key", func(dir string) error { return os.Truncate(filepath.Join(dir, caKeyFile), 0) }, "delete the folder"},
		{"half a certificate", func(dir string) error { return os.Truncate(filepath.Join(dir, caCertFile), 200) }, "delete the folder"},
	} {
		if runtime.GOOS == "windows" && strings.Contains(c.says, "read") {
			continue // its permissions are not in the mode
		}
		dir := t.TempDir()
		if _, err := LoadCA(dir); err != nil {
			t.Fatal(err)
		}
		if err := c.do(dir); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		if _, err := LoadCA(dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, err)
		}
		if after := files(t, dir); after != before {
			t.Errorf("%s: the files changed", c.what)
		}
	}
}

func files(t *testing.T, dir string) (out string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out += f.Name() + string(raw)
	}
	return out
}
