package mdmserver

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/smallstep/pkcs7"
)

// checkSignature verifies the MS-Signature header over a session message: a
// CMS signature without its content, by the certificate of the connection
// (Learn, "DMClient CSP": RequireMessageSigning).
func checkSignature(r *http.Request, peer *x509.Certificate, body []byte) error {
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get("MS-Signature"))
	if err != nil || len(raw) == 0 {
		return errors.New("the MS-Signature header is missing or not base64")
	}
	p7, err := pkcs7.Parse(raw)
	if err != nil {
		return errors.New("the MS-Signature header is not CMS")
	}
	p7.Content = body
	if p7.Verify() != nil {
		return errors.New("the signature does not verify")
	}
	if signer := p7.GetOnlySigner(); signer == nil || !bytes.Equal(signer.Raw, peer.Raw) {
		return errors.New("the signature is not by the certificate of the connection")
	}
	return nil
}
