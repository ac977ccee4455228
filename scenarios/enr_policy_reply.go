package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// bodyOf returns the element with that local name in the body of a step's reply.
// Prefixes and namespaces do not matter: ENR-42 and ENR-52 judge them.
func bodyOf(d *Device, step, name string) *etree.Element {
	by := suite.By(suite.Enrolls)
	if step == enroll.StepPolicies {
		by = append(by, "ENR-08")
	}
	doc := etree.NewDocument()
	err := doc.ReadFromBytes(exchangeOf(d, step).Response)
	if err != nil || doc.Root() == nil {
		d.T.Blocked(by, "the %s reply is not XML: %v", step, err)
	}
	var found *etree.Element
	if body := doc.Root().SelectElement("Body"); body != nil {
		found = body.SelectElement(name)
	}
	if found == nil {
		d.T.Blocked(by, "the %s reply has no %s", step, name)
	}
	return found
}

// policyReplyOf returns the GetPoliciesResponse of a device. It has a policy, even if
// in a place that ENR-08 reports.
func policyReplyOf(d *Device) *etree.Element {
	g := bodyOf(d, enroll.StepPolicies, "GetPoliciesResponse")
	if firstPolicy(g) == nil {
		d.T.Blocked(suite.By("ENR-08"), "the GetPolicies reply has no policy")
	}
	return g
}

// firstPolicy returns the policy that devices follow.
func firstPolicy(g *etree.Element) *etree.Element { return g.FindElement(".//policy") }

// keyLength returns minimalKeyLength of that policy; 0 if it has none.
func keyLength(d *Device) int {
	for _, k := range all(firstPolicy(policyReplyOf(d)), "minimalKeyLength") {
		n, _ := strconv.Atoi(strings.TrimSpace(k.Text())) // ENR-51 reports what is no number
		return n
	}
	return 0
}

// isNil reports whether an element is absent, nil or empty.
func isNil(e *etree.Element) bool {
	if e == nil {
		return true
	}
	for _, a := range e.Attr {
		if a.Key == "nil" && (a.Value == "true" || a.Value == "1") {
			return true
		}
	}
	return len(e.ChildElements()) == 0 && strings.TrimSpace(e.Text()) == ""
}

// all returns the elements below e with a local name that are not nil.
func all(e *etree.Element, name string) (list []*etree.Element) {
	for _, k := range e.FindElements(".//" + name) {
		if !isNil(k) {
			list = append(list, k)
		}
	}
	return list
}

// textIn returns the text of a child; empty if it is absent or nil.
func textIn(e *etree.Element, name string) string {
	k := e.SelectElement(name)
	if isNil(k) {
		return ""
	}
	return strings.TrimSpace(k.Text())
}

// atLeast fails unless every element with that name is a whole number that is not
// smaller. An absent or nil one is not judged.
func atLeast(t *T, e *etree.Element, name string, least int64) {
	for _, k := range all(e, name) {
		text := strings.TrimSpace(k.Text())
		n, err := strconv.ParseInt(text, 10, 64)
		t.Check(err == nil && n >= least, name+": "+strconv.FormatInt(least, 10)+" or more", text)
	}
}

// references are the elements of a policy reply that refer to an OID.
var references = []string{"policyOIDReference", "hashAlgorithmOIDReference", "algorithmOIDReference", "symmetricAlgorithmOIDReference", "oIDReference"}

// oidOf returns the OID of the reply that a reference names; nil if there is none.
func oidOf(g *etree.Element, id string) *etree.Element {
	for _, o := range all(g, "oID") {
		if textIn(o, "oIDReferenceID") == id {
			return o
		}
	}
	return nil
}

// refers fails unless the references with that name lead to an OID of the reply.
func refers(t *T, g *etree.Element, name string) {
	for _, k := range all(g, name) {
		id := strings.TrimSpace(k.Text())
		t.Check(oidOf(g, id) != nil, name+": an oIDReferenceID of the reply", id)
	}
}

// issuers fails unless every cAReference names a CA of the reply, and no policy names
// one twice.
func issuers(t *T, g *etree.Element) {
	known := map[string]bool{}
	for _, k := range all(g, "cAReferenceID") {
		known[strings.TrimSpace(k.Text())] = true
	}
	for _, p := range all(g, "policy") {
		seen := map[string]bool{}
		for _, k := range all(p, "cAReference") {
			id := strings.TrimSpace(k.Text())
			t.Check(known[id], "cAReference: a cAReferenceID of the reply", id)
			t.Check(!seen[id], "each cAReference once in a policy", id+" twice")
			seen[id] = true
		}
	}
}

// unique fails if two elements with that name have the same text.
func unique(t *T, g *etree.Element, name string) {
	seen := map[string]bool{}
	for _, k := range all(g, name) {
		text := strings.TrimSpace(k.Text())
		t.Check(!seen[text], "another "+name+" for each", text+" twice")
		seen[text] = true
	}
}

// onCurves returns the algorithm that the first policy asks for if its keys are on
// elliptic curves, which are shorter than RSA keys (RFC 5480); otherwise it is empty.
func onCurves(d *Device) string {
	g := policyReplyOf(d)
	refs := all(firstPolicy(g), "algorithmOIDReference")
	if len(refs) == 0 {
		return ""
	}
	o := oidOf(g, strings.TrimSpace(refs[0].Text()))
	if o == nil {
		return ""
	}
	if oid := textIn(o, "value"); strings.HasPrefix(oid, "1.2.840.10045.") || strings.HasPrefix(oid, "1.3.132.0.") {
		return oid
	}
	return ""
}

// wholeOID fails unless an OID has a group and a name.
func wholeOID(t *T, o *etree.Element) {
	n, err := strconv.Atoi(textIn(o, "group"))
	t.Check(err == nil && n >= 1 && n <= 9, "group: 1 to 9", suite.Show(textIn(o, "group")))
	t.Check(textIn(o, "oIDReferenceID") != "", "an oIDReferenceID", "none")
	t.Check(o.SelectElement("defaultName") != nil, "a defaultName", "none")
}

// wholeCA fails unless a CA has an id, a certificate, and URIs with a known kind of
// authentication.
func wholeCA(t *T, ca *etree.Element) {
	t.Check(textIn(ca, "cAReferenceID") != "", "a cAReferenceID", "none")
	t.Check(textIn(ca, "certificate") != "", "a certificate", "none")
	for _, u := range all(ca, "cAURI") {
		switch kind := textIn(u, "clientAuthentication"); kind {
		case "1", "2", "4", "8":
		default:
			t.Fail("clientAuthentication: 1, 2, 4 or 8", suite.Show(kind))
		}
	}
}

// named fails unless every policy has attributes, and no two have one commonName.
// Microsoft's own examples have no commonName.
func named(t *T, g *etree.Element) {
	seen := map[string]bool{}
	for _, p := range g.FindElements(".//policy") {
		a := p.SelectElement("attributes")
		t.Check(!isNil(a), "attributes in every policy", "none in the policy with policyOIDReference "+suite.Show(textIn(p, "policyOIDReference")))
		name := textIn(a, "commonName")
		t.Check(name == "" || !seen[name], "another commonName for each policy", name+" twice")
		seen[name] = true
	}
}

// attests fails unless what a policy says about attestation can be followed. Servers
// begin the names with a small letter, too [seen].
func attests(t *T, g *etree.Element) {
	for _, e := range g.FindElements(".//policy//*") {
		text := strings.TrimSpace(e.Text())
		switch {
		case isNil(e):
		case strings.EqualFold(e.Tag, "AttestationFailureBehavior"):
			t.Check(text == "FailOnError" || text == "IgnoreOnError" || text == "RetryOnError",
				"AttestationFailureBehavior: FailOnError, IgnoreOnError or RetryOnError", text)
		case strings.EqualFold(e.Tag, "OperationTimeout"):
			_, err := strconv.ParseUint(text, 10, 32)
			t.Check(err == nil, "OperationTimeout: a number of seconds", text)
		}
	}
}

// attestsInTime fails if a policy asks for an attestation that the EnrollmentVersion
// of the Discover reply does not have.
func attestsInTime(t *T, g *etree.Element, version string) {
	v, err := strconv.ParseFloat(version, 64)
	if err != nil && version != "" {
		return // ENR-42 reports it
	}
	for _, e := range g.FindElements(".//policy//*") {
		least := 0.0
		switch {
		case strings.EqualFold(e.Tag, "AttestationFailureBehavior"), strings.EqualFold(e.Tag, "OperationTimeout"):
			least = 5
		case strings.EqualFold(e.Tag, "azureAttestation"):
			least = 6
		}
		t.Check(v >= least || isNil(e), e.Tag+" with EnrollmentVersion "+strconv.FormatFloat(least, 'f', 1, 64)+" or later", "EnrollmentVersion "+suite.Show(version))
	}
}

// permitted reports whether a policy lets the user enroll. Without attributes, which
// ENR-51 reports, or without a permission it does.
func permitted(g *etree.Element) bool {
	list := all(g, "attributes")
	for _, a := range list {
		p := a.SelectElement("permission")
		if isNil(p) {
			return true
		}
		if may := textIn(p, "enroll"); may == "true" || may == "1" {
			return true
		}
	}
	return len(list) == 0
}

// sequences are the elements of a policy reply in the order of the schema (MS-XCEP
// 6.2). Servers leave some out, as Microsoft's examples do, and may add others.
var sequences = map[string][]string{
	"GetPoliciesResponse": {"response", "cAs", "oIDs"},
	"response":            {"policyID", "policyFriendlyName", "nextUpdateHours", "policiesNotChanged", "policies"},
	"policy":              {"policyOIDReference", "cAs", "attributes"},
	"attributes": {"commonName", "policySchema", "certificateValidity", "permission", "privateKeyAttributes", "revision", "supersededPolicies", "privateKeyFlags",
		"subjectNameFlags", "enrollmentFlags", "generalFlags", "hashAlgorithmOIDReference", "rARequirements", "keyArchivalAttributes", "extensions"},
	"certificateValidity":  {"validityPeriodSeconds", "renewalPeriodSeconds"},
	"permission":           {"enroll", "autoEnroll"},
	"privateKeyAttributes": {"minimalKeyLength", "keySpec", "keyUsageProperty", "permissions", "algorithmOIDReference", "cryptoProviders"},
	"revision":             {"majorRevision", "minorRevision"},
	"cA":                   {"uris", "certificate", "enrollPermission", "cAReferenceID"},
	"cAURI":                {"clientAuthentication", "uri", "priority", "renewalOnly"},
	"oID":                  {"value", "group", "oIDReferenceID", "defaultName"},
}

// listed returns the elements of a policy reply that the schema knows.
func listed(g *etree.Element) (list []*etree.Element) {
	if sequences[g.Tag] != nil {
		list = append(list, g)
	}
	for _, k := range g.ChildElements() {
		if slices.Contains(sequences[g.Tag], k.Tag) && sequences[k.Tag] == nil {
			list = append(list, k)
		}
		list = append(list, listed(k)...)
	}
	return list
}

// ordered fails unless the elements of a policy reply are in the order of the schema.
func ordered(t *T, e *etree.Element) {
	last, at := "", -1
	for _, k := range e.ChildElements() {
		if i := slices.Index(sequences[e.Tag], k.Tag); i >= 0 {
			t.Check(i > at || k.Tag == last, k.Tag+" before "+last+" in "+e.Tag, k.Tag+" after "+last)
			last, at = k.Tag, i
		}
		ordered(t, k)
	}
}
