package enroll

import (
	"crypto"
	"crypto/x509"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// SignedCSR wraps a PKCS#10 request into a PKCS#7 message, signed by the key of
// the certificate to renew (MS-WSTEP 3.1.4.1.2; Learn, "Certificate Renewal").
func SignedCSR(csr, certificate []byte, key crypto.Signer) ([]byte, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("sign the renewal: the old certificate: %w", err)
	}
	m, err := pkcs7.NewSignedData(csr)
	if err != nil {
		return nil, fmt.Errorf("sign the renewal: %w", err)
	}
	m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := m.AddSigner(cert, key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("sign the renewal: %w", err)
	}
	return m.Finish()
}
