package enroll

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// Attestation of the key of a certificate request, as a TPM would give it. No
// TPM makes these: the attestation key (AIK) is a key in software, so a server
// that follows the AIK to a TPM's maker must refuse them. What a server can
// check with them is that the items decode, that the AIK signed the claim, and
// that the claim is about the key of this request.

// claimBytes is the length of a claim: 1,624 characters of base64 [seen on
// 26200]. Its inner layout is not published and is a [model] here.
const claimBytes = 1218

// AIKPub encodes an attestation key as BCRYPT_RSAPUBLIC_BLOB, 380 characters of
// base64 with 2048 bits [seen on 26200: the length].
func AIKPub(key *rsa.PublicKey) []byte {
	exponent, modulus := big.NewInt(int64(key.E)).Bytes(), key.N.Bytes()
	b := []byte("RSA1")
	for _, n := range []int{8 * len(modulus), len(exponent), len(modulus), 0, 0} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n)) //nolint:gosec // lengths of a key
	}
	return append(append(b, exponent...), modulus...)
}

// ReadAIKPub decodes an attestation key.
func ReadAIKPub(b []byte) (*rsa.PublicKey, error) {
	const head = 24
	if len(b) < head || string(b[:4]) != "RSA1" {
		return nil, errors.New("AIKPub is not an RSA public key blob")
	}
	exponent, modulus := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
	if exponent < 1 || exponent > 4 || modulus > len(b) || len(b) != head+exponent+modulus {
		return nil, errors.New("AIKPub: the lengths do not fit")
	}
	e := new(big.Int).SetBytes(b[head : head+exponent])
	return &rsa.PublicKey{E: int(e.Int64()), N: new(big.Int).SetBytes(b[head+exponent:])}, nil
}

// claimHead is the first part of a claim [model].
type claimHead struct {
	Magic                           [4]byte // KADS
	Platform                        uint32  // 2: TPM 2.0
	Head, Attest, Signature, Public uint32  // lengths in bytes
}

var claimMagic = [4]byte{'K', 'A', 'D', 'S'}

// AIKClaim states that subject, the key of a request, is in the TPM of aik.
func AIKClaim(aik *rsa.PrivateKey, subject crypto.PublicKey) ([]byte, error) {
	public, err := x509.MarshalPKIXPublicKey(subject)
	if err != nil {
		return nil, fmt.Errorf("make the attestation claim: %w", err)
	}
	attest := certifyInfo(AIKPub(&aik.PublicKey), public)
	sum := sha256.Sum256(attest)
	signature, err := rsa.SignPKCS1v15(rand.Reader, aik, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("make the attestation claim: %w", err)
	}
	head := claimHead{claimMagic, 2, 24, uint32(len(attest)), uint32(len(signature)), uint32(len(public))} //nolint:gosec // small
	out, err := binary.Append(nil, binary.LittleEndian, head)
	if err != nil {
		return nil, fmt.Errorf("make the attestation claim: %w", err)
	}
	out = append(append(append(out, attest...), signature...), public...)
	return append(out, make([]byte, max(0, claimBytes-len(out)))...), nil
}

// certifyInfo is a TPMS_ATTEST of type TPM_ST_ATTEST_CERTIFY (TPM 2.0 library,
// part 2, section 10.12). The names are SHA-256 of the encoded keys [model]: a
// TPM hashes its own encoding.
func certifyInfo(aik, subject []byte) []byte {
	name := func(of []byte) []byte {
		sum := sha256.Sum256(of)
		return append([]byte{0, 34, 0, 0x0b}, sum[:]...) // length, TPM_ALG_SHA256, digest
	}
	var b bytes.Buffer
	b.Write([]byte{0xff, 'T', 'C', 'G', 0x80, 0x17})
	b.Write(name(aik))
	nonce := sha256.Sum256(subject)
	b.Write([]byte{0, 32})
	b.Write(nonce[:])
	b.Write(make([]byte, 17+8)) // clock and firmware version
	b.Write(name(subject))
	b.Write(name(subject))
	return b.Bytes()
}

// CheckClaim is what a server can check of a claim: that the attestation key
// signed it, and that it is about subject, the key of the request.
func CheckClaim(aikPub, claim []byte, subject crypto.PublicKey) error {
	aik, err := ReadAIKPub(aikPub)
	if err != nil {
		return err
	}
	var head claimHead
	rest := bytes.NewReader(claim)
	if err := binary.Read(rest, binary.LittleEndian, &head); err != nil || head.Magic != claimMagic || head.Head != 24 {
		return errors.New("AIKAttestationClaim is not a claim")
	}
	if uint64(head.Attest)+uint64(head.Signature)+uint64(head.Public) > uint64(rest.Len()) { //nolint:gosec // not negative
		return errors.New("AIKAttestationClaim is cut off")
	}
	body := claim[head.Head:]
	attest, signature := body[:head.Attest], body[head.Attest:head.Attest+head.Signature]
	sum := sha256.Sum256(attest)
	if err := rsa.VerifyPKCS1v15(aik, crypto.SHA256, sum[:], signature); err != nil {
		return errors.New("AIKAttestationClaim is not signed by AIKPub")
	}
	public, err := x509.MarshalPKIXPublicKey(subject)
	if err != nil {
		return fmt.Errorf("the key of the request: %w", err)
	}
	if !bytes.Equal(attest, certifyInfo(aikPub, public)) {
		return errors.New("AIKAttestationClaim is about another key than the request")
	}
	return nil
}

// AzureAttestation is what a policy server of version 6.0 or later asks a device
// to attest to (MS-MDE2 3.3.4.1.1.2).
type AzureAttestation struct{ Nonce, RelyingPartyID, EndpointURI string }

// AzureBlob is a token as the attestation service at EndpointURI would issue it
// [model]. The service did not: aik signed it. A server that checks it with the
// service's keys must refuse it.
func AzureBlob(aik *rsa.PrivateKey, of AzureAttestation) ([]byte, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": of.EndpointURI, "nonce": of.Nonce, "rp_id": of.RelyingPartyID, "x-ms-attestation-type": "tpm"})
	token.Header["jku"] = of.EndpointURI + "/certs"
	signed, err := token.SignedString(aik)
	if err != nil {
		return nil, fmt.Errorf("make the attestation token: %w", err)
	}
	return []byte(signed), nil
}
