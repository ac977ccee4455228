package scenarios

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// certify issues a certificate; without an issuer it is self-signed.
func certify(t *testing.T, tmpl, issuer *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if issuer == nil {
		issuer, signer = tmpl, key
	}
	tmpl.SerialNumber, tmpl.NotBefore, tmpl.NotAfter = big.NewInt(7), time.Now(), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, issuer, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func aCA(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
}

// TestEncodingRules: crypto/x509 refuses to read most certificates that break these
// rules, so no server in Go can be a mutant of them.
func TestEncodingRules(t *testing.T) {
	cert, _ := certify(t, &x509.Certificate{Subject: pkix.Name{CommonName: "device"}, KeyUsage: x509.KeyUsageDigitalSignature}, nil, nil)
	broken := func(c *derCert) (out []string) {
		for _, r := range encodingRules {
			if r.broken(c) != "" {
				out = append(out, r.what)
			}
		}
		return out
	}
	name := func(tag int, value string) []byte {
		type pair struct {
			ID    asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		one, err := asn1.Marshal(pair{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, asn1.RawValue{Tag: tag, Bytes: []byte(value)}})
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal([]asn1.RawValue{{Tag: asn1.TagSet, IsCompound: true, Bytes: one}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for what, c := range map[string]struct {
		edit func(*derCert)
		want []string
	}{
		"sound":           {func(*derCert) {}, nil},
		"version 1":       {func(c *derCert) { c.version = 1 }, []string{"version"}},
		"version 1, bare": {func(c *derCert) { c.version, c.extensions = 1, nil }, nil},
		"extension twice": {func(c *derCert) { c.extensions = append(c.extensions, c.extensions[0]) }, []string{"extensions"}},
		"two algorithms":  {func(c *derCert) { c.outer = append(slices.Clone(c.inner), 0) }, []string{"signature algorithms"}},
		"no seconds":      {func(c *derCert) { c.notAfter.text = "3001010000Z" }, []string{"notAfter"}},
		"local time":      {func(c *derCert) { c.notBefore.text = "200101000000+0100" }, []string{"notBefore"}},
		"no end":          {func(c *derCert) { c.notAfter = derTime{24, "99991231235959Z"} }, nil},
		"GeneralizedTime": {func(c *derCert) { c.notAfter = derTime{24, "20490101000000Z"} }, []string{"notAfter"}},
		"fractions":       {func(c *derCert) { c.notAfter = derTime{24, "20510101000000.5Z"} }, []string{"notAfter"}},
		"no subject":      {func(c *derCert) { c.subject = []byte{0x30, 0} }, []string{"subject"}},
		"no subject, SAN": {func(c *derCert) { c.subject = []byte{0x30, 0}; c.extensions = []derExtension{{id: subjectAltName}} }, []string{"subject"}},
		"no subject, its SAN": {func(c *derCert) {
			c.subject = []byte{0x30, 0}
			c.extensions = []derExtension{{id: subjectAltName, critical: true}}
		}, nil},
		"address in subject": {func(c *derCert) { c.subject = name(22, "a@b.example") }, []string{"e-mail address"}},
		"address in both": {func(c *derCert) {
			c.subject = name(22, "a@b.example")
			c.extensions = []derExtension{{id: subjectAltName, value: []byte("..a@b.example")}}
		}, nil},
		"a subject that is odd": {func(c *derCert) { c.subject = []byte{0x30, 3, 2, 1, 1} }, []string{"subject's name"}},
	} {
		read, err := readDER(cert.Raw)
		if err != nil {
			t.Fatal(err)
		}
		c.edit(read)
		if got := broken(read); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v is broken, want %v", what, got, c.want)
		}
	}
}

// TestSerialFault: a serial number is positive and has at most 20 bytes.
func TestSerialFault(t *testing.T) {
	for what, c := range map[string]struct {
		serial *big.Int
		sound  bool
	}{
		"0": {new(big.Int), false}, "1": {big.NewInt(1), true}, "negative": {big.NewInt(-1), false},
		"20 bytes": {new(big.Int).Lsh(big.NewInt(1), 158), true}, "21 bytes": {new(big.Int).Lsh(big.NewInt(1), 159), false},
	} {
		if saw := serialFault(&derCert{serial: c.serial}); (saw == "") != c.sound {
			t.Errorf("%s: %q", what, saw)
		}
	}
}

// TestReadDER: the reader and crypto/x509 agree, and what is cut cannot be read.
func TestReadDER(t *testing.T) {
	root, signer := certify(t, aCA("root"), nil, nil)
	cert, _ := certify(t, &x509.Certificate{Subject: pkix.Name{CommonName: "device"}, SubjectKeyId: []byte{1}}, root, signer)
	c, err := readDER(cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	from, to := c.validity()
	if c.version != 3 || c.serial.Int64() != 7 || !from.Equal(cert.NotBefore) || !to.Equal(cert.NotAfter) || !slices.Equal(c.subject, cert.RawSubject) ||
		!slices.Equal(c.extension(authorityKeyID).authority(), root.SubjectKeyId) || len(c.extensions) != len(cert.Extensions) {
		t.Errorf("%+v", c)
	}
	for n := range cert.Raw {
		if _, err := readDER(cert.Raw[:n]); err == nil {
			t.Errorf("the first %d bytes are read as a certificate", n)
		}
	}
}

// TestChain: paths that RFC 5280 allows are found, others are not.
func TestChain(t *testing.T) {
	root, rootKey := certify(t, aCA("root"), nil, nil)
	mid, midKey := certify(t, aCA("issuing"), root, rootKey)
	tight := aCA("tight root")
	tight.MaxPathLenZero = true
	zero, zeroKey := certify(t, tight, nil, nil)
	under, underKey := certify(t, aCA("under the tight root"), zero, zeroKey)
	flat, flatKey := certify(t, &x509.Certificate{Subject: pkix.Name{CommonName: "no CA"}, BasicConstraintsValid: true}, root, rootKey)
	mute := aCA("no keyCertSign")
	mute.KeyUsage = x509.KeyUsageDigitalSignature
	signing, signingKey := certify(t, mute, root, rootKey)
	leaf := func(issuer *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
		c, _ := certify(t, &x509.Certificate{Subject: pkix.Name{CommonName: "device"}}, issuer, key)
		return c
	}
	named := func(name string, key *ecdsa.PrivateKey) *x509.Certificate {
		return leaf(&x509.Certificate{Subject: pkix.Name{CommonName: name}, SubjectKeyId: []byte{1}, PublicKey: key.Public()}, key)
	}
	for what, c := range map[string]struct {
		leaf, root *x509.Certificate
		between    []*x509.Certificate
		length     int // 0: there is no path
	}{
		"two levels":                       {leaf(root, rootKey), root, nil, 1},
		"three levels":                     {leaf(mid, midKey), root, []*x509.Certificate{mid}, 2},
		"three levels, others beside":      {leaf(mid, midKey), root, []*x509.Certificate{under, mid}, 2},
		"no intermediate":                  {leaf(mid, midKey), root, nil, 0},
		"another root":                     {leaf(root, rootKey), zero, nil, 0},
		"issuer of another name":           {named("another", rootKey), root, nil, 0},
		"issuer in another case":           {named("ROOT", rootKey), root, nil, 1},
		"intermediate that is no CA":       {leaf(flat, flatKey), root, []*x509.Certificate{flat}, 0},
		"intermediate without keyCertSign": {leaf(signing, signingKey), root, []*x509.Certificate{signing}, 0},
		"path length 0":                    {leaf(zero, zeroKey), zero, nil, 1},
		"path length 0, and one below":     {leaf(under, underKey), zero, []*x509.Certificate{under}, 0},
	} {
		cert, err := enroll.ReadCert(c.leaf.Raw)
		if err != nil {
			t.Fatal(err)
		}
		doc := &enroll.Provisioning{Roots: [][]byte{c.root.Raw}, ClientCert: c.leaf.Raw}
		for _, ca := range c.between {
			doc.Stored = append(doc.Stored, enroll.StoredCert{Store: "CA/System", DER: ca.Raw})
		}
		if path, err := pathOf(doc, cert); len(path) != c.length || (err == nil) != (c.length > 0) {
			t.Errorf("%s: a path of %d CAs, %v; want %d", what, len(path), err, c.length)
		}
	}
}
