package variants

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of RST, its reply and faults, and of renewal.
var (
	RSTRNoVersion = &Variant{Name: "rstr-no-version", Does: "leaves 5.0.0.0 out of the ValueType of the provisioning document", Seen: "Learn, \"Federated authentication device enrollment\", text", Vary: func(c *mdmserver.Config) {
		hook.Respell(&c.Tamper, `5\.0\.0\.0/(ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc)`, "$1")
	}}
	FaultSOAP11 = &Variant{Name: "fault-soap11", Does: "sends faults of SOAP 1.1", Seen: "MS-MDE2 2.1: SOAP 1.1", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) { older(fault) })
	}}
	FaultService = &Variant{Name: "fault-invalid-security", Does: "tells a wrong credential as a:InvalidSecurity", Seen: "MS-MDE2 2.2.10, the last row of the first table", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) {
			if e := fault.FindElement("./Code/Subcode/Value"); e != nil && strings.HasSuffix(e.Text(), ":"+enroll.FaultAuthentication) {
				e.CreateAttr("xmlns:a", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd")
				e.SetText("a:InvalidSecurity")
			}
		})
	}}
	HWDevIDOnce = &Variant{Name: "hwdevid-once", Does: "refuses a second device with the same HWDevID", Seen: "seen", Vary: func(c *mdmserver.Config) {
		var mu sync.Mutex
		first := map[string]string{}
		c.Tamper.Certify = append(c.Tamper.Certify, func(x *mdmserver.Certification) {
			if x.Request == nil || x.Request.Renewal || x.Refusal != nil {
				return
			}
			hw, id := x.Request.Item("HWDevID"), x.Request.Item("DeviceID")
			mu.Lock()
			defer mu.Unlock()
			switch known := first[hw]; {
			case hw == "" || known == id:
			case known == "":
				first[hw] = id
			default:
				x.Refusal = errKnown
			}
		})
	}}
	RenewalURL = &Variant{Name: "renewal-url", Does: "names its discovery service as Renew/ServerURL", Seen: "MS-MDE2 2.2.9.2, ServerURL", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			hook.AddParm(hook.Find(p.Doc.Root(), "CertificateStore", "My", "WSTEP", "Renew"), "ServerURL", p.Config.BaseURL+mdmserver.DiscoveryPath, "")
		})
	}}
	RenewalWindow = &Variant{Name: "renewal-window", Does: "renews certificates in their last 60 days only", Seen: "Learn, \"Certificate renewal\": the client's certificate is in the renewal period", Vary: func(c *mdmserver.Config) {
		c.Tamper.Authenticate = append(c.Tamper.Authenticate, func(x *mdmserver.Enrollment) {
			if x.Renewal && x.Fault == nil && hook.ClientCert(x.Request).NotAfter.After(time.Now().AddDate(0, 0, 60)) {
				x.Fault = &enroll.Fault{Code: "Receiver", Subcode: "Authorization", ErrorType: "NotEligibleToRenew", Reason: "it is too early to renew"}
			}
		})
	}}
)

var (
	tokens   = []*Variant{RSTRNoVersion, FaultSOAP11, FaultService, HWDevIDOnce}
	renewals = []*Variant{RenewalURL, RenewalWindow}
)

var errKnown = errors.New("another device has this HWDevID")

// older rewrites a fault of SOAP 1.2 as one of SOAP 1.1. The namespace of the
// envelope stays: servers mix them.
func older(fault *etree.Element) {
	code, reason, detail := fault.FindElement("./Code/Subcode/Value"), fault.FindElement("./Reason/Text"), fault.SelectElement("Detail")
	for _, k := range fault.ChildElements() {
		fault.RemoveChild(k)
	}
	fault.CreateElement("faultcode").SetText(code.Text())
	fault.CreateElement("faultstring").SetText(reason.Text())
	if detail != nil {
		d := fault.CreateElement("detail")
		for _, k := range detail.ChildElements() {
			d.AddChild(k)
		}
	}
}
