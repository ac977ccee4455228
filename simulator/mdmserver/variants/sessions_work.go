package variants

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// inventory is what a server likes to know of a new device.
var inventory = []string{"./DevInfo/DevId", "./DevDetail/SwV", "./DevDetail/HwV", "./DevDetail/FwV", "./DevDetail/OEM", "./DevDetail/DevTyp", "./DevDetail/Ext/Microsoft/DeviceName", "./DevDetail/Ext/Microsoft/OSPlatform"}

// Variants of what a server sends in sessions.
var (
	InventoryFirst = &Variant{Name: "inventory-first", Does: "asks what a new device is, and sets the PFN once it was told", Seen: "seen", Vary: func(c *mdmserver.Config) {
		asked := map[*mdmserver.Device]bool{}
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if !hook.Planning(v) || asked[v.Device] {
				return
			}
			asked[v.Device] = true
			hook.LeaveOut(r, hook.OfPush)
			v.Device.Session.Planned = false // with the next message
			ask(r, inventory...)
		})
	}}
	InventoryOnce = &Variant{Name: "inventory-once", Does: "asks what a new device is, and never again, not even after it enrolled again", Seen: "seen", Vary: func(c *mdmserver.Config) {
		known := map[string]bool{}
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if hook.Planning(v) && !known[v.Device.ID] {
				known[v.Device.ID] = true
				ask(r, inventory...)
			}
		})
	}}
	InventoryTogether = &Variant{Name: "inventory-together", Does: "asks for its inventory in every session, by one Get with several Items", Seen: "MS-MDM 2.2.7.5", Vary: func(c *mdmserver.Config) {
		everySession(c, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			get := hook.Ask(inventory[0])
			for _, uri := range inventory[1:] {
				get.Command.Items = append(get.Command.Items, syncml.Item{Target: syncml.Loc{LocURI: uri}})
			}
			r.Plan = slices.Insert(r.Plan, 0, get)
		})
	}}
	PFNSecond = &Variant{Name: "pfn-second", Does: "sets the PFN in the second session of a device", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.Without(&c.Tamper, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return v.Device.Sessions == 1 && hook.OfPush(p) })
	}}
	Unknown = &Variant{Name: "csp-unknown", Does: "begins by commands for CSPs and nodes that no device has", Seen: "seen: one list of commands for all editions of Windows", Vary: func(c *mdmserver.Config) {
		everySession(c, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions > 1 {
				return
			}
			for _, k := range []syncml.Command{
				hook.Command(syncml.Get, "./Device/Vendor/MSFT/SurfaceHub/DeviceAccount/Email", "", ""),
				hook.Command(syncml.Replace, "./Vendor/Example/Agent/Enabled", "bool", "true"),
				hook.Command(syncml.Exec, "./Device/Vendor/MSFT/NoSuchCSP/Start", "chr", "now"),
			} {
				r.Plan = append(r.Plan, mdmserver.Planned{Command: k, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}}
	CmdIDContinued = &Variant{Name: "cmdid-continued", Does: "numbers its commands through all messages of a session", Seen: "MS-MDM 2.2.3.2: unique in a message", Vary: func(c *mdmserver.Config) {
		given := map[*mdmserver.Device]int{}
		hook.On(&c.Tamper, mdmserver.SessionBegins, func(c *mdmserver.Change) { given[c.Device] = 0 })
		c.Tamper.Reply = append(c.Tamper.Reply, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			r.Number = func(int) string {
				given[v.Device]++
				return strconv.Itoa(given[v.Device])
			}
		})
	}}
	Typed = &Variant{Name: "typed", Does: "writes the Type of every value, and names of what it addresses", Seen: "MS-MDM 2.2.5; OMA SyncML RepPro 1.2.2, LocName", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			r.Message.Hdr.Target.LocName, r.Message.Hdr.Source.LocName = "device", "dmwake"
			hook.Each(r, func(k *syncml.Command) {
				for i := range k.Items {
					if it := &k.Items[i]; it.HasData && it.Meta != nil && it.Meta.Type == "" {
						meta := *it.Meta
						meta.Type = "text/plain"
						it.Meta = &meta
					}
				}
			})
		})
	}}
	ItemsAnswered = &Variant{Name: "items-answered", Does: "answers each Item of a command with a Status of its own", Seen: "MS-MDM 2.2.6.1; OMA SyncML RepPro 1.2.2, Status", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			var out []syncml.Command
			for i := range r.Message.Body {
				st := r.Message.Body[i]
				k := hook.AnsweredBy(v, &st)
				if k == nil || len(k.Items) < 2 {
					out = append(out, st)
					continue
				}
				for _, it := range k.Items {
					st.SourceRef = []string{it.Source.LocURI}
					out = append(out, st)
				}
			}
			r.Message.Body = out
		})
	}}
	UserLater = &Variant{Name: "user-later", Does: "sends commands for ./User only to their user, and again later if they were answered with 405", Seen: "Learn, \"OMA DM protocol support\"; fleet issue 49250", Vary: func(c *mdmserver.Config) {
		ofUser := func(k *mdmserver.Command) bool { return strings.HasPrefix(strings.ToLower(k.LocURI), "./user/") }
		refused := map[*mdmserver.Command]bool{}
		hook.On(&c.Tamper, mdmserver.Answered, func(c *mdmserver.Change) {
			if c.Code == syncml.NotAllowed && ofUser(c.Command) {
				refused[c.Command] = true
			}
		})
		hook.On(&c.Tamper, mdmserver.SessionBegins, func(c *mdmserver.Change) {
			for _, k := range c.Device.Commands {
				if refused[k] {
					delete(refused, k)
					k.State = mdmserver.StateQueued
				}
			}
		})
		hook.Without(&c.Tamper, func(v *mdmserver.Visit, p *mdmserver.Planned) bool {
			return hook.Queued(p) && ofUser(p.Sent.Command) && v.Device.Login != "user"
		})
	}}
	Features = &Variant{Name: "features", Does: "adds a certificate, a profile's node and a linked enrollment to new devices, in the order that the CSPs ask for", Seen: "MS-MDE2 2.2.9.2; Learn, \"DMClient CSP\", \"VPNv2 CSP\"", Vary: func(c *mdmserver.Config) {
		everySession(c, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions > 1 {
				return
			}
			linked := hook.Account(v.Config) + "/LinkedEnrollment/"
			for _, k := range []syncml.Command{
				hook.Command(syncml.Add, "./Vendor/MSFT/CertificateStore/CA/System/0123456789012345678901234567890123456789/EncodedCertificate", "b64", "MIIB"),
				hook.Command(syncml.Add, "./Vendor/MSFT/VPNv2/dmwake-feature", "node", ""),
				hook.Command(syncml.Replace, linked+"DiscoveryEndpoint", "chr", "https://linked.example/discovery"),
				hook.Command(syncml.Exec, linked+"Enroll", "", ""),
			} {
				r.Plan = append(r.Plan, mdmserver.Planned{Command: k, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}}
	UnenrollForgets = &Variant{Name: "unenroll-forgets", Does: "unenrolls a device by the node of its account, and forgets it at once", Seen: "Learn, \"DMClient CSP\", Provider/{ProviderID}/Unenroll; \"Disconnecting from MDM\": there is no answer to Unenroll", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			hook.Each(r, func(k *syncml.Command) {
				if k.Verb == syncml.Exec && strings.HasSuffix(k.Target(), "/DMClient/Unenroll") {
					k.Items[0].Target.LocURI = hook.Account(v.Config) + "/Unenroll"
					v.Device.Active = false
				}
			})
		})
	}}
	MaxSmall = &Variant{Name: "max-small", Does: "takes messages of 3,000 bytes at most", Seen: "OMA SyncML RepPro 1.2.2, MaxMsgSize", Vary: func(c *mdmserver.Config) {
		c.MaxMsgSize = 3000
	}}
	Rate = &Variant{Name: "rate", Does: "answers a third session within a second with 429 and Retry-After", Seen: "MS-MDM 3.1.6", Vary: func(c *mdmserver.Config) {
		c.SessionRate = 2
	}}
	WipeLater = &Variant{Name: "wipe-later", Does: "forgets a wiped device when it comes back, not when it acknowledges the wipe", Seen: "seen", Vary: func(c *mdmserver.Config) {
		wiped := map[*mdmserver.Device]bool{}
		hook.On(&c.Tamper, mdmserver.Answered, func(c *mdmserver.Change) {
			if c.Command.IsWipe() && syncml.Success(c.Code) {
				c.Device.Active, wiped[c.Device] = true, true
			}
		})
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if wiped[v.Device] {
				hook.LeaveOut(r, func(*mdmserver.Planned) bool { return true })
			}
		})
		c.Tamper.Receive = append(c.Tamper.Receive, func(v *mdmserver.Visit) int {
			if !wiped[v.Device] || !v.Opens {
				return 0
			}
			v.Device.Active = false
			return http.StatusForbidden
		})
	}}
)

// Variants of the work that an administrator can give.
var (
	QueueExec = &Variant{Name: "queue-exec", Does: "queues Exec only", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.QueueVerbs = []syncml.Verb{syncml.Exec}
	}}
	ProfileExec = &Variant{Name: "profile-exec", Does: "sends a profile as one Exec with all of it in base64", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Profile = func(revision int) []mdmserver.Command {
			profile := bytes.Repeat(fmt.Appendf(nil, "<setting revision='%d'/>", revision), 80)
			return []mdmserver.Command{{Verb: syncml.Exec, LocURI: "./Device/Vendor/Example/Agent/Apply", Format: "b64", Data: base64.StdEncoding.EncodeToString(profile)}}
		}
	}}
)

var work = []*Variant{QueueExec, ProfileExec, InventoryFirst, InventoryOnce, InventoryTogether, PFNSecond, Unknown, CmdIDContinued, Typed, ItemsAnswered, UserLater, Features, UnenrollForgets, MaxSmall, Rate, WipeLater}

// ask puts Gets before everything else that is planned.
func ask(r *mdmserver.Reply, uris ...string) {
	for i, uri := range uris {
		r.Plan = slices.Insert(r.Plan, i, hook.Ask(uri))
	}
}

// everySession lets f change the first reply of every session that may have
// commands.
func everySession(c *mdmserver.Config, f func(*mdmserver.Visit, *mdmserver.Reply)) {
	done := map[*mdmserver.Device]bool{}
	hook.On(&c.Tamper, mdmserver.SessionBegins, func(c *mdmserver.Change) { done[c.Device] = false })
	hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if hook.Planning(v) && !done[v.Device] {
			done[v.Device] = true
			f(v, r)
		}
	})
}
