package scenarios

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// certificatesIssued are the ENR scenarios about the certificates that devices
// get.
var certificatesIssued = []Scenario{
	{
		ID: "ENR-12", Level: report.Must, Title: "client certificate is for the CSR's key and chains to the delivered root",
		Rule:    "The certificate in CertificateStore/My certifies the key of the CSR. It chains, directly or through CAs in CertificateStore/CA, to a certificate in CertificateStore/Root.",
		Source:  "MS-MDE2 2.2.9.1, 3.4.4.1",
		Fix:     "Issue the certificate for the public key of this request, and deliver the CA that signed it in CertificateStore/Root.",
		Mutants: []*mutants.Mutant{mutants.EnrWrongKey, mutants.EnrWrongRoot},
		Run:     clientCertificate,
	},
	{
		ID: "ENR-13", Level: report.Should, Title: "the client certificate is SHA-256 or better, RSA 2048, for client authentication",
		Rule:    "A device's certificate is signed with SHA-256 or better, its RSA key has at least 2048 bits, and its extended key usage allows clientAuth.",
		Source:  "CA/Browser Forum BR 7.1.3; RFC 5280 4.2.1.12; MS-XCEP (minimalKeyLength)",
		Fix:     "Sign with SHA-256, and include clientAuth in the extended key usages.",
		Mutants: []*mutants.Mutant{mutants.EnrNoEKU},
		Run: func(t *T) {
			d := t.Specimen()
			doc := documentOf(d)
			certOf(d)
			cert, err := parseCert(doc.ClientCert)
			if err != nil {
				t.Fail("a certificate according to RFC 5280", err.Error())
			}
			t.Try("signature", func() {
				weak := []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1}
				t.Check(!slices.Contains(weak, cert.SignatureAlgorithm), "a signature with SHA-256 or better", cert.SignatureAlgorithm.String())
			})
			if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
				t.Try("key", func() { t.Expect(key.N.BitLen(), "bits of the key").To(BeNumerically(">=", 2048)) })
			}
			t.Try("extended key usage", func() {
				t.Check(slices.ContainsFunc(cert.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
					return u == x509.ExtKeyUsageClientAuth || u == x509.ExtKeyUsageAny
				}), "clientAuth among the extended key usages", usages(cert))
			})
		},
	},
	{
		ID: "ENR-24", Level: report.Must, Title: "certificate serial numbers are unique",
		Rule:    "An issuer never gives two certificates the same serial number.",
		Source:  "RFC 5280 4.1.2.2",
		Fix:     "Use random serial numbers of 64 bits or more, or a persistent counter.",
		Mutants: []*mutants.Mutant{mutants.EnrSerialConstant},
		Run: func(t *T) {
			a, b := certOf(t.Device()), certOf(t.Device())
			same := bytes.Equal(a.Issuer, b.Issuer) && a.SerialNumber == b.SerialNumber
			t.Check(!same, "different serial numbers for two devices", a.SerialNumber+" for both, from one issuer")
		},
	},
	{
		ID: "ENR-25", Level: report.Must, Title: "the issuing CA is valid today",
		Rule:    "The certificates in the provisioning document, including the device's own, are valid at the time of enrollment.",
		Source:  "RFC 5280 4.1.2.5",
		Fix:     "Renew the issuing CA, and deliver the new one.",
		Mutants: []*mutants.Mutant{mutants.EnrCAExpired},
		Run: func(t *T) {
			d := t.Specimen()
			doc := documentOf(d)
			if len(doc.Roots) == 0 && doc.ClientCert == nil {
				t.Blocked(suite.By("ENR-12"), "the provisioning document contains no certificate")
			}
			at := exchangeOf(d, enroll.StepToken).At
			for i, der := range doc.Roots {
				t.Try(fmt.Sprintf("certificate %d in CertificateStore/Root", i+1), func() { validAt(t, der, at) })
			}
			if doc.ClientCert != nil {
				t.Try("the client certificate", func() { validAt(t, doc.ClientCert, at) })
			}
		},
	},
}

func clientCertificate(t *T) {
	d := t.Device()
	doc := documentOf(d)
	t.Check(len(doc.ClientCert) > 0, "a certificate in CertificateStore/My", "none")
	cert, err := enroll.ReadCert(doc.ClientCert)
	if err != nil {
		t.Fail("a certificate in CertificateStore/My", err.Error())
	}
	own, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	t.Check(ok && own.Equal(d.PublicKey()), "a certificate for the key of the CSR", "a certificate for another key")
	t.Expect(len(doc.Roots), "certificates in CertificateStore/Root").To(BeNumerically(">", 0))
	if err := chains(cert.SignedBy, doc.Roots, intermediates(writtenDocument(d))); err != nil {
		t.Fail("a client certificate that chains to CertificateStore/Root", err.Error())
	}
}

// chains looks for a path from a certificate to a root, through intermediate CAs.
// signed checks that an issuer signed the certificate.
func chains(signed func(*x509.Certificate) error, roots, between [][]byte) error {
	err := errors.New("no certificate in CertificateStore/Root")
	for _, der := range roots {
		var root *x509.Certificate
		if root, err = x509.ParseCertificate(der); err == nil {
			if err = signed(root); err == nil {
				return nil
			}
		}
	}
	for i, der := range between {
		ca, parseErr := x509.ParseCertificate(der)
		if parseErr != nil || signed(ca) != nil {
			continue
		}
		rest := slices.Delete(slices.Clone(between), i, i+1)
		if err = chains(func(issuer *x509.Certificate) error {
			return issuer.CheckSignature(ca.SignatureAlgorithm, ca.RawTBSCertificate, ca.Signature)
		}, roots, rest); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no root verifies it: %w", err)
}

// intermediates returns the certificates in CertificateStore/CA of a document.
func intermediates(raw []byte) (out [][]byte) {
	doc := etree.NewDocument()
	if doc.ReadFromBytes(raw) != nil {
		return nil
	}
	for _, p := range doc.FindElements("//characteristic[@type='CertificateStore']/characteristic[@type='CA']//parm[@name='EncodedCertificate']") {
		if der, err := base64Text(p.SelectAttrValue("value", "")); err == nil {
			out = append(out, der)
		}
	}
	return out
}

// certOf returns the client certificate that the device got.
func certOf(d *Device) *enroll.Cert {
	c, err := enroll.ReadCert(documentOf(d).ClientCert)
	if err != nil {
		d.T.Blocked(suite.By("ENR-12"), "the client certificate cannot be read: %v", err)
	}
	return c
}

// parseCert is x509.ParseCertificate without its check of the subject: a server
// may copy the subject of the Windows CSR, which x509 rejects.
func parseCert(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err == nil {
		return c, nil
	}
	var cert, tbs []asn1.RawValue
	if _, e := asn1.Unmarshal(der, &cert); e != nil || len(cert) != 3 {
		return nil, err
	}
	if _, e := asn1.Unmarshal(cert[0].FullBytes, &tbs); e != nil || len(tbs) < 7 {
		return nil, err
	}
	tbs[5] = asn1.RawValue{FullBytes: []byte{0x30, 0}} // version, serial, algorithm, issuer, validity, subject
	plain, e := asn1.Marshal(tbs)
	if e != nil {
		return nil, err
	}
	cert[0] = asn1.RawValue{FullBytes: plain}
	if plain, e = asn1.Marshal(cert); e != nil {
		return nil, err
	}
	return x509.ParseCertificate(plain)
}

func usages(c *x509.Certificate) string {
	var names []string
	for _, u := range c.ExtKeyUsage {
		names = append(names, u.String())
	}
	for _, oid := range c.UnknownExtKeyUsage {
		names = append(names, oid.String())
	}
	return suite.Show(names)
}

// clockDrift is how far a server's clock may be ahead of ours.
const clockDrift = 5 * time.Minute

// ahead is how far the server's clock is ahead of ours according to the Date of
// its reply to RST. A difference below two seconds is none: Date has no fractions.
func ahead(d *Device) time.Duration {
	ex := exchangeOf(d, enroll.StepToken)
	date, err := http.ParseTime(ex.Reply.Get("Date"))
	if err != nil {
		return 0
	}
	if by := date.Sub(ex.At.Add(ex.Duration)); by.Abs() >= 2*time.Second {
		return by
	}
	return 0
}

func validAt(t *T, der []byte, at time.Time) {
	c, err := parseCert(der)
	if err != nil {
		t.Fail("a certificate that is valid today", err.Error())
	}
	valid := !at.Add(clockDrift).Before(c.NotBefore) && !at.After(c.NotAfter)
	t.Check(valid, "a certificate that is valid today", fmt.Sprintf("valid from %s to %s", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)))
}
