package mutants

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of how the server sets the PFN and asks for the channel.
var (
	PfnNever = &Mutant{"pfn-never", "sets no PFN", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool { return hook.OfPush(p) })
	}}
	PfnFullName = &Mutant{"pfn-full-name", "sets the package full name", func(t *tamper) {
		setPFN(t, func(_ *mdmserver.Visit, pfn string) string {
			name, hash, _ := strings.Cut(pfn, "_")
			return name + "_1.1.0.0_x86__" + hash
		})
	}}
	PfnUpperCase = &Mutant{"pfn-upper-case", "does not write the PFN in lower case", func(t *tamper) {
		setPFN(t, func(_ *mdmserver.Visit, pfn string) string { return strings.ToUpper(pfn) })
	}}
	PfnBadHash = &Mutant{"pfn-bad-hash", "sets a PFN with a truncated publisher hash", func(t *tamper) {
		setPFN(t, func(_ *mdmserver.Visit, pfn string) string { return pfn[:len(pfn)-2] })
	}}
	PfnPerDevice = &Mutant{"pfn-per-device", "sets another PFN on every device", func(t *tamper) {
		setPFN(t, func(v *mdmserver.Visit, pfn string) string {
			return "d" + strings.ToLower(v.Device.ID[:min(len(v.Device.ID), 8)]) + "." + pfn
		})
	}}
	PfnWrongProvider = &Mutant{"pfn-wrong-provider", "addresses the provider MS DM Server", func(t *tamper) {
		otherProvider(t, func(*mdmserver.Config) string { return "MS%20DM%20Server" })
	}}
	PfnProviderPlain = &Mutant{"pfn-provider-plain", "does not URI-encode the ProviderID", func(t *tamper) {
		otherProvider(t, func(c *mdmserver.Config) string { return c.ProviderID })
	}}
	PfnFormatInt = &Mutant{"pfn-format-int", "sends the PFN with Format int", func(t *tamper) {
		onPFN(t, func(_ *mdmserver.Visit, it *syncml.Item) { it.Meta = &syncml.Meta{Format: "int"} })
	}}
	PfnNoPushNode = &Mutant{"pfn-no-push-node", "does not add Push first", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool {
			return p.Sent.Purpose == mdmserver.ForPush && p.Command.Verb == syncml.Add
		})
	}}
	PfnAtomic = &Mutant{"pfn-atomic", "sends Add and Replace of the PFN in one Atomic", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForAddPFN {
					add, replace := p.Command, p.Command
					replace.Verb = syncml.Replace
					add.CmdID, replace.CmdID = "901", "902"
					p.Command = syncml.Command{Verb: syncml.Atomic, Commands: []syncml.Command{add, replace}}
				}
			}
		})
	}}
	PfnChannelNever = &Mutant{"pfn-channel-never", "never asks for ChannelURI", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool { return asksPush(p) })
	}}
	PfnChannelOnce = &Mutant{"pfn-channel-once", "asks for ChannelURI only once", func(t *tamper) {
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return v.Device.Push.URI != "" && asksPush(p) })
	}}
	PfnStatusNever = &Mutant{"pfn-status-never", "never asks for Push/Status", func(t *tamper) {
		hook.Without(t, func(_ *mdmserver.Visit, p *mdmserver.Planned) bool { return p.Sent.Purpose == mdmserver.ForStatus })
	}}
	PfnEverySession = &Mutant{"pfn-every-session", "sets the PFN in every session", func(t *tamper) {
		hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) { c.Device.Push.Reset = c.Device.Push.PFNSet })
	}}
	PfnUnenrollKeep = &Mutant{"pfn-unenroll-keep", "forgets a device that it unenrolls without telling it", func(t *tamper) {
		hook.On(t, mdmserver.Leaving, func(c *mdmserver.Change) { c.Device.Active = false })
	}}

	ErrPFN418 = &Mutant{"err-pfn-418", "leaves it at that when Add of the PFN answers 418", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool {
			if sent != nil && sent.Purpose == mdmserver.ForAddPFN && c.Code() == syncml.AlreadyExists {
				c.Data = "200"
			}
			return false
		})
	}}
	Err500Forever = &Mutant{"err-500-forever", "repeats Replace of the PFN as long as it answers 500", func(t *tamper) {
		hook.Stumble(t, func(v *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool {
			if sent != nil && isPFN(sent) && !syncml.Success(c.Code()) {
				v.Device.Session.Replace = true
			}
			return false
		})
	}}
	Err500GiveUp = &Mutant{"err-500-giveup", "never sets the PFN again once it answered 500", func(t *tamper) {
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool {
			return v.Device.Push.Failures > 0 && hook.SetsPFN(p)
		})
	}}
	Err500First = &Mutant{"err-500-first", "sends nothing else before the PFN is set", func(t *tamper) {
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return !v.Device.Push.PFNSet && hook.Queued(p) })
	}}
	ErrChannelLoop = &Mutant{"err-channel-loop", "asks for ChannelURI again in the same session as long as it fails", func(t *tamper) {
		hook.On(t, mdmserver.ChannelFailed, func(c *mdmserver.Change) { c.Device.Session.Planned = false })
	}}
)

var pfns = []*Mutant{
	PfnNever, PfnFullName, PfnUpperCase, PfnBadHash, PfnPerDevice, PfnWrongProvider, PfnProviderPlain, PfnFormatInt, PfnNoPushNode, PfnAtomic,
	PfnChannelNever, PfnChannelOnce, PfnStatusNever, PfnEverySession, PfnUnenrollKeep,
}

func isPFN(s *mdmserver.Sent) bool {
	return s.Purpose == mdmserver.ForAddPFN || s.Purpose == mdmserver.ForReplacePFN
}

func asksPush(p *mdmserver.Planned) bool {
	return p.Sent.Purpose == mdmserver.ForChannel || p.Sent.Purpose == mdmserver.ForStatus
}

// onPFN lets f change the item that sets the PFN.
func onPFN(t *tamper, f func(*mdmserver.Visit, *syncml.Item)) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if p := &r.Plan[i]; isPFN(p.Sent) {
				p.Command.Walk(func(c *syncml.Command) {
					for k := range c.Items {
						f(v, &c.Items[k])
					}
				})
			}
		}
	})
}

func setPFN(t *tamper, f func(v *mdmserver.Visit, pfn string) string) {
	onPFN(t, func(v *mdmserver.Visit, it *syncml.Item) { it.Data = f(v, it.Data) })
}

// otherProvider addresses the node of another provider.
func otherProvider(t *tamper, name func(*mdmserver.Config) string) {
	const providers = "./Vendor/MSFT/DMClient/Provider/"
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if !hook.OfPush(&r.Plan[i]) {
				continue
			}
			r.Plan[i].Command.Walk(func(c *syncml.Command) {
				for k := range c.Items {
					uri := &c.Items[k].Target.LocURI
					if rest, ok := strings.CutPrefix(*uri, providers); ok {
						_, rest, _ = strings.Cut(rest, "/")
						*uri = providers + name(v.Config) + "/" + rest
					}
				}
			})
		}
	})
}
