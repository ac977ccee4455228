package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Rules of the envelope, each over one session.

func isSyncML(h *suite.Heard) {
	const expected = "well-formed XML in SYNCML:SYNCML1.2, VerDTD 1.2, VerProto DM/1.2"
	for i, p := range h.Pairs {
		if !isWBXML(p.Ex.Reply.Get("Content-Type")) {
			if faults := syncml.Lint(p.Ex.Response); len(faults) > 0 {
				h.Breach(i, expected, "%s", faults[0])
				continue
			}
		}
		if m := p.Got; m.Hdr.VerDTD != syncml.VerDTD || m.Hdr.VerProto != syncml.VerProto {
			h.Breach(i, expected, "VerDTD %s, VerProto %s", suite.Show(m.Hdr.VerDTD), suite.Show(m.Hdr.VerProto))
		}
	}
}

// declaresSyncML looks at the header of replies. Whether WBXML is answered in WBXML is
// judged by SES-33.
func declaresSyncML(h *suite.Heard) {
	for i, p := range h.Pairs {
		got := p.Ex.Reply.Get("Content-Type")
		media, _, _ := strings.Cut(strings.ToLower(got), ";")
		if media = strings.TrimSpace(media); media != syncml.MediaType && media != syncml.MediaTypeWBXML {
			h.Breach(i, syncml.MediaType+", or "+syncml.MediaTypeWBXML, "%s", suite.Show(got))
		}
	}
}

func endsPackages(h *suite.Heard) {
	for i, p := range h.Pairs {
		aborts := slices.ContainsFunc(p.Got.Body, func(c syncml.Command) bool { return c.Verb == syncml.Alert && c.Code() == syncml.AlertSessionAbort })
		switch {
		case p.Got.Final:
		case aborts && p.Sent != nil && !p.Sent.Final: // section 6 asks for no Final there
		case aborts:
			h.Breach(i, "Final beside Alert 1223", "no Final")
		case !p.Got.HasCommands() && judgeable(&p) && p.Sent.Final:
			h.Breach(i, "Final in a message without commands", "no Final")
		}
	}
}

func namesSession(h *suite.Heard) {
	for i, p := range h.Pairs {
		if p.Sent == nil {
			continue
		}
		in, out := &p.Sent.Hdr, &p.Got.Hdr
		switch {
		case out.SessionID != in.SessionID:
			h.Breach(i, "the device's SessionID in every message", "SessionID %s instead of %s", suite.Show(out.SessionID), suite.Show(in.SessionID))
		case out.Target.LocURI != in.Source.LocURI && in.Source.LocURI == h.DeviceID():
			// To another Source the server may answer as to the holder of the certificate.
			h.Breach(i, "the device's Source as Target of every message", "Target %s instead of %s", suite.Show(out.Target.LocURI), suite.Show(in.Source.LocURI))
		case out.Source.LocURI == "", out.Source.LocURI == in.Source.LocURI:
			h.Breach(i, "the server as Source of every message", "Source %s", suite.Show(out.Source.LocURI))
		}
	}
}

func isNumbered(h *suite.Heard) {
	if h.Crossed {
		return // SES-34 judges two sessions at once
	}
	for i, p := range h.Pairs {
		if p.Sent == nil || p.Sent.Hdr.MsgID != strconv.Itoa(i+1) || hdrStatus(p.Got).Code() >= 500 {
			return // a device that numbers in another way, or a server in trouble
		}
		if want := strconv.Itoa(i + 1); p.Got.Hdr.MsgID != want {
			h.Breach(i, "MsgIDs that start at 1 and grow by 1", "MsgID %s instead of %s", suite.Show(p.Got.Hdr.MsgID), want)
			return
		}
	}
}

// commandsOf calls f for each command of a message, with those in an Atomic or
// Sequence; in is the one around it.
func commandsOf(m *syncml.Message, f func(c, in *syncml.Command)) {
	var walk func(list []syncml.Command, in *syncml.Command)
	walk = func(list []syncml.Command, in *syncml.Command) {
		for i := range list {
			f(&list[i], in)
			walk(list[i].Commands, &list[i])
		}
	}
	walk(m.Body, nil)
}

func hasCmdIDs(h *suite.Heard) {
	for i, p := range h.Pairs {
		seen := map[string]bool{}
		saw := ""
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			switch {
			case saw != "":
			case c.CmdID == "", c.CmdID == "0":
				saw = string(c.Verb) + " with CmdID " + suite.Show(c.CmdID)
			case seen[c.CmdID]:
				saw = "CmdID " + suite.Show(c.CmdID) + " twice"
			}
			seen[c.CmdID] = true
		})
		if saw != "" {
			h.Breach(i, "CmdIDs that are unique in their message and not 0", "%s", saw)
		}
	}
}

func answersHeader(h *suite.Heard) {
	for i, p := range h.Pairs {
		if p.Sent == nil {
			continue
		}
		const expected = "a first Status with CmdRef 0, Cmd SyncHdr and the MsgRef of the answered message"
		list := statuses(p.Got)
		switch {
		case len(list) == 0:
			h.Breach(i, expected, "no Status")
		case list[0].CmdRef != "0" || list[0].Cmd != "SyncHdr":
			h.Breach(i, expected, "the first Status has CmdRef %s, Cmd %s", suite.Show(list[0].CmdRef), suite.Show(list[0].Cmd))
		case list[0].MsgRef != p.Sent.Hdr.MsgID:
			h.Breach(i, expected, "MsgRef %s in the answer to message %s", suite.Show(list[0].MsgRef), p.Sent.Hdr.MsgID)
		}
	}
}

// answersCommandsOnce looks at what the server understood: it refused no message, the
// device's CmdIDs are unique, and the session came to its end.
func answersCommandsOnce(h *suite.Heard) {
	const expected = "one Status for each command of the device"
	ids := map[string]bool{}
	for i, p := range h.Pairs {
		if p.Sent == nil || ids[p.Sent.Hdr.MsgID] {
			return
		}
		ids[p.Sent.Hdr.MsgID] = true
		if !judgeable(&p) {
			continue
		}
		own := map[string]bool{}
		for k := range p.Sent.Body {
			c := &p.Sent.Body[k]
			if own[c.CmdID] || c.CmdID == "" {
				return
			}
			own[c.CmdID] = true
			if c.Verb.IsReply() || c.NoResp {
				continue
			}
			if !c.Verb.Known() || len(c.Commands) > 0 || c.Code() == syncml.AlertSessionAbort {
				continue // what a server says to these is told by other rules
			}
			var found []syncml.Command
			for _, later := range h.Pairs[i:] {
				for _, st := range statuses(later.Got) {
					if st.MsgRef == p.Sent.Hdr.MsgID && st.CmdRef == c.CmdID {
						found = append(found, st)
					}
				}
			}
			whole := p.Got.Final || h.Err == nil
			switch {
			case len(found) == 0 && whole:
				h.Breach(i, expected, "no Status for %s %s with CmdID %s", c.Verb, c.Data, c.CmdID)
			case len(found) > 1 && !forItems(c, found):
				h.Breach(i, expected, "%d Statuses for %s with CmdID %s", len(found), c.Verb, c.CmdID)
			}
			if at := slices.IndexFunc(found, func(st syncml.Command) bool { return st.Cmd != string(c.Verb) }); at >= 0 && (len(found) == 1 || forItems(c, found)) {
				h.Breach(i, expected, "a Status for %s with CmdID %s that says Cmd %s", c.Verb, c.CmdID, suite.Show(found[at].Cmd))
			}
		}
		for _, st := range statuses(p.Got) {
			if st.CmdRef != "0" && replyTo(h, &st) == nil {
				h.Breach(i, "no Status for what was never sent", "a Status with MsgRef %s, CmdRef %s, Cmd %s", suite.Show(st.MsgRef), suite.Show(st.CmdRef), suite.Show(st.Cmd))
			}
		}
	}
}

// replyTo returns what a Status answers: a command or Results of the device, as the
// server could read it.
func replyTo(h *suite.Heard, st *syncml.Command) *syncml.Command {
	for _, p := range h.Pairs {
		if p.Sent == nil || p.Sent.Hdr.MsgID != st.MsgRef {
			continue
		}
		for i := range p.Sent.Body {
			if c := &p.Sent.Body[i]; c.CmdID == st.CmdRef && c.Verb != syncml.Status {
				return c
			}
		}
	}
	return nil
}

func hasCodes(h *suite.Heard) {
	for i, p := range h.Pairs {
		for _, st := range statuses(p.Got) {
			if code := strings.TrimSpace(st.Data); len(code) != 3 || st.Code() < 100 {
				h.Breach(i, "a three-digit code in Data of every Status", "Data %s in the Status for CmdRef %s, Cmd %s", suite.Show(st.Data), suite.Show(st.CmdRef), suite.Show(st.Cmd))
			}
		}
	}
}

func leavesResults(h *suite.Heard) {
	for i, p := range h.Pairs {
		for _, st := range statuses(p.Got) {
			c := replyTo(h, &st)
			chunk := c != nil && len(c.Items) > 0 && c.Items[0].MoreData // gets 213
			if c != nil && c.Verb == syncml.Results && st.Code() < 300 && !(chunk && st.Code() == syncml.ChunkAccepted) {
				h.Breach(i, "no Status for Results", "Status %s for Results with CmdID %s", suite.Show(st.Data), suite.Show(st.CmdRef))
			}
		}
	}
}
