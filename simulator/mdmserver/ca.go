package mdmserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Windows signs its CSR with it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// authority issues the device certificates.
type authority struct {
	key  crypto.Signer
	cert *x509.Certificate

	mu sync.Mutex
	// known are certificates whose signature was verified, by their SHA-256: a
	// device shows the same certificate with every message.
	known map[[sha256.Size]byte]bool
}

// maxKnown bounds them; they are forgotten all at once then.
const maxKnown = 1 << 17

const deviceCertLife = 365 * 24 * time.Hour

const minKeyBits = 2048

// newCAKey is the default of Config.CAKey.
func newCAKey() (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err // not a nil *ecdsa.PrivateKey in an interface
	}
	return key, nil
}

// newAuthority makes a self-signed authority that is valid for ten years.
func (s *Server) newAuthority(name string) (*authority, error) {
	key, err := s.cfg.CAKey()
	if err != nil {
		return nil, fmt.Errorf("make the CA key: %w", err)
	}
	tmpl := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: s.cfg.Now().Add(-time.Hour), NotAfter: s.cfg.Now().Add(10 * deviceCertLife),
	}
	c := Certification{Template: tmpl, Key: key.Public()}
	der, err := s.sign(&c, tmpl, key)
	if err != nil {
		return nil, fmt.Errorf("make the CA certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{key: key, cert: cert}, err
}

// intermediate makes an authority that root certifies.
func (s *Server) intermediate(root *authority) (*authority, error) {
	a, err := s.newAuthority("dmwake reference MDM issuing CA")
	if err != nil {
		return nil, err
	}
	tmpl := *a.cert
	tmpl.Issuer, tmpl.AuthorityKeyId = root.cert.Subject, nil
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, root.cert, a.key.Public(), root.key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the issuing CA: %w", err)
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

// certify issues the certificate of a device. The subject is the server's own:
// strict readers could not parse what the CSR asks for.
func (s *Server) certify(id string, csr []byte, c Certification) ([]byte, error) {
	key, err := readCSR(csr)
	c.CSR, c.Key, c.Refusal = csr, key, err
	c.Template = &x509.Certificate{
		Subject: pkix.Name{CommonName: id}, NotBefore: s.cfg.Now().Add(-time.Hour), NotAfter: s.cfg.Now().Add(s.cfg.CertificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, SubjectKeyId: keyID(key),
	}
	return s.sign(&c, s.ca.cert, s.ca.key)
}

// sign makes a certificate with a serial number of its own.
func (s *Server) sign(c *Certification, issuer *x509.Certificate, key crypto.Signer) (der []byte, err error) {
	if c.Template.SerialNumber, err = newSerial(); err != nil {
		return nil, err
	}
	for _, f := range s.cfg.Tamper.Certify {
		f(c)
	}
	if c.Refusal != nil {
		return nil, c.Refusal
	}
	if der, err = x509.CreateCertificate(rand.Reader, c.Template, issuer, c.Key, key); err != nil || c.TBS == nil {
		return der, err
	}
	return signAgain(der, c.TBS, key)
}

// signAgain rewrites what a certificate says (its TBSCertificate) and signs that.
func signAgain(der []byte, rewrite func([]byte) []byte, key crypto.Signer) ([]byte, error) {
	var cert struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &cert); err != nil {
		return nil, err
	}
	tbs := rewrite(cert.TBS.FullBytes)
	sum := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	cert.TBS, cert.Signature = asn1.RawValue{FullBytes: tbs}, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return asn1.Marshal(cert)
}

// keyID names a key by 160 bits of its SHA-256 (RFC 7093 section 2, method 1).
func keyID(key crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil
	}
	sum := sha256.Sum256(info.Key.RightAlign())
	return sum[:20]
}

// owner gives the DeviceID that a client certificate stands for.
func (s *Server) owner(cert *x509.Certificate) (string, error) {
	id, err := s.ca.verify(cert, s.cfg.Now())
	if err != nil {
		return "", err
	}
	for _, f := range s.cfg.Tamper.Owner {
		id = f(cert, id)
	}
	return id, nil
}

// verify gives the common name of a client certificate of this authority.
func (a *authority) verify(cert *x509.Certificate, now time.Time) (string, error) {
	sum := sha256.Sum256(cert.Raw)
	a.mu.Lock()
	known := a.known[sum]
	a.mu.Unlock()
	if known && !now.Before(cert.NotBefore) && !now.After(cert.NotAfter) && now.Before(a.cert.NotAfter) {
		return cert.Subject.CommonName, nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxKnown {
		a.known = map[[sha256.Size]byte]bool{}
	}
	a.known[sum] = true
	return cert.Subject.CommonName, nil
}

// readCSR takes the key out of a PKCS#10 request and checks its signature.
// crypto/x509 cannot: Windows writes "!" and NUL into a PrintableString and
// signs with sha1WithRSA [seen], so the subject stays unread here.
//
// The key is also returned with ErrShortKey and ErrUnsigned.
func readCSR(der []byte) (crypto.PublicKey, error) {
	var req struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &req); err != nil {
		return nil, fmt.Errorf("not a PKCS#10 request: %w", err)
	} else if len(rest) > 0 {
		return nil, errors.New("not a PKCS#10 request: data after its end")
	}
	var info struct {
		Version    int
		Subject    asn1.RawValue
		PublicKey  asn1.RawValue
		Attributes asn1.RawValue `asn1:"optional,tag:0"`
	}
	if _, err := asn1.Unmarshal(req.Info.FullBytes, &info); err != nil {
		return nil, fmt.Errorf("not a PKCS#10 request: %w", err)
	}
	pub, err := x509.ParsePKIXPublicKey(info.PublicKey.FullBytes)
	if err != nil {
		return nil, fmt.Errorf("the request's key: %w", err)
	}
	if err := verifyCSR(pub, req.Algorithm.Algorithm.String(), req.Info.FullBytes, req.Signature.RightAlign()); err != nil {
		return pub, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	if key, ok := pub.(*rsa.PublicKey); ok && key.N.BitLen() < minKeyBits {
		return pub, fmt.Errorf("%w: the request's key has %d bits, the policy asks for %d", ErrShortKey, key.N.BitLen(), minKeyBits)
	}
	return pub, nil
}

// ErrShortKey refuses a certificate for a key that is shorter than the policy
// asks for.
var ErrShortKey = errors.New("the key is too short")

// ErrUnsigned refuses a certificate for a key whose holder did not sign the request.
var ErrUnsigned = errors.New("the request's signature")

func verifyCSR(key crypto.PublicKey, algorithm string, info, signature []byte) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return verifyRSA(key, algorithm, info, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(info)
		if algorithm != "1.2.840.10045.4.3.2" || !ecdsa.VerifyASN1(key, sum[:], signature) {
			return errors.New("expected ECDSA with SHA-256 by this key")
		}
		return nil
	}
	return fmt.Errorf("expected an RSA or ECDSA key, saw %T", key)
}

func verifyRSA(key *rsa.PublicKey, algorithm string, info, signature []byte) error {
	switch algorithm {
	case "1.3.14.3.2.29", "1.2.840.113549.1.1.5":
		sum := sha1.Sum(info) //nolint:gosec // as above
		return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	case "1.2.840.113549.1.1.11":
		sum := sha256.Sum256(info)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	}
	return fmt.Errorf("signature algorithm %s", algorithm)
}
