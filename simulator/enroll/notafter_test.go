package enroll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// TestNotAfter: the short way to a certificate's end gives what reading all of
// it gives, and fails on anything but a certificate.
func TestNotAfter(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []time.Time{time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2061, 2, 3, 4, 5, 6, 0, time.UTC)} { // UTCTime and GeneralizedTime
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "device"}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadCert(der)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := notAfter(der); !ok || !got.Equal(end) || !c.NotAfter.Equal(end) {
			t.Errorf("%s %v, and %s by reading it all; want %s", got, ok, c.NotAfter, end)
		}
		for name, bad := range map[string][]byte{"cut": der[:60], "with more after it": append(der[:len(der):len(der)], 0), "nothing": nil} {
			if _, err := NotAfter(bad); err == nil {
				t.Errorf("%s: it was read", name)
			}
		}
	}
}
