package dmclient

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Forms of a key in a record.
const (
	keyNone = iota
	keyP256 // the scalar
	keyPKCS8
	keyRef
	keyCertified // the scalar, and where the certificate lacks the public key
)

// cutPoint takes the public key out of a certificate, whose place it returns, and
// gives the private key that it follows from. at is 0 for other keys.
func cutPoint(cert []byte, key crypto.Signer) (at int, rest, raw []byte) {
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return 0, nil, nil
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		return 0, nil, nil
	}
	if raw, err = k.Bytes(); err != nil {
		return 0, nil, nil
	}
	if at = bytes.Index(cert, point); at <= 0 {
		return 0, nil, nil
	}
	return at, slices.Concat(cert[:at], cert[at+len(point):]), raw
}

// putPoint is cutPoint's opposite.
func putPoint(cert []byte, at uint64, key *ecdsa.PrivateKey) ([]byte, error) {
	point, err := key.PublicKey.Bytes()
	if err != nil || at == 0 || at > uint64(len(cert)) {
		return nil, errRecord
	}
	return slices.Concat(cert[:at], point, cert[at:]), nil
}

func packKey(e *encoder, key crypto.Signer, ring Keyring) error {
	switch k := key.(type) {
	case nil:
		e.uint(keyNone)
		return nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			raw, err := k.Bytes()
			if err != nil {
				return fmt.Errorf("pack the device: its key: %w", err)
			}
			e.uint(keyP256)
			e.bytes(raw)
			return nil
		}
	}
	if ring != nil {
		ref, err := ring.PutKey(key)
		if err != nil {
			return fmt.Errorf("pack the device: its key: %w", err)
		}
		e.uint(keyRef)
		e.bytes(ref)
		return nil
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("pack the device: its key: %w", err)
	}
	e.uint(keyPKCS8)
	e.bytes(raw)
	return nil
}

// unpackKey reads the key, and completes the certificate that came before it.
func unpackKey(d *decoder, ring Keyring, cert *[]byte) (crypto.Signer, error) {
	form := d.uint()
	if form == keyNone || d.err != nil {
		return nil, d.err
	}
	raw := d.bytes()
	switch form {
	case keyP256:
		return ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	case keyCertified:
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
		if err == nil {
			*cert, err = putPoint(*cert, d.uint(), key)
		}
		return key, err
	case keyRef:
		if ring == nil {
			return nil, errors.New("its key is in a keyring, and none was given")
		}
		return ring.Key(raw)
	case keyPKCS8:
		k, err := x509.ParsePKCS8PrivateKey(raw)
		if err != nil {
			return nil, err
		}
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
	}
	return nil, errRecord
}
