package scenarios

import (
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
		Rule:    "GetPolicies is answered with well-formed XML that binds every prefix and contains a certificate policy. (Windows has been seen to ignore an unbound prefix; other clients and parsers do not.)",
		Source:  "MS-XCEP 3.1.4.1.1.2; Namespaces in XML 1.0 section 5",
		Fix:     "Answer GetPolicies with one policy and its attributes, and bind every prefix on the element that uses it or on one above.",
		Mutants: []*mutants.Mutant{mutants.EnrPoliciesUnbound, mutants.EnrPoliciesNone, mutants.EnrPoliciesPanic},
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
			t.Expect(r.Policies, "certificate policies in the reply").To(BeNumerically(">", 0))
		},
	},
	{
		ID: "ENR-28", Level: report.Must, Title: "references in the certificate policy resolve",
		Rule:    "policySchema is 3. hashAlgorithmOIDReference, if not nil, is the id of an OID in the same reply, and the group of that OID is 1, the hash algorithms.",
		Source:  "MS-XCEP 3.1.4.1.3.1, 3.1.4.1.3.16",
		Fix:     "Set policySchema to 3, and let hashAlgorithmOIDReference name the oIDReferenceID of an OID with group 1.",
		Mutants: []*mutants.Mutant{mutants.EnrOIDDangling, mutants.EnrPolicySchema},
		Run: func(t *T) {
			r := policiesOf(t.Specimen())
			t.Try("policySchema", func() { t.Expect(r.Schema, "policySchema").To(Equal("3")) })
			if r.HashReference == "" {
				return
			}
			t.Try("hashAlgorithmOIDReference", func() {
				t.Check(r.HashGroup != "", "an OID whose oIDReferenceID is "+r.HashReference, "none in the reply")
				t.Expect(r.HashGroup, "group of the OID with oIDReferenceID %s", r.HashReference).To(Equal("1"))
			})
		},
	},
	{
		ID: "ENR-33", Level: report.Should, Title: "the policy asks for keys of 2048 bits",
		Rule:    "minimalKeyLength of the certificate policy is at least 2048.",
		Source:  "MS-XCEP 3.1.4.1.3.20; NIST SP 800-131A",
		Fix:     "Set minimalKeyLength to 2048.",
		Mutants: []*mutants.Mutant{mutants.EnrKeyLength},
		Run: func(t *T) {
			t.Expect(policiesOf(t.Specimen()).MinimalKeyLength, "minimalKeyLength").To(BeNumerically(">=", 2048))
		},
	},
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
		t.Excused(e)
		t.Fail("a reply to GetPolicies", said(e))
	}
	return ex.Response
}
