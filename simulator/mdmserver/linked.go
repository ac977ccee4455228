package mdmserver

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// The paths of linked enrollments below BaseURL, with Config.Linked. All services of the
// reference server are there once more.
const (
	LinkedPath          = "/Linked"
	LinkedDiscoveryPath = "/EnrollmentConfiguration"
)

// newLinked makes the server of linked enrollments: a server of its own, with its own
// authority, account and devices, as the one of Microsoft is. It takes the directory's
// tokens, or the certificates that the primary server gave its devices (Learn, "Declared
// configuration enrollment").
func newLinked(primary *Server) (*Server, error) {
	cfg := primary.cfg
	cfg.Linked, cfg.StatusPage, cfg.PFN, cfg.Profile = false, false, "", nil
	cfg.BaseURL += LinkedPath
	cfg.ProviderID += " linked"
	cfg.Tamper.TLS, cfg.Tamper.Serve = nil, nil // the primary server has them around both
	if cfg.Documents == nil {
		cfg.Documents = referenceDocuments
	}
	cfg.AuthPolicy = Federated
	if cfg.Entra == nil {
		cfg.AuthPolicy, cfg.EnrollRoots = Certificate, x509.NewCertPool()
		cfg.EnrollRoots.AddCert(primary.ca.cert)
	}
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s.primary = primary
	return s, nil
}

// discoverLinked answers the discovery of a linked enrollment (Learn, "Declared
// configuration discovery").
func (s *Server) discoverLinked(w http.ResponseWriter, r *http.Request) {
	var req enroll.LinkedRequest
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	if err := dec.Decode(&req); err != nil || req.OSVersion == "" {
		answer(w, http.StatusBadRequest, map[string]string{"errorCode": "InvalidRequest", "message": "expected JSON with osVersion"})
		return
	}
	reply := &enroll.LinkedReply{
		EnrollmentServiceURL: s.cfg.BaseURL + EnrollmentPath, EnrollmentPolicyServiceURL: s.cfg.BaseURL + PolicyPath,
		AuthenticationServiceURL: s.cfg.BaseURL + SignInPath, AuthPolicy: s.cfg.AuthPolicy, EnrollmentVersion: "5.0",
	}
	for _, f := range s.cfg.Tamper.Linked {
		f(&s.cfg, &req, reply)
	}
	answer(w, http.StatusOK, reply)
}

// ofPrimary refuses a linked enrollment of a device that the primary server does not
// manage, or whose request another device signed.
func (s *Server) ofPrimary(e *enroll.Envelope, id string) *enroll.Fault {
	if s.primary == nil {
		return nil
	}
	refuse := &enroll.Fault{Code: "Receiver", Subcode: "Authorization", Reason: "the device is not enrolled with the primary server"}
	if s.cfg.AuthPolicy == Certificate {
		cert, err := x509.ParseCertificate(e.Token)
		if err != nil {
			return refuse
		}
		if owner, err := s.primary.owner(cert); err != nil || owner != id {
			return refuse
		}
	}
	s.primary.mu.Lock()
	defer s.primary.mu.Unlock()
	if d := s.primary.devices[id]; d == nil || !d.Active {
		return refuse
	}
	return nil
}

// linkState is how far a device is with its linked enrollment.
type linkState struct {
	endpoint bool     // DiscoveryEndpoint is set
	asked    bool     // Enroll was executed
	unknown  bool     // the device has no such nodes, or refused
	told     string   // EnrollStatus
	err      string   // LastError
	in       *Session // that asked for both
}

// linkPlan sets the discovery endpoint, has the device enroll once it is set, and then
// asks in every session how that ended (Learn, "DMClient CSP", LinkedEnrollment).
func (s *Server) linkPlan(d *Device) (out []Planned) {
	l := &d.link
	send := func(p Purpose, verb syncml.Verb, node, format, data string) {
		uri := "./Device/Vendor/MSFT/DMClient/Provider/" + url.PathEscape(s.cfg.ProviderID) + "/LinkedEnrollment/" + node
		out = append(out, Planned{Command: one(verb, uri, format, data), Sent: &Sent{Purpose: p}})
	}
	switch {
	case l.unknown, l.told == "4", l.told == "3", l.in == d.Session:
		return nil
	case !l.endpoint:
		if d.Session.Planned {
			return nil
		}
		send(ForLinkEndpoint, syncml.Replace, "DiscoveryEndpoint", "chr", s.linked.cfg.BaseURL+LinkedDiscoveryPath+"?api-version=1.0")
	case !l.asked:
		send(ForLink, syncml.Exec, "Enroll", "", "")
		l.in = d.Session
	default:
		l.in = d.Session
		send(ForLinkStatus, syncml.Get, "EnrollStatus", "", "")
		send(ForLinkError, syncml.Get, "LastError", "", "")
	}
	return out
}

// status notes what the device answered.
func (l *linkState) status(p Purpose, code int) {
	switch ok := syncml.Success(code); {
	case !ok:
		l.unknown = true
	case p == ForLinkEndpoint:
		l.endpoint = true
	default:
		l.asked = true
	}
}
