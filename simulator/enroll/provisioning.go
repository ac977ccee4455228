package enroll

import (
	"crypto/sha1" //nolint:gosec // CertificateStore names a certificate by its SHA-1
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/xmlscan"
)

// Provisioning is a wap-provisioningdoc (MS-MDE2 2.2.9.1 and Learn,
// "Certificate authentication device enrollment").
type Provisioning struct {
	Version    string
	Roots      [][]byte // DER, CertificateStore/Root/System or RootCATrustedCertificates/Root
	ClientCert []byte   // DER, CertificateStore/My/{User|System}
	Store      string   // User or System
	// Stored are all certificates, also those of authorities in between.
	Stored   []StoredCert
	App      Application
	Provider Provider
	// Renew are the values under CertificateStore/My/WSTEP/Renew.
	Renew []ProviderNode
}

// StoredCert is a certificate of the document.
type StoredCert struct {
	Store string // Root/System, CA/System, My/User, My/System, or RootCATrustedCertificates/{Root|CA}
	// Name is the type of its characteristic, which should be the certificate's
	// SHA-1 in hexadecimal (MS-MDE2 2.2.9.2, CertHash).
	Name string
	DER  []byte
}

// Thumbprint is the SHA-1 of the certificate, as CertificateStore names it.
func (c *StoredCert) Thumbprint() string { return fmt.Sprintf("%X", sha1.Sum(c.DER)) } //nolint:gosec // as Windows does

// Named reports whether the characteristic has the certificate's thumbprint.
func (c *StoredCert) Named() bool { return strings.EqualFold(c.Name, c.Thumbprint()) }

// Application is the w7 characteristic: the server's address and credentials
// (OMA w7 APPLICATION; Learn, "w7 APPLICATION CSP").
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

// Provider is the part under DMClient/Provider/{ID}.
type Provider struct {
	ID string
	// Nodes are the values by their path under the provider: "EntDMID",
	// "Poll/NumberOfFirstRetries", "Push/PFN".
	Nodes []ProviderNode
}

// ProviderNode is one value under the provider.
type ProviderNode struct{ Path, Value, Datatype string }

// Node is the value at path; empty if absent.
func (p *Provider) Node(path string) string {
	for _, n := range p.Nodes {
		if strings.EqualFold(n.Path, path) {
			return n.Value
		}
	}
	return ""
}

// ReadProvisioning parses the document of an RSTR. It fails only if no device
// could continue; missing parts are empty fields.
func ReadProvisioning(b []byte) (*Provisioning, error) {
	doc, err := xmlscan.Document(b)
	if err != nil {
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
		case "ROOTCATRUSTEDCERTIFICATES":
			if err := p.readTrusted(c); err != nil {
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

// characteristic is the nested characteristic of that type; nil if absent.
func characteristic(c *etree.Element, typ string) *etree.Element {
	for _, k := range kids(c, "characteristic") {
		if strings.EqualFold(typeOf(k), typ) {
			return k
		}
	}
	return nil
}

// below are all characteristics at a path of types. A type may stand more than once
// beside itself: servers write one My for the certificate and another for WSTEP
// [seen].
func below(c *etree.Element, types ...string) []*etree.Element {
	list := []*etree.Element{c}
	for _, typ := range types {
		var next []*etree.Element
		for _, c := range list {
			for _, k := range kids(c, "characteristic") {
				if strings.EqualFold(typeOf(k), typ) {
					next = append(next, k)
				}
			}
		}
		list = next
	}
	return list
}

// certificates are the characteristics of certificates in a store.
func certificates(store *etree.Element, name, where string) (list []*etree.Element) {
	for _, c := range below(store, name, where) {
		list = append(list, kids(c, "characteristic")...)
	}
	return list
}

func (p *Provisioning) readStore(store *etree.Element) error {
	for _, where := range [][2]string{{"Root", "System"}, {"CA", "System"}, {"My", "User"}, {"My", "System"}} {
		for _, c := range certificates(store, where[0], where[1]) {
			der, err := encodedCert(c)
			if err != nil && where[0] != "CA" { // a device goes on without an authority in between
				return err
			}
			if der == nil {
				continue
			}
			p.Stored = append(p.Stored, StoredCert{where[0] + "/" + where[1], typeOf(c), der})
			switch where[0] {
			case "Root":
				p.Roots = append(p.Roots, der)
			case "My":
				if p.ClientCert == nil || !isAuthority(der) {
					p.ClientCert, p.Store = der, where[1]
				}
			}
		}
	}
	var nodes Provider
	for _, renew := range below(store, "My", "WSTEP", "Renew") {
		readNodes(&nodes, renew, "")
	}
	p.Renew = append(p.Renew, nodes.Nodes...)
	return nil
}

// readTrusted reads RootCATrustedCertificates, which can deliver CAs as well
// (MS-MDE2 2.2.9.4).
func (p *Provisioning) readTrusted(trusted *etree.Element) error {
	for _, store := range []string{"Root", "CA"} {
		for _, c := range kids(characteristic(trusted, store), "characteristic") {
			der, err := encodedCert(c)
			if err != nil {
				return err
			}
			if der == nil {
				continue
			}
			p.Stored = append(p.Stored, StoredCert{"RootCATrustedCertificates/" + store, typeOf(c), der})
			if store == "Root" {
				p.Roots = append(p.Roots, der)
			}
		}
	}
	return nil
}

// encodedCert returns the certificate in a characteristic; nil if it has none.
func encodedCert(c *etree.Element) ([]byte, error) {
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

// isAuthority reports whether a certificate is of a CA: Learn, "Federated
// authentication device enrollment", has those in between in My/User; MS-MDE2 2.2.9.2
// has them in CA/System.
func isAuthority(der []byte) bool {
	c, err := x509.ParseCertificate(der)
	return err == nil && c.IsCA
}

func readApplication(c *etree.Element) Application {
	a := Application{Parms: map[string]string{}}
	for _, p := range kids(c, "parm") {
		a.Parms[strings.ToUpper(p.SelectAttrValue("name", ""))] = p.SelectAttrValue("value", "")
	}
	a.AppID, a.ProviderID, a.Name, a.Addr = a.Parms["APPID"], a.Parms["PROVIDER-ID"], a.Parms["NAME"], a.Parms["ADDR"]
	for _, k := range kids(c, "characteristic") {
		if strings.EqualFold(typeOf(k), "APPADDR") && a.Addr == "" {
			a.Addr = readApplication(k).Addr
		}
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
