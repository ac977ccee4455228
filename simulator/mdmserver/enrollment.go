package mdmserver

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
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

func (s *Server) discover(_ *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if _, err := e.DiscoverRequest(); err != nil {
		return nil, malformed(err)
	}
	base := s.cfg.BaseURL
	if s.is("enr-url-relative") {
		base = ""
	}
	r := &enroll.DiscoverResponse{AuthPolicy: s.cfg.AuthPolicy, EnrollmentVersion: "4.0",
		PolicyURL: base + policyPath, EnrollmentURL: base + tokenPath}
	if s.varies("no-policy-service") {
		r.PolicyURL = ""
	}
	if s.cfg.AuthPolicy == Federated && !s.is("enr-no-auth-url") {
		r.AuthenticationURL = base + signInPath
	}
	if s.is("enr-policy-unoffered") {
		r.AuthPolicy = "Kerberos"
	}
	return written(r.Write(s.relatesTo(e), uuid.NewString()))
}

func (s *Server) policies(_ *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
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
	minKeyBits := minKeyBits
	if s.is("enr-key-length") {
		minKeyBits = 1024
	}
	r := &enroll.PolicyResponse{MinimalKeyLength: minKeyBits, HashOID: "2.16.840.1.101.3.4.2.1", ValiditySeconds: year, RenewalSeconds: year / 10}
	return written(r.Write(s.relatesTo(e), uuid.NewString()))
}

// issue answers an RST with the provisioning document.
func (s *Server) issue(r *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
	req, err := e.TokenRequest()
	if err == nil && req.Renewal {
		return s.renew(r, e, req)
	}
	if f := s.authenticate(e); f != nil {
		return nil, f
	}
	if s.is("enr-policy-lies") && e.HasUsername {
		return nil, &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "a BinarySecurityToken is required"}
	}
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
	key, err := readCSR(req.CSR, s.shortest())
	if err != nil {
		return bad(err)
	}
	if s.is("enr-sha1-only") && bytes.Contains(req.CSR, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}) {
		return bad(errors.New("signature algorithm"))
	}
	if s.is("sec-name") && strings.Contains(req.Item("DeviceName"), "'") {
		return bad(errors.New("SQL: unrecognized token"))
	}
	if s.is("enr-again-refused") {
		s.mu.Lock()
		_, known := s.devices[req.Item("DeviceID")]
		s.mu.Unlock()
		if known {
			return bad(errors.New("the device is enrolled already"))
		}
	}
	id := req.Item("DeviceID")
	if id == "" {
		return nil, malformed(fmt.Errorf("no DeviceID in the AdditionalContext"))
	}
	subject := id
	if s.is("sec-csr") {
		subject = commonName(req.CSR, id)
	}
	cert, err := s.certify(subject, key)
	if err != nil {
		return written(nil, err)
	}
	root := s.root
	if s.is("enr-wrong-root") {
		other, err := newAuthority("another CA", tenYears())
		if err != nil {
			return written(nil, err)
		}
		root = other.cert.Raw
	}
	auth := newCredentials(id)
	if s.is("enr-nonce-same") {
		auth.secret, auth.nonce, auth.serverSecret, auth.serverNonce = "secret", []byte("nonce"), "secret", []byte("nonce")
	}
	doc, err := s.provisioning(root, cert, &auth)
	if err != nil {
		return written(nil, err)
	}
	s.mu.Lock()
	var push pushState
	var stale *session
	mute := s.is("enr-again-mute") && s.devices[id] != nil
	if old := s.devices[id]; old != nil {
		if s.is("chn-keep-enrollment") {
			push = old.Push
		}
		if s.is("enr-stale-session") && old.session != nil && !old.session.over {
			stale = old.session
		}
	}
	// Enrolling again starts anew: nothing of the old enrollment is kept.
	s.devices[id] = &device{auth: auth, ID: id, Name: req.Item("DeviceName"), OS: req.Item("OSVersion"), Type: req.Item("DeviceType"),
		Enrolled: time.Now(), Active: true, Push: push, session: stale, stalled: mute}
	s.mu.Unlock()
	s.log.Info("enrolled", "device", id)
	out := &enroll.TokenResponse{Provisioning: doc, Created: s.stamp()}
	return written(out.Write(s.relatesTo(e), uuid.NewString()))
}

// renew answers a renewal with a document that has the new certificate only.
func (s *Server) renew(r *http.Request, e *enroll.Envelope, req *enroll.TokenRequest) ([]byte, *enroll.Fault) {
	id, csr, f := s.renewable(r, req)
	if f == nil && s.is("enr-renew-refused") {
		f = &enroll.Fault{Code: "Receiver", Subcode: "Authorization", Reason: "renewal is not supported"}
	}
	if f != nil {
		return nil, f
	}
	key, err := readCSR(csr, s.shortest())
	if err != nil {
		return nil, &enroll.Fault{Code: "Sender", Subcode: enroll.FaultCertificate, Reason: err.Error()}
	}
	cert, err := s.certify(id, key)
	if err != nil {
		return written(nil, err)
	}
	doc := etree.NewDocument()
	top := doc.CreateElement("wap-provisioningdoc")
	top.CreateAttr("version", "1.1")
	identityCert(characteristic(top, "CertificateStore", "My", "User"), cert)
	parm(characteristic(top, "APPLICATION"), "PROVIDER-ID", s.cfg.ProviderID)
	raw, err := doc.WriteToBytes()
	if err != nil {
		return written(nil, err)
	}
	s.log.Info("certificate renewed", "device", id)
	out := &enroll.TokenResponse{Provisioning: raw, Created: s.stamp()}
	return written(out.Write(s.relatesTo(e), uuid.NewString()))
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
	if s.is("enr-no-eku") {
		return s.ca.issue(id, key, serial, s.cfg.CertificateLife, x509.ExtKeyUsageEmailProtection)
	}
	return s.ca.issue(id, key, serial, s.cfg.CertificateLife)
}
