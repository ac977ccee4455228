package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// wrongCertificate presents a certificate that the device's server never
// issued.
type wrongCertificate struct{ cert *tls.Certificate }

func newWrongCertificate(string) (dmclient.Fault, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "another issuer's device"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return wrongCertificate{&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

func (wrongCertificate) Fault() string { return "presents another issuer's certificate" }

func (f wrongCertificate) Impersonate(o *dmclient.SyncOptions) { o.Certificate = f.cert }

type noCertificate struct{}

func (noCertificate) Fault() string                       { return "presents no certificate" }
func (noCertificate) Impersonate(o *dmclient.SyncOptions) { o.NoCertificate = true }

// otherIdentity claims another device's identity with its own certificate.
type otherIdentity struct{ id string }

func newOtherIdentity(arg string) (dmclient.Fault, error) { return otherIdentity{arg}, nil }

func (otherIdentity) Fault() string                         { return "claims to be another device" }
func (f otherIdentity) Impersonate(o *dmclient.SyncOptions) { o.Source = f.id }

type sessionID struct{ id string }

func newSessionID(arg string) (dmclient.Fault, error) {
	if len(arg) > 4 {
		return nil, errors.New("a SessionID has at most four bytes (MS-MDM 2.2.3.8)")
	}
	return sessionID{arg}, nil
}

func (sessionID) Fault() string                         { return "uses one SessionID" }
func (f sessionID) Impersonate(o *dmclient.SyncOptions) { o.SessionID = f.id }

type cmdIDGaps struct{}

func (cmdIDGaps) Fault() string { return "numbers commands with gaps" }
func (cmdIDGaps) Impersonate(o *dmclient.SyncOptions) {
	o.FirstCmdID, o.CmdIDStep = 7, 3
}
