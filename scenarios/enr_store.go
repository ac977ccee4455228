package scenarios

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// certificateStores are the ENR scenarios about how a device finds the
// certificates of the provisioning document.
var certificateStores = []Scenario{
	{
		ID: "ENR-37", Level: report.Should, Title: "SSLCLIENTCERTSEARCHCRITERIA finds the client certificate",
		Rule:    "SSLCLIENTCERTSEARCHCRITERIA, if present, names the subject of the issued certificate and the store it is in, each value URI-escaped. (Windows has been seen to tolerate criteria that find nothing.)",
		Source:  "MS-MDE2 2.2.9.5; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Write Subject= with the subject of the certificate that you issue, and Stores=My%5CUser or My%5CSystem, as in CertificateStore; or leave the parameter out.",
		Mutants: []*mutants.Mutant{mutants.EnrCriteriaOther, mutants.EnrCriteriaStore, mutants.EnrCriteriaPlain},
		Run:     criteriaFind,
	},
	{
		ID: "ENR-110", Level: report.Info, Title: "SSLCLIENTCERTSEARCHCRITERIA is there",
		Rule:    "Windows chooses the client certificate of sessions by SSLCLIENTCERTSEARCHCRITERIA. It is optional, and devices without it have been managed. Learn calls it important: a device may have further certificates, and which of them it presents without it is not published.",
		Source:  "Learn, \"Federated authentication device enrollment\", notes; MS-MDE2 2.2.9.5 (optional)",
		Fix:     "Write SSLCLIENTCERTSEARCHCRITERIA with the subject of the certificate that you issue and its store (see ENR-37).",
		Mutants: []*mutants.Mutant{mutants.EnrCriteriaAbsent},
		Run: func(t *T) {
			app := documentOf(t.Specimen()).App
			if app.AppID == "" {
				t.Blocked(suite.By("ENR-14"), "the document has no APPLICATION with an APPID")
			}
			t.Check(app.Parms[searchCriteria] != "", searchCriteria, "none")
		},
	},
	{
		ID: "ENR-38", Level: report.Should, Title: "certificates are named by their thumbprints",
		Rule:    "The characteristic of each certificate in CertificateStore is its SHA-1 thumbprint, 40 hexadecimal digits. (What Windows does with another name is not published.)",
		Source:  "MS-MDE2 2.2.9.2 (CertHash); Learn, \"CertificateStore CSP\"",
		Fix:     "Name the characteristic by the SHA-1 of the certificate's DER, after it was signed.",
		Mutants: []*mutants.Mutant{mutants.EnrThumbprintWrong},
		Run: func(t *T) {
			list := documentOf(t.Specimen()).Stored
			if len(list) == 0 {
				t.Blocked(suite.By("ENR-12"), "the provisioning document contains no certificate")
			}
			for i, c := range list {
				t.Try(fmt.Sprintf("certificate %d, in %s", i+1, c.Store), func() {
					t.Check(c.Named(), "the thumbprint "+c.Thumbprint(), suite.Show(c.Name))
				})
			}
		},
	},
	{
		ID: "ENR-70", Level: report.Must, Title: "encoded certificates have no line breaks",
		Rule:    "EncodedCertificate is base64 without line breaks or other white space. (The base64 of the document itself, in the RSTR, may have them.)",
		Source:  "MS-MDE2 2.2.9.2",
		Fix:     "Encode the certificate's DER in one line of base64, not as PEM.",
		Mutants: []*mutants.Mutant{mutants.EnrCertLines},
		Run: func(t *T) {
			list := slices.DeleteFunc(rootOf(t.Specimen()).FindElements(".//parm"), func(e *etree.Element) bool {
				return !strings.EqualFold(e.SelectAttrValue("name", ""), "EncodedCertificate")
			})
			if len(list) == 0 {
				t.Blocked(suite.By("ENR-12"), "the provisioning document contains no certificate")
			}
			for i, e := range list {
				t.Try(fmt.Sprintf("certificate %d", i+1), func() {
					n := strings.IndexAny(e.SelectAttrValue("value", ""), " \t\r\n")
					t.Check(n < 0, "base64 in one line", fmt.Sprintf("white space after %d characters", n))
				})
			}
		},
	},
	{
		ID: "ENR-72", Level: report.Should, Title: "version and names of stores are written as in the schema",
		Rule:    "wap-provisioningdoc has version 1.1. Root, CA, My, System, User, WSTEP and Renew in CertificateStore are written like this. (Learn says that case does not matter, MS-MDE2 that it does.)",
		Source:  "MS-MDE2 2.2.9.1, 2.2.9.2",
		Fix:     "Set version=\"1.1\" on wap-provisioningdoc, and write the names of stores as MS-MDE2 does.",
		Mutants: []*mutants.Mutant{mutants.EnrDocVersion, mutants.EnrStoreCase},
		Run: func(t *T) {
			d := t.Specimen()
			t.Try("version", func() { t.Expect(documentOf(d).Version, "version of wap-provisioningdoc").To(Equal("1.1")) })
			t.Try("stores", func() { t.Expect(misspelt(rootOf(d)), "names of stores in another spelling").To(BeEmpty()) })
		},
	},
	{
		ID: "ENR-73", Level: report.Must, Title: "PrivateKeyContainer is there",
		Rule:    "The store of the client certificate has a PrivateKeyContainer, beside the certificate or in its characteristic.",
		Source:  "Learn, \"Federated authentication device enrollment\", notes; MS-MDE2 2.2.9.1",
		Fix:     "Write <characteristic type=\"PrivateKeyContainer\"/> into CertificateStore/My/User (or System).",
		Mutants: []*mutants.Mutant{mutants.EnrNoKeyContainer, mutants.EnrKeyContainerElsewhere},
		Run: func(t *T) {
			d := t.Specimen()
			clientDER(d) // its store is there
			for _, my := range characteristics(rootOf(d), "CertificateStore", "My", documentOf(d).Store) {
				for _, e := range my.FindElements(".//characteristic") {
					if strings.EqualFold(e.SelectAttrValue("type", ""), "PrivateKeyContainer") {
						return
					}
				}
			}
			t.Fail("PrivateKeyContainer in CertificateStore/My/"+documentOf(d).Store, "none")
		},
	},
	{
		ID: "ENR-84", Level: report.Should, Title: "the document delivers one root and at most one intermediate CA",
		Rule:    "The document delivers only the root and the one intermediate CA that the client certificate needs. The root is in Root/System, the other in CA/System (or in My/User, where Learn has it): a CA that another one issued is no root. Further ones can be delivered in a session.",
		Source:  "Learn, \"Federated authentication device enrollment\"; MS-MDE2 2.2.9.2",
		Fix:     "Leave out the CAs that are not needed, and deliver them in a session.",
		Mutants: []*mutants.Mutant{mutants.EnrTwoRoots},
		Run:     fewAuthorities,
	},
	{
		ID: "ENR-85", Level: report.Should, Title: "the document uses only what Windows accepts at enrollment",
		Rule:    "The document configures only CSPs that can be used during enrollment: " + strings.Join(enrollmentCSPs, ", ") + ". (What Windows does with others is not published.)",
		Source:  "Learn, \"Microsoft Entra integration with MDM\", \"Certificate renewal\"; MS-MDE2 2.2.9; MS-MDE 3.6 (Registry)",
		Fix:     "Configure the rest in the first session.",
		Mutants: []*mutants.Mutant{mutants.EnrCSPOther},
		Run: func(t *T) {
			var others []string
			for _, e := range rootOf(t.Specimen()).SelectElements("characteristic") {
				name := e.SelectAttrValue("type", "")
				if !slices.ContainsFunc(enrollmentCSPs, func(csp string) bool { return strings.EqualFold(csp, name) }) && !slices.Contains(others, name) {
					others = append(others, name)
				}
			}
			t.Expect(others, "other CSPs").To(BeEmpty())
		},
	},
}

const searchCriteria = "SSLCLIENTCERTSEARCHCRITERIA"

func criteriaFind(t *T) {
	d := t.Specimen()
	doc := documentOf(d)
	raw := doc.App.Parms[searchCriteria]
	if raw == "" {
		return // it is optional; ENR-110 says what it is good for
	}
	cert := certOf(d)
	c, err := enroll.ReadCriteria(raw)
	if err != nil {
		t.Fail("Subject=...&Stores=..., each value URI-escaped", err.Error())
	}
	t.Try("Subject", func() {
		t.Check(c.Match(cert), "a Subject with the attributes of the certificate's, "+suite.Show(cert.Subject()), suite.Show(strings.Join(c.Subjects, " or ")))
	})
	t.Try("Stores", func() {
		t.Check(c.In(`My\`+doc.Store), `Stores with My\`+doc.Store+", where the document puts the certificate", suite.Show(strings.Join(c.Stores, ", ")))
	})
	t.Try("escapes", func() {
		for pair := range strings.SplitSeq(raw, "&") {
			_, value, _ := strings.Cut(pair, "=")
			plain := strings.IndexFunc(value, func(r rune) bool { return r >= 0x80 || !unescaped.MatchString(string(r)) })
			t.Check(plain < 0, "a value with % escapes for all but letters, digits and -_.!~*'(),", suite.Show(value))
		}
	})
}

// unescaped are the characters of a value of the criteria that need no escape: the
// unreserved ones of RFC 2396. Microsoft's own example leaves the comma as it is.
var unescaped = regexp.MustCompile(`^[A-Za-z0-9_.!~*'()%,-]$`)

// enrollmentCSPs are those that a document may use.
var enrollmentCSPs = []string{"CertificateStore", "APPLICATION", "DMClient", "RootCATrustedCertificates", "ClientCertificateInstall",
	"EnterpriseModernAppManagement", "EnterpriseAppManagement", "PassportForWork", "Policy", "Registry"}

// rootOf returns the provisioning document as the server wrote it.
func rootOf(d *Device) *etree.Element {
	documentOf(d)
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(writtenDocument(d)); err != nil || doc.Root() == nil {
		d.T.Blocked(suite.By("ENR-11"), "the document cannot be read: %v", err)
	}
	return doc.Root()
}

// characteristics returns the characteristics at a path of types; case does not
// matter, and an empty type stands for any.
func characteristics(e *etree.Element, types ...string) []*etree.Element {
	at := []*etree.Element{e}
	for _, typ := range types {
		var next []*etree.Element
		for _, e := range at {
			for _, k := range e.SelectElements("characteristic") {
				if typ == "" || strings.EqualFold(k.SelectAttrValue("type", ""), typ) {
					next = append(next, k)
				}
			}
		}
		at = next
	}
	return at
}

// misspelt returns the names in CertificateStore that differ in case from those of
// MS-MDE2.
func misspelt(root *etree.Element) (out []string) {
	check := func(list []*etree.Element, names ...string) {
		for _, e := range list {
			name := e.SelectAttrValue("type", "")
			if slices.ContainsFunc(names, func(n string) bool { return n != name && strings.EqualFold(n, name) }) {
				out = append(out, name)
			}
		}
	}
	check(characteristics(root, ""), "CertificateStore", "DMClient")
	check(characteristics(root, "CertificateStore", ""), "Root", "CA", "My")
	check(characteristics(root, "CertificateStore", "", ""), "System", "User", "WSTEP")
	check(characteristics(root, "CertificateStore", "My", "WSTEP", ""), "Renew")
	return out
}

func fewAuthorities(t *T) {
	doc := documentOf(t.Specimen())
	if len(doc.Roots) == 0 {
		t.Blocked(suite.By("ENR-12"), "the document delivers no root")
	}
	var below []string
	between := 0
	for _, c := range doc.Stored {
		if !strings.HasSuffix(c.Store, "/Root") && !strings.HasPrefix(c.Store, "Root/") && !bytes.Equal(c.DER, doc.ClientCert) {
			between++
		}
	}
	for _, der := range doc.Roots {
		if ca, err := x509.ParseCertificate(der); err == nil && !sameName(ca.RawIssuer, ca.RawSubject) {
			below = append(below, ca.Subject.String())
		}
	}
	t.Try("Root", func() { t.Expect(len(doc.Roots), "roots").To(BeNumerically("<=", 1)) })
	t.Try("CA", func() { t.Expect(between, "intermediate CAs").To(BeNumerically("<=", 1)) })
	t.Try("roots", func() { t.Expect(below, "certificates in CertificateStore/Root that another CA issued").To(BeEmpty()) })
}
