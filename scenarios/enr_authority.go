package scenarios

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// certificateContents are the ENR scenarios about what RFC 5280 asks of an issued
// certificate and of the CA above it.
var certificateContents = []Scenario{
	{
		ID: "ENR-77", Level: report.Should, Title: "the client certificate lives as long as was announced",
		Rule:    "The client certificate is valid for about validityPeriodSeconds of the certificate policy, if the server has one, and not longer than the CA that issued it. It was not backdated by more than a month.",
		Source:  "MS-XCEP 3.1.4.1.3.8; RFC 5280 6.1.3; the month is ours",
		Fix:     "Let the certificate begin when it is issued, live as long as validityPeriodSeconds says, and end before its CA does.",
		Mutants: []*mutants.Mutant{mutants.EnrLifeOther, mutants.EnrOutlives, mutants.EnrBackdated},
		Under:   []string{"ENR-25"},
		Run:     lifeOfCertificate,
	},
	{
		ID: "ENR-78", Level: report.Should, Title: "certificates of two devices have different subjects",
		Rule:    "A CA gives two owners different subjects. One owner may have several devices: two devices may share a subject that names their user.",
		Source:  "RFC 5280 4.1.2.6",
		Fix:     "Write the device's id, or the user's name, into the subject of the certificate.",
		Mutants: []*mutants.Mutant{mutants.EnrSubjectSame},
		Run: func(t *T) {
			a := certOf(t.Specimen())
			if a.Subject() == "" {
				return // the names are in subjectAltName
			}
			b := certOf(t.Device())
			same := bytes.Equal(a.Issuer, b.Issuer) && a.Subject() == b.Subject()
			user, _, _ := strings.Cut(strings.ToLower(t.Lab.Config.Target.Username), "@")
			if same && (user != "" && strings.Contains(strings.ToLower(a.Subject()), user) || userName.MatchString(a.Subject())) {
				return
			}
			t.Check(!same, "different subjects for two devices, or the name of their user", suite.Show(a.Subject())+" for both, from one issuer")
		},
	},
	{
		ID: "ENR-87", Level: report.Must, Title: "the client certificate is encoded as RFC 5280 asks",
		Rule:    "A certificate with extensions has version 3, and no extension is there twice. Both signature algorithms are the same. Dates until 2049 are UTCTime, later ones GeneralizedTime, with seconds and Z. The subject is not empty, or a critical subjectAltName is there; an e-mail address in the subject also is in subjectAltName.",
		Source:  "RFC 5280 4.1.1.2, 4.1.2.1, 4.1.2.5, 4.1.2.6, 4.2, 4.2.1.6",
		Fix:     "Let a library for X.509 write the certificate.",
		Mutants: []*mutants.Mutant{mutants.EnrTimeGeneral, mutants.EnrSubjectEmpty, mutants.EnrVersionOne},
		Run: func(t *T) {
			c, err := readDER(clientDER(t.Specimen()))
			if err != nil {
				t.Fail("a certificate according to RFC 5280", err.Error())
			}
			for _, r := range encodingRules {
				t.Try(r.what, func() {
					saw := r.broken(c)
					t.Check(saw == "", r.expected, saw)
				})
			}
		},
	},
	{
		ID: "ENR-88", Level: report.Should, Title: "the issuing CA's certificate is one of a CA",
		Rule:    "Every CA that the client certificate chains through has a critical basicConstraints with cA, a keyUsage with keyCertSign, and a subjectKeyIdentifier. The client certificate names that identifier in its authorityKeyIdentifier. Neither identifier is critical. (In MS-MDE 3.6, certificates of Microsoft's own service have none of these.)",
		Source:  "RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.3, 4.2.1.9; MS-MDE 3.6",
		Fix:     "Issue the CA's certificate with basicConstraints (critical, cA), keyUsage keyCertSign and subjectKeyIdentifier, and copy the identifier into authorityKeyIdentifier of the certificates that it issues.",
		Mutants: []*mutants.Mutant{mutants.EnrCAUsage, mutants.EnrAuthorityKey},
		Run: func(t *T) {
			d := t.Specimen()
			path := issuersOf(d)
			for i, ca := range path {
				t.Try(fmt.Sprintf("CA %d, %s", i+1, ca.Subject), func() { isCA(t, ca.Raw) })
			}
			t.Try("authorityKeyIdentifier", func() {
				e := readClient(d).extension(authorityKeyID)
				t.Check(e != nil, "authorityKeyIdentifier in the client certificate", "none")
				t.Check(!e.critical, "an authorityKeyIdentifier that is not critical", "a critical one")
				t.Check(len(e.authority()) > 0, "a key identifier in authorityKeyIdentifier", "none")
				id := path[0].SubjectKeyId
				t.Check(len(id) == 0 || bytes.Equal(e.authority(), id), fmt.Sprintf("authorityKeyIdentifier %x, the CA's subjectKeyIdentifier", id), fmt.Sprintf("%x", e.authority()))
			})
		},
	},
	{
		ID: "ENR-89", Level: report.Should, Title: "the client certificate suits a device",
		Rule:    "The client certificate is no CA: it has no cA, no keyCertSign and no path length. It has a subjectKeyIdentifier. Its keyUsage, if present, is critical and has digitalSignature. Its subject has no TeletexString, BMPString or UniversalString: they are for names that are older than it. It has no unique identifiers, and its serial number is above 0 and has at most 20 bytes. (In MS-MDE 3.6, certificates of Microsoft's own service have unique identifiers, and serial numbers below 0.)",
		Source:  "RFC 5280 4.1.2.2, 4.1.2.4, 4.1.2.8, 4.2.1.2, 4.2.1.3, 4.2.1.9, 4.2.1.12; MS-MDE 3.6",
		Fix:     "Issue it from a template for clients: no basicConstraints or cA false, keyUsage digitalSignature (critical), a subjectKeyIdentifier, and names as UTF8String.",
		Mutants: []*mutants.Mutant{mutants.EnrCertCA, mutants.EnrCertUsage, mutants.EnrNoKeyID, mutants.EnrNameBMP, mutants.EnrUniqueID, mutants.EnrSerialLong, mutants.EnrSerialSome},
		Run: func(t *T) {
			c := readClient(t.Specimen())
			t.Try("unique identifiers", func() {
				t.Check(!c.uniqueIDs, "no issuerUniqueID and no subjectUniqueID", "a unique identifier")
			})
			t.Try("serial number", func() {
				saw := serialFault(c)
				t.Check(saw == "", soundSerial, saw)
			})
			t.Try("serial numbers of five more devices", func() { soundSerials(t) })
			t.Try("basicConstraints", func() {
				e := c.extension(basicConstraints)
				if e == nil {
					return
				}
				b, err := e.constraints()
				t.Check(err == nil && !b.CA && b.Path < 0, "no cA and no path length", fmt.Sprintf("cA %v, path length %d", b.CA, b.Path))
			})
			t.Try("keyUsage", func() {
				e := c.extension(keyUsage)
				if e == nil {
					return
				}
				t.Check(!e.allows(keyCertSign), "no keyCertSign", "keyCertSign")
				t.Check(e.critical, "a critical keyUsage", "one that is not critical")
				t.Check(e.allows(digitalSignature), "digitalSignature", "none")
			})
			t.Try("subjectKeyIdentifier", func() {
				t.Check(c.extension(subjectKeyID) != nil, "a subjectKeyIdentifier", "none")
			})
			t.Try("subject", func() {
				list, err := attributes(c.subject)
				if err != nil {
					t.Blocked(suite.By("ENR-87"), "the subject cannot be read: %v", err)
				}
				odd := oddStrings(list)
				t.Check(len(odd) == 0, "PrintableString or UTF8String", strings.Join(odd, ", "))
			})
		},
	},
}

// userName is a subject whose common name is a user's: the sign-in page may know
// devices by another user than target.username [seen].
var userName = regexp.MustCompile(`(?i)CN=[^@,+\s]+@[^@,+\s]+\.[^@,+\s]+`)

// encodingRules are what RFC 5280 says about how a certificate is written. broken
// says what a certificate has instead; empty if it keeps the rule.
var encodingRules = []struct {
	what, expected string
	broken         func(*derCert) string
}{
	{"version", "version 3 where there are extensions", func(c *derCert) string {
		if len(c.extensions) > 0 && c.version != 3 {
			return fmt.Sprintf("version %d", c.version)
		}
		return ""
	}},
	{"extensions", "every extension once", func(c *derCert) string { return strings.Join(c.twice(), ", ") }},
	{"signature algorithms", "the same algorithm in both places", func(c *derCert) string {
		if !bytes.Equal(c.inner, c.outer) {
			return fmt.Sprintf("%x and %x", c.inner, c.outer)
		}
		return ""
	}},
	{"notBefore", "UTCTime with seconds and Z; from 2050 GeneralizedTime", func(c *derCert) string { return c.notBefore.fault() }},
	{"notAfter", "UTCTime with seconds and Z; from 2050 GeneralizedTime", func(c *derCert) string { return c.notAfter.fault() }},
	{"issuer's name", "a name", func(c *derCert) string { return nameFault(c.issuer) }},
	{"subject's name", "a name", func(c *derCert) string { return nameFault(c.subject) }},
	{"subject", "a subject, or a critical subjectAltName", func(c *derCert) string {
		alt := c.extension(subjectAltName)
		switch {
		case len(c.subject) > 2, alt != nil && alt.critical:
			return ""
		case alt != nil:
			return "an empty subject, and a subjectAltName that is not critical"
		}
		return "an empty subject, and no subjectAltName"
	}},
	{"e-mail address", "the e-mail address of the subject in subjectAltName", func(c *derCert) string {
		list, err := attributes(c.subject)
		if err != nil {
			return ""
		}
		for _, a := range list {
			if alt := c.extension(subjectAltName); a.id == emailAddress && (alt == nil || !bytes.Contains(alt.value, []byte(a.value))) {
				return a.value + " in the subject only"
			}
		}
		return ""
	}},
}

const soundSerial = "a serial number above 0, with at most 20 bytes"

func serialFault(c *derCert) string {
	if c.serial.Sign() <= 0 || c.serial.BitLen() >= 160 {
		return c.serial.String()
	}
	return ""
}

// soundSerials looks at more certificates: random bytes are a negative number every
// other time [seen].
func soundSerials(t *T) {
	if t.Lab.Config.Target.Shared() {
		return
	}
	for range 5 {
		saw := serialFault(readClient(t.Device()))
		t.Check(saw == "", soundSerial, saw)
	}
}

// nameFault says why a name cannot be read; empty if it can.
func nameFault(der []byte) string {
	if _, err := attributes(der); err != nil {
		return err.Error()
	}
	return ""
}

// clientDER returns the client certificate.
func clientDER(d *Device) []byte {
	der := documentOf(d).ClientCert
	if der == nil {
		d.T.Blocked(suite.By("ENR-12"), "the provisioning document contains no client certificate")
	}
	return der
}

// readClient returns the client certificate as it is encoded.
func readClient(d *Device) *derCert {
	c, err := readDER(clientDER(d))
	if err != nil {
		d.T.Blocked(suite.By("ENR-87"), "%v", err)
	}
	return c
}

// isCA fails unless a certificate has the extensions of a CA.
func isCA(t *T, der []byte) {
	c, err := readDER(der)
	if err != nil {
		t.Fail("a certificate according to RFC 5280", err.Error())
	}
	e := c.extension(basicConstraints)
	t.Check(e != nil, "basicConstraints", "none")
	t.Check(e.critical, "a critical basicConstraints", "one that is not critical")
	b, err := e.constraints()
	t.Check(err == nil && b.CA, "basicConstraints with cA", "no cA")
	usage := c.extension(keyUsage)
	t.Check(usage != nil, "keyUsage", "none")
	t.Check(usage.allows(keyCertSign), "keyUsage with keyCertSign", "no keyCertSign")
	id := c.extension(subjectKeyID)
	t.Check(id != nil, "a subjectKeyIdentifier", "none")
	t.Check(!id.critical, "a subjectKeyIdentifier that is not critical", "a critical one")
}

// longBackdated is how long before its issue a certificate may begin: CAs leave
// room for clocks that are wrong.
const longBackdated = 31 * 24 * time.Hour

func lifeOfCertificate(t *T) {
	d := t.Specimen()
	from, to := readClient(d).validity()
	t.Try("begin", func() {
		at := exchangeOf(d, enroll.StepToken).At
		t.Check(at.Sub(from) <= longBackdated, "a certificate that begins in the month before "+at.UTC().Format(time.DateOnly)+", when it was issued", from.Format(time.DateOnly))
	})
	t.Try("validity period of the policy", func() {
		if d.Discovered() != nil && d.Discovered().PolicyURL == "" {
			return
		}
		announced := time.Duration(policiesOf(d).ValiditySeconds) * time.Second
		if announced == 0 {
			return
		}
		life := to.Sub(from)
		t.Check(life > announced/2 && life < 2*announced, fmt.Sprintf("about %d days, as validityPeriodSeconds of the policy says", days(announced)), fmt.Sprintf("%d days", days(life)))
	})
	t.Try("life of the CA", func() {
		for _, ca := range issuersOf(d) {
			t.Check(!to.After(ca.NotAfter), "an end before that of the CA, "+ca.NotAfter.UTC().Format(time.DateOnly), to.Format(time.DateOnly))
		}
	})
}

func days(d time.Duration) int { return int(d.Hours() / 24) }
