package scenarios

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// enrolledWith are the ENR scenarios about the certificate and the provisioning
// document.
var enrolledWith = []Scenario{
	{ID: "ENR-10", Level: report.Must, Title: "a CSR with SHA-256 is accepted",
		Rule:    "A PKCS#10 request that is signed with sha256WithRSA is accepted as well: later Windows and every other client sign so.",
		Source:  "MS-WSTEP 3.1.4.1; RFC 2986",
		Fix:     "Accept sha256WithRSA beside sha1WithRSA when the signature of the request is verified.",
		Mutants: []string{"enr-sha1-only"},
		Run: func(t *T) {
			d := t.Device()
			err := d.EnrollWith(dmclient.EnrollOptions{PlainCSR: true, IgnorePolicies: t.Lab.Leniency().IgnorePolicies})
			if ex := exchangeOf(d, enroll.StepToken); err != nil && d.Provisioning() == nil {
				t.Evidence("RST answered %d", ex.Status)
				t.Fail("RST with a sha256WithRSA request to be answered with a provisioning document", err.Error())
			}
		}},
	{ID: "ENR-13", Level: report.Should, Title: "the client certificate is SHA-256 or better, RSA 2048, for client authentication",
		Rule:    "The certificate a device is given is signed with SHA-256 or better, its RSA key has 2048 bits, and its extended key usage allows clientAuth.",
		Source:  "CA/Browser Forum BR 7.1.3; RFC 5280 4.2.1.12; MS-XCEP (minimalKeyLength)",
		Fix:     "Sign with SHA-256, and put clientAuth into the extended key usages.",
		Mutants: []string{"enr-no-eku"},
		Run: func(t *T) {
			cert := parseCert(t, t.Document().ClientCert)
			weak := []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1}
			t.Expect(slices.Contains(weak, cert.SignatureAlgorithm), "the signature algorithm %s being a weak one", cert.SignatureAlgorithm).To(BeFalse())
			if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
				t.Expect(key.N.BitLen(), "bits of the key").To(BeNumerically(">=", 2048))
			}
			t.Expect(slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth), "clientAuth being among the extended key usages").To(BeTrue())
		}},
	{ID: "ENR-15", Level: report.Must, Title: "both APPAUTH CLIENT and APPSRV",
		Rule:    "The APPLICATION characteristic has an APPAUTH for each side: CLIENT, by which the server proves itself, and APPSRV, by which the device does.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Write two APPAUTH characteristics, AAUTHLEVEL CLIENT and APPSRV.",
		Mutants: []string{"enr-no-appsrv"},
		Run: func(t *T) {
			var levels []string
			for _, a := range t.Document().App.Auth {
				levels = append(levels, strings.ToUpper(a.Level))
			}
			for _, want := range []string{"CLIENT", "APPSRV"} {
				if !slices.Contains(levels, want) {
					t.Fail("an APPAUTH of level "+want, suite.Show(levels))
				}
			}
		}},
	{ID: "ENR-16", Level: report.Must, Title: "AAUTHDATA is base64",
		Rule:    "AAUTHDATA, where it is there, holds the first nonce in base64. (A 25H2 device refuses an APPAUTH without it.)",
		Source:  "Learn, \"w7 APPLICATION CSP\"; OMA DM Security 1.2.1 section 5.3",
		Fix:     "Encode the nonce in base64 before it goes into AAUTHDATA.",
		Mutants: []string{"enr-nonce-plain"},
		Run: func(t *T) {
			for _, a := range t.Document().App.Auth {
				if _, err := base64.StdEncoding.DecodeString(a.Data); err != nil {
					t.Fail("AAUTHDATA of "+a.Level+" to be base64", err.Error())
				}
			}
		}},
	{ID: "ENR-17", Level: report.Should, Title: "renewal is set up: ROBOSupport and RenewPeriod",
		Rule:    "A certificate that is not renewed ends the management of the device: the document says ROBOSupport true and a RenewPeriod in days.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"Certificate renewal\"",
		Fix:     "Write ROBOSupport true and a RenewPeriod in days under CertificateStore/My/WSTEP/Renew.",
		Mutants: []string{"enr-no-robo"},
		Run: func(t *T) {
			values := map[string]string{}
			for _, n := range t.Document().Renew {
				values[strings.ToLower(n.Path)] = n.Value
			}
			t.Expect(strings.ToLower(values["robosupport"]), "ROBOSupport").To(Equal("true"))
			days, err := strconv.Atoi(values["renewperiod"])
			t.Expect(err == nil && days > 0, "RenewPeriod %s being a number of days", suite.Show(values["renewperiod"])).To(BeTrue())
		}},
	{ID: "ENR-20", Level: report.Must, Title: "the same device enrolls again",
		Rule:    "A device that was reset enrolls again under its old identity, gets another certificate, and its first session runs to its end.",
		Source:  "MS-MDE2 3.1; go-microsoft-dm (stale session state)",
		Fix:     "Replace everything that is kept for a DeviceID when it enrolls again: sessions, channel and PFN, too.",
		Mutants: []string{"enr-again-refused", "enr-stale-session"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			again := t.DeviceWith(func(c *dmclient.Config) { c.Identity = d.Identity() })
			if err := again.Enroll(); err != nil {
				t.Fail("the device to be enrolled again", err.Error())
			}
			t.Expect(string(certOf(again).Raw) == string(certOf(d).Raw), "the new certificate being the old one").To(BeFalse())
			// The first one is SES-01's, but for what it must not know.
			first := again.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment, SessionID: d.First().ID})
			if len(first.Received) > 0 {
				t.Expect(first.Received[0].Hdr.MsgID, "MsgID of the server's first message after enrolling again").To(Equal(d.First().Received[0].Hdr.MsgID))
				t.Expect(len(first.Commands), "commands in the first session after enrolling again").To(BeNumerically(">=", len(d.First().Commands)))
			}
			again.Survived(again.Sync(dmclient.SyncOptions{}), "enrolling again")
		}},
	{ID: "ENR-22", Level: report.Must, Title: "the poll schedule is one",
		Rule:    "Of the six values of Poll not all are 0, nor are all three counts; each is a number.",
		Source:  "Learn, \"DMClient CSP\", Poll; MS-MDE2 2.2.9.3",
		Fix:     "Give at least one of the three counts, and one interval, a value over 0.",
		Mutants: []string{"enr-poll-zero"},
		Run: func(t *T) {
			p := t.Document().Provider
			var found []string
			all, counts := 0, 0
			for _, set := range [][2]string{{"NumberOfFirstRetries", "IntervalForFirstSetOfRetries"}, {"NumberOfSecondRetries", "IntervalForSecondSetOfRetries"},
				{"NumberOfRemainingScheduledRetries", "IntervalForRemainingScheduledRetries"}} {
				for i, name := range set {
					v := p.Node("Poll/" + name)
					if v == "" {
						continue
					}
					n, err := strconv.Atoi(v)
					if err != nil || n < 0 {
						t.Fail("Poll/"+name+" to be a number from 0 on", v)
					}
					found = append(found, name)
					all += n
					if i == 0 {
						counts += n
					}
				}
			}
			if len(found) < 6 {
				t.NotApplicable("the document has %d of the six values of Poll", len(found))
			}
			t.Expect(all, "sum of the six values of Poll").To(BeNumerically(">", 0))
			t.Expect(counts, "sum of the three counts of Poll").To(BeNumerically(">", 0))
		}},
	{ID: "ENR-25", Level: report.Must, Title: "the issuing CA is valid today",
		Rule:    "The certificates that the document delivers, and the device's own, are valid at the time of enrollment.",
		Source:  "RFC 5280 4.1.2.5",
		Fix:     "Renew the issuing CA, and deliver the new one.",
		Mutants: []string{"enr-ca-expired"},
		Run: func(t *T) {
			doc := t.Document()
			now := time.Now()
			for i, der := range append(slices.Clone(doc.Roots), doc.ClientCert) {
				c := parseCert(t, der)
				if now.Before(c.NotBefore) || now.After(c.NotAfter) {
					t.Fail(fmt.Sprintf("certificate %d of the document, %s, to be valid today", i+1, c.Subject), fmt.Sprintf("valid from %s to %s",
						c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly)))
				}
			}
		}},
}

func parseCert(t *T, der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.NotApplicable("a certificate of the document cannot be read: %v", err)
	}
	return c
}
