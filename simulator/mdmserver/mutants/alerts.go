package mutants

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of what the server does with Alerts.
var (
	SesAbortSilent = &Mutant{"ses-abort-silent", "writes no Status for Alert 1223", func(t *tamper) {
		hook.Unanswered(t, func(c *syncml.Command) bool { return c.Verb == syncml.Alert && c.Code() == syncml.AlertSessionAbort })
	}}
	SesAlert404 = &Mutant{"ses-alert-404", "answers an Alert that it does not know with 404", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Message.Body {
				if c := hook.AnsweredBy(v, &r.Message.Body[i]); c != nil && hook.Foreign(c) {
					r.Message.Body[i].Data = "404"
				}
			}
		})
	}}
	SesAlertFirstItem = &Mutant{"ses-alert-first-item", "reads the first Item of an Alert only", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; c.Verb == syncml.Alert && len(c.Items) > 1 {
					c.Items = c.Items[:1]
				}
			}
			return 0
		})
	}}
	SesPendingEnds = &Mutant{"ses-pending-ends", "takes a message that says that the answer is pending for the end of the session", func(t *tamper) {
		over := map[*mdmserver.Session]bool{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if !v.Opens && over[v.Device.Session] {
				return http.StatusBadRequest
			}
			if saysPending(v.In) {
				over[v.Device.Session] = true
			}
			return 0
		})
	}}
	SesPendingFails = &Mutant{"ses-pending-fails", "fails at a message that says that the answer is pending", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int { return only(saysPending(v.In), http.StatusInternalServerError) })
	}}
	SesPrepFails = &Mutant{"ses-prep-fails", "fails at a DevicePrepSync that says the provisioning is complete", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool {
			return ofType(c, "DevicePrepSync") && c.Items[0].Data == "ProvisioningComplete"
		})
	}}
	Ses1225Fails = &Mutant{"ses-1225-fails", "refuses a message with Alert 1225", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool { return c.Code() == syncml.AlertNoEndOfData })
	}}
	SesAlert1226 = &Mutant{"ses-alert-1226", "sends an Alert 1226", func(t *tamper) {
		once(t, syncml.Command{Verb: syncml.Alert, Data: "1226", Items: []syncml.Item{{Meta: &syncml.Meta{Type: "com.dmwake/hello", Format: "chr"}, Data: "1", HasData: true}}})
	}}
	SecTokenFails = &Mutant{"sec-token-fails", "fails at an AADUserToken that is no JWT", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool {
			return ofType(c, "AADUserToken") && strings.Count(c.Items[0].Data, ".") != 2
		})
	}}
	SecTokenSilent = &Mutant{"sec-token-silent", "answers an AADUserToken with no Status", func(t *tamper) {
		hook.Unanswered(t, func(c *syncml.Command) bool { return ofType(c, "AADUserToken") })
	}}
)

var alerts = []*Mutant{SesAbortSilent, SesAlert404, SesAlertFirstItem, SesPendingEnds, SesPendingFails, SesPrepFails, Ses1225Fails, SesAlert1226, SecTokenFails, SecTokenSilent}

// ofType tells whether an Alert has a type that ends like this.
func ofType(c *syncml.Command, kind string) bool {
	return c.Verb == syncml.Alert && len(c.Items) > 0 && c.Items[0].Meta != nil && strings.HasSuffix(c.Items[0].Meta.Type, kind)
}

func saysPending(m *syncml.Message) bool {
	return slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return ofType(&c, "requestpending") })
}
