package scenarios

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// anyoneServed is the one cause of what SEC-01 finds.
const anyoneServed = "the management endpoint serves callers who do not prove which device they are"

// impostors are the SEC scenarios about whom sessions are held with.
var impostors = []Scenario{
	{ID: "SEC-01", Level: report.Must, Uses: []Need{NeedQueue}, Title: "no certificate and no credential is refused",
		Rule:    "The management endpoint serves nobody who does not prove which device he is: TLS refuses him, or HTTP 4xx, or Status 401 or 407 for SyncHdr and no command. A server that asks for neither a certificate in TLS nor a credential serves anybody.",
		Source:  "MS-MDM 5.1; OMA DM Security 1.2.1 section 5.3; MS-MDE2 5.1; fleet issues 14626, 46197",
		Fix:     "Ask for a client certificate in TLS (tls.RequireAnyClientCert or the like), and answer 403 where there is none. Where devices prove themselves by a credential, check it in every session.",
		Mutants: []string{"sec-no-cert", "sec-challenge-any"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			turnsAwayFrom(t, d, visitor{who: "a caller without the device's certificate and credential", cause: anyoneServed,
				device: t.Impostor(d, d.Certificate()), as: dmclient.SyncOptions{NoCertificate: true}})
		}},
	{ID: "SEC-02", Level: report.Must, Uses: []Need{NeedQueue}, Title: "a certificate of another CA is refused",
		Rule:    "Only certificates that the server's own CA issued identify a device.",
		Source:  "MS-MDM 5.1; RFC 5280 6.1",
		Fix:     "Verify the client certificate against the server's own device CA only.",
		Mutants: []string{"sec-any-ca", "sec-challenge-any"},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, of := range []issuer{ofAnotherCA, ofItsNamesake, ofItself} {
				t.Try(string(of), func() {
					cert, err := forge(d, of)
					if err != nil {
						t.Error("no certificate could be made: %v", err)
					}
					turnsAwayFrom(t, d, visitor{who: "a caller with a forged certificate", by: string(of), device: t.Impostor(d, cert)})
				})
			}
		}},
	{ID: "SEC-03", Level: report.Must, Uses: []Need{NeedQueue}, Title: "device A's certificate with device B's Source is refused",
		Rule:    "The Source of a message is the device whose certificate the connection presents. (A server may go by the certificate alone, and serve device A what is its own.)",
		Source:  "MS-MDM 5.1; fleet issues 14626, 46197",
		Fix:     "Compare the device of the certificate with Source of the message.",
		Mutants: []string{"sec-source", "sec-challenge-any"},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			a, b := t.Enrolled(), t.Enrolled()
			a.First()
			b.First()
			turnsAwayFrom(t, b, visitor{who: "device A in the name of device B", device: a, managed: true, as: dmclient.SyncOptions{Source: b.Identity().DeviceID}})
		}},
	{ID: "SEC-04", Level: report.Should, On: "expired", Uses: []Need{NeedQueue}, Title: "an expired certificate is refused",
		Rule:    "A client certificate that is not valid any more does not open a session; to renew with it may be allowed.",
		Source:  "RFC 5280 6.1.3; MS-MDM 5.1",
		Fix:     "Verify the validity of the client certificate, in a proxy in front, too.",
		Mutants: []string{"sec-expired"},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			ends, limit := certOf(d).NotAfter, t.Lab.Config.Timeouts.Push
			if time.Until(ends) > limit {
				t.Skip("the device's certificate is valid until %s: let the server issue certificates that are valid for less than %s (timeouts.push) to see this", ends.Format(time.DateTime), limit)
			}
			if time.Now().Before(ends) {
				t.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}))
			}
			t.Until(ends.Add(time.Second))
			turnsAwayFrom(t, d, visitor{who: "a device with an expired certificate", device: d, over: true})
		}},
	{ID: "SEC-06", Level: report.Must, Ends: true, Uses: []Need{NeedQueue}, Title: "a device that left is not managed any more",
		Rule:    "After its user disconnected a device, its certificate opens no session: it has to enroll again. (To tell it once more to unenroll is allowed.)",
		Source:  "MS-MDE2 3.8; MS-MDM 3.1.7.1.3",
		Fix:     "Look the device up on every message, and answer 403 where it is not managed.",
		Mutants: []string{"sec-unenrolled"},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			ghost := t.Copy(d)
			if s, err := d.Unenroll(t.Context()); s == nil || len(s.Received) == 0 {
				t.Blocked(suite.By("SES-25"), "the session in which the user disconnects got no reply: %v", err)
			}
			turnsAwayFrom(t, d, visitor{who: "a device that its user disconnected", device: ghost, over: true, as: dmclient.SyncOptions{SessionID: ownSession}})
		}},
	{ID: "SEC-14", Level: report.Must, On: "signing", Uses: []Need{NeedQueue}, Title: "a wrong MS-Signature is refused",
		Rule:    "Where RequireMessageSigning is set, a message whose MS-Signature is missing, or was made over other bytes, is refused.",
		Source:  "Learn, \"DMClient CSP\", RequireMessageSigning; MS-MDM 2.2.1",
		Fix:     "Verify the CMS signature over the bytes of the body, and the certificate in it against that of the connection.",
		Mutants: []string{"sec-signature"},
		Under:   []string{"SEC-01"},
		Run:     wrongSignatures,
	},
}

// ownSession is the SessionID of a copy of a device, which must not be that of
// the device's next session.
const ownSession = "97"

// wrongSignatures tries a signature over another message, and none.
func wrongSignatures(t *T) {
	d := exercisedDevice(t)
	first := d.First().Exchanges[0]
	signatures := first.Header["MS-Signature"] //nolint:staticcheck // as it is written on the wire
	if len(signatures) == 0 {
		t.NotApplicable("the server does not set RequireMessageSigning, so devices do not sign their messages")
	}
	t.Try("the signature of another message", func() {
		turnsAwayFrom(t, d, visitor{who: "a message with the signature of another", device: d, as: dmclient.SyncOptions{Signature: signatures[0]}})
	})
	t.Try("no signature", func() {
		unsigned := t.Copy(d)
		unsigned.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/RequireMessageSigning", "false")
		turnsAwayFrom(t, d, visitor{who: "a message without a signature", device: unsigned, as: dmclient.SyncOptions{SessionID: ownSession}})
	})
	t.Try("the right signature after wrong ones", func() {
		runsAsEver(d, "messages with wrong signatures")
	})
}

// issuer is who issued a forged certificate.
type issuer string

const (
	ofAnotherCA   issuer = "issued by another CA"
	ofItsNamesake issuer = "issued by another CA with the name of the server's"
	ofItself      issuer = "self-signed"
)

// forge makes a copy of a device's certificate with a key of its own: the
// subject and the use are the same, the issuer is not.
func forge(d *Device, of issuer) (*tls.Certificate, error) {
	like, err := x509.ParseCertificate(d.Certificate().Certificate[0])
	if err != nil { // a subject that Go does not read
		name := x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: d.Identity().DeviceID}}
		like = &name
		if name.RawSubject, err = asn1.Marshal(name.Subject.ToRDNSequence()); err != nil {
			return nil, err
		}
		c, err := enroll.ReadCert(d.Certificate().Certificate[0])
		if err != nil {
			return nil, err
		}
		name.RawIssuer = c.Issuer
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Another CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	if of == ofItsNamesake {
		ca.RawSubject = like.RawIssuer
	}
	leaf := &x509.Certificate{SerialNumber: like.SerialNumber, RawSubject: like.RawSubject, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if of == ofItself {
		der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	if ca, err = x509.ParseCertificate(root); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	return &tls.Certificate{Certificate: [][]byte{der, root}, PrivateKey: key}, err
}
