package mdmserver

import (
	"github.com/dmwake/dmwake/simulator/syncml"
)

// grouped puts the queued commands of a message into one Atomic if Config.Atomic
// says so. A Get must not stand in an Atomic (MS-MDM 3.1.5.1.3).
func (s *Server) grouped(plan []Planned) []Planned {
	if !s.cfg.Atomic {
		return plan
	}
	var out []Planned
	group := Planned{Command: syncml.Command{Verb: syncml.Atomic}, Sent: &Sent{Purpose: ForAtomic}}
	for _, p := range plan {
		if p.Sent.Purpose != ForCommand || p.Command.Verb == syncml.Get {
			out = append(out, p)
			continue
		}
		group.Command.Commands = append(group.Command.Commands, p.Command)
		group.Inner = append(group.Inner, p.Sent)
	}
	if len(group.Inner) == 0 {
		return out
	}
	return append(out, group)
}

// full tells whether the next command would exceed the device's MaxMsgSize (OMA
// SyncML RepPro 1.2.2). A command that is too large by itself is sent alone.
func (sess *Session) full(plan []Planned, next syncml.Command) bool {
	if sess.room == 0 {
		return false
	}
	m := &syncml.Message{Hdr: syncml.SyncHdr{VerDTD: syncml.VerDTD, VerProto: syncml.VerProto}}
	for _, p := range plan {
		m.Body = append(m.Body, p.Command)
	}
	body, err := syncml.Write(&syncml.Message{Hdr: m.Hdr, Body: append(m.Body, next)})
	const rest = 1200 // Statuses and the addresses of the header
	return err == nil && len(body)+rest > sess.room && len(plan) > 0
}
