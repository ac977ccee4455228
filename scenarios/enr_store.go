package scenarios

import (
	"fmt"
	"strings"

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
		Mutants: []*mutants.Mutant{mutants.EnrCriteriaOther, mutants.EnrCriteriaStore},
		Run:     criteriaFind,
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
}

func criteriaFind(t *T) {
	d := t.Specimen()
	doc := documentOf(d)
	raw := doc.App.Parms["SSLCLIENTCERTSEARCHCRITERIA"]
	if raw == "" {
		t.NotApplicable("the document has no SSLCLIENTCERTSEARCHCRITERIA, which is optional")
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
}
