package mdmserver

import (
	"bytes"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// renewable finds the DeviceID and the PKCS#10 of a renewal, or refuses it: the
// request came over mutual TLS with a certificate of this server, and the same
// certificate signed the PKCS#7 message around it (Learn, "Certificate Renewal").
func (s *Server) renewable(x *Enrollment, req *enroll.TokenRequest) {
	refuse := func(subcode, reason string) {
		if x.Fault == nil {
			x.Fault = &enroll.Fault{Code: "Receiver", Subcode: subcode, ErrorType: "NotEligibleToRenew", Reason: reason}
		}
	}
	if x.Request.TLS == nil || len(x.Request.TLS.PeerCertificates) == 0 {
		refuse(enroll.FaultAuthentication, "a renewal must use the client certificate that it renews")
		return
	}
	old := x.Request.TLS.PeerCertificates[0]
	id, err := s.owner(old)
	if err != nil {
		refuse(enroll.FaultAuthentication, FaultForeign)
	}
	x.ID = id
	p7, err := pkcs7.Parse(req.CSR)
	if err != nil {
		refuse(enroll.FaultCertificate, "the request is not PKCS#7")
		return
	}
	x.CSR = p7.Content
	if err := p7.Verify(); err != nil || p7.GetOnlySigner() == nil || !bytes.Equal(p7.GetOnlySigner().Raw, old.Raw) {
		refuse(enroll.FaultCertificate, FaultUnsigned)
	}
	s.mu.Lock()
	d := s.devices[id]
	active := d != nil && d.Active
	s.mu.Unlock()
	if !active {
		refuse("Authorization", FaultLeft)
	}
}

// Reasons of a refused renewal.
const (
	FaultForeign  = "the client certificate was not issued by this server or is not valid now"
	FaultUnsigned = "the renewed certificate did not sign the request"
	FaultLeft     = "the device is no longer enrolled"
)
