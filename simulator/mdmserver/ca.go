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
	key  *ecdsa.PrivateKey
	cert *x509.Certificate

	mu sync.Mutex
	// known are certificates whose signature was verified, by their SHA-256: a
	// device shows the same one with every message.
	known map[[sha256.Size]byte]bool
}

// maxKnown bounds them; they are forgotten all at once then.
const maxKnown = 1 << 17

const deviceCertLife = 365 * 24 * time.Hour

func tenYears() time.Time { return time.Now().Add(10 * deviceCertLife) }

func newAuthority(name string, notAfter time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the CA key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the CA certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{key: key, cert: cert}, nil
}

// between is an authority that a certifies, and that issues in its place.
func (a *authority) between() (*authority, error) {
	b, err := newAuthority("between", a.cert.NotAfter)
	if err != nil {
		return nil, err
	}
	tmpl := *b.cert
	tmpl.Issuer, tmpl.AuthorityKeyId = a.cert.Subject, nil
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, a.cert, b.key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the CA in between: %w", err)
	}
	b.cert, err = x509.ParseCertificate(der)
	return b, err
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

// issue certifies key for a device. The subject is the server's own: what the
// CSR asks for could not be parsed again by strict readers.
func (a *authority) issue(deviceID string, key crypto.PublicKey, serial *big.Int, life time.Duration, usage ...x509.ExtKeyUsage) ([]byte, error) {
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: deviceID},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(usage) > 0 {
		tmpl.ExtKeyUsage = usage
	}
	return x509.CreateCertificate(rand.Reader, tmpl, a.cert, key, a.key)
}

// verify gives the DeviceID a client certificate stands for.
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
func readCSR(der []byte, minBits int) (crypto.PublicKey, error) {
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
	signature := req.Signature.RightAlign()
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minBits {
			return nil, fmt.Errorf("the request's key has %d bits, under %d", key.N.BitLen(), minBits)
		}
		err = verifyRSA(key, req.Algorithm.Algorithm.String(), req.Info.FullBytes, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(req.Info.FullBytes)
		if req.Algorithm.Algorithm.String() != "1.2.840.10045.4.3.2" || !ecdsa.VerifyASN1(key, sum[:], signature) {
			err = errors.New("not ECDSA with SHA-256 by this key")
		}
	default:
		return nil, errors.New("the request's key is neither RSA nor ECDSA")
	}
	if err != nil {
		return nil, fmt.Errorf("the request's signature: %w", err)
	}
	return pub, nil
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
