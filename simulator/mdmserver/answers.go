package mdmserver

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// statuses answers SyncHdr and every command of the device's message.
func (s *Server) statuses(m *syncml.Message) []syncml.Command {
	hdr := syncml.Command{Verb: syncml.Status, MsgRef: m.Hdr.MsgID, CmdRef: "0", Cmd: "SyncHdr", Data: strconv.Itoa(syncml.OK)}
	out := make([]syncml.Command, 0, len(m.Body)+2)
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb.IsReply() && !(c.Verb == syncml.Results && (s.varies("results-answered") || s.is("ses-results-cmd"))) || c.Verb == syncml.Alert && s.is("ses-alert-unanswered") ||
			c.Verb == syncml.Replace && s.is("ses-replace-unanswered") || isForeign(c) && s.is("ses-unknown-silent") {
			continue
		}
		code := syncml.OK
		if !c.Verb.Known() || c.CmdID == "" {
			code = syncml.BadRequest
		}
		if s.is("ses-unenroll-404") && c.Verb == syncml.Alert && isUnenroll(c) {
			code = syncml.NotFound
		}
		ref := c.CmdID
		if s.is("ses-cmdref-fixed") {
			ref = strconv.Itoa(2 + len(out))
		}
		cmd := string(c.Verb)
		if s.is("ses-alert-cmd") && c.Verb == syncml.Alert || s.is("ses-results-cmd") && c.Verb == syncml.Results {
			cmd = string(syncml.Replace)
		}
		out = append(out, syncml.Command{Verb: syncml.Status, MsgRef: m.Hdr.MsgID, CmdRef: ref, Cmd: cmd, Data: strconv.Itoa(code)})
	}
	if s.is("ses-status-order") {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	if s.is("ses-extra-status") {
		out = append(out, syncml.Command{Verb: syncml.Status, MsgRef: m.Hdr.MsgID, CmdRef: "77", Cmd: "Replace", Data: "200"})
	}
	switch {
	case s.is("ses-no-status"):
		return nil
	case s.is("ses-hdr-status-missing"):
		return out
	case s.is("ses-hdr-status-last"):
		return append(out, hdr)
	}
	return slices.Insert(out, 0, hdr)
}

func (s *Server) takeStatus(d *device, sess *session, c *syncml.Command) {
	o := sess.sent[key(c.MsgRef, c.CmdRef)]
	if o == nil {
		return
	}
	code := c.Code()
	switch o.kind {
	case kindAlert:
	case kindChunk:
		if code == syncml.ChunkAccepted {
			return // the next one follows
		}
		sess.offset = 0
		o.cmd.Status, o.cmd.State = code, stateDone
	case kindCommand:
		o.cmd.Status, o.cmd.State = code, stateDone
		if s.is("ses-405-loop") && code == 405 || s.is("ses-202-again") && code == syncml.Accepted {
			o.cmd.State = stateQueued
		}
		if isWipe(o.cmd) && syncml.Success(code) && !s.is("psh-wipe-active") {
			d.Active, d.Push = false, pushState{}
		}
	default:
		s.pushStatus(d, sess, o.kind, code)
	}
}

func (s *Server) takeResults(d *device, sess *session, c *syncml.Command) {
	o := sess.sent[key(c.MsgRef, c.CmdRef)]
	if c.MsgRef == "" { // "processed as having a value of 1" (MS-MDM 2.2.7.8)
		o = sess.sent[key("1", c.CmdRef)]
	}
	if o == nil || len(c.Items) == 0 {
		return
	}
	data, whole := sess.gather(key(c.MsgRef, c.CmdRef), &c.Items[0])
	if !whole {
		return
	}
	data = strings.Clone(data) // what is kept is not to hold the whole message
	if o.kind == kindCommand {
		o.cmd.Result = data
		return
	}
	s.pushResult(d, o.kind, data)
}
