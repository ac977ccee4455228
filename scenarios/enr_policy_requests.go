package scenarios

import (
	"fmt"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// policyRequests are the ENR scenarios about GetPolicies in other forms than
// Windows' own.
var policyRequests = []Scenario{
	{
		// A SHOULD although MS-XCEP says MUST: no Windows device sends these forms.
		ID: "ENR-49", Level: report.Should, Title: "GetPolicies in every form of MS-XCEP",
		Rule:    "GetPolicies without client, or with a nil or empty one, gets a SOAP fault. An unknown preferredLanguage gets the policies in the default language. policyOIDs limit the answer to these policies.",
		Source:  "MS-XCEP 3.1.4.1.2.1, 3.1.4.1.3.9, 3.1.4.1.3.14, 3.1.4.1.3.22",
		Fix:     "Answer a GetPolicies without client with a SOAP fault, ignore languages that you do not have, and compare requestFilter/policyOIDs with the OID of each policy.",
		Mutants: []*mutants.Mutant{mutants.EnrClientOptional, mutants.EnrLanguageUnknown, mutants.EnrFilterIgnored, mutants.EnrFilterFirst},
		Run: func(t *T) {
			d := t.Specimen()
			g := policyReplyOf(d)
			if signed(t) {
				t.NotApplicable("the request is signed (target.certificate), so its form cannot be changed")
			}
			sent := exchangeOf(d, enroll.StepPolicies)
			c := caller(t)
			client := c.EnrollmentClient(dmclient.EnrollOptions{})
			if _, err := client.Send(t.Context(), sent.URL, sent.Request); err != nil {
				t.Excused(err)
				t.NotApplicable("the server does not accept the same request twice: %s", said(err))
			}
			for _, in := range []struct {
				what string
				edit func(get *etree.Element)
			}{
				{"no client", func(get *etree.Element) { get.RemoveChild(get.SelectElement("client")) }},
				{"a nil client", func(get *etree.Element) { bare(get, "client").CreateAttr("xsi:nil", "true") }},
				{"an empty client", func(get *etree.Element) { bare(get, "client") }},
			} {
				t.Try(in.what, func() {
					_, err := client.Send(t.Context(), sent.URL, edited(t, sent.Request, in.edit))
					if err != nil && declined(t, err) {
						return
					}
					keepLast(c, "GetPolicies with "+in.what)
					t.Check(err != nil, "a SOAP fault", "the policies")
					t.Fail("a SOAP fault", said(err))
				})
			}
			t.Try("an unknown language", func() {
				n, saw := policiesFor(c, client, sent, "an unknown language", func(get *etree.Element) {
					l := get.FindElement("client/preferredLanguage")
					l.Attr = nil
					l.SetText("tlh")
				})
				t.Check(n > 0, "the policies in the default language", saw)
			})
			t.Try("the OID of a policy", func() {
				o := oidOf(g, textIn(firstPolicy(g), "policyOIDReference"))
				if o == nil {
					t.Blocked(suite.By("ENR-28", "ENR-52"), "policyOIDReference names no OID of the reply")
				}
				n, saw := policiesFor(c, client, sent, "the OID of a policy", filter(textIn(o, "value")))
				t.Check(n > 0, "the policy with the OID "+textIn(o, "value"), saw)
			})
			t.Try("two OIDs, the second of a policy", func() {
				o := oidOf(g, textIn(firstPolicy(g), "policyOIDReference"))
				if o == nil {
					t.Blocked(suite.By("ENR-28", "ENR-52"), "policyOIDReference names no OID of the reply")
				}
				n, saw := policiesFor(c, client, sent, "two OIDs", filter("2.25.1", textIn(o, "value")))
				t.Check(n > 0, "the policy with the OID "+textIn(o, "value"), saw)
			})
			t.Try("the OID of no policy", func() {
				n, saw := policiesFor(c, client, sent, "the OID of no policy", filter("2.25.1"))
				t.Check(n == 0, "no policy, as none has the OID 2.25.1", saw)
			})
		},
	},
}

// edited returns a GetPolicies with another content.
func edited(t *T, message []byte, edit func(get *etree.Element)) []byte {
	doc := etree.NewDocument()
	doc.WriteSettings.CanonicalText = true
	if err := doc.ReadFromBytes(message); err != nil {
		t.Error("the request of GetPolicies cannot be read: %v", err)
	}
	edit(doc.FindElement("/Envelope/Body/GetPolicies"))
	out, err := doc.WriteToBytes()
	if err != nil {
		t.Error("the request of GetPolicies cannot be written: %v", err)
	}
	return out
}

// bare empties a child, and removes its attributes.
func bare(e *etree.Element, name string) *etree.Element {
	k := e.SelectElement(name)
	k.Child, k.Attr = nil, nil
	return k
}

// filter limits a GetPolicies to the policies with these OIDs.
func filter(oids ...string) func(get *etree.Element) {
	return func(get *etree.Element) {
		f := bare(get, "requestFilter")
		list := f.CreateElement("policyOIDs")
		for _, oid := range oids {
			list.CreateElement("oid").SetText(oid)
		}
		for _, name := range []string{"clientVersion", "serverVersion"} {
			f.CreateElement(name).CreateAttr("xsi:nil", "true")
		}
	}
}

// policiesFor sends a changed GetPolicies. It returns the number of policies in the
// answer, and what came in words. A refusal has no policies.
func policiesFor(c *Device, client *enroll.Client, sent *dmclient.Exchange, what string, edit func(get *etree.Element)) (n int, saw string) {
	t := c.T
	_, err := client.Send(t.Context(), sent.URL, edited(t, sent.Request, edit))
	keepLast(c, "GetPolicies with "+what)
	switch {
	case err == nil:
	case declined(t, err):
		return 0, said(err)
	default:
		t.Fail("an answer to GetPolicies with "+what, said(err))
	}
	exs := c.EnrollExchanges()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(exs[len(exs)-1].Response); err != nil {
		t.Fail("an answer to GetPolicies with "+what, err.Error())
	}
	n = len(doc.FindElements("//GetPoliciesResponse//policy")) // wherever they are: ENR-08 judges it
	return n, fmt.Sprintf("an answer with policies: %d", n)
}
