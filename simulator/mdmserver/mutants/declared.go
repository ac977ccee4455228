package mutants

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of linked enrollments and their documents.
var (
	WdcNoAuthPolicy = &Mutant{"wdc-no-auth-policy", "answers a linked discovery without AuthPolicy", func(t *tamper) {
		linkedReply(t, func(r *enroll.LinkedReply) { r.AuthPolicy = "" })
	}}
	WdcOnPremise = &Mutant{"wdc-onpremise", "answers a linked discovery with AuthPolicy OnPremise", func(t *tamper) {
		linkedReply(t, func(r *enroll.LinkedReply) { r.AuthPolicy = mdmserver.OnPremise })
	}}
	WdcNoPolicyService = &Mutant{"wdc-no-policy-service", "answers a linked discovery without EnrollmentPolicyServiceUrl", func(t *tamper) {
		linkedReply(t, func(r *enroll.LinkedReply) { r.EnrollmentPolicyServiceURL = "" })
	}}
	WdcPlain = &Mutant{"wdc-plain", "sets a DiscoveryEndpoint without TLS", func(t *tamper) {
		onPurpose(t, mdmserver.ForLinkEndpoint, func(c *syncml.Command) {
			c.Items[0].Data = strings.Replace(c.Items[0].Data, "https:", "http:", 1)
		})
	}}
	WdcRefuses = &Mutant{"wdc-refuses", "refuses every linked enrollment", func(t *tamper) {
		t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
			if ofLinked(x.Config) {
				x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "no linked enrollments today"}
			}
		})
	}}
	WdcSameAccount = &Mutant{"wdc-same-account", "gives linked enrollments the ProviderID of the primary one", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			if ofLinked(p.Config) {
				name := strings.TrimSuffix(p.Config.ProviderID, " linked")
				hook.SetParm(hook.W7(p.Doc), "PROVIDER-ID", name)
				hook.Provider(p.Doc).CreateAttr("type", name)
			}
		})
	}}
	WdcAlertRefused = &Mutant{"wdc-alert-refused", "answers the alert of the documents' states with 406", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Message.Body {
				if st := &r.Message.Body[i]; st.Verb == syncml.Status && tellsStates(hook.AnsweredBy(v, st)) {
					st.Data = "406"
				}
			}
		})
	}}
	WdcOtherID = &Mutant{"wdc-other-id", "writes another id into a document than into its LocURI", func(t *tamper) {
		inDocument(t, ` id="`, ` id="0`)
	}}
	WdcContext = &Mutant{"wdc-context", "writes context User into a document of the device", func(t *tamper) {
		inDocument(t, `context="Device"`, `context="User"`)
	}}
	WdcNoChecksum = &Mutant{"wdc-no-checksum", "sends documents without a checksum", func(t *tamper) { inDocument(t, ` checksum="1"`, "") }}
	WdcScenario   = &Mutant{"wdc-scenario", "sends documents of a scenario that Windows does not know", func(t *tamper) {
		inDocument(t, `osdefinedscenario="MSFT`, `osdefinedscenario="Acme`)
	}}
	WdcNotXML = &Mutant{"wdc-not-xml", "escapes a document twice", func(t *tamper) { inDocument(t, "<", "&lt;") }}
	WdcFormat = &Mutant{"wdc-format", "sends documents with Format b64", func(t *tamper) {
		onPurpose(t, mdmserver.ForDocument, func(c *syncml.Command) { c.Items[0].Meta.Format = "b64" })
	}}
	WdcSameSum = &Mutant{"wdc-same-sum", "changes a document and leaves its checksum", func(t *tamper) {
		var documents hook.Set
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			for _, p := range r.Plan {
				if p.Sent.Purpose != mdmserver.ForDocumentResult || !strings.Contains(p.Command.Target(), "/Complete/") || documents.Has(v.Device.ID) {
					continue
				}
				documents.Add(v.Device.ID)
				for _, d := range v.Config.Documents {
					if d.ID == p.Sent.Document {
						c := hook.Command(syncml.Replace, strings.Replace(p.Command.Target(), "/Results/", "/Documents/", 1), "chr", strings.Replace(d.Text, "mdm.example", "mdm2.example", 1))
						r.Plan = append(r.Plan, mdmserver.Planned{Command: c, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
						return
					}
				}
			}
		})
	}}
	WdcUnread = &Mutant{"wdc-unread", "reads no results of documents", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool {
			return p.Sent.Purpose == mdmserver.ForDocumentResult
		})
	}}
	WdcEarly = &Mutant{"wdc-early", "asks for the result in the message with the document", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for _, p := range r.Plan {
				if p.Sent.Purpose == mdmserver.ForDocument {
					r.Plan = append(r.Plan, hook.Ask(strings.Replace(p.Command.Target(), "/Documents/", "/Results/", 1)))
				}
			}
		})
	}}
	WdcPrimary = &Mutant{"wdc-primary", "reads RefreshInterval in the primary enrollment", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for _, p := range r.Plan {
				if p.Sent.Purpose == mdmserver.ForLink {
					r.Plan = append(r.Plan, hook.Ask("./Device/Vendor/MSFT/DeclaredConfiguration/ManagementServiceConfiguration/RefreshInterval"))
					return
				}
			}
		})
	}}
)

var declarations = []*Mutant{
	WdcNoAuthPolicy, WdcOnPremise, WdcNoPolicyService, WdcPlain, WdcRefuses, WdcSameAccount, WdcAlertRefused, WdcOtherID, WdcContext, WdcNoChecksum, WdcScenario, WdcNotXML,
	WdcFormat, WdcSameSum, WdcUnread, WdcEarly, WdcPrimary,
}

// ofLinked tells whether a configuration is the one of linked enrollments.
func ofLinked(c *mdmserver.Config) bool { return strings.HasSuffix(c.BaseURL, mdmserver.LinkedPath) }

func linkedReply(t *tamper, f func(*enroll.LinkedReply)) {
	t.Linked = append(t.Linked, func(_ *mdmserver.Config, _ *enroll.LinkedRequest, r *enroll.LinkedReply) { f(r) })
}

// onPurpose lets f change the commands that are sent for a purpose.
func onPurpose(t *tamper, purpose mdmserver.Purpose, f func(*syncml.Command)) {
	hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if p := &r.Plan[i]; p.Sent.Purpose == purpose {
				f(&p.Command)
			}
		}
	})
}

func inDocument(t *tamper, old, by string) {
	onPurpose(t, mdmserver.ForDocument, func(c *syncml.Command) { c.Items[0].Data = strings.ReplaceAll(c.Items[0].Data, old, by) })
}

// tellsStates tells whether a command is the alert of the documents' states.
func tellsStates(c *syncml.Command) bool {
	if c == nil || c.Verb != syncml.Alert {
		return false
	}
	for _, it := range c.Items {
		if it.Meta != nil && it.Meta.Type == "com.microsoft.mdm.declaredconfigurationdocuments" {
			return true
		}
	}
	return false
}
