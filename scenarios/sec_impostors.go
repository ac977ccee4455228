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
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// anyoneServed is the cause of failures that SEC-01 finds.
const anyoneServed = "the management endpoint serves callers who do not prove which device they are"

// sessionTrusted is the cause if only a SessionID that was used before is served.
const sessionTrusted = "the management endpoint believes the Source of a message whose SessionID it knows"

// impostors are the SEC scenarios about who may hold a session.
var impostors = []Scenario{
	{ID: "SEC-01", Level: report.Must, Uses: []Need{NeedWork}, Title: "no certificate and no credential is refused",
		Rule:    "The management endpoint serves no caller who does not prove which device it is: it refuses with a TLS alert, HTTP 4xx, or Status 401 or 407 for SyncHdr and no command. A server that asks for neither a TLS client certificate nor a credential serves anybody.",
		Source:  "MS-MDM 2.1 note 4; OMA DM Security 1.2.1 section 5.3; MS-MDE2 5.1; fleet issues 14626, 46197",
		Fix:     "Ask for a TLS client certificate (tls.RequireAnyClientCert or the like), and answer 403 without one. If devices authenticate with a credential, check it in every session, whatever its SessionID.",
		Mutants: []*mutants.Mutant{mutants.SecNoCert, mutants.SecSessionTrusted, mutants.SecChallengeAny},
		Run: func(t *T) {
			d := t.Enrolled()
			used := d.First().ID
			for _, in := range []struct{ what, session, cause string }{
				{"a new session", ownSession, anyoneServed},
				{"the SessionID of an earlier session", used, sessionTrusted},
			} {
				t.Try(in.what, func() {
					turnsAwayFrom(t, d, visitor{who: "a caller without the device's certificate and credential", by: in.what, cause: in.cause,
						device: t.Impostor(d, d.Certificate()), as: dmclient.SyncOptions{NoCertificate: true, SessionID: in.session}})
				})
			}
		}},
	{ID: "SEC-02", Level: report.Must, Uses: []Need{NeedWork}, Title: "a certificate from another CA is refused",
		Rule:    "Only certificates issued by the server's own CA identify a device.",
		Source:  "MS-MDM 2.1 note 4; RFC 5280 6.1",
		Fix:     "Verify the client certificate against the server's own device CA only.",
		Mutants: []*mutants.Mutant{mutants.SecAnyCA, mutants.SecChallengeAny},
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
	{ID: "SEC-03", Level: report.Must, Uses: []Need{NeedWork}, Title: "device A's certificate with device B's Source is refused",
		Rule:    "The Source of a message is the device whose certificate the connection presents. (A server may go by the certificate alone, and serve device A its own commands.)",
		Source:  "MS-MDM 2.1 note 4; fleet issues 14626, 46197",
		Fix:     "Compare the device in the certificate with the message's Source.",
		Mutants: []*mutants.Mutant{mutants.SecSource, mutants.SecChallengeAny},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			a, b := t.Enrolled(), t.Enrolled()
			a.First()
			b.First()
			turnsAwayFrom(t, b, visitor{who: "device A in the name of device B", device: a, managed: true, as: dmclient.SyncOptions{Source: b.Identity().DeviceID}})
		}},
	{ID: "SEC-04", Level: report.Should, On: "expired", Uses: []Need{NeedWork}, Title: "an expired certificate is refused",
		Rule:    "A client certificate that has expired does not open a session. The server may still accept it for renewal.",
		Source:  "RFC 5280 6.1.3; MS-MDM 2.1 note 4",
		Fix:     "Check the validity period of the client certificate, also in a proxy in front.",
		Mutants: []*mutants.Mutant{mutants.SecExpired},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			// The server judges by its own clock.
			ends, limit := certOf(d).NotAfter.Add(-ahead(d)), t.Lab.Config.Timeouts.Push
			if time.Until(ends) > limit {
				t.Skip("the device's certificate is valid until %s: to run this, let the server issue certificates that are valid for less than %s (timeouts.push)", ends.Format(time.DateTime), limit)
			}
			if time.Now().Before(ends) {
				t.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}))
			}
			t.Until(ends.Add(time.Second))
			turnsAwayFrom(t, d, visitor{who: "a device with an expired certificate", device: d, over: true})
		}},
	{ID: "SEC-06", Level: report.Must, Ends: true, Uses: []Need{NeedWork}, Title: "a device that left is no longer managed",
		Rule:    "After the user disconnects a device, its certificate opens no session: the device has to enroll again. (The server may tell it again to unenroll.)",
		Source:  "Learn, \"Disconnecting from MDM\"; MS-MDM 2.2.7.2",
		Fix:     "Look the device up on every message, and answer 403 if it is not managed.",
		Mutants: []*mutants.Mutant{mutants.SecUnenrolled},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			ghost := t.Copy(d)
			s, err := d.Unenroll(t.Context())
			if s == nil || len(s.Received) == 0 {
				t.Blocked(suite.By("SES-25"), "the session in which the user disconnects got no reply: %v", err)
			}
			if code := hdrStatus(s.Received[0]).Code(); code != 0 {
				t.Evidence("in the session in which the user disconnected the server answered SyncHdr with %d", code)
			}
			turnsAwayFrom(t, d, visitor{who: "a device that its user disconnected", device: ghost, over: true, as: dmclient.SyncOptions{SessionID: ownSession}})
		}},
	{ID: "SEC-14", Level: report.Should, On: "signing", Uses: []Need{NeedWork}, Title: "a wrong MS-Signature is refused",
		Rule:    "If RequireMessageSigning is set, a message is refused if its MS-Signature is missing, or was made over other bytes.",
		Source:  "Learn, \"DMClient CSP\", RequireMessageSigning; MS-MDM 2.2.1",
		Fix:     "Verify the CMS signature over the bytes of the body, and compare its certificate with the connection's.",
		Mutants: []*mutants.Mutant{mutants.SecSignature},
		Under:   []string{"SEC-01"},
		Run:     wrongSignatures,
	},
}

// ownSession is the SessionID of a copied device. It must differ from the SessionID
// of the original's next session.
const ownSession = "97"

// wrongSignatures tries the signature of another message, and no signature.
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

// issuer says who issued a forged certificate.
type issuer string

const (
	ofAnotherCA   issuer = "issued by another CA"
	ofItsNamesake issuer = "issued by another CA with the name of the server's"
	ofItself      issuer = "self-signed"
)

// selfSigned makes a certificate of nobody.
func selfSigned(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// forge copies a device's certificate with a new key: same subject and usage,
// different issuer.
func forge(d *Device, of issuer) (*tls.Certificate, error) {
	like, err := x509.ParseCertificate(d.Certificate().Certificate[0])
	if err != nil { // Go rejects the subject
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
	serial := new(big.Int).Abs(like.SerialNumber) // x509 writes no other
	leaf := &x509.Certificate{SerialNumber: serial, RawSubject: like.RawSubject, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
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
