package mdmserver

import (
	"bytes"
	"net/http"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// renewable gives the DeviceID and the PKCS#10 of a renewal: the request came
// over mutual TLS with a certificate of this server, and the same certificate
// signed the PKCS#7 message around it (Learn, "Certificate Renewal").
func (s *Server) renewable(r *http.Request, req *enroll.TokenRequest) (id string, csr []byte, fault *enroll.Fault) {
	refuse := func(subcode, reason string) (string, []byte, *enroll.Fault) {
		return "", nil, &enroll.Fault{Code: "Receiver", Subcode: subcode, ErrorType: "NotEligibleToRenew", Reason: reason}
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return refuse(enroll.FaultAuthentication, "a renewal must use the client certificate that it renews")
	}
	old := r.TLS.PeerCertificates[0]
	id, err := s.owner(old)
	if err != nil {
		return refuse(enroll.FaultAuthentication, "the client certificate was not issued by this server or is not valid now")
	}
	p7, err := pkcs7.Parse(req.CSR)
	if err != nil {
		return refuse(enroll.FaultCertificate, "the request is not PKCS#7")
	}
	if err := p7.Verify(); err != nil || p7.GetOnlySigner() == nil || !bytes.Equal(p7.GetOnlySigner().Raw, old.Raw) {
		return refuse(enroll.FaultCertificate, "the renewed certificate did not sign the request")
	}
	s.mu.Lock()
	d := s.devices[id]
	active := d != nil && d.Active
	s.mu.Unlock()
	if !active {
		return refuse("Authorization", "the device is no longer enrolled")
	}
	return id, p7.Content, nil
}
