package mdmserver

import (
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// statuses answers SyncHdr with code and chal, and then every command of the
// device's message (MS-MDM 2.2.6.1).
func statuses(m *syncml.Message, code int, chal *syncml.Chal) []syncml.Command {
	out := make([]syncml.Command, 0, len(m.Body)+2)
	out = append(out, syncml.Command{Verb: syncml.Status, MsgRef: m.Hdr.MsgID, CmdRef: "0", Cmd: "SyncHdr", Data: strconv.Itoa(code), Chal: chal})
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb.IsReply() {
			continue
		}
		code := syncml.OK
		if !c.Verb.Known() || c.CmdID == "" {
			code = syncml.BadRequest
		}
		out = append(out, syncml.Command{Verb: syncml.Status, MsgRef: m.Hdr.MsgID, CmdRef: c.CmdID, Cmd: string(c.Verb), Data: strconv.Itoa(code)})
	}
	return out
}

// take processes the device's answers and Alerts; aborted tells that the device
// ended the session by Alert 1223.
func (s *Server) take(v *Visit) (aborted bool) {
	d := v.Device
	unread := false // the device refused the server's credential, and executed nothing
	for i := range v.In.Body {
		c := &v.In.Body[i]
		if !c.Verb.IsReply() && d.Session.object != nil {
			d.Session.object, v.lost = nil, true
		}
		switch c.Verb {
		case syncml.Status:
			if c.CmdRef == "0" {
				unread = d.judged(d.Session, c)
			}
			if !unread {
				s.takeStatus(d, c)
			}
		case syncml.Results:
			s.takeResults(v, c)
		case syncml.Alert:
			if c.Code() == syncml.AlertGeneric && isUnenroll(c) {
				d.Active = false
				s.changed(Change{Moment: Left, Device: d})
			}
			aborted = aborted || c.Code() == syncml.AlertSessionAbort
			d.takeDeclared(c)
		}
	}
	return aborted
}

func isUnenroll(c *syncml.Command) bool {
	for _, it := range c.Items {
		if it.Meta != nil && it.Meta.Type == "com.microsoft:mdm.unenrollment.userrequest" {
			return true
		}
	}
	return false
}

func (s *Server) takeStatus(d *Device, c *syncml.Command) {
	sess := d.Session
	o := sess.sent[key(c.MsgRef, c.CmdRef)]
	if o == nil {
		return
	}
	code := c.Code()
	switch o.Purpose {
	case ForAlert, ForPush, ForStatus, ForAtomic, ForPage, ForLinkStatus, ForLinkError:
	case ForChunk:
		if code == syncml.ChunkAccepted {
			return // the next one follows
		}
		sess.offset = 0
		o.Command.Status, o.Command.State = code, StateDone
	case ForLrgObj:
		if !syncml.Success(code) {
			d.lrgObj = lrgObjFalse
		}
	case ForCommand:
		o.Command.Status, o.Command.State = code, StateDone
		if o.Command.IsWipe() && syncml.Success(code) {
			d.Active, d.Push = false, PushState{}
		}
		s.changed(Change{Moment: Answered, Device: d, Command: o.Command, Code: code})
	case ForAddPFN, ForReplacePFN:
		d.pfnStatus(o.Purpose, code)
	case ForChannel:
		if !syncml.Success(code) {
			s.channelFailed(d, code)
		}
	case ForPageSetUp, ForPageFinished, ForPageUser:
		d.page.pageStatus(o.Purpose, code)
	case ForLinkEndpoint, ForLink:
		d.link.status(o.Purpose, code)
	case ForDocument, ForDocumentResult:
		d.document(o.Document).status(o.Purpose, code)
	case ForUnenroll:
		if syncml.Success(code) {
			d.Active, d.leaving, d.Push = false, false, PushState{}
		}
	}
}

func (s *Server) takeResults(v *Visit, c *syncml.Command) {
	d := v.Device
	sess := d.Session
	o := sess.sent[key(c.MsgRef, c.CmdRef)]
	if c.MsgRef == "" { // "processed as having a value of 1" (MS-MDM 2.2.7.8)
		o = sess.sent[key("1", c.CmdRef)]
	}
	if o == nil || len(c.Items) == 0 {
		return
	}
	data, code, whole, lost := sess.gather(c)
	v.lost = v.lost || lost
	if !whole {
		v.chunks = append(v.chunks, syncml.Command{Verb: syncml.Status, MsgRef: v.In.Hdr.MsgID, CmdRef: c.CmdID, Cmd: string(c.Verb), Data: strconv.Itoa(code)})
		return
	}
	data = strings.Clone(data) // what is kept must not hold the whole message
	switch o.Purpose {
	case ForCommand:
		o.Command.Result = data
	case ForChannel:
		s.channelTold(d, data)
	case ForStatus:
		s.statusTold(d, data)
	case ForLinkStatus:
		d.link.told = data
	case ForLinkError:
		d.link.err = data
	case ForDocumentResult:
		d.document(o.Document).read(data)
	case ForLrgObj:
		d.lrgObj = lrgObjFalse
		if strings.EqualFold(data, "true") {
			d.lrgObj = lrgObjTrue
		}
	}
}
