package csp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// Declared is a document of the DeclaredConfiguration CSP.
type Declared struct {
	Context, Schema, ID, Checksum, Scenario string
	// URL is where the settings are, of a document that has none itself.
	URL string

	CSPs []DeclaredCSP
	// DSCs are the parts for a management provider (MI) instead of a CSP.
	DSCs []DeclaredDSC
}

// DeclaredCSP are settings of one CSP.
type DeclaredCSP struct {
	Name string // ./Vendor/MSFT/VPNv2
	URIs []DeclaredURI
}

// DeclaredURI is one setting, or one question of an inventory.
type DeclaredURI struct{ Path, Type, Value string }

// DeclaredDSC is an instance of a class of a management provider.
type DeclaredDSC struct {
	Namespace, Class string
	Keys, Values     []DeclaredURI // Path is the name
}

// Scenarios are the known values of osdefinedscenario: those that Learn lists now, and
// those of its older list, without MSFT. That case does not matter is a model.
var Scenarios = []string{
	"MSFTWiredNetwork", "MSFTWifi", "MSFTVPN", "MSFTResource", "MSFTInventory", "MSFTClientCertificateInstall", "MSFTPolicies", "MSFTCertificateStore",
	"MSFTAdmxConfig", "MSFTFirewall", "MSFTDefender", "MSFTScep", "MSFTExtensibilityMIProviderConfig", "MSFTExtensibilityMIProviderInventory",
}

// byURL is the root of a document whose settings the device downloads. No page of Learn
// has it, nor ReflectedProperties; Intune sends both for Endpoint Privilege Management
// [seen: a support engineer's page on the installation of its agent].
const byURL = "DeclaredConfigurationUrl"

// ReadDeclared reads a document. The error says what is wrong with its syntax.
func ReadDeclared(text string) (*Declared, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		return nil, fmt.Errorf("the document is not well-formed XML: %w", err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "DeclaredConfiguration" && root.Tag != byURL {
		return nil, errors.New("the document's root is not DeclaredConfiguration")
	}
	d := &Declared{Context: root.SelectAttrValue("context", ""), Schema: root.SelectAttrValue("schema", ""), ID: root.SelectAttrValue("id", ""),
		Checksum: root.SelectAttrValue("checksum", ""), Scenario: root.SelectAttrValue("osdefinedscenario", ""), URL: root.SelectAttrValue("url", "")}
	switch known := func(s string) bool {
		return strings.EqualFold(s, d.Scenario) || strings.EqualFold(strings.TrimPrefix(s, "MSFT"), d.Scenario)
	}; {
	case !strings.EqualFold(d.Context, "Device") && !strings.EqualFold(d.Context, "User"):
		return nil, fmt.Errorf("context is %.100q, not Device or User", d.Context)
	case d.Schema == "" || d.ID == "" || d.Checksum == "":
		return nil, errors.New("schema, id or checksum is missing")
	case !slices.ContainsFunc(Scenarios, known):
		return nil, fmt.Errorf("unknown osdefinedscenario %.100q", d.Scenario)
	case root.Tag == byURL && !strings.HasPrefix(d.URL, "https://"):
		return nil, errors.New("a DeclaredConfigurationUrl has no url that begins with https://")
	}
	for _, e := range root.ChildElements() {
		switch e.Tag {
		case "CSP":
			c := DeclaredCSP{Name: e.SelectAttrValue("name", "")}
			for _, u := range e.SelectElements("URI") {
				if kids := u.ChildElements(); len(kids) > 0 {
					return nil, fmt.Errorf("a URI has an element %.100q in it; its value is escaped text", kids[0].Tag)
				}
				c.URIs = append(c.URIs, DeclaredURI{u.SelectAttrValue("path", ""), u.SelectAttrValue("type", ""), characters(u)})
			}
			d.CSPs = append(d.CSPs, c)
		case "DSC":
			c := DeclaredDSC{Namespace: e.SelectAttrValue("namespace", ""), Class: e.SelectAttrValue("className", "")}
			if c.Class == "" {
				c.Class = e.SelectAttrValue("classname", "") // as some samples of Learn spell it
			}
			for _, k := range e.SelectElements("Key") {
				c.Keys = append(c.Keys, DeclaredURI{k.SelectAttrValue("name", ""), "", characters(k)})
			}
			for _, v := range e.SelectElements("Value") {
				c.Values = append(c.Values, DeclaredURI{v.SelectAttrValue("name", ""), "", characters(v)})
			}
			d.DSCs = append(d.DSCs, c)
		case "ReflectedProperties": // the server's own notes
		default:
			return nil, fmt.Errorf("unknown element %.100q", e.Tag)
		}
	}
	if len(d.CSPs)+len(d.DSCs) == 0 && root.Tag != byURL {
		return nil, errors.New("the document has neither CSP nor DSC")
	}
	return d, nil
}

// characters are all characters of an element, also those after a comment.
func characters(e *etree.Element) string {
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// Settings are the LocURIs of the document, in order.
func (d *Declared) Settings() (out []string) {
	for _, c := range d.CSPs {
		for _, u := range c.URIs {
			out = append(out, d.LocURI(c.Name, u.Path))
		}
	}
	return out
}

// LocURI is the address of a path below a CSP, in the scope of the document.
func (d *Declared) LocURI(name, path string) string {
	uri := strings.TrimSuffix(name, "/")
	if path != "" {
		uri += "/" + strings.TrimPrefix(path, "/")
	}
	if rest, ok := strings.CutPrefix(uri, "./Vendor/"); ok && strings.EqualFold(d.Context, "User") {
		return "./User/Vendor/" + rest
	}
	return uri
}

// HResultValue is an HRESULT ("0x80070002") as a node of format int has it.
func HResultValue(hr string) string {
	n, err := strconv.ParseUint(hr, 0, 32)
	if err != nil {
		return "0"
	}
	return strconv.Itoa(int(int32(n))) //nolint:gosec // the bits are what counts
}
