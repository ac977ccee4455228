package scenarios

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// renewal are the ENR scenarios about the renewal of a device's certificate.
var renewal = []Scenario{
	{
		ID: "ENR-21", Level: report.Must, Title: "a certificate is renewed",
		Rule:    "A device whose provisioning document sets ROBOSupport asks the discovery service where to renew, and sends an RST of type Renew, signed with the old key, over TLS with the old certificate. The server issues a certificate for the new key, which does not end before the old one. Sessions continue with it, and it is renewed in the same way.",
		Source:  "MS-MDE2 3.5.4.1.1.1; MS-MDE 3.5.4.1.1.1 (the server is required to support client TLS); Learn, \"Certificate renewal\"",
		Fix:     "Accept RequestType Renew with a PKCS#7 request over TLS with the old certificate, and answer with the new one. Without ROBOSupport, devices do not ask.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewRefused, mutants.EnrRenewKey, mutants.EnrRenewOnce, mutants.EnrRenewShorter},
		Run: func(t *T) {
			if p := &t.Lab.Config.Target.Provisioned; p.Server != "" && p.EnrollmentURL == "" {
				t.Skip("where the device renews is unknown: set target.provisioned.enrollment_url, for example https://mdm.example/EnrollmentServer/Enrollment.svc")
			}
			d := t.Enrolled()
			d.First()
			old := renewable(d)
			if err := d.Renew(t.Context()); err != nil {
				keepLast(d, "the renewal")
				t.Excused(err)
				tooYoung(d, err)
				t.Fail("a renewed certificate", said(err))
			}
			t.Check(!bytes.Equal(d.Certificate().Certificate[0], old), "a new certificate", "the old one")
			endsLater(t, old, d.Certificate().Certificate[0])
			d.Survived(t.Managed(d.Sync(dmclient.SyncOptions{})), "the renewal of the certificate")
			if err := d.Renew(t.Context()); err != nil && !isNotEligible(err) && !isForbidden(err) {
				keepLast(d, "the second renewal")
				t.Excused(err)
				t.Fail("a renewed certificate that can be renewed itself", said(err))
			}
		},
	},
	{
		ID: "ENR-64", Level: report.Should, Uses: []Need{NeedQueue}, Title: "only its holder renews a certificate",
		Rule:    "A renewal is refused if another key signed it, or if the old certificate is not one of this server. A device that asks in the name of another one gets no certificate that stands for the other.",
		Source:  "Learn, \"Certificate renewal\" (certificate renewal response)",
		Fix:     "Verify the PKCS#7 signature with the client certificate of the connection, verify that certificate with your own CA, and issue the new one for the device it stands for.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewUnsigned, mutants.EnrRenewForeign, mutants.EnrRenewNamed, mutants.SecCSR},
		Under:   []string{"SEC-01", "SEC-02"},
		Run:     forgedRenewals,
	},
	{
		ID: "ENR-65", Level: report.Should, Ends: true, Title: "a device that left is not renewed, with NotEligibleToRenew",
		Rule:    "After its user disconnected a device, its certificate is not renewed. The refusal is a SOAP fault with NotEligibleToRenew, as is that of a renewal before its time, if the server refuses one.",
		Source:  "Learn, \"Certificate renewal\" (certificate renewal response); MS-MDE2 2.2.10",
		Fix:     "Look up whether the device is still managed before you renew its certificate, and answer with a fault whose ErrorType is NotEligibleToRenew.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewLeft, mutants.EnrRenewFault, mutants.EnrRenewForbidden, mutants.SecUnenrolled},
		Run: func(t *T) {
			t.OneDevice("it needs devices of its own")
			t.Try("a renewal before its time", func() {
				d := t.EnrolledOnly()
				renewable(d)
				err := d.Renew(t.Context())
				keepLast(d, "the renewal of a new certificate")
				t.Excused(err)
				if _, early := renewableFrom(d); early && isForbidden(err) {
					t.Check(isNotEligible(err), "a new certificate, or a SOAP fault with NotEligibleToRenew", said(err))
				}
			})
			t.Try("a renewal after the device left", func() { renewsNoMore(t) })
		},
	},
	{
		ID: "ENR-66", Level: report.Must, Title: "the reply to a renewal is whole",
		Rule:    "The reply to an RST of type Renew is application/soap+xml with a Content-Length, neither chunked nor a redirect.",
		Source:  "Learn, \"Certificate renewal\"",
		Fix:     "Answer a renewal as you answer an enrollment: buffer the body, set Content-Length, and do not redirect.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewChunked},
		Under:   []string{"ENR-02"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			renewable(d)
			err := d.Renew(t.Context())
			keepLast(d, "the renewal")
			t.Excused(err)
			exs := d.EnrollExchanges()
			last := exs[len(exs)-1]
			if !isRenewal(last) || last.Err != nil {
				t.Blocked(suite.By("ENR-21"), "there is no reply to the renewal: %v", err)
			}
			t.Check(last.Status < 300 || last.Status >= 400, "no redirect", fmt.Sprintf("HTTP %d to %s", last.Status, last.Reply.Get("Location")))
			if err != nil {
				tooYoung(d, err)
				t.Blocked(suite.By("ENR-21"), "the certificate is not renewed: %v", err)
			}
			framed(t, last)
		},
	},
	{
		ID: "ENR-67", Level: report.Should, Title: "renewal is prepared: EntDMID, and changes in one piece",
		Rule:    "EntDMID is set in the document or in the first sessions, so that it is there before any renewal. If a session sets ROBOSupport, RenewPeriod or RetryInterval, the commands stand in one Atomic.",
		Source:  "MS-MDE2 2.2.9.2, 2.2.9.3; Learn, \"Certificate renewal\"",
		Fix:     "Write EntDMID into the provisioning document, under DMClient/Provider/{ProviderID}.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewNoEntDMID, mutants.EnrRenewLoose},
		Run: func(t *T) {
			d := t.Enrolled()
			if d.Provisioning() == nil {
				t.NotApplicable("the device was enrolled before the run (target.provisioned)")
			}
			renewable(d)
			t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Try("EntDMID", func() {
				v, _ := d.Tree().Look(dmclient.ProviderURI(d.Provider()) + "/EntDMID")
				t.Check(v != "", "an EntDMID in the document or in the first two sessions", "none")
			})
			t.Try("Renew", func() {
				loose := looseRenewal(d.Sessions())
				t.Check(len(loose) == 0, "ROBOSupport, RenewPeriod and RetryInterval in one Atomic", strings.Join(loose, ", ")+" outside an Atomic")
			})
		},
	},
}

// endsLater fails if a renewed certificate ends before the old one.
func endsLater(t *T, old, renewed []byte) {
	before, err := enroll.NotAfter(old)
	if err != nil {
		return // ENR-87 reports it
	}
	after, err := enroll.NotAfter(renewed)
	t.Check(err == nil && !after.Before(before), "a renewed certificate that ends on "+before.UTC().Format(time.DateOnly)+" or later", after.UTC().Format(time.DateOnly))
}

// renewable returns the certificate to renew. The body is blocked if the server
// does not allow renewal.
func renewable(d *Device) []byte {
	doc := d.Provisioning()
	if doc != nil && !slices.ContainsFunc(doc.Renew, func(n enroll.ProviderNode) bool {
		return strings.EqualFold(n.Path, "ROBOSupport") && strings.EqualFold(n.Value, "true")
	}) {
		d.T.Blocked(suite.By("ENR-17"), "the provisioning document does not set ROBOSupport to true")
	}
	return d.Certificate().Certificate[0]
}

// defaultPeriod is RenewPeriod, in days, where a document has none.
const defaultPeriod = 42

// tooYoung ends the body if the server refuses a renewal that is before its time,
// by the provisioning document. Only NotEligibleToRenew says so; ENR-65 warns of
// another refusal.
func tooYoung(d *Device, err error) {
	from, early := renewableFrom(d)
	switch {
	case !early:
	case isNotEligible(err):
		d.T.NotApplicable("the server answers NotEligibleToRenew, and by RenewPeriod renewal starts on %s", from.Format(time.DateOnly))
	case isForbidden(err):
		d.T.Blocked(suite.By("ENR-65"), "the server forbids the renewal, and by RenewPeriod renewal starts on %s: %s", from.Format(time.DateOnly), said(err))
	}
}

// renewableFrom returns when the device's certificate may be renewed, and whether
// that is still to come.
func renewableFrom(d *Device) (from time.Time, early bool) {
	doc := d.Provisioning()
	if doc == nil {
		return from, false
	}
	days := defaultPeriod
	for _, n := range doc.Renew {
		if v, err := strconv.Atoi(n.Value); err == nil && (strings.EqualFold(n.Path, "RenewPeriod") || strings.EqualFold(n.Path, "RenewalPeriod")) {
			days = v
		}
	}
	from = certOf(d).NotAfter.AddDate(0, 0, -days)
	return from, time.Now().Before(from)
}

const notEligible = "NotEligibleToRenew"

func isNotEligible(err error) bool {
	var f *enroll.Fault
	return errors.As(err, &f) && (f.ErrorType == notEligible || f.Subcode == notEligible)
}

// isForbidden reports whether an answer says that the requester may not do this,
// and not that the server cannot.
func isForbidden(err error) bool {
	var f *enroll.Fault
	var e *enroll.Error
	if errors.As(err, &f) {
		return f.Subcode == "Authorization"
	}
	return errors.As(err, &e) && e.Status == http.StatusForbidden
}

// renews ends the body unless an ordinary renewal is accepted: then a refusal has
// another reason.
func renews(t *T) {
	t.OneDevice("it needs devices of its own")
	d := t.EnrolledOnly()
	renewable(d)
	if err := d.Renew(t.Context()); err != nil {
		keepLast(d, "an ordinary renewal")
		t.Excused(err)
		tooYoung(d, err)
		t.Blocked(suite.By("ENR-21"), "an ordinary renewal is refused as well: %v", err)
	}
}

// renewsNoMore fails if a device is renewed that its user disconnected.
func renewsNoMore(t *T) {
	renews(t)
	d := t.Enrolled()
	d.First()
	ghost := t.Copy(d)
	if s, err := d.Unenroll(t.Context()); s == nil || len(s.Received) == 0 {
		t.Blocked(suite.By("SES-25"), "the session in which the user disconnects got no reply: %v", err)
	}
	err := ghost.Renew(t.Context())
	keepLast(ghost, "the renewal of a device that left")
	notServed(t, err, "the renewal")
	t.Check(byTLS(err) || isNotEligible(err), "a SOAP fault with NotEligibleToRenew", said(err))
}

// isRenewal reports whether an exchange is an RST of type Renew.
func isRenewal(ex *dmclient.Exchange) bool { return strings.Contains(string(ex.Request), "/Renew</") }

// looseRenewal lists the nodes of the renewal that a server set outside an Atomic.
func looseRenewal(sessions []*dmclient.Session) (out []string) {
	for _, s := range sessions {
		for _, m := range s.Received {
			for i := range m.Body {
				if c := &m.Body[i]; c.Verb == syncml.Add || c.Verb == syncml.Replace {
					for _, it := range c.Items {
						at := strings.ToLower(it.Target.LocURI)
						_, node, ok := strings.Cut(at, "/wstep/renew/")
						if ok && slices.Contains([]string{"robosupport", "renewperiod", "renewalperiod", "retryinterval"}, node) {
							out = append(out, it.Target.LocURI)
						}
					}
				}
			}
		}
	}
	return out
}

// forgedRenewals tries to renew a certificate that the requester does not hold.
func forgedRenewals(t *T) {
	renews(t)
	a, b := soundDevice(t), t.EnrolledOnly()
	own, other := a.Certificate(), b.Certificate()
	t.Try("a signature by another key", func() {
		key, err := rsa.GenerateKey(rand.Reader, 2048) // devices of a run may share keys
		if err != nil {
			t.Error("no key could be made: %v", err)
		}
		_, err = renewAs(t, a, own, signer(t, own.Certificate[0], &tls.Certificate{PrivateKey: key}))
		notServed(t, err, "the renewal")
	})
	t.Try("a certificate of another CA", func() {
		forged, err := forge(b, ofItsNamesake)
		if err != nil {
			t.Error("no certificate could be made: %v", err)
		}
		_, err = renewAs(t, b, forged, signer(t, forged.Certificate[0], forged))
		notServed(t, err, "the renewal")
	})
	t.Try("the name of another device", func() {
		cert, err := renewAs(t, a, other, signer(t, other.Certificate[0], other))
		if err != nil {
			notServed(t, err, "the renewal")
			return
		}
		if !namesIn(cert.Certificate[0], a.Identity().DeviceID) {
			t.Evidence("the renewed certificate does not name the other device")
			return
		}
		turnsAwayFrom(t, a, visitor{who: "device B, with a certificate renewed in the name of device A", device: b, managed: true,
			as: dmclient.SyncOptions{Source: a.Identity().DeviceID, Certificate: cert}})
	})
}

// signer signs a PKCS#10 request as the holder of a certificate would, with the
// key of by.
func signer(t *T, cert []byte, by *tls.Certificate) func(csr []byte) []byte {
	return func(csr []byte) []byte {
		key, ok := by.PrivateKey.(crypto.Signer)
		if !ok {
			t.Error("a key of type %T cannot sign", by.PrivateKey)
		}
		signed, err := enroll.SignedCSR(csr, cert, key)
		if err != nil {
			t.Error("the renewal could not be signed: %v", err)
		}
		return signed
	}
}

// renewAs sends an RST of type Renew that speaks of device d, over TLS with a
// certificate. It returns the new certificate with its key.
func renewAs(t *T, d *Device, present *tls.Certificate, sign func(csr []byte) []byte) (*tls.Certificate, error) {
	var key crypto.Signer
	c := callerWith(t, func(c *dmclient.Config) {
		c.Identity = d.Identity()
		usual := c.Key
		c.Key = func() (crypto.Signer, error) {
			k, err := usual()
			key = k
			return k, err
		}
	})
	csr, err := c.CSR(t.Lab.Leniency().PlainCSR)
	if err != nil {
		t.Error("no CSR could be made: %v", err)
	}
	client := c.EnrollmentClient(dmclient.EnrollOptions{NoCredential: true, Certificate: present})
	defer client.HTTP.CloseIdleConnections()
	raw, err := client.Renew(t.Context(), d.Discovered().EnrollmentURL, sign(csr), c.Context())
	keepLast(c, "the renewal")
	if err != nil {
		return nil, err
	}
	doc, err := enroll.ReadProvisioning(raw)
	if err != nil || doc.ClientCert == nil {
		return nil, fmt.Errorf("the reply has no certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{doc.ClientCert}, PrivateKey: key}, nil
}
