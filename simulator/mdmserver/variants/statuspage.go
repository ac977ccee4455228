package variants

import (
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of the Enrollment Status Page.
var (
	StatusPage = &Variant{Name: "status-page", Does: "sets up the Enrollment Status Page, waits for two policies and an app, and ends it", Seen: "Learn, \"DMClient CSP\", FirstSyncStatus", Vary: func(c *mdmserver.Config) {
		c.StatusPage = true
	}}
	StatusPageEmpty = &Variant{Name: "status-page-empty", Does: "sets up the Enrollment Status Page and waits for nothing: its list is empty, and set again unchanged at the end", Seen: "Learn, \"DMClient CSP\", FirstSyncStatus", Vary: func(c *mdmserver.Config) {
		c.StatusPage = true
		hook.Without(&c.Tamper, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool {
			uri := p.Command.Target()
			return p.Sent.Purpose == mdmserver.ForPage && (strings.Contains(uri, "/EnterpriseDesktopAppManagement/") || strings.HasSuffix(uri, "/ExpectedMSIAppPackages"))
		})
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			var again []mdmserver.Planned
			for i := range r.Plan {
				p := &r.Plan[i]
				uri := p.Command.Target()
				switch {
				case strings.HasSuffix(uri, "/ExpectedPolicies"):
					p.Command.Items[0].Data, p.Command.Items[0].HasData = "", true
				case p.Sent.Purpose == mdmserver.ForPageFinished:
					again = append(again, mdmserver.Planned{Command: hook.Command(syncml.Replace, strings.TrimSuffix(uri, "ServerHasFinishedProvisioning")+"ExpectedPolicies", "chr", ""), Sent: &mdmserver.Sent{Purpose: mdmserver.ForPage}})
					again[0].Command.Items[0].HasData = true
				}
			}
			r.Plan = slices.Concat(r.Plan, again)
		})
	}}
)

var statusPages = []*Variant{StatusPage, StatusPageEmpty}
