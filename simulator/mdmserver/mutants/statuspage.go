package mutants

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the Enrollment Status Page.
var (
	EspTakenBack = &Mutant{"esp-taken-back", "sets ServerHasFinishedProvisioning back to false", func(t *tamper) {
		afterPage(t, "ServerHasFinishedProvisioning", "bool", "false")
	}}
	EspListLate = &Mutant{"esp-list-late", "writes another list after ServerHasFinishedProvisioning", func(t *tamper) {
		afterPage(t, "ExpectedPolicies", "chr", "./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana")
	}}
	EspComma = &Mutant{"esp-comma", "puts commas between the LocURIs of a list", func(t *tamper) {
		onPage(t, "ExpectedPolicies", func(c *syncml.Command) { relist(c, ",") })
	}}
	EspEscaped = &Mutant{"esp-escaped", `writes \xF000 between the LocURIs of a list, as six characters`, func(t *tamper) {
		onPage(t, "ExpectedPolicies", func(c *syncml.Command) { relist(c, `\xF000`) })
	}}
	EspRelative = &Mutant{"esp-relative", "lists policies without ./Device/Vendor/MSFT", func(t *tamper) {
		onPage(t, "ExpectedPolicies", func(c *syncml.Command) {
			c.Items[0].Data = strings.ReplaceAll(c.Items[0].Data, "./Device/Vendor/MSFT/", "")
		})
	}}
	EspNoCount = &Mutant{"esp-no-count", "lists an app without a number", func(t *tamper) {
		onPage(t, "ExpectedMSIAppPackages", func(c *syncml.Command) { c.Items[0].Data = strings.TrimSuffix(c.Items[0].Data, ";1") })
	}}
	EspTimeOut = &Mutant{"esp-time-out", "lets the page wait for two days", func(t *tamper) {
		onPage(t, "TimeOutUntilSyncFailure", func(c *syncml.Command) { c.Items[0].Data = "2880" })
	}}
	EspBlock = &Mutant{"esp-block", "sets BlockInStatusPage to 8", func(t *tamper) {
		onPage(t, "BlockInStatusPage", func(c *syncml.Command) { c.Items[0].Data = "8" })
	}}
	EspSkip = &Mutant{"esp-skip", "sets SkipUserStatusPage to no", func(t *tamper) {
		onPage(t, "SkipUserStatusPage", func(c *syncml.Command) { c.Items[0].Data = "no" })
	}}
	EspAdds = &Mutant{"esp-adds", "adds TimeOutUntilSyncFailure, which is there", func(t *tamper) {
		onPage(t, "TimeOutUntilSyncFailure", func(c *syncml.Command) { c.Verb = syncml.Add })
	}}
	EspUserScope = &Mutant{"esp-user-scope", "sets BlockInStatusPage of ./User", func(t *tamper) {
		onPage(t, "BlockInStatusPage", func(c *syncml.Command) {
			c.Items[0].Target.LocURI = strings.Replace(c.Items[0].Target.LocURI, "./Device/", "./User/", 1)
		})
	}}
	EspFormat = &Mutant{"esp-format", "sends BlockInStatusPage as text", func(t *tamper) {
		onPage(t, "BlockInStatusPage", func(c *syncml.Command) { c.Items[0].Meta.Format = "chr" })
	}}
	EspDoneTwice = &Mutant{"esp-done-twice", "sets IsSyncDone in every session after the end", func(t *tamper) {
		afterPage(t, "IsSyncDone", "bool", "true")
	}}
	EspResultTwo = &Mutant{"esp-result", "sets WasDeviceSuccessfullyProvisioned to 3", func(t *tamper) {
		afterPage(t, "WasDeviceSuccessfullyProvisioned", "int", "3")
	}}
	EspUserOnce = &Mutant{"esp-user-once", "sends what concerns the user once, whatever the device answers", func(t *tamper) {
		told := map[*mdmserver.Device]*mdmserver.Session{}
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool {
			if !strings.HasPrefix(p.Command.Target(), "./User/") || !ofPage(p) {
				return false
			}
			if told[v.Device] == nil {
				told[v.Device] = v.Device.Session
			}
			return told[v.Device] != v.Device.Session
		})
	}}
	EspLate = &Mutant{"esp-late", "sets the page up in the second session", func(t *tamper) {
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return v.Device.Sessions == 1 && ofPage(p) })
	}}
	EspNotSent = &Mutant{"esp-not-sent", "lists a policy that it does not send", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool {
			return p.Sent.Purpose == mdmserver.ForPage && strings.HasSuffix(p.Command.Target(), "/AllowCortana")
		})
	}}
)

var statusPage = []*Mutant{
	EspTakenBack, EspListLate, EspComma, EspEscaped, EspRelative, EspNoCount, EspTimeOut, EspBlock, EspSkip, EspAdds, EspUserScope, EspFormat,
	EspDoneTwice, EspResultTwo, EspUserOnce, EspLate, EspNotSent,
}

// ofPage tells whether a planned command belongs to the page.
func ofPage(p *mdmserver.Planned) bool {
	switch p.Sent.Purpose {
	case mdmserver.ForPage, mdmserver.ForPageSetUp, mdmserver.ForPageFinished, mdmserver.ForPageUser:
		return true
	}
	return false
}

// onPage lets f change the command to a node of the page.
func onPage(t *tamper, node string, f func(*syncml.Command)) {
	hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if p := &r.Plan[i]; ofPage(p) && strings.HasSuffix(p.Command.Target(), "/FirstSyncStatus/"+node) {
				f(&p.Command)
			}
		}
	})
}

// relist puts something else than U+F000 between the entries of a list.
func relist(c *syncml.Command, delimiter string) {
	c.Items[0].Data = strings.ReplaceAll(c.Items[0].Data, "\uf000", delimiter)
}

// afterPage replaces a node of the page, at the start of every session after
// the one that ended it.
func afterPage(t *tamper, node, format, data string) {
	ended := map[*mdmserver.Device]string{} // FirstSyncStatus of the device
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if at := ended[v.Device]; at != "" && v.Opens && hook.Planning(v) {
			r.Plan = append(r.Plan, mdmserver.Planned{Command: hook.Command(syncml.Replace, at+node, format, data), Sent: &mdmserver.Sent{Purpose: mdmserver.ForPage}})
		}
		for i := range r.Plan {
			if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForPageFinished {
				ended[v.Device] = strings.TrimSuffix(p.Command.Target(), "ServerHasFinishedProvisioning")
			}
		}
	})
}
