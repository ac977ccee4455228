package enroll

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// TestCriteria: the forms of Learn, "w7 APPLICATION CSP", and what published
// servers write.
func TestCriteria(t *testing.T) {
	key, err := NewKeyPool(1).RSA()
	if err != nil {
		t.Fatal(err)
	}
	cert := func(tmpl *x509.Certificate) *Cert {
		tmpl.SerialNumber = big.NewInt(1)
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadCert(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tester := cert(&x509.Certificate{Subject: pkix.Name{CommonName: "Tester", Organization: []string{"Micro, soft"}}})
	if tester.Subject() != "O=Micro, soft,CN=Tester" {
		t.Errorf("subject %q", tester.Subject())
	}
	// The subject of the Windows request, which Go's x509 refuses.
	raw, err := asn1.Marshal([]asn1.RawValue{{Tag: asn1.TagSet, IsCompound: true, Bytes: append([]byte{0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x04}, "A!B\x00"...)}})
	if err != nil {
		t.Fatal(err)
	}
	windows := cert(&x509.Certificate{RawSubject: raw})
	for _, c := range []struct {
		criteria string
		of       *Cert
		want     bool
	}{
		{`Subject=CN%3DTester&Stores=My%5CUser`, tester, true},
		{`Subject=CN%3dtester%2cO%3d%22Micro%2c%20soft%22&Stores=MY%5CUser`, tester, true},
		{`Subject=CN%3DTester%2CO%3DMicro%5C%2C%20soft`, tester, true},
		{`Subject=CN%3DOther%EF%80%80CN%3DTester&Stores=My%5CUser`, tester, true},
		{`Subject=CN=Tester&Stores=My\User`, tester, true},
		{`Subject=CN%3DTester%2COU%3DNone&Stores=My%5CUser`, tester, false},
		{`Subject=CN%3D*&Stores=My%5CUser`, tester, false}, // no wildcards
		{`Subject=CN=%3dTester&Stores=My%5CUser`, tester, false},
		{`Stores=My%5CUser`, tester, false},
		{`Subject=&Stores=My%5CUser`, tester, false},
		{`Subject=CN%3DA%21B%00&Stores=My%5CUser`, windows, true},
	} {
		got, err := ReadCriteria(c.criteria)
		if err != nil || got.Match(c.of) != c.want {
			t.Errorf("%s: %+v, %v; matches %q: %v, want %v", c.criteria, got, err, c.of.Subject(), got.Match(c.of), c.want)
		}
	}
	c, err := ReadCriteria(`Other=x&Subject=CN%3DTester&Stores=my%5Cuser`)
	if err != nil || !c.In(`My\User`) || c.In(`My\System`) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"", "Subject", "Subject=%zz"} {
		if _, err := ReadCriteria(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestThumbprints: certificates are read with the names of their
// characteristics (MS-MDE2 2.2.9.2, CertHash).
func TestThumbprints(t *testing.T) {
	one := func(store, where, name, der string) string {
		return `<characteristic type="` + store + `"><characteristic type="` + where + `"><characteristic type="` + name + `"><parm name="EncodedCertificate" value="` +
			base64.StdEncoding.EncodeToString([]byte(der)) + `"/></characteristic></characteristic></characteristic>`
	}
	const abc = "A9993E364706816ABA3E25717850C26C9CD0D89D" // SHA-1 of "abc"
	p, err := ReadProvisioning([]byte(`<wap-provisioningdoc><characteristic type="CertificateStore">` + one("Root", "System", abc, "abc") +
		one("CA", "System", strings.ToLower(abc), "abc") + one("My", "User", "X", "abc") + `</characteristic></wap-provisioningdoc>`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Stored {
		got = append(got, s.Store+" "+map[bool]string{true: "right", false: "wrong"}[s.Named()])
	}
	if want := "Root/System right, CA/System right, My/User wrong"; strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
