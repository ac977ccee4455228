package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	nsSignature   = "http://www.w3.org/2000/09/xmldsig#"
	exclusiveC14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
	digestSHA256  = "http://www.w3.org/2001/04/xmlenc#sha256"
)

// The algorithms of a Signature.
const (
	SignatureRSA   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	SignatureECDSA = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
)

// Signature is the ds:Signature of a request that is authenticated by a
// certificate. The published example does not say what is signed; here it is
// the SHA-256 of the body's exclusive canonical form [model].
type Signature struct {
	Algorithm string
	// SignedInfo is the canonical form of what Value signs.
	SignedInfo []byte
	Value      []byte
	// Digest is the body's digest in SignedInfo, and Body the body's canonical
	// form. A verifier compares Digest with the SHA-256 of Body.
	Digest, Body []byte
}

// canonical is the exclusive canonical form of e in its document.
func canonical(e *etree.Element) ([]byte, error) {
	if err := canonicalizable(e); err != nil {
		return nil, err
	}
	ctx, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, err
	}
	alone, err := etreeutils.NSDetatch(ctx, e)
	if err != nil {
		return nil, err
	}
	uncomment(alone)
	return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(alone)
}

// sign adds a signature over the body to the security header, if the credential
// is a certificate.
func (c *Credential) sign(env *etree.Element) error {
	if c == nil || c.Certificate == nil || c.Token != nil {
		return nil
	}
	if c.Key == nil {
		return errors.New("sign the request: the certificate has no key")
	}
	algorithm := SignatureRSA
	if _, ok := c.Key.Public().(*ecdsa.PublicKey); ok {
		algorithm = SignatureECDSA
	}
	body := kid(env, "Body")
	body.CreateAttr("u:Id", bodyID)
	raw, err := canonical(body)
	if err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	digest := sha256.Sum256(raw)
	s := build(kid(kid(env, "Header"), "Security"), "ds:Signature", "", "xmlns:ds", nsSignature)
	info := build(s, "ds:SignedInfo", "")
	build(info, "ds:CanonicalizationMethod", "", "Algorithm", exclusiveC14N)
	build(info, "ds:SignatureMethod", "", "Algorithm", algorithm)
	ref := build(info, "ds:Reference", "", "URI", "#"+bodyID)
	build(build(ref, "ds:Transforms", ""), "ds:Transform", "", "Algorithm", exclusiveC14N)
	build(ref, "ds:DigestMethod", "", "Algorithm", digestSHA256)
	build(ref, "ds:DigestValue", base64.StdEncoding.EncodeToString(digest[:]))
	if raw, err = canonical(info); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	sum := sha256.Sum256(raw)
	value, err := c.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	build(s, "ds:SignatureValue", base64.StdEncoding.EncodeToString(value))
	k := build(build(s, "ds:KeyInfo", ""), "wsse:SecurityTokenReference", "")
	build(k, "wsse:Reference", "", "URI", "#"+tokenID, "ValueType", x509Reference)
	return nil
}

func (e *Envelope) readSignature(s *etree.Element) error {
	info := kid(s, "SignedInfo")
	if info == nil {
		return nil
	}
	sig := &Signature{}
	if m := kid(info, "SignatureMethod"); m != nil {
		sig.Algorithm = m.SelectAttrValue("Algorithm", "")
	}
	var err error
	if sig.SignedInfo, err = canonical(info); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if sig.Body, err = canonical(e.body); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if sig.Value, err = decodeBase64(textOf(s, "SignatureValue")); err != nil {
		return fmt.Errorf("signature value: %w", err)
	}
	if sig.Digest, err = decodeBase64(textOf(kid(info, "Reference"), "DigestValue")); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	e.Signature = sig
	return nil
}

// Verify checks the signature against the key of the certificate that came
// with it.
func (s *Signature) Verify(key crypto.PublicKey) error {
	digest := sha256.Sum256(s.Body)
	if string(digest[:]) != string(s.Digest) {
		return errors.New("the body differs from the signed one")
	}
	sum := sha256.Sum256(s.SignedInfo)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if s.Algorithm != SignatureRSA {
			return fmt.Errorf("signature algorithm %q for an RSA key", s.Algorithm)
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], s.Value)
	case *ecdsa.PublicKey:
		if s.Algorithm != SignatureECDSA || !ecdsa.VerifyASN1(key, sum[:], s.Value) {
			return errors.New("the signature does not verify")
		}
		return nil
	}
	return fmt.Errorf("keys of type %T are not supported", key)
}
