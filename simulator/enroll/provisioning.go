package enroll

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// Provisioning is a wap-provisioningdoc as a device takes it in (MS-MDE2
// 2.2.9.1 and Learn, "Certificate authentication device enrollment").
type Provisioning struct {
	Version    string
	Roots      [][]byte // DER, CertificateStore/Root/System
	ClientCert []byte   // DER, CertificateStore/My/{User|System}
	Store      string   // User or System
	App        Application
	Provider   Provider
	// Renew are the values under CertificateStore/My/WSTEP/Renew.
	Renew []ProviderNode
}

// Application is the w7 characteristic: where the server is and how to talk
// to it (OMA w7 APPLICATION; Learn, "w7 APPLICATION CSP").
type Application struct {
	AppID      string // w7
	ProviderID string
	Name       string
	Addr       string
	// Parms are all parameters by their upper-case name.
	Parms map[string]string
	Auth  []AppAuth
}

// AppAuth is one APPAUTH characteristic.
type AppAuth struct{ Level, Type, Name, Secret, Data string }

// Provider is what the document says under DMClient/Provider/{ID}.
type Provider struct {
	ID string
	// Nodes are the values by their path under the provider: "EntDMID",
	// "Poll/NumberOfFirstRetries", "Push/PFN".
	Nodes []ProviderNode
}

// ProviderNode is one value under the provider.
type ProviderNode struct{ Path, Value, Datatype string }

// Node gives the value at path, empty if it is not there.
func (p *Provider) Node(path string) string {
	for _, n := range p.Nodes {
		if strings.EqualFold(n.Path, path) {
			return n.Value
		}
	}
	return ""
}

// ReadProvisioning parses the document of an RSTR. An error means a device
// could not go on with it; what is merely missing shows as an empty field.
func ReadProvisioning(b []byte) (*Provisioning, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, fmt.Errorf("provisioning document is not well-formed: %w", err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "wap-provisioningdoc" {
		return nil, errors.New("provisioning document: the root is not wap-provisioningdoc")
	}
	if err := shortPaths(root, 0); err != nil {
		return nil, err
	}
	p := &Provisioning{Version: root.SelectAttrValue("version", "")}
	for _, c := range kids(root, "characteristic") {
		switch strings.ToUpper(typeOf(c)) {
		case "CERTIFICATESTORE":
			if err := p.readStore(c); err != nil {
				return nil, err
			}
		case "APPLICATION":
			app := readApplication(c)
			if p.App.AppID == "" || strings.EqualFold(app.AppID, "w7") {
				p.App = app
			}
		case "DMCLIENT":
			for _, id := range kids(characteristic(c, "Provider"), "characteristic") {
				p.Provider.ID = typeOf(id)
				readNodes(&p.Provider, id, "")
			}
		}
	}
	return p, nil
}

func typeOf(c *etree.Element) string { return c.SelectAttrValue("type", "") }

// characteristic is the nested characteristic of that type, nil if absent.
func characteristic(c *etree.Element, typ string) *etree.Element {
	for _, k := range kids(c, "characteristic") {
		if strings.EqualFold(typeOf(k), typ) {
			return k
		}
	}
	return nil
}

func (p *Provisioning) readStore(store *etree.Element) error {
	encoded := func(c *etree.Element) ([]byte, error) {
		for _, parm := range kids(c, "parm") {
			if strings.EqualFold(parm.SelectAttrValue("name", ""), "EncodedCertificate") {
				der, err := decodeBase64(parm.SelectAttrValue("value", ""))
				if err != nil {
					return nil, fmt.Errorf("provisioning document: certificate %s is not base64: %w", typeOf(c), err)
				}
				return der, nil
			}
		}
		return nil, nil
	}
	for _, c := range kids(characteristic(characteristic(store, "Root"), "System"), "characteristic") {
		der, err := encoded(c)
		if err != nil {
			return err
		}
		if der != nil {
			p.Roots = append(p.Roots, der)
		}
	}
	for _, where := range []string{"User", "System"} {
		for _, c := range kids(characteristic(characteristic(store, "My"), where), "characteristic") {
			der, err := encoded(c)
			if err != nil {
				return err
			}
			if der != nil {
				p.ClientCert, p.Store = der, where
			}
		}
	}
	if renew := characteristic(characteristic(characteristic(store, "My"), "WSTEP"), "Renew"); renew != nil {
		var nodes Provider
		readNodes(&nodes, renew, "")
		p.Renew = nodes.Nodes
	}
	return nil
}

func readApplication(c *etree.Element) Application {
	a := Application{Parms: map[string]string{}}
	for _, p := range kids(c, "parm") {
		a.Parms[strings.ToUpper(p.SelectAttrValue("name", ""))] = p.SelectAttrValue("value", "")
	}
	a.AppID, a.ProviderID, a.Name, a.Addr = a.Parms["APPID"], a.Parms["PROVIDER-ID"], a.Parms["NAME"], a.Parms["ADDR"]
	for _, k := range kids(c, "characteristic") {
		if !strings.EqualFold(typeOf(k), "APPAUTH") {
			continue
		}
		m := map[string]string{}
		for _, p := range kids(k, "parm") {
			m[strings.ToUpper(p.SelectAttrValue("name", ""))] = p.SelectAttrValue("value", "")
		}
		a.Auth = append(a.Auth, AppAuth{Level: m["AAUTHLEVEL"], Type: m["AAUTHTYPE"], Name: m["AAUTHNAME"], Secret: m["AAUTHSECRET"], Data: m["AAUTHDATA"]})
	}
	return a
}

func readNodes(p *Provider, c *etree.Element, at string) {
	for _, parm := range kids(c, "parm") {
		p.Nodes = append(p.Nodes, ProviderNode{
			Path: at + parm.SelectAttrValue("name", ""), Value: parm.SelectAttrValue("value", ""), Datatype: parm.SelectAttrValue("datatype", ""),
		})
	}
	for _, k := range kids(c, "characteristic") {
		readNodes(p, k, at+typeOf(k)+"/")
	}
}
