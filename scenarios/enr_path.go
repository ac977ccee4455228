package scenarios

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
)

func clientCertificate(t *T) {
	d := t.Specimen()
	doc := documentOf(d)
	t.Check(len(doc.ClientCert) > 0, "a certificate in CertificateStore/My", "none")
	cert, err := enroll.ReadCert(doc.ClientCert)
	if err != nil {
		t.Fail("a certificate in CertificateStore/My", err.Error())
	}
	own, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	t.Check(ok && own.Equal(requestedKey(d)), "a certificate for the key of the CSR", "a certificate for another key")
	t.Expect(len(doc.Roots), "certificates in CertificateStore/Root, or in RootCATrustedCertificates/Root").To(BeNumerically(">", 0))
	if _, err := pathOf(doc, cert); err != nil {
		t.Fail("a client certificate that chains to CertificateStore/Root", err.Error())
	}
}

// requestedKey returns the key in the CSR that the device sent.
func requestedKey(d *Device) crypto.PublicKey {
	sent, err := enroll.ReadEnvelope(exchangeOf(d, enroll.StepToken).Request)
	if err != nil {
		d.T.Error("the request of RST cannot be read: %v", err)
	}
	r, err := sent.TokenRequest()
	if err != nil {
		d.T.Error("the request of RST cannot be read: %v", err)
	}
	in := cryptobyte.String(r.CSR)
	var csr, info, der cryptobyte.String
	ok := in.ReadASN1(&csr, cbasn1.SEQUENCE) && csr.ReadASN1(&info, cbasn1.SEQUENCE) && info.SkipASN1(cbasn1.INTEGER) && info.SkipASN1(cbasn1.SEQUENCE) &&
		info.ReadASN1Element(&der, cbasn1.SEQUENCE)
	if !ok {
		d.T.Error("the CSR of the device cannot be read")
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		d.T.Error("the key of the device's CSR cannot be read: %v", err)
	}
	return key
}

// issuersOf returns the CAs that the client certificate chains through, its issuer
// first, the root last.
func issuersOf(d *Device) []*x509.Certificate {
	path, err := pathOf(documentOf(d), certOf(d))
	if err != nil {
		d.T.Blocked(suite.By("ENR-12"), "%v", err)
	}
	return path
}

// pathOf returns the CAs of a document that a client certificate chains through.
func pathOf(doc *enroll.Provisioning, cert *enroll.Cert) ([]*x509.Certificate, error) {
	var between [][]byte
	for _, c := range doc.Stored {
		if !strings.HasPrefix(c.Store, "Root/") && string(c.DER) != string(doc.ClientCert) {
			between = append(between, c.DER)
		}
	}
	// A server may copy the subject of the Windows CSR, which x509 cannot read; it
	// knows more algorithms than package enroll.
	signed := cert.SignedBy
	if c, err := x509.ParseCertificate(cert.Raw); err == nil {
		signed = func(issuer *x509.Certificate) error {
			return issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
		}
	}
	return chain(signedCert{cert.Issuer, signed}, doc.Roots, between, 0)
}

// signedCert is a certificate whose issuer is looked for.
type signedCert struct {
	issuer []byte // DER of the name
	signed func(*x509.Certificate) error
}

// chain looks for a path from a certificate to a root, through intermediate CAs
// (RFC 5280 6.1); below is how many of them are on it already.
func chain(c signedCert, roots, between [][]byte, below int) ([]*x509.Certificate, error) {
	err := errors.New("no certificate in CertificateStore/Root")
	for _, der := range roots {
		var root *x509.Certificate
		if root, err = x509.ParseCertificate(der); err != nil {
			continue
		}
		if err = issues(root, c, below); err == nil {
			return []*x509.Certificate{root}, nil
		}
	}
	for i, der := range between {
		ca, parseErr := x509.ParseCertificate(der)
		if parseErr != nil || !sameName(ca.RawSubject, c.issuer) {
			continue
		}
		if err = issues(ca, c, below); err == nil && !ca.IsCA {
			err = fmt.Errorf("%s issued it and is not a CA", ca.Subject)
		}
		if err != nil {
			continue
		}
		rest := slices.Delete(slices.Clone(between), i, i+1)
		var path []*x509.Certificate
		if path, err = chain(signedCert{ca.RawIssuer, func(issuer *x509.Certificate) error {
			return issuer.CheckSignature(ca.SignatureAlgorithm, ca.RawTBSCertificate, ca.Signature)
		}}, roots, rest, below+1); err == nil {
			return append([]*x509.Certificate{ca}, path...), nil
		}
	}
	return nil, fmt.Errorf("no root verifies it: %w", err)
}

// issues says why a CA cannot be the issuer of a certificate; nil if it is.
func issues(ca *x509.Certificate, c signedCert, below int) error {
	switch err := c.signed(ca); {
	case err != nil:
		return err
	case len(c.issuer) <= 2:
		return errors.New("its issuer is empty")
	case !sameName(ca.RawSubject, c.issuer):
		return fmt.Errorf("its issuer is %s, and the CA that signed it is %s", issuerName(c.issuer), ca.Subject)
	case ca.BasicConstraintsValid && (ca.MaxPathLen > 0 || ca.MaxPathLenZero) && below > ca.MaxPathLen:
		return fmt.Errorf("%s allows %d intermediate CAs, and there are %d", ca.Subject, ca.MaxPathLen, below)
	case ca.KeyUsage != 0 && ca.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("keyUsage of %s has no keyCertSign", ca.Subject)
	}
	return nil
}

// sameName compares names; case, white space at the ends and the type of a string
// do not matter (RFC 5280 7.1).
func sameName(a, b []byte) bool {
	return string(a) == string(b) || issuerName(a) != "" && strings.EqualFold(issuerName(a), issuerName(b))
}

func issuerName(der []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		return ""
	}
	return name.String()
}
