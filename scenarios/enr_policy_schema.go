package scenarios

import (
	"maps"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// lists are the elements of a policy reply that hold others, besides sequences (MS-XCEP
// 6.2). cAs is another list in a policy than in the reply.
var lists = map[string][]string{
	"policies":              {"policy"},
	"uris":                  {"cAURI"},
	"oIDs":                  {"oID"},
	"cryptoProviders":       {"provider"},
	"supersededPolicies":    {"commonName"},
	"rARequirements":        {"rASignatures", "rAEKUs", "rAPolicies"},
	"rAEKUs":                {"oIDReference"},
	"rAPolicies":            {"oIDReference"},
	"keyArchivalAttributes": {"symmetricAlgorithmOIDReference", "symmetricAlgorithmKeyLength"},
	"extensions":            {"extension"},
	"extension":             {"oIDReference", "critical", "value"},
}

// extensible are the elements whose schema ends with any element.
var extensible = []string{"response", "policy", "attributes", "cA", "cAURI", "oID"}

// attestationNames are the elements about attestation, in small letters (MS-MDE2
// 3.3.4.1.1.2). Servers write them in several places.
var attestationNames = []string{"attestation", "azureattestation", "attestationfailurebehavior", "operationtimeout"}

// schemaNames are the names of all elements below GetPoliciesResponse.
var schemaNames = slices.Concat(slices.Concat(slices.Collect(maps.Values(sequences))...), slices.Concat(slices.Collect(maps.Values(lists))...), []string{"cA", "cAReference"})

// childrenOf returns the names that the schema has in an element; none for text.
func childrenOf(e *etree.Element) []string {
	switch {
	case e.Tag == "cAs" && e.Parent() != nil && e.Parent().Tag == "policy":
		return []string{"cAReference"}
	case e.Tag == "cAs":
		return []string{"cA"}
	case sequences[e.Tag] != nil:
		return sequences[e.Tag]
	}
	return lists[e.Tag]
}

// members fails if an element of a policy reply has one that the schema does not have
// there. A maker's own elements may follow where the schema ends with any element, and
// may stand anywhere in a namespace of their own. ENR-08 reports a policy in another
// place, ENR-50 what is loose among the OIDs.
func members(t *T, e *etree.Element) {
	allowed := childrenOf(e)
	kids := e.ChildElements()
	for i, k := range kids {
		switch {
		case k.NamespaceURI() != e.NamespaceURI(), slices.Contains(attestationNames, strings.ToLower(k.Tag)):
		case slices.Contains(allowed, k.Tag), k.Tag == "policies", k.Tag == "policy":
			members(t, k)
		case e.Tag == "oIDs":
		default:
			last := slices.Contains(extensible, e.Tag) && !slices.Contains(schemaNames, k.Tag) &&
				!slices.ContainsFunc(kids[i:], func(o *etree.Element) bool { return slices.Contains(allowed, o.Tag) })
			t.Check(last, "in "+e.Tag+" the elements of its schema, then others", k.Tag)
		}
	}
}

// emptyNils fails if an element with xsi:nil has content (XML Schema part 1, 3.3.4).
func emptyNils(t *T, g *etree.Element) {
	for _, e := range g.FindElements(".//*") {
		for _, a := range e.Attr {
			if a.Key == "nil" && a.Space != "" && (a.Value == "true" || a.Value == "1") {
				t.Check(len(e.ChildElements()) == 0 && strings.TrimSpace(e.Text()) == "", e.Tag+" that is nil and empty, or has content and is not nil", "nil, with content")
			}
		}
	}
}

// listsIssuers fails if a list of CAs is empty and not nil: the schema asks for one at
// least.
func listsIssuers(t *T, g *etree.Element) {
	for _, e := range g.FindElements(".//cAs") {
		t.Check(!isNil(e) || e.SelectAttr("nil") != nil, "a CA, or cAs nil", "an empty element")
	}
}
