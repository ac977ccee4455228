package mdmserver

import (
	"crypto/sha1" //nolint:gosec // CertificateStore names a certificate by its SHA-1
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/beevik/etree"
	"github.com/google/uuid"
)

// characteristic nests characteristics of these types.
func characteristic(parent *etree.Element, types ...string) *etree.Element {
	for _, t := range types {
		parent = parent.CreateElement("characteristic")
		parent.CreateAttr("type", t)
	}
	return parent
}

func parm(parent *etree.Element, name, value string, datatype ...string) {
	p := parent.CreateElement("parm")
	p.CreateAttr("name", name)
	p.CreateAttr("value", value)
	if len(datatype) > 0 {
		p.CreateAttr("datatype", datatype[0])
	}
}

func thumbprint(der []byte) string { return fmt.Sprintf("%X", sha1.Sum(der)) } //nolint:gosec // as above

// trustedCert puts the certificate of an authority into a store.
func trustedCert(store *etree.Element, name string, der []byte) {
	parm(characteristic(store, name, "System", thumbprint(der)), "EncodedCertificate", base64.StdEncoding.EncodeToString(der))
}

// identityCert puts the client certificate into a store.
func identityCert(my *etree.Element, cert []byte) {
	parm(characteristic(my, thumbprint(cert)), "EncodedCertificate", base64.StdEncoding.EncodeToString(cert))
	keys := characteristic(my, "PrivateKeyContainer")
	parm(keys, "KeySpec", "2")
	parm(keys, "ContainerName", "ConfigMgrEnrollment")
	parm(keys, "ProviderType", "1")
}

// provisioning writes the wap-provisioningdoc (MS-MDE2 2.2.9.1).
func (s *Server) provisioning(d *Device, cert []byte) ([]byte, error) {
	doc := etree.NewDocument()
	top := doc.CreateElement("wap-provisioningdoc")
	top.CreateAttr("version", "1.1")
	store := characteristic(top, "CertificateStore")
	trustedCert(store, "Root", s.root)
	if s.cfg.Intermediate {
		trustedCert(store, "CA", s.ca.cert.Raw)
	}
	my := characteristic(store, "My")
	identityCert(characteristic(my, d.store()), cert)
	renew := characteristic(my, "WSTEP", "Renew")
	parm(renew, "ROBOSupport", "true", "boolean")
	parm(renew, "RenewPeriod", "60", "integer")
	parm(renew, "RetryInterval", "4", "integer")
	app := characteristic(top, "APPLICATION")
	if err := s.application(app, d, cert); err != nil {
		return nil, err
	}
	provider := characteristic(top, "DMClient", "Provider", s.cfg.ProviderID)
	parm(provider, "EntDMID", uuid.NewString(), "string")
	if s.cfg.RequireSigning {
		parm(provider, "RequireMessageSigning", "true", "boolean")
	}
	parm(provider, "HelpWebsite", s.cfg.BaseURL+HelpPath, "string")
	poll := characteristic(provider, "Poll")
	for _, p := range [][2]string{
		{"NumberOfFirstRetries", "8"}, {"IntervalForFirstSetOfRetries", "15"},
		{"NumberOfSecondRetries", "5"}, {"IntervalForSecondSetOfRetries", "60"},
		{"NumberOfRemainingScheduledRetries", "0"}, {"IntervalForRemainingScheduledRetries", "1440"},
	} {
		parm(poll, p[0], p[1], "integer")
	}
	parm(poll, "PollOnLogin", "true", "boolean")
	for _, f := range s.cfg.Tamper.Document {
		f(&Provisioning{Config: &s.cfg, Device: d, Doc: doc})
	}
	return doc.WriteToBytes()
}

// application is the w7 characteristic: the address of sessions, and how both
// sides prove themselves in them.
func (s *Server) application(app *etree.Element, d *Device, cert []byte) error {
	auth := &d.Auth
	issued, err := x509.ParseCertificate(cert)
	if err != nil {
		return fmt.Errorf("read the certificate that was issued: %w", err)
	}
	parm(app, "APPID", "w7")
	parm(app, "PROVIDER-ID", s.cfg.ProviderID)
	parm(app, "NAME", s.cfg.ProviderID)
	parm(app, "ADDR", s.cfg.BaseURL+ManagementPath)
	parm(app, "CONNRETRYFREQ", "6")
	parm(app, "INITIALBACKOFFTIME", "30000")
	parm(app, "MAXBACKOFFTIME", "120000")
	parm(app, "BACKCOMPATRETRYDISABLED", "")
	parm(app, "DEFAULTENCODING", s.cfg.Encoding)
	parm(app, "SSLCLIENTCERTSEARCHCRITERIA", "Subject="+uriEscape(issued.Subject.String())+"&Stores="+uriEscape(`My\`+d.store()))
	kind := "DIGEST"
	if s.cfg.SessionAuth == AuthBasic {
		kind = "BASIC"
	}
	client := characteristic(app, "APPAUTH")
	parm(client, "AAUTHLEVEL", "CLIENT")
	parm(client, "AAUTHTYPE", "DIGEST")
	parm(client, "AAUTHSECRET", auth.ServerSecret)
	parm(client, "AAUTHDATA", base64.StdEncoding.EncodeToString(auth.ServerNonce))
	server := characteristic(app, "APPAUTH")
	parm(server, "AAUTHLEVEL", "APPSRV")
	parm(server, "AAUTHTYPE", kind)
	parm(server, "AAUTHNAME", auth.Name)
	parm(server, "AAUTHSECRET", auth.Secret)
	parm(server, "AAUTHDATA", base64.StdEncoding.EncodeToString(auth.Nonce))
	return nil
}

// uriEscape escapes everything outside RFC 2396's unreserved characters.
func uriEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
