package intercept

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCAIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "ca")
	first, err := LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	if string(first.PEM()) != string(again.PEM()) {
		t.Error("the second run made another CA: servers that trust the first would not trust it")
	}
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCA(dir); err == nil || !strings.Contains(err.Error(), "delete the folder") {
		t.Errorf("a damaged CA: %v", err)
	}
}

// TestServerTLSNames: certificates are there for the push service's names,
// localhost and addresses; the lab answers for nobody else.
func TestServerTLSNames(t *testing.T) {
	ca, err := NewCA()
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
			go func(c net.Conn) {
				defer c.Close()
				c.(*tls.Conn).Handshake()
			}(c)
		}
	}()
	for name, want := range map[string]bool{
		"login.live.com": true, "DB5P.notify.windows.com": true, "localhost": true, "127.0.0.1": true, "www.example.com": false, "a.b.notify.windows.com": false,
	} {
		c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: name})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			c.Close()
		}
	}
	cert, err := ca.ClientCert("someone")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil || leaf.Subject.CommonName != "someone" {
		t.Errorf("%v %v", leaf, err)
	}
}
