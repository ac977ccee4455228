package scenarios

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

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
		Rule:    "The certificate in CertificateStore/My certifies the key of the CSR. It chains, directly or through the CAs that the document delivers, to a certificate in CertificateStore/Root: each issuer has the name that the certificate gives, may issue certificates, and signed it.",
		Source:  "MS-MDE2 2.2.9.1, 2.2.9.2, 3.4.4.1; RFC 5280 6.1",
		Fix:     "Issue the certificate for the public key of this request. Deliver the CA that signed it in CertificateStore/Root, or in CertificateStore/CA with the root above it in CertificateStore/Root; its certificate must be one of a CA (basicConstraints, keyCertSign).",
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
				if c, err := readDER(doc.ClientCert); err == nil && c.version < 3 && len(c.extensions) > 0 {
					t.Blocked(suite.By("ENR-87"), "the certificate has version %d, so its extensions count for nothing", c.version)
				}
				t.Check(slices.ContainsFunc(cert.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
					return u == x509.ExtKeyUsageClientAuth || u == x509.ExtKeyUsageAny
				}), "clientAuth among the extended key usages", usages(cert))
			})
		},
	},
	{
		ID: "ENR-24", Level: report.Must, Title: "certificate serial numbers are unique",
		Rule:    "An issuer never gives two certificates the same serial number, not even when it renews one.",
		Source:  "RFC 5280 4.1.2.2",
		Fix:     "Use random serial numbers of 64 bits or more, or a persistent counter.",
		Mutants: []*mutants.Mutant{mutants.EnrSerialConstant, mutants.EnrRenewSerial},
		Run: func(t *T) {
			a, b := certOf(t.Device()), certOf(t.Device())
			same := bytes.Equal(a.Issuer, b.Issuer) && a.SerialNumber == b.SerialNumber
			t.Check(!same, "different serial numbers for two devices", a.SerialNumber+" for both, from one issuer")
			if serial := renewedSerial(t); serial != "" {
				t.Fail("another serial number when a certificate is renewed", serial+" for both")
			}
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
			list := documentOf(d).Stored
			if len(list) == 0 {
				t.Blocked(suite.By("ENR-12"), "the provisioning document contains no certificate")
			}
			at := exchangeOf(d, enroll.StepToken).At
			for i, c := range list {
				t.Try(fmt.Sprintf("certificate %d, in %s", i+1, c.Store), func() { validAt(t, c.DER, at) })
			}
		},
	},
}

// renewedSerial renews a certificate, and returns the serial number that both have;
// empty if they differ, or if there is no renewal, which ENR-21 judges.
func renewedSerial(t *T) string {
	d := t.EnrolledOnly()
	if robo := renewNode(documentOf(d).Renew, "ROBOSupport"); robo == nil || !strings.EqualFold(robo.Value, "true") {
		return ""
	}
	if err := d.Renew(t.Context()); err != nil {
		t.Evidence("%v", err)
		return ""
	}
	old := certOf(d)
	renewed, err := enroll.ReadCert(d.Certificate().Certificate[0])
	if err != nil || !bytes.Equal(old.Issuer, renewed.Issuer) || old.SerialNumber != renewed.SerialNumber {
		return ""
	}
	return old.SerialNumber
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
	// version, serial, algorithm, issuer, validity, subject
	tbs[1], tbs[5] = asn1.RawValue{FullBytes: []byte{2, 1, 1}}, asn1.RawValue{FullBytes: []byte{0x30, 0}}
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
	c, err := readDER(der)
	if err != nil {
		t.Fail("a certificate that is valid today", err.Error())
	}
	from, to := c.validity()
	valid := !at.Add(clockDrift).Before(from) && !at.After(to)
	t.Check(valid, "a certificate that is valid today", fmt.Sprintf("valid from %s to %s", from.Format(time.RFC3339), to.Format(time.RFC3339)))
}
