package scenarios

import (
	"strings"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// certificatePolicies are the ENR scenarios about the reply to GetPolicies.
var certificatePolicies = []Scenario{
	{
		ID: "ENR-08", Level: report.Must, Title: "GetPoliciesResponse is well-formed and carries a policy",
		Rule:    "GetPolicies is answered with well-formed XML that binds every prefix and contains a certificate policy, for every device anew: lastUpdate of the request is nil. (Windows has been seen to ignore an unbound prefix; other clients and parsers do not.)",
		Source:  "MS-XCEP 3.1.4.1.1.2, 3.1.4.1.2.1, 3.1.4.1.3.9; Namespaces in XML 1.0 section 5",
		Fix:     "Answer GetPolicies with one policy and its attributes, and bind every prefix on the element that uses it or on one above.",
		Mutants: []*mutants.Mutant{mutants.EnrPoliciesUnbound, mutants.EnrPoliciesNone, mutants.EnrPoliciesPanic, mutants.EnrPoliciesOnce},
		Run: func(t *T) {
			reply := policyReply(t, t.Specimen())
			e, err := enroll.ReadEnvelope(reply)
			if err != nil {
				t.Fail("a SOAP envelope", err.Error())
			}
			r, err := e.PolicyResponse()
			if err != nil {
				t.Fail("a GetPoliciesResponse", err.Error())
			}
			unbound, err := syncml.UnboundPrefixes(reply)
			if err != nil {
				t.Fail("a well-formed GetPolicies reply", err.Error())
			}
			t.Expect(unbound, "unbound prefixes in the GetPolicies reply").To(BeEmpty())
			if other := misplaced(reply); r.Policies == 0 && other != "" {
				t.Fail("a policy in response/policies", "a policy in "+other)
			}
			t.Expect(r.Policies, "certificate policies in the reply").To(BeNumerically(">", 0))
			asksAgain(t)
		},
	},
	{
		ID: "ENR-28", Level: report.Must, Title: "references in the certificate policy resolve",
		Rule:    "policySchema is 3. Every reference to an OID or a CA, if not nil, is the id of one in the same reply.",
		Source:  "MS-MDE2 3.3.4.1.1.2; MS-XCEP 3.1.4.1.3.1, .4, .7, .12, .15, .18, .20",
		Fix:     "Set policySchema to 3, and let each reference name an oIDReferenceID or a cAReferenceID of the reply.",
		Mutants: []*mutants.Mutant{mutants.EnrOIDDangling, mutants.EnrPolicySchema, mutants.EnrPolicyDangling, mutants.EnrAlgorithmDangling, mutants.EnrIssuerDangling},
		Run: func(t *T) {
			g := policyReplyOf(t.Specimen())
			t.Try("policySchema", func() {
				for _, a := range all(g, "attributes") {
					t.Expect(textIn(a, "policySchema"), "policySchema").To(Equal("3"))
				}
			})
			t.Try("policyOIDReference of each policy", func() {
				for _, p := range g.FindElements(".//policy") {
					t.Check(textIn(p, "policyOIDReference") != "", "a policyOIDReference in each policy", "none")
				}
			})
			for _, name := range references {
				t.Try(name, func() { refers(t, g, name) })
			}
			t.Try("cAReference", func() { issuers(t, g) })
		},
	},
	{
		ID: "ENR-33", Level: report.Should, Title: "the policy asks for keys of 2048 bits",
		Rule:    "minimalKeyLength of the certificate policy is at least 2048.",
		Source:  "MS-XCEP 3.1.4.1.3.20; NIST SP 800-131A",
		Fix:     "Set minimalKeyLength to 2048.",
		Mutants: []*mutants.Mutant{mutants.EnrKeyLength, mutants.EnrKeyLengthZero},
		Run: func(t *T) {
			d := t.Specimen()
			if oid := onCurves(d); oid != "" {
				t.NotApplicable("the policy asks for keys on elliptic curves (%s), which are shorter", oid)
			}
			t.Expect(keyLength(d), "minimalKeyLength").To(BeNumerically(">=", 2048))
		},
	},
	{
		ID: "ENR-50", Level: report.Must, Title: "OIDs and CAs of the policy reply are complete",
		Rule:    "Every OID has an id of its own, a group from 1 to 9 and a defaultName. Every CA, if there are any, has an id of its own, a certificate, and URIs with a known kind of authentication.",
		Source:  "MS-XCEP 3.1.4.1.3.2, 3.1.4.1.3.5, 3.1.4.1.3.16",
		Fix:     "Number the OIDs and the CAs of the reply, and write every element that MS-XCEP lists for them.",
		Mutants: []*mutants.Mutant{mutants.EnrOIDTwice, mutants.EnrOIDGroup, mutants.EnrOIDLoose, mutants.EnrOIDNameless, mutants.EnrIssuerBare, mutants.EnrIssuerAuth},
		Run: func(t *T) {
			g := policyReplyOf(t.Specimen())
			t.Try("ids of OIDs", func() { unique(t, g, "oIDReferenceID") })
			for _, o := range g.FindElements("oIDs/oID") {
				t.Try("OID "+suite.Show(textIn(o, "oIDReferenceID")), func() { wholeOID(t, o) })
			}
			t.Try("oIDs", func() {
				for _, k := range g.FindElements("oIDs/*") {
					t.Check(k.Tag == "oID", "only oID in oIDs", k.Tag)
				}
			})
			t.Try("ids of CAs", func() { unique(t, g, "cAReferenceID") })
			for _, ca := range g.FindElements("cAs/cA") {
				t.Try("CA "+suite.Show(textIn(ca, "cAReferenceID")), func() { wholeCA(t, ca) })
			}
		},
	},
	{
		ID: "ENR-51", Level: report.Must, Title: "values of the certificate policy are in range",
		Rule:   "Every policy has attributes, and its commonName is its own. Key lengths, periods, majorRevision and nextUpdateHours are over 0, if present. cryptoProviders is nil if there are none. AttestationFailureBehavior is FailOnError, IgnoreOnError or RetryOnError.",
		Source: "MS-XCEP 3.1.4.1.3.1, .8, .15, .20, .21, .23, .24; MS-MDE2 3.3.4.1.1.2",
		Fix:    "Write xsi:nil=\"true\" for values that the policy does not set, not 0 or an empty element.",
		Mutants: []*mutants.Mutant{mutants.EnrKeyLengthZero, mutants.EnrValidityZero, mutants.EnrRevisionZero, mutants.EnrNextUpdateZero, mutants.EnrProvidersEmpty,
			mutants.EnrNamesSame, mutants.EnrNoAttributes, mutants.EnrFlagsNegative, mutants.EnrAttestationWord},
		Run: func(t *T) {
			g := policyReplyOf(t.Specimen())
			for _, v := range []struct {
				name  string
				least int64
			}{
				{"minimalKeyLength", 1}, {"validityPeriodSeconds", 1}, {"renewalPeriodSeconds", 1}, {"nextUpdateHours", 1},
				{"majorRevision", 1}, {"minorRevision", 0}, {"rASignatures", 0}, {"symmetricAlgorithmKeyLength", 1},
				{"privateKeyFlags", 0}, {"subjectNameFlags", 0}, {"enrollmentFlags", 0}, {"generalFlags", 0},
			} {
				t.Try(v.name, func() { atLeast(t, g, v.name, v.least) })
			}
			t.Try("attributes", func() { named(t, g) })
			t.Try("cryptoProviders", func() {
				for _, p := range g.FindElements(".//cryptoProviders") {
					t.Check(!isNil(p) || p.SelectAttr("nil") != nil, "a provider, or cryptoProviders nil", "an empty element")
				}
			})
			t.Try("attestation", func() { attests(t, g) })
		},
	},
	{
		ID: "ENR-52", Level: report.Should, Title: "the policy reply has the form that its schema describes",
		Rule:   "Its elements are in the namespace of MS-XCEP, where its schema has them, and in its order. An element that is nil is empty, and a list of CAs that has none is nil. The group of the hash algorithm is 1. permission/enroll is true for a policy of this user. Attestation is asked for only with an EnrollmentVersion that has it: 5.0, or 6.0 for azureAttestation.",
		Source: "MS-XCEP 3.1.4.1.2.2, 3.1.4.1.3.11, 3.1.4.1.3.16, 6.2; MS-MDE2 3.3.4.1.1.2",
		Fix:    "Write the elements in the order of the schema of MS-XCEP, declare its namespace on GetPoliciesResponse, and give each OID the group that the schema has for its kind.",
		Mutants: []*mutants.Mutant{mutants.EnrPolicyNamespace, mutants.EnrPolicyOrder, mutants.EnrHashGroup, mutants.EnrEnrollFalse, mutants.EnrAttestationEarly,
			mutants.EnrAttestationUnversioned, mutants.EnrProviderLoose, mutants.EnrPermissionsChild, mutants.EnrNilContent, mutants.EnrIssuersEmpty},
		Run: func(t *T) {
			d := t.Specimen()
			g := policyReplyOf(d)
			t.Try("namespace", func() { inNamespace(t, enroll.NamespacePolicy, listed(g)) })
			t.Try("order", func() { ordered(t, g) })
			t.Try("names", func() { members(t, g) })
			t.Try("nil", func() { emptyNils(t, g) })
			t.Try("cAs", func() { listsIssuers(t, g) })
			t.Try("group of the hash algorithm", func() {
				for _, k := range all(g, "hashAlgorithmOIDReference") {
					if o := oidOf(g, strings.TrimSpace(k.Text())); o != nil { // otherwise ENR-28 reports it
						t.Check(textIn(o, "group") == "1", "group 1 for the OID of hashAlgorithmOIDReference", suite.Show(textIn(o, "group")))
					}
				}
			})
			t.Try("permission", func() {
				t.Check(permitted(g), "permission/enroll true in a policy", "false in all")
			})
			t.Try("attestation", func() { attestsInTime(t, g, d.Discovered().EnrollmentVersion) })
		},
	},
}

// misplaced returns the element that has the first policy of a reply; empty if there
// is no policy.
func misplaced(reply []byte) string {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(reply); err != nil {
		return ""
	}
	if p := doc.FindElement("//GetPoliciesResponse//policy"); p != nil {
		return p.Parent().Tag
	}
	return ""
}

// asksAgain fails if another device gets no policy. Its refusal is another
// scenario's.
func asksAgain(t *T) {
	if t.Lab.Config.Target.Shared() {
		return
	}
	d := t.Device()
	ex := reached(d, enroll.StepPolicies)
	if ex == nil || answerTo(enroll.StepPolicies, ex) != nil {
		t.Evidence("GetPolicies of another device was not answered")
		return
	}
	e, err := enroll.ReadEnvelope(ex.Response)
	if err != nil {
		t.Fail("a SOAP envelope for another device", err.Error())
	}
	r, err := e.PolicyResponse()
	if err != nil {
		t.Fail("a GetPoliciesResponse for another device", err.Error())
	}
	t.Check(r.Policies > 0, "a certificate policy for every device", "none for the second device")
}

// policyReply returns the body of the reply to GetPolicies. A missing reply fails
// only this scenario: the devices of a run go on without a policy. ENR-07 judges
// a refused credential.
func policyReply(t *T, d *Device) []byte {
	ex := reached(d, enroll.StepPolicies)
	if ex == nil || !absolute(ex.URL) {
		return exchangeOf(d, enroll.StepPolicies).Response // it says why not
	}
	if e := answerTo(enroll.StepPolicies, ex); e != nil {
		if e.Refused() {
			t.Blocked(suite.By("ENR-07"), "%v", e)
		}
		if why := nobody(ex); why != "" {
			t.Blocked(suite.By("ENR-05"), "no service is at %s: %s", ex.URL, why)
		}
		t.Excused(e)
		t.Fail("a reply to GetPolicies", said(e))
	}
	return ex.Response
}
