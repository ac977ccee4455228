package variants

import (
	"slices"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of how what a server sends is divided among messages and sessions.
var (
	FiveASession = &Variant{Name: "five-a-session", Does: "sends at most five queued commands in a session", Seen: "seen", Vary: func(c *mdmserver.Config) {
		sent := map[*mdmserver.Device]int{}
		hook.On(&c.Tamper, mdmserver.SessionBegins, func(c *mdmserver.Change) { sent[c.Device] = 0 })
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			hook.LeaveOut(r, func(p *mdmserver.Planned) bool {
				if hook.Queued(p) {
					sent[v.Device]++
				}
				return hook.Queued(p) && sent[v.Device] > 5
			})
		})
	}}
	Atomic = &Variant{Name: "atomic", Does: "sends what is queued in one Atomic", Seen: "MS-MDM 2.2.7.3; seen", Vary: func(c *mdmserver.Config) {
		c.Atomic = true
	}}
	Sequence = &Variant{Name: "sequence", Does: "sends what is queued in one Sequence", Seen: "OMA SyncML RepPro 1.2.2, Sequence", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			group := mdmserver.Planned{Command: syncml.Command{Verb: syncml.Sequence}, Sent: &mdmserver.Sent{Purpose: mdmserver.ForAtomic}}
			r.Plan = slices.DeleteFunc(r.Plan, func(p mdmserver.Planned) bool {
				if !hook.Queued(&p) {
					return false
				}
				group.Command.Commands, group.Inner = append(group.Command.Commands, p.Command), append(group.Inner, p.Sent)
				return true
			})
			if len(group.Inner) > 0 {
				r.Plan = append(r.Plan, group)
			}
		})
	}}
	Chunks = &Variant{Name: "chunks", Does: "announces a MaxMsgSize, and sends values over 1,500 bytes in chunks", Seen: "OMA DM Protocol 1.2.1 section 7", Vary: func(c *mdmserver.Config) {
		c.MaxMsgSize, c.ChunkSize = 16_384, 1500
	}}
	OneAMessage = &Variant{Name: "one-a-message", Does: "sends one command in a message", Seen: "seen", Vary: func(c *mdmserver.Config) {
		portion(c, false)
	}}
	PackageSplit = &Variant{Name: "package-split", Does: "sends a package in messages of one command, Final in the last", Seen: "OMA DM Protocol 1.2.1 section 6", Vary: func(c *mdmserver.Config) {
		portion(c, true)
	}}
	FinalIdle = &Variant{Name: "final-idle", Does: "leaves Final out of messages without commands", Seen: "seen", Breaks: "OMA DM Protocol 1.2.1 section 6", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Final = r.Message.Final && len(r.Plan) > 0 })
	}}
)

var portions = []*Variant{FiveASession, Atomic, Sequence, Chunks, OneAMessage, PackageSplit, FinalIdle}

// portion sends one command in a message. Each message is a package of its own,
// or all are one package.
func portion(c *mdmserver.Config, onePackage bool) {
	waits := map[*mdmserver.Device][]mdmserver.Planned{}
	hook.On(&c.Tamper, mdmserver.SessionBegins, func(c *mdmserver.Change) { delete(waits, c.Device) })
	hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if !hook.Planning(v) {
			return
		}
		// What the device refused unread is planned again.
		list := slices.DeleteFunc(waits[v.Device], func(p mdmserver.Planned) bool {
			return slices.ContainsFunc(r.Plan, func(again mdmserver.Planned) bool { return same(&p, &again) })
		})
		list = append(list, r.Plan...)
		n := min(len(list), 1)
		r.Plan, waits[v.Device] = slices.Clone(list[:n]), list[n:]
		chunk := n > 0 && list[0].Sent.Purpose == mdmserver.ForChunk
		r.Message.Final = !chunk && (!onePackage || len(list) == n)
	})
}

// same tells whether two planned commands are of the push path, or bring the same
// queued command.
func same(p, other *mdmserver.Planned) bool {
	switch {
	case hook.OfPush(p) || hook.OfPush(other):
		return hook.OfPush(p) && hook.OfPush(other)
	case p.Sent.Purpose == mdmserver.ForChunk:
		return false // the next chunk follows it
	}
	return slices.ContainsFunc(brings(p), func(k *mdmserver.Command) bool { return slices.Contains(brings(other), k) })
}

// brings gives the queued commands in a planned one.
func brings(p *mdmserver.Planned) (out []*mdmserver.Command) {
	for _, s := range slices.Concat(p.Inner, []*mdmserver.Sent{p.Sent}) {
		if s.Command != nil {
			out = append(out, s.Command)
		}
	}
	return out
}
