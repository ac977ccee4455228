package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the algorithm Windows signs its request with
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// OIDs of the Windows request [seen].
var (
	oidSHA1WithRSA      = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 29} // not the PKCS#1 one
	oidECDSAWithSHA256  = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidDeviceID         = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 66, 1, 0}
	oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// guidChars is how many characters of the GUID the common name has. With "!",
// the DeviceID and the NUL it has 64.
const guidChars = 30

type certificationRequestInfo struct {
	Version    int
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Attributes asn1.RawValue
}

type certificationRequest struct {
	Info      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// WindowsCSR makes the PKCS#10 request as Windows 10 19043 encodes it: the
// common name is 30 characters of guid, "!", the DeviceID and a NUL, in a
// PrintableString, although that allows neither "!" nor NUL. An extension holds
// the DeviceID and a NUL. The signature is sha1WithRSA [seen]. Strict parsers
// such as Go's reject it.
func WindowsCSR(key crypto.Signer, guid, deviceID string) ([]byte, error) {
	if len(guid) < guidChars {
		return nil, fmt.Errorf("make the CSR: GUID %q has under %d characters", guid, guidChars)
	}
	name := guid[:guidChars] + "!" + deviceID + "\x00"
	atv, err := asn1.Marshal(struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}{oidCommonName, asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagPrintableString, Bytes: []byte(name)}})
	if err != nil {
		return nil, err
	}
	subject, err := wrap(asn1.TagSequence, asn1.TagSet, atv)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	extension, err := asn1.Marshal(struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}{oidDeviceID, []byte(deviceID + "\x00")})
	if err != nil {
		return nil, err
	}
	extensions, err := wrap(asn1.TagSet, asn1.TagSequence, extension)
	if err != nil {
		return nil, err
	}
	attribute, err := asn1.Marshal(struct {
		ID     asn1.ObjectIdentifier
		Values asn1.RawValue
	}{oidExtensionRequest, asn1.RawValue{FullBytes: extensions}})
	if err != nil {
		return nil, err
	}
	info, err := asn1.Marshal(certificationRequestInfo{
		Subject: asn1.RawValue{FullBytes: subject}, PublicKey: asn1.RawValue{FullBytes: spki},
		Attributes: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: attribute},
	})
	if err != nil {
		return nil, err
	}
	algorithm, signature, err := signInfo(key, info)
	if err != nil {
		return nil, fmt.Errorf("sign the CSR: %w", err)
	}
	return asn1.Marshal(certificationRequest{
		Info: asn1.RawValue{FullBytes: info}, Algorithm: algorithm,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// signInfo signs with SHA-1, as Windows does. A key other than RSA, which
// Windows was not seen to use, signs with SHA-256.
func signInfo(key crypto.Signer, info []byte) (pkix.AlgorithmIdentifier, []byte, error) {
	if _, ok := key.Public().(*ecdsa.PublicKey); ok {
		digest := sha256.Sum256(info)
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		return pkix.AlgorithmIdentifier{Algorithm: oidECDSAWithSHA256}, signature, err
	}
	digest := sha1.Sum(info) //nolint:gosec // as above
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA1)
	return pkix.AlgorithmIdentifier{Algorithm: oidSHA1WithRSA, Parameters: asn1.NullRawValue}, signature, err
}

// wrap puts content into an inner and an outer constructed element.
func wrap(outer, inner int, content []byte) ([]byte, error) {
	in, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: inner, IsCompound: true, Bytes: content})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: outer, IsCompound: true, Bytes: in})
}

// PlainCSR makes a request that every parser accepts: the DeviceID as common
// name and a SHA-256 signature. The lab falls back to it if a server rejects
// the Windows form, so that one bug does not hide the others.
func PlainCSR(key crypto.Signer, deviceID string) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: deviceID}}, key)
}

// Cert is a leniently parsed certificate: a server may copy the Windows
// subject, which Go's x509 rejects.
type Cert struct {
	Raw          []byte
	SerialNumber string // hex
	PublicKey    crypto.PublicKey
	Issuer       []byte // DER of the issuer's name
	NotAfter     time.Time

	subject   []byte // DER
	tbs       []byte
	algorithm asn1.ObjectIdentifier
	signature []byte
}

// ReadCert reads the fields this package needs from a DER certificate.
func ReadCert(der []byte) (*Cert, error) {
	var outer struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	} else if len(rest) > 0 {
		return nil, errors.New("certificate: data after its end")
	}
	var tbs struct {
		Version    int `asn1:"optional,explicit,default:0,tag:0"`
		Serial     asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   asn1.RawValue
		Subject    asn1.RawValue
		PublicKey  asn1.RawValue
		IssuerUID  asn1.BitString `asn1:"optional,tag:1"`
		SubjectUID asn1.BitString `asn1:"optional,tag:2"`
		Extensions asn1.RawValue  `asn1:"optional,explicit,tag:3"`
	}
	if _, err := asn1.Unmarshal(outer.TBS.FullBytes, &tbs); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := x509.ParsePKIXPublicKey(tbs.PublicKey.FullBytes)
	if err != nil {
		return nil, fmt.Errorf("certificate's key: %w", err)
	}
	var validity struct{ NotBefore, NotAfter time.Time }
	if _, err := asn1.Unmarshal(tbs.Validity.FullBytes, &validity); err != nil {
		return nil, fmt.Errorf("certificate's validity: %w", err)
	}
	return &Cert{
		Raw: der, NotAfter: validity.NotAfter, SerialNumber: fmt.Sprintf("%x", tbs.Serial.Bytes), PublicKey: key, Issuer: tbs.Issuer.FullBytes,
		subject: tbs.Subject.FullBytes, tbs: outer.TBS.FullBytes, algorithm: outer.Algorithm.Algorithm, signature: outer.Signature.RightAlign(),
	}, nil
}

// NotAfter is when a DER certificate expires.
func NotAfter(der []byte) (time.Time, error) {
	if t, ok := notAfter(der); ok {
		return t, nil
	}
	c, err := ReadCert(der)
	if err != nil {
		return time.Time{}, err
	}
	return c.NotAfter, nil
}

// notAfter reads only the validity, because a device checks it in every
// session.
func notAfter(der cryptobyte.String) (t time.Time, ok bool) {
	var cert, tbs, validity cryptobyte.String
	if !der.ReadASN1(&cert, cbasn1.SEQUENCE) || !der.Empty() || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(cbasn1.Tag(0).Constructed().ContextSpecific()) ||
		!tbs.SkipASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.ReadASN1(&validity, cbasn1.SEQUENCE) {
		return t, false
	}
	var before cryptobyte.String
	var tag cbasn1.Tag
	if !validity.ReadAnyASN1(&before, &tag) {
		return t, false
	}
	if validity.PeekASN1Tag(cbasn1.UTCTime) {
		return t, validity.ReadASN1UTCTime(&t)
	}
	return t, validity.ReadASN1GeneralizedTime(&t)
}

// SignedBy checks that issuer's key made the signature on c.
func (c *Cert) SignedBy(issuer *x509.Certificate) error {
	algorithm, ok := signatureAlgorithms[c.algorithm.String()]
	if !ok {
		return fmt.Errorf("unknown signature algorithm %s", c.algorithm)
	}
	return issuer.CheckSignature(algorithm, c.tbs, c.signature)
}

var signatureAlgorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.5":  x509.SHA1WithRSA,
	"1.3.14.3.2.29":         x509.SHA1WithRSA,
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}
