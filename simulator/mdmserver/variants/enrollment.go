package variants

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of enrollment and of who is let in.
var (
	CABetween = &Variant{Name: "ca-between", Does: "issues certificates by an authority below the root", Seen: "MS-MDE2 2.2.9.1, CertificateStore CA", Vary: func(c *mdmserver.Config) {
		c.Intermediate = true
	}}
	CAInMy = &Variant{Name: "ca-in-my", Does: "issues certificates by an authority below the root, and delivers it beside the client certificate", Seen: "Learn, \"Federated authentication device enrollment\"", Vary: func(c *mdmserver.Config) {
		c.Intermediate = true
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			store := hook.Find(p.Doc.Root(), "CertificateStore")
			between := store.FindElement("characteristic[@type='CA']")
			if between == nil {
				return // another variant moved it
			}
			hook.Remove(between)
			ca := hook.Find(between, "System").FindElement("characteristic")
			hook.MyStore(p.Doc).AddChild(ca)
		})
	}}
	RootTrusted = &Variant{Name: "root-trusted", Does: "delivers the root in RootCATrustedCertificates", Seen: "MS-MDE2 2.2.9.4", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			root := hook.Find(p.Doc.Root(), "CertificateStore", "Root")
			hook.Remove(root)
			hook.AddCharacteristic(p.Doc.Root(), "RootCATrustedCertificates", "Root").AddChild(hook.Find(root, "System").FindElement("characteristic"))
		})
	}}
	CertShort = &Variant{Name: "cert-short", Does: "issues certificates for a month, and says so in the policy", Seen: "MS-XCEP 3.1.4.1.3.8; Learn, \"Federated authentication device enrollment\": two weeks", Vary: func(c *mdmserver.Config) {
		c.CertificateLife = 30 * 24 * time.Hour
		hook.Respell(&c.Tamper, `(<validityPeriodSeconds>)\d+`, "${1}2592000")
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			renew := hook.Find(p.Doc.Root(), "CertificateStore", "My", "WSTEP", "Renew")
			hook.SetParm(renew, "RenewPeriod", "10")
			hook.SetParm(renew, "RetryInterval", "2")
		})
	}}
	CertOnly = &Variant{Name: "cert-only", Does: "knows a device by its certificate alone and ignores Source", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.IgnoreSource = true
	}}
	CertNamed = &Variant{Name: "cert-named", Does: "ignores Source, and names the holder of the certificate in Target", Seen: "model", Vary: func(c *mdmserver.Config) {
		c.IgnoreSource = true
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Hdr.Target.LocURI = v.Device.ID })
	}}
	NoPolicyService = &Variant{Name: "no-policy-service", Does: "names no policy service", Seen: "MS-MDE2 3.1.4.1.3.2: optional", Vary: func(c *mdmserver.Config) {
		hook.Respell(&c.Tamper, `<EnrollmentPolicyServiceUrl>[^<]*</EnrollmentPolicyServiceUrl>`, "")
	}}
	PollOther = &Variant{Name: "poll-other", Does: "writes another poll schedule", Seen: "MS-MDE2 2.2.9.1.7", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfFirstRetries", "3", "IntervalForFirstSetOfRetries", "1", "NumberOfSecondRetries", "2", "IntervalForSecondSetOfRetries", "7",
			"NumberOfRemainingScheduledRetries", "2", "IntervalForRemainingScheduledRetries", "2", "PollOnLogin", "true")
	}}
	Doctype500 = &Variant{Name: "doctype-500", Does: "refuses a DOCTYPE with 500", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.Before(&c.Tamper, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			if strings.Contains(string(x.In), "<!DOCTYPE") {
				return http.StatusInternalServerError
			}
			return 0
		})
	}}
	Refusal200 = &Variant{Name: "refusal-200", Does: "turns strangers away with a fault and HTTP 200", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.After(&c.Tamper, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Status == http.StatusForbidden {
				x.Status = http.StatusOK
				x.ReplyHeader.Set("Content-Type", "text/xml")
				x.Reply = fmt.Appendf(nil, "<fault><code>NotEnrolled</code><reason>%s</reason></fault>", strings.TrimSpace(string(x.Reply)))
			}
		})
	}}
)

var enrollment = []*Variant{CABetween, CAInMy, RootTrusted, CertShort, CertOnly, CertNamed, NoPolicyService, PollOther, Doctype500, Refusal200}
