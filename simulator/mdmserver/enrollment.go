package mdmserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // CertificateStore names a certificate by its SHA-1
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/beevik/etree"
	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
)

const minKeyBits = 2048

func (s *Server) relatesTo(e *enroll.Envelope) string {
	if s.is("enr-relates-to") {
		return "urn:uuid:00000000-0000-0000-0000-000000000000"
	}
	return e.MessageID
}

// written turns what a Write gave into what soap wants.
func written(body []byte, err error) ([]byte, *enroll.Fault) {
	if err != nil {
		return nil, &enroll.Fault{Code: "Receiver", Subcode: "InternalService", Reason: err.Error()}
	}
	return body, nil
}

func malformed(err error) *enroll.Fault {
	return &enroll.Fault{Code: "Sender", Subcode: enroll.FaultMessageFormat, Reason: err.Error()}
}

func (s *Server) discover(e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if _, err := e.DiscoverRequest(); err != nil {
		return nil, malformed(err)
	}
	base := s.cfg.BaseURL
	if s.is("enr-url-relative") {
		base = ""
	}
	r := &enroll.DiscoverResponse{AuthPolicy: "OnPremise", EnrollmentVersion: "4.0",
		PolicyURL: base + policyPath, EnrollmentURL: base + tokenPath}
	return written(r.Write(s.relatesTo(e), uuid.NewString()))
}

// authenticate checks the UsernameToken (MS-MDE2 3.4.4.1.1.1).
func (s *Server) authenticate(e *enroll.Envelope) *enroll.Fault {
	refused := &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "the user name or the password is wrong"}
	if !e.HasUsername {
		if s.is("enr-token-optional") {
			return nil
		}
		refused.Reason = "no security token"
		return refused
	}
	same := subtle.ConstantTimeCompare([]byte(e.Username), []byte(s.cfg.Username)) &
		subtle.ConstantTimeCompare([]byte(e.Password), []byte(s.cfg.Password))
	if same == 1 || s.is("enr-password-any") {
		return nil
	}
	if s.is("enr-password-panic") {
		panic("mutant enr-password-panic")
	}
	return refused
}

func (s *Server) policies(e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if f := s.authenticate(e); f != nil {
		return nil, f
	}
	if s.is("enr-policies-panic") {
		panic("mutant enr-policies-panic")
	}
	if e.BodyName() != "GetPolicies" {
		return nil, malformed(fmt.Errorf("no GetPolicies in the body, but %q", e.BodyName()))
	}
	year := int(deviceCertLife / time.Second)
	r := &enroll.PolicyResponse{MinimalKeyLength: minKeyBits, HashOID: "2.16.840.1.101.3.4.2.1", ValiditySeconds: year, RenewalSeconds: year / 10}
	return written(r.Write(s.relatesTo(e), uuid.NewString()))
}

// issue answers an RST with the provisioning document.
func (s *Server) issue(e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if f := s.authenticate(e); f != nil {
		return nil, f
	}
	req, err := e.TokenRequest()
	if err != nil {
		return nil, malformed(err)
	}
	bad := func(err error) ([]byte, *enroll.Fault) {
		return nil, &enroll.Fault{Code: "Sender", Subcode: enroll.FaultCertificate, Reason: err.Error()}
	}
	if s.is("enr-strict-csr") {
		if _, err := x509.ParseCertificateRequest(req.CSR); err != nil {
			return bad(err)
		}
	}
	key, err := readCSR(req.CSR)
	if err != nil {
		return bad(err)
	}
	id := req.Item("DeviceID")
	if id == "" {
		return nil, malformed(fmt.Errorf("no DeviceID in the AdditionalContext"))
	}
	cert, err := s.certify(id, key)
	if err != nil {
		return written(nil, err)
	}
	root := s.ca.cert.Raw
	if s.is("enr-wrong-root") {
		other, err := newAuthority("another CA")
		if err != nil {
			return written(nil, err)
		}
		root = other.cert.Raw
	}
	doc, err := s.provisioning(root, cert)
	if err != nil {
		return written(nil, err)
	}
	s.mu.Lock()
	// Enrolling again starts anew: nothing of the old enrollment is kept.
	s.devices[id] = &device{ID: id, Name: req.Item("DeviceName"), OS: req.Item("OSVersion"), Type: req.Item("DeviceType"),
		Enrolled: time.Now(), Active: true}
	s.mu.Unlock()
	s.log.Info("enrolled", "device", id)
	r := &enroll.TokenResponse{Provisioning: doc}
	return written(r.Write(s.relatesTo(e), uuid.NewString()))
}

func (s *Server) certify(id string, key crypto.PublicKey) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	if s.is("enr-serial-constant") {
		serial = big.NewInt(1)
	}
	if s.is("enr-wrong-key") {
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		key = other.Public()
	}
	return s.ca.issue(id, key, serial)
}

// provisioning writes the wap-provisioningdoc (MS-MDE2 2.2.9.1).
func (s *Server) provisioning(root, cert []byte) ([]byte, error) {
	doc := etree.NewDocument()
	top := doc.CreateElement("wap-provisioningdoc")
	if !s.is("enr-doc-version") {
		top.CreateAttr("version", "1.1")
	}
	in := func(parent *etree.Element, types ...string) *etree.Element {
		for _, t := range types {
			parent = parent.CreateElement("characteristic")
			parent.CreateAttr("type", t)
		}
		return parent
	}
	parm := func(parent *etree.Element, name, value string, datatype ...string) {
		p := parent.CreateElement("parm")
		p.CreateAttr("name", name)
		p.CreateAttr("value", value)
		if len(datatype) > 0 {
			p.CreateAttr("datatype", datatype[0])
		}
	}
	thumb := func(der []byte) string { return fmt.Sprintf("%X", sha1.Sum(der)) } //nolint:gosec // as above
	store := in(top, "CertificateStore")
	parm(in(store, "Root", "System", thumb(root)), "EncodedCertificate", base64.StdEncoding.EncodeToString(root))
	my := in(store, "My", "User")
	parm(in(my, thumb(cert)), "EncodedCertificate", base64.StdEncoding.EncodeToString(cert))
	keys := in(my, "PrivateKeyContainer")
	parm(keys, "KeySpec", "2")
	parm(keys, "ContainerName", "ConfigMgrEnrollment")
	parm(keys, "ProviderType", "1")

	app := in(top, "APPLICATION")
	parm(app, "APPID", "w7")
	parm(app, "PROVIDER-ID", s.cfg.ProviderID)
	if !s.is("enr-no-name") {
		parm(app, "NAME", s.cfg.ProviderID)
	}
	parm(app, "ADDR", s.cfg.BaseURL+managementPath)
	parm(app, "CONNRETRYFREQ", "6")
	parm(app, "INITIALBACKOFFTIME", "30000")
	parm(app, "MAXBACKOFFTIME", "120000")
	parm(app, "BACKCOMPATRETRYDISABLED", "")
	parm(app, "DEFAULTENCODING", "application/vnd.syncml.dm+xml")
	parm(app, "SSLCLIENTCERTSEARCHCRITERIA", "Subject=CN%3d"+uuid.Nil.String()+"&Stores=My%5CUser")
	for _, level := range []string{"CLIENT", "APPSRV"} {
		auth := in(app, "APPAUTH")
		nonce := make([]byte, 16)
		rand.Read(nonce)
		parm(auth, "AAUTHLEVEL", level)
		parm(auth, "AAUTHTYPE", "DIGEST")
		parm(auth, "AAUTHSECRET", rand.Text())
		parm(auth, "AAUTHDATA", base64.StdEncoding.EncodeToString(nonce))
	}
	provider := in(top, "DMClient", "Provider", s.cfg.ProviderID)
	parm(provider, "EntDMID", uuid.NewString(), "string")
	poll := in(provider, "Poll")
	for _, p := range [][2]string{
		{"NumberOfFirstRetries", "8"}, {"IntervalForFirstSetOfRetries", "15"},
		{"NumberOfSecondRetries", "5"}, {"IntervalForSecondSetOfRetries", "60"},
		{"NumberOfRemainingScheduledRetries", "0"}, {"IntervalForRemainingScheduledRetries", "480"},
	} {
		parm(poll, p[0], p[1], "integer")
	}
	parm(poll, "PollOnLogin", "true", "boolean")
	return doc.WriteToBytes()
}
