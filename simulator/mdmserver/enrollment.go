package mdmserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/beevik/etree"
	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
)

func (s *Server) discover(_ *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
	req, err := e.DiscoverRequest()
	if err != nil {
		return nil, malformed(err)
	}
	if !slices.Contains(req.AuthPolicies, s.cfg.AuthPolicy) {
		return nil, &enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", ErrorType: "NotSupported",
			Reason: "this server supports AuthPolicy " + s.cfg.AuthPolicy + " only"}
	}
	r := &enroll.DiscoverResponse{AuthPolicy: s.cfg.AuthPolicy, EnrollmentVersion: "4.0",
		PolicyURL: s.cfg.BaseURL + PolicyPath, EnrollmentURL: s.cfg.BaseURL + EnrollmentPath}
	if s.cfg.AuthPolicy == Federated {
		r.AuthenticationURL = s.cfg.BaseURL + SignInPath
	}
	for _, f := range s.cfg.Tamper.Discover {
		f(&s.cfg, r)
	}
	return written(r.Write(e.MessageID, uuid.NewString()))
}

func (s *Server) policies(_ *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if f := s.authenticate(e); f != nil {
		return nil, f
	}
	req, err := e.PolicyRequest()
	if err != nil {
		return nil, malformed(err)
	}
	year := int(deviceCertLife / time.Second)
	r := &enroll.PolicyResponse{MinimalKeyLength: minKeyBits, HashOID: "2.16.840.1.101.3.4.2.1", ValiditySeconds: year, RenewalSeconds: year / 10}
	r.None = len(req.PolicyOIDs) > 0 && !slices.Contains(req.PolicyOIDs, r.HashOID) // policyOIDReference names that OID
	return written(r.Write(e.MessageID, uuid.NewString()))
}

// issue answers an RST with the provisioning document.
func (s *Server) issue(r *http.Request, e *enroll.Envelope) ([]byte, *enroll.Fault) {
	if e.Action != enroll.ActionRequestToken {
		return nil, malformed(fmt.Errorf("expected the Action %s, saw %.200q", enroll.ActionRequestToken, e.Action)) // MS-WSTEP 3.1.4.2
	}
	req, err := e.TokenRequest()
	if err == nil && req.Renewal {
		return s.renew(r, e, req)
	}
	if f := s.authenticate(e); f != nil {
		return nil, f
	}
	if err != nil {
		return nil, malformed(err)
	}
	id := req.Item("DeviceID")
	if id == "" {
		return nil, malformed(errors.New("the AdditionalContext has no DeviceID"))
	}
	who := s.named(e)
	if f := s.agreed(req, who); f != nil {
		return nil, f
	}
	if f := s.ofPrimary(e, id); f != nil {
		return nil, f
	}
	s.mu.Lock()
	old := s.devices[id]
	s.mu.Unlock()
	cert, err := s.certify(id, req.CSR, Certification{Request: req, Known: old != nil})
	if err != nil {
		return nil, badRequest(err)
	}
	// Enrolling again starts anew: the server keeps nothing of the old enrollment.
	d := &Device{ID: id, Name: req.Item("DeviceName"), OS: req.Item("OSVersion"), Type: req.Item("DeviceType"), EnrollmentType: req.Item("EnrollmentType"),
		Enrolled: s.cfg.Now(), Active: true, Directory: who.DeviceID, Auth: newCredentials(id)}
	s.mu.Lock()
	s.changed(Change{Moment: Enrolled, Device: d, Old: old})
	s.mu.Unlock()
	doc, err := s.provisioning(d, cert)
	if err != nil {
		return written(nil, err)
	}
	s.mu.Lock()
	s.devices[id] = d
	s.mu.Unlock()
	s.log.Info("enrolled", "device", id)
	return s.tokenResponse(e, doc)
}

// named is who enrolls, as the directory says.
func (s *Server) named(e *enroll.Envelope) *Identity {
	if s.cfg.Entra != nil {
		if who, err := s.checkJWT(string(e.Token)); err == nil {
			return who
		}
	}
	return &Identity{}
}

// renew answers a renewal with a document that has only the new certificate.
func (s *Server) renew(r *http.Request, e *enroll.Envelope, req *enroll.TokenRequest) ([]byte, *enroll.Fault) {
	x := &Enrollment{Envelope: e, Renewal: true, Request: r}
	s.renewable(x, req)
	if fault := s.admitted(x); fault != nil {
		return nil, fault
	}
	cert, err := s.certify(x.ID, x.CSR, Certification{Request: req, Known: true})
	if err != nil {
		return nil, badRequest(err)
	}
	doc := etree.NewDocument()
	top := doc.CreateElement("wap-provisioningdoc")
	top.CreateAttr("version", "1.1")
	s.mu.Lock()
	store := "User"
	if d := s.devices[x.ID]; d != nil {
		store = d.store()
	}
	s.mu.Unlock()
	identityCert(characteristic(top, "CertificateStore", "My", store), cert)
	parm(characteristic(top, "APPLICATION"), "PROVIDER-ID", s.cfg.ProviderID)
	raw, err := doc.WriteToBytes()
	if err != nil {
		return written(nil, err)
	}
	s.log.Info("certificate renewed", "device", x.ID)
	return s.tokenResponse(e, raw)
}

func (s *Server) tokenResponse(e *enroll.Envelope, doc []byte) ([]byte, *enroll.Fault) {
	out := &enroll.TokenResponse{Provisioning: doc, Created: s.cfg.Now()}
	return written(out.Write(e.MessageID, uuid.NewString()))
}

// admitted asks the Authenticate hooks.
func (s *Server) admitted(x *Enrollment) *enroll.Fault {
	x.Config = &s.cfg
	for _, f := range s.cfg.Tamper.Authenticate {
		f(x)
	}
	return x.Fault
}
