package variants

import (
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of sessions.
var (
	CmdIDHigh = &Variant{Name: "cmdid-high", Does: "numbers its commands from 1000 in steps of 3", Seen: "OMA SyncML RepPro 1.2.2, CmdID", Vary: func(c *mdmserver.Config) {
		numbered(c, func(i int) string { return strconv.Itoa(1000 + 3*i) })
	}}
	CmdIDText = &Variant{Name: "cmdid-text", Does: "calls its commands c1, c2, c3", Seen: "OMA SyncML RepPro 1.2.2, CmdID is text", Vary: func(c *mdmserver.Config) {
		numbered(c, func(i int) string { return "c" + strconv.Itoa(i+1) })
	}}
	EndEmpty = &Variant{Name: "end-empty", Does: "ends a session by an empty 200", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.Session(&c.Tamper, func(x *hook.Exchange) {
			if m, err := syncml.Read(x.Reply); err == nil && x.Ends() && len(m.Body) <= 1 {
				x.Reply = nil
			}
		})
	}}
	ResultsAnswered = &Variant{Name: "results-answered", Does: "answers Results with a Status, too", Seen: "seen", Breaks: "OMA DM Protocol 1.2.1 section 6; the representation protocol is milder", Vary: func(c *mdmserver.Config) {
		hook.AnswerResults(&c.Tamper)
	}}
	SyncVersion = &Variant{Name: "sync-version", Does: "sets SyncApplicationVersion 5.0, so that SessionIDs are hexadecimal and sessions say why they began", Seen: "Learn, \"DMClient CSP\"", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions == 1 && v.Opens {
				uri := hook.Account(v.Config) + "/SyncApplicationVersion"
				r.Plan = append(r.Plan, mdmserver.Planned{Command: hook.Command(syncml.Replace, uri, "chr", "5.0"), Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}}
)

var sessions = []*Variant{CmdIDHigh, CmdIDText, EndEmpty, ResultsAnswered, SyncVersion}

func numbered(c *mdmserver.Config, name func(i int) string) {
	c.Tamper.Reply = append(c.Tamper.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Number = name })
}
