package variants

import (
	"slices"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the reply to GetPolicies. They come before those that write SOAP in
// another way.
var (
	PoliciesMore = &Variant{Name: "policies-more", Does: "answers GetPolicies with two policies and more OIDs, whose ids are not 0", Seen: "MS-XCEP 3.1.4.1.3.16", Vary: func(c *mdmserver.Config) {
		onPolicies(c, morePolicies)
	}}
	PoliciesBare = &Variant{Name: "policies-bare", Does: "leaves out of its policy what Microsoft's examples leave out, and asks for attestation and a cryptographic provider", Seen: "Learn, \"Certificate authentication device enrollment\", example; seen in copies of Intune's reply", Vary: func(c *mdmserver.Config) {
		onPolicies(c, func(g *etree.Element) {
			hook.Remove(g.FindElement("response/policyID"))
			for _, a := range g.FindElements(".//attributes") {
				for _, name := range []string{"commonName", "certificateValidity", "permission", "revision"} {
					if e := a.SelectElement(name); e != nil {
						hook.Remove(e)
					}
				}
				fill(a.FindElement("privateKeyAttributes/algorithmOIDReference"), "31")
				fill(a.FindElement("privateKeyAttributes/cryptoProviders"), "<provider>Microsoft Platform Crypto Provider</provider>")
				fill(a.CreateElement("attestation"), "<attestationFailureBehavior>RetryOnError</attestationFailureBehavior><operationTimeout>30</operationTimeout>")
			}
			listOID(g, "31", "1.2.840.113549.1.1.1", "3", "szOID_RSA_RSA")
		})
		hook.Respell(&c.Tamper, `(<EnrollmentVersion>)4\.0`, "${1}5.0")
	}}
	PoliciesCurves = &Variant{Name: "policies-curves", Does: "asks for keys on elliptic curves in its policy", Seen: "MS-XCEP 3.1.4.1.3.20; RFC 5480", Vary: func(c *mdmserver.Config) {
		onPolicies(c, func(g *etree.Element) {
			for _, k := range g.FindElements(".//privateKeyAttributes") {
				fill(k.SelectElement("minimalKeyLength"), "256")
				fill(k.SelectElement("algorithmOIDReference"), "32")
			}
			listOID(g, "32", "1.2.840.10045.2.1", "3", "szOID_ECC_PUBLIC_KEY")
		})
	}}
	PoliciesFull = &Variant{Name: "policies-full", Does: "lists a CA, extensions, flags and requirements in its policy", Seen: "MS-XCEP 4.1.1.2", Vary: func(c *mdmserver.Config) {
		onPolicies(c, func(g *etree.Element) {
			fill(g.FindElement("response/nextUpdateHours"), "8")
			for _, p := range g.FindElements("response/policies/policy") {
				fill(p.SelectElement("cAs"), "<cAReference>3</cAReference>")
			}
			for _, a := range g.FindElements(".//attributes") {
				fill(a.SelectElement("privateKeyFlags"), "16")
				fill(a.SelectElement("subjectNameFlags"), "4026531840")
				fill(a.SelectElement("generalFlags"), "64")
				fill(a.SelectElement("rARequirements"), "<rASignatures>0</rASignatures><rAEKUs><oIDReference>33</oIDReference></rAEKUs><rAPolicies/>")
				fill(a.SelectElement("extensions"), "<extension><oIDReference>34</oIDReference><critical>true</critical><value>AwIFoA==</value></extension>")
			}
			fill(g.SelectElement("cAs"), "<cA><uris><cAURI><clientAuthentication>4</clientAuthentication><uri>https://ca.example/</uri><priority>1</priority>"+
				"<renewalOnly>false</renewalOnly></cAURI></uris><certificate>MIIBAA==</certificate><enrollPermission>true</enrollPermission><cAReferenceID>3</cAReferenceID></cA>")
			listOID(g, "33", "1.3.6.1.4.1.311.20.2.1", "7", "Certificate Request Agent")
			listOID(g, "34", "2.5.29.15", "6", "Key Usage")
		})
	}}
	PolicyServiceNil = &Variant{Name: "policy-service-nil", Does: "writes the URL of a policy service as nil", Seen: "MS-MDE2 3.1.4.1.3.2: nillable", Vary: func(c *mdmserver.Config) {
		hook.Respell(&c.Tamper, `<EnrollmentPolicyServiceUrl>[^<]*</EnrollmentPolicyServiceUrl>`,
			`<EnrollmentPolicyServiceUrl xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>`)
	}}
)

var policies = []*Variant{PoliciesMore, PoliciesBare, PoliciesCurves, PoliciesFull, PolicyServiceNil}

// onPolicies lets f change every reply to GetPolicies that has policies.
func onPolicies(c *mdmserver.Config, f func(g *etree.Element)) {
	hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
		if g := doc.FindElement("/Envelope/Body/GetPoliciesResponse"); g != nil && g.FindElement("oIDs/oID") != nil {
			f(g)
		}
	})
}

// fill gives an element another content, which is not nil.
func fill(e *etree.Element, content string) {
	e.Child = nil
	e.Attr = slices.DeleteFunc(e.Attr, func(a etree.Attr) bool { return a.Key == "nil" })
	doc := etree.NewDocument()
	if err := doc.ReadFromString("<x>" + content + "</x>"); err != nil {
		panic(err) // a constant of this file
	}
	for _, k := range slices.Clone(doc.Root().Child) {
		e.AddChild(k)
	}
}

// listOID adds an OID to a policy reply.
func listOID(g *etree.Element, id, value, group, name string) {
	fill(g.SelectElement("oIDs").CreateElement("oID"), "<value>"+value+"</value><group>"+group+"</group><oIDReferenceID>"+id+"</oIDReferenceID><defaultName>"+name+"</defaultName>")
}

// morePolicies adds another policy and another OID. The ids of OIDs begin with 17.
func morePolicies(g *etree.Element) {
	for _, name := range []string{"policyOIDReference", "hashAlgorithmOIDReference", "oIDReferenceID"} {
		for _, e := range g.FindElements(".//" + name) {
			e.SetText("17")
		}
	}
	policies := g.FindElement("response/policies")
	second := policies.FindElement("policy").Copy()
	second.FindElement("attributes/commonName").SetText("another identity")
	hash := second.FindElement("attributes/hashAlgorithmOIDReference")
	hash.SetText("")
	hash.CreateAttr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance") // a variant may have renamed the document's own
	hash.CreateAttr("xsi:nil", "true")
	policies.AddChild(second)
	oids := g.FindElement("oIDs")
	oid := oids.FindElement("oID").Copy()
	for name, text := range map[string]string{"value": "1.3.6.1.5.5.7.3.2", "group": "7", "oIDReferenceID": "18", "defaultName": "Client Authentication"} {
		oid.FindElement(name).SetText(text)
	}
	oids.InsertChildAt(0, oid)
}
