package mutants

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"math/big"
	"net/http"
	"strings"
	"sync"

	"github.com/beevik/etree"
	"github.com/smallstep/pkcs7"

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
	EnrRenewOnce = &Mutant{"enr-renew-once", "renews the first certificate of a device, and not the renewed one", func(t *tamper) {
		renewed := map[string]bool{}
		var mu sync.Mutex
		t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
			if x.Renewal && x.Fault == nil {
				mu.Lock()
				defer mu.Unlock()
				if renewed[x.ID] {
					x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "the certificate is not the one of the enrollment"}
				}
				renewed[x.ID] = true
			}
		})
	}}
	EnrRenewShorter = &Mutant{"enr-renew-shorter", "renews a certificate so that it ends earlier than before", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if c.Request.Renewal {
				c.Template.NotAfter = c.Template.NotAfter.AddDate(0, -2, 0)
			}
		})
	}}
	EnrRenewSerial = &Mutant{"enr-renew-serial", "keeps the serial number of a certificate when it renews it", func(t *tamper) {
		serials := map[string]*big.Int{}
		var mu sync.Mutex
		certify(t, func(c *mdmserver.Certification) {
			mu.Lock()
			defer mu.Unlock()
			id := c.Template.Subject.CommonName
			if c.Request.Renewal && serials[id] != nil {
				c.Template.SerialNumber = serials[id]
			}
			serials[id] = c.Template.SerialNumber
		})
	}}
	EnrRenewSignersPanic = &Mutant{"enr-renew-signers-panic", "crashes at a renewal that has not one signer", func(t *tamper) {
		hook.Before(t, mdmserver.EnrollmentPath, func(x *hook.Exchange) int {
			e, err := enroll.ReadEnvelope(x.In)
			if err != nil {
				return 0
			}
			if r, err := e.TokenRequest(); err == nil && r.Renewal {
				if p7, err := pkcs7.Parse(r.CSR); err == nil && p7.GetOnlySigner() == nil {
					panic("mutant enr-renew-signers-panic")
				}
			}
			return 0
		})
	}}
)

var renewals = []*Mutant{
	EnrRenewRefused, EnrRenewForbidden, EnrRenewKey, EnrRenewUnsigned, EnrRenewForeign, EnrRenewNamed, EnrRenewLeft, EnrRenewFault, EnrRenewChunked, EnrRenewNoEntDMID, EnrRenewLoose,
	EnrRenewOnce, EnrRenewShorter, EnrRenewSerial, EnrRenewSignersPanic,
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
