package scenarios

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// certificateRequests are the ENR scenarios about RST: whether a device enrolls,
// and enrolls again, and which CSRs are accepted.
var certificateRequests = []Scenario{
	{
		ID: "ENR-36", Level: report.Must, Title: "a device enrolls",
		Rule:    "A device whose user has a valid credential enrolls: Discover and RST are answered, and the last reply is a provisioning document that the device can install.",
		Source:  "MS-MDE2 1.3, 3.1 to 3.4",
		Fix:     "Look in the server's log for the step named here.",
		Mutants: []*mutants.Mutant{mutants.EnrPolicyLies},
		Decides: []suite.Premise{suite.Enrolls},
		Under:   []string{"ENR-02", "ENR-04", "ENR-05", "ENR-06", "ENR-07", "ENR-08", "ENR-11", "ENR-12", "ENR-14"},
		Run: func(t *T) {
			if err := enrollsAtAll(t); err != nil {
				t.Excused(err)
				t.FailBy("no device can enroll: "+err.Error(), "a provisioning document at the end of the enrollment", err.Error())
			}
		},
	},
	{
		ID: "ENR-09", Level: report.Must, Title: "the CSR as Windows encodes it is accepted",
		Rule:    "A PKCS#10 request whose common name is a PrintableString with \"!\" and NUL, signed with sha1WithRSA, is accepted: Windows sends no other. Strict ASN.1 parsers, including Go's, reject it.",
		Source:  "MS-MDE2 3.4.4.1.1.1; seen on Windows 10 19043",
		Fix:     "Parse the PKCS#10 request without checking the subject's string type, and verify sha1WithRSA yourself.",
		Mutants: []*mutants.Mutant{mutants.EnrStrictCSR},
		Run: func(t *T) {
			accepted(t, false, "a provisioning document for the CSR as Windows encodes it, as for a plain one")
		},
	},
	{
		ID: "ENR-10", Level: report.Must, Title: "a CSR with SHA-256 is accepted",
		Rule:    "A PKCS#10 request signed with sha256WithRSA is accepted as well: later Windows and every other client use it.",
		Source:  "MS-WSTEP 3.1.4.1; RFC 2986",
		Fix:     "Accept sha256WithRSA besides sha1WithRSA when you verify the signature of the request.",
		Mutants: []*mutants.Mutant{mutants.EnrSHA1Only},
		Run: func(t *T) {
			accepted(t, true, "a provisioning document for a CSR signed with sha256WithRSA, as for one with sha1WithRSA")
		},
	},
	{
		ID: "ENR-20", Level: report.Must, Uses: []Need{NeedWork}, Title: "the same device enrolls again",
		Rule:    "A device that was reset enrolls again under its old identity, and gets a new certificate. Management continues: sessions complete, and queued commands arrive.",
		Source:  "MS-MDE2 3.1; go-microsoft-dm (stale session state)",
		Fix:     "When a DeviceID enrolls again, replace everything stored for it, including sessions, channel and PFN.",
		Mutants: []*mutants.Mutant{mutants.EnrAgainRefused, mutants.EnrStaleSession, mutants.EnrAgainMute},
		Run:     enrollsAgain,
	},
	{
		ID: "ENR-31", Level: report.Should, Title: "a key that is too short is refused",
		Rule:    "The enrollment service does not certify a key shorter than the minimalKeyLength of its own policy.",
		Source:  "MS-XCEP 3.1.4.1.3.20; MS-WSTEP 3.1.4.1",
		Fix:     "Compare the key of the request with minimalKeyLength before you certify it.",
		Mutants: []*mutants.Mutant{mutants.EnrAnyKey, mutants.EnrKeyLong},
		Run: func(t *T) {
			// A device with a longer key enrolls.
			known := t.EnrolledOnly()
			if oid := onCurves(known); oid != "" {
				t.NotApplicable("the policy asks for keys on elliptic curves (%s), and this device makes RSA keys", oid)
			}
			least := keyLength(known)
			if own, ok := requestedKey(known).(*rsa.PublicKey); ok && own.N.BitLen() < least {
				t.Fail(fmt.Sprintf("a refusal of a key of %d bits, as minimalKeyLength is %d", own.N.BitLen(), least), "a certificate")
			}
			if least <= shortKey {
				t.Blocked(suite.By("ENR-33"), "minimalKeyLength of the policy is %d, and no shorter key is tried", least)
			}
			d := t.DeviceWith(func(c *dmclient.Config) {
				c.Key = func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, shortKey) }
			})
			turnedDown(t, d, t.Lab.Leniency(), "a request for a key of 1024 bits")
		},
	},
}

const shortKey = 1024 // bits

// enrollsAtAll enrolls a device. A shared device is already enrolled.
func enrollsAtAll(t *T) error {
	target := &t.Lab.Config.Target
	switch {
	case target.Provisioned.Server != "":
		t.NotApplicable("the device was enrolled before the run (target.provisioned)")
	case target.Shared():
		_, err := t.Lab.Shared(t.Context())
		return err
	}
	return t.Device().Enroll()
}

// issued enrolls a new device with one kind of CSR, even if GetPolicies fails. The
// error is nil if the device got a provisioning document.
func issued(t *T, plain bool) error {
	err := t.Device().EnrollWith(dmclient.EnrollOptions{PlainCSR: plain, IgnorePolicies: true})
	var e *enroll.Error
	if errors.As(err, &e) && e.Step == enroll.StepInstall {
		return nil
	}
	return err
}

// accepted fails if the server refuses one kind of CSR and accepts the other. It
// tries the refused kind twice: a server under load may accept a moment later
// what it refused.
func accepted(t *T, plain bool, expected string) {
	err := issued(t, plain)
	t.Excused(err)
	var e *enroll.Error
	switch {
	case err == nil:
		return
	case !errors.As(err, &e) || e.Step != enroll.StepToken:
		t.Blocked(suite.By(suite.Enrolls), "the enrollment did not get as far as the CSR: %v", err)
	}
	if other := issued(t, !plain); other != nil {
		t.Excused(other)
		t.Blocked(suite.By(suite.Enrolls), "no kind of CSR is accepted: %v", other)
	}
	if err = issued(t, plain); err != nil {
		t.Excused(err)
		t.Fail(expected, said(err))
	}
}

func enrollsAgain(t *T) {
	d := t.Enrolled()
	old := d.First()
	var w *suite.Work
	works := false
	if t.CanWork() {
		w = t.Work()
		works = w.TryGive(d) == nil && arrives(d, w)
	}
	// A server may keep a session that was cut off, and continue it.
	t.Misbehaves(d, fmt.Sprintf("stop=%d", answeringPackageOne(old)+2))
	cut := busy(d)
	t.Evidence("before the device enrolled again, session %s ended: %s", cut.ID, cut.End)
	again := t.DeviceWith(func(c *dmclient.Config) { c.Identity = d.Identity() })
	if err := again.EnrollWith(t.Lab.Leniency()); err != nil {
		t.Excused(err)
		t.Fail("a provisioning document when the device enrolls again", said(err))
	}
	t.Check(string(certOf(again).Raw) != string(certOf(d).Raw), "a new certificate", "the certificate of the first enrollment")
	first := again.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment, SessionID: cut.ID})
	if len(first.Received) > 0 {
		t.Expect(first.Received[0].Hdr.MsgID, "MsgID of the server's first message after the device enrolled again").To(Equal(old.Received[0].Hdr.MsgID))
	}
	if ran(d.Sessions()[0]) { // otherwise first sessions fail anyway, and SES-01 judges that
		runsToEnd(again, first, "enrolling again, with the SessionID of a session that was cut off")
	}
	again.Survived(again.Sync(dmclient.SyncOptions{}), "enrolling again")
	if works {
		w.Give(again)
		t.Check(arrives(again, w), w.String()+" that was given after the device enrolled again", "it did not arrive within three sessions; an earlier one did")
	}
}

// arrives reports whether work arrives within three sessions.
func arrives(d *Device, w *suite.Work) bool {
	for range 3 {
		if s := d.Sync(dmclient.SyncOptions{}); w.Times(s) > 0 {
			return true
		}
	}
	return false
}
