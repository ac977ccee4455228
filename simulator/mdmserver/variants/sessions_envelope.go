package variants

import (
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of where sessions go, and how they end.
var (
	AddressSet = &Variant{Name: "address-set", Does: "tells devices an address of their own in their second session", Seen: "MS-MDE2 2.2.9.3, ManagementServiceAddress", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions == 2 && v.Opens && hook.Planning(v) {
				k := hook.Command(syncml.Replace, hook.Account(v.Config)+"/ManagementServiceAddress", "chr", v.Config.BaseURL+mdmserver.ManagementPath+"?shard=2")
				r.Plan = append(r.Plan, mdmserver.Planned{Command: k, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}}
	EndAbort = &Variant{Name: "end-abort", Does: "ends every second session by Alert 1223 with Final", Seen: "OMA DM Protocol 1.2.1 sections 8.1 and 8.4", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions%2 == 0 && hook.Planning(v) && len(r.Plan) == 0 {
				abort := syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertSessionAbort)}
				r.Plan = append(r.Plan, mdmserver.Planned{Command: abort, Sent: &mdmserver.Sent{Purpose: mdmserver.ForAlert}})
			}
		})
	}}
)

var envelopes = []*Variant{AddressSet, EndAbort}
