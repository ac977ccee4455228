package mdmserver

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// converse processes a message and gives the reply, or an HTTP status that
// refuses it. The caller holds s.mu.
func (s *Server) converse(id string, m *syncml.Message, tokens presented) (*syncml.Message, int) {
	d := s.devices[id]
	if d == nil || !d.Active {
		return nil, http.StatusForbidden
	}
	v := &Visit{Config: &s.cfg, Device: d, In: m, Opens: opens(d.Session, m), tokens: tokens}
	for _, f := range s.cfg.Tamper.Receive {
		if status := f(v); status != 0 {
			return nil, status
		}
	}
	if !wellFormed(&m.Hdr) {
		return nil, http.StatusBadRequest
	}
	if v.Opens {
		if s.crowded(d) {
			return nil, http.StatusTooManyRequests
		}
		s.begin(d, m.Hdr.SessionID)
	}
	sess := d.Session
	if sess == nil || sess.ID != m.Hdr.SessionID {
		return nil, http.StatusBadRequest
	}
	sess.noteRoom(m.Hdr.Meta)
	if code := version(m); code != 0 {
		return s.refuse(v, code, nil), http.StatusOK
	}
	code, chal := s.admit(v)
	if !syncml.Success(code) {
		return s.refuse(v, code, chal), http.StatusOK
	}
	d.login(m, tokens)
	aborted := s.take(v)
	return s.reply(v, code, chal, aborted), http.StatusOK
}

// wellFormed checks MsgID, a number, and SessionID, of at most four characters
// (MS-MDM 2.2.3.8).
func wellFormed(h *syncml.SyncHdr) bool {
	_, err := strconv.Atoi(h.MsgID)
	return err == nil && h.SessionID != "" && len(h.SessionID) <= 4
}

// noteRoom remembers the device's MaxMsgSize and MaxObjSize. They are valid until the
// device sends others, or the session ends.
func (sess *Session) noteRoom(meta *syncml.Meta) {
	if meta == nil {
		return
	}
	if n, err := strconv.Atoi(meta.MaxMsgSize); err == nil && n > 0 {
		sess.room = n
	}
	if n, err := strconv.Atoi(meta.MaxObjSize); err == nil && n > 0 {
		sess.objectRoom = n
	}
}

// opens tells whether a message starts a session: its MsgID is 1, or it is
// package 1 of a session that the server does not know.
func opens(sess *Session, m *syncml.Message) bool {
	if n, err := strconv.Atoi(m.Hdr.MsgID); err == nil && n == 1 {
		return true
	}
	known := sess != nil && sess.ID == m.Hdr.SessionID
	return !known && slices.ContainsFunc(m.Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Alert && (c.Code() == syncml.AlertClientInitiated || c.Code() == syncml.AlertServerInitiated)
	})
}

// begin starts a session. Commands that an earlier session sent without seeing
// an answer are queued again.
func (s *Server) begin(d *Device, id string) {
	d.Sessions++
	d.Session = &Session{ID: strings.Clone(id), sent: map[string]*Sent{}}
	s.changed(Change{Moment: SessionBegins, Device: d})
	for _, c := range d.Commands {
		if c.State == StateSent {
			c.State = StateQueued
		}
	}
}

// header starts the server's next message.
func (s *Server) header(v *Visit) *syncml.Message {
	sess := v.Device.Session
	sess.msgID++
	out := &syncml.Message{Final: true, Hdr: syncml.SyncHdr{
		VerDTD: syncml.VerDTD, VerProto: syncml.VerProto, SessionID: v.In.Hdr.SessionID, MsgID: strconv.Itoa(sess.msgID),
		Target: syncml.Loc{LocURI: v.In.Hdr.Source.LocURI}, Source: syncml.Loc{LocURI: s.cfg.BaseURL + ManagementPath},
		Cred: s.ownCred(v.Device, sess),
	}}
	if s.cfg.MaxMsgSize > 0 {
		out.Hdr.Meta = &syncml.Meta{MaxMsgSize: strconv.Itoa(s.cfg.MaxMsgSize)}
	}
	return out
}

// reply builds the server's next message: the Status of SyncHdr, one Status for
// each command of the device in their order, then the server's commands. It asks
// with Alert 1222 if the device's package is not complete yet.
func (s *Server) reply(v *Visit, code int, chal *syncml.Chal, aborted bool) *syncml.Message {
	out := s.header(v)
	out.Body = statuses(v.In, code, chal)
	v.tokens.disbelieve(out.Body)
	out.Body = append(out.Body, v.chunks...)
	r := &Reply{Message: out}
	switch {
	case !v.In.Final:
		out.Final = false
		r.Plan = []Planned{nextMessage()}
	case v.Device.Active && !aborted:
		var more bool
		r.Plan, more = s.plan(v.Device)
		out.Final = !more
	}
	if v.lost {
		r.Plan = append([]Planned{alert(syncml.AlertNoEndOfData)}, r.Plan...)
	}
	// A device that just left gets its Statuses and nothing else: without commands
	// the session ends, and the server would refuse the device's next message.
	return s.finish(v, r)
}

// refuse answers a message that is not processed: every command gets the code
// of the header.
func (s *Server) refuse(v *Visit, code int, chal *syncml.Chal) *syncml.Message {
	out := s.header(v)
	out.Body = statuses(v.In, code, chal)
	for i := range out.Body {
		out.Body[i].Data = strconv.Itoa(code)
	}
	return s.finish(v, &Reply{Message: out, Refused: true})
}

// finish numbers the commands of a reply and remembers what waits for a Status.
func (s *Server) finish(v *Visit, r *Reply) *syncml.Message {
	out, sess := r.Message, v.Device.Session
	msgID := out.Hdr.MsgID
	for _, f := range s.cfg.Tamper.Reply {
		f(v, r)
	}
	number := r.Number
	if number == nil {
		number = func(i int) string { return strconv.Itoa(i + 1) }
	}
	n := -1
	next := func(c *syncml.Command) string {
		if n++; c.CmdID == "" {
			c.CmdID = number(n)
		}
		return c.CmdID
	}
	for i := range out.Body {
		next(&out.Body[i])
	}
	for i := range r.Plan {
		p := &r.Plan[i]
		sess.sent[key(msgID, next(&p.Command))] = p.Sent
		for k := range p.Inner {
			sess.sent[key(msgID, next(&p.Command.Commands[k]))] = p.Inner[k]
		}
		out.Body = append(out.Body, p.Command)
	}
	sess.Over = out.Final && len(r.Plan) == 0
	return out
}
