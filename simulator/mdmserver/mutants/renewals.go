package mutants

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the renewal of certificates.
var (
	EnrRenewRefused = &Mutant{"enr-renew-refused", "renews no certificates", func(t *tamper) {
		t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
			if x.Renewal && x.Fault == nil {
				x.Fault = &enroll.Fault{Code: "Sender", Subcode: enroll.FaultMessageFormat, Reason: "the RequestType is unknown"}
			}
		})
	}}
	EnrRenewForbidden = &Mutant{"enr-renew-forbidden", "forbids the renewal of new certificates without saying that it is too early", func(t *tamper) {
		t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
			if x.Renewal && x.Fault == nil {
				x.Fault = &enroll.Fault{Code: "Receiver", Subcode: "Authorization", Reason: "no"}
			}
		})
	}}
	EnrRenewKey = &Mutant{"enr-renew-key", "renews a certificate for another key than the CSR's", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if !c.Request.Renewal {
				return
			}
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				c.Refusal = err
				return
			}
			c.Key = key.Public()
		})
	}}
	EnrRenewUnsigned = &Mutant{"enr-renew-unsigned", "does not check who signed a renewal", func(t *tamper) {
		onRenewal(t, mdmserver.FaultUnsigned, func(*mdmserver.Enrollment) {})
	}}
	EnrRenewForeign = &Mutant{"enr-renew-foreign", "renews certificates of any CA", func(t *tamper) {
		onRenewal(t, mdmserver.FaultForeign, func(x *mdmserver.Enrollment) { x.ID = hook.ClientCert(x.Request).Subject.CommonName })
	}}
	EnrRenewNamed = &Mutant{"enr-renew-named", "renews a certificate for the device that the CSR names", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if c.Request.Renewal {
				c.Template.Subject.CommonName = commonName(c.CSR, c.Template.Subject.CommonName)
			}
		})
	}}
	EnrRenewLeft = &Mutant{"enr-renew-left", "renews certificates of devices that left", func(t *tamper) {
		onRenewal(t, mdmserver.FaultLeft, func(*mdmserver.Enrollment) {})
	}}
	EnrRenewFault = &Mutant{"enr-renew-fault", "refuses a renewal without NotEligibleToRenew", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			if e := fault.FindElement("./Detail/DeviceEnrollmentServiceError/ErrorType"); e != nil && e.Text() == "NotEligibleToRenew" {
				hook.Remove(e)
			}
		})
	}}
	EnrRenewChunked = &Mutant{"enr-renew-chunked", "sends replies to a renewal chunked", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.EnrollmentPath, func(x *hook.Exchange) {
			if strings.Contains(string(x.In), "/Renew</") {
				x.Length = hook.Chunked
			}
		})
	}}
	EnrRenewNoEntDMID = &Mutant{"enr-renew-no-entdmid", "sets no EntDMID", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.Remove(hook.Parm(hook.Provider(p.Doc), "EntDMID")) })
	}}
	EnrRenewLoose = &Mutant{"enr-renew-loose", "changes the renewal in a session, node by node", func(t *tamper) {
		told := map[*mdmserver.Device]bool{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if told[v.Device] || !hook.Planning(v) {
				return
			}
			told[v.Device] = true
			for _, n := range [][2]string{{"RenewPeriod", "50"}, {"RetryInterval", "5"}} {
				r.Plan = append(r.Plan, mdmserver.Planned{Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush},
					Command: hook.Command(syncml.Replace, "./Vendor/MSFT/CertificateStore/My/WSTEP/Renew/"+n[0], "int", n[1])})
			}
		})
	}}
)

var renewals = []*Mutant{
	EnrRenewRefused, EnrRenewForbidden, EnrRenewKey, EnrRenewUnsigned, EnrRenewForeign, EnrRenewNamed, EnrRenewLeft, EnrRenewFault, EnrRenewChunked, EnrRenewNoEntDMID, EnrRenewLoose,
}

// onRenewal lets in renewals that were refused for a reason.
func onRenewal(t *tamper, reason string, f func(*mdmserver.Enrollment)) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Renewal && x.Fault != nil && x.Fault.Reason == reason {
			x.Fault = nil
			f(x)
		}
	})
}
