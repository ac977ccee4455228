package mdmserver

import (
	"github.com/dmwake/dmwake/simulator/syncml"
)

// grouped puts the queued commands of a message into one Atomic where the
// server is set up so. A Get does not belong into one (MS-MDM 3.1.5.1.2).
func (s *Server) grouped(plan []planned) []planned {
	if !s.cfg.Atomic {
		return plan
	}
	var out []planned
	group := planned{command: syncml.Command{Verb: syncml.Atomic}, out: &outgoing{kind: kindAtomic}}
	for _, p := range plan {
		if p.out.kind != kindCommand || p.command.Verb == syncml.Get {
			out = append(out, p)
			continue
		}
		group.command.Commands = append(group.command.Commands, p.command)
		group.inner = append(group.inner, p.out)
	}
	if len(group.inner) == 0 {
		return out
	}
	if s.is("err-atomic-nested") {
		nested := syncml.Command{Verb: syncml.Atomic, CmdID: "900", Commands: group.command.Commands}
		for i := range nested.Commands {
			nested.Commands[i].CmdID = nextID(i)
		}
		group.command.Commands, group.inner = []syncml.Command{nested}, []*outgoing{{kind: kindAtomic}}
	}
	return append(out, group)
}

func nextID(i int) string { return "90" + string(rune('1'+i%9)) }

// full tells whether a command has no more room in a message for a device that
// takes no larger ones (OMA SyncML RepPro 1.2.2, MaxMsgSize). One that is too
// large by itself is sent alone.
func (sess *session) full(plan []planned, next syncml.Command) bool {
	if sess.room == 0 {
		return false
	}
	m := &syncml.Message{Hdr: syncml.SyncHdr{VerDTD: syncml.VerDTD, VerProto: syncml.VerProto}}
	for _, p := range plan {
		m.Body = append(m.Body, p.command)
	}
	body, err := syncml.Write(&syncml.Message{Hdr: m.Hdr, Body: append(m.Body, next)})
	const rest = 1200 // Statuses and the addresses of the header
	return err == nil && len(body)+rest > sess.room && len(plan) > 0
}
