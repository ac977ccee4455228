package mdmserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const maxMessage = 1 << 20 // bytes of a device's message

// session is one OMA-DM session under way.
type session struct {
	id      string
	msgID   int // of the last message the server sent
	sent    map[string]*outgoing
	planned bool // the push questions of this session are asked
	replace bool // set the PFN by Replace in the next message
	held    map[*command]bool

	answered map[string]bool // what got a Status, for mutants
	over     bool            // the last message had no commands, for a mutant
	backlog  []planned       // what waits for the next message, for a variant

	admitted   bool // the device's credential was right
	trusted    bool // the device took the server's
	distrusted int
	partial    map[string]string // results that come in chunks
	offset     int               // in the command that is sent in chunks
	room       int               // the device's MaxMsgSize, 0 if it has none
}

// outgoing is a command that waits for its Status.
type outgoing struct {
	kind kind
	cmd  *command // of kindCommand
}

type kind int

const (
	kindCommand kind = iota
	kindPush
	kindAddPFN
	kindReplacePFN
	kindChannel
	kindStatus
	kindAlert
	kindChunk // one of several that a value is sent in
	kindAtomic
	kindUnenroll
)

func key(msgRef, cmdRef string) string { return msgRef + "/" + cmdRef }

// manage serves one message of a session.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	id, err := s.identify(r)
	if err != nil {
		s.log.Info("management refused", "err", err)
		s.turnAway(w, "a client certificate of an enrolled device is required")
		return
	}
	read := func(body io.Reader) ([]byte, error) { return readAll(body, r.ContentLength) }
	if s.is("rob-serial") {
		read = s.slowly
	}
	raw, err := read(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		if s.is("rob-big") {
			http.Error(w, "too large", http.StatusInternalServerError)
			return
		}
		if s.is("rob-wedge") {
			s.mu.Lock()
			if d := s.devices[id]; d != nil {
				d.wedged = true
			}
			s.mu.Unlock()
		}
		http.Error(w, "the message could not be read", http.StatusBadRequest)
		return
	}
	if status := s.spoils(id, r, raw); status != 0 {
		http.Error(w, "the message could not be read", status)
		return
	}
	wbxml := strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), syncml.MediaTypeWBXML)
	var m *syncml.Message
	if wbxml {
		m, err = syncml.ReadWBXML(raw, syncml.Limits{})
	} else {
		m, err = syncml.Read(raw)
	}
	if err == nil && m.Namespace != syncml.Namespace {
		err = fmt.Errorf("%w: namespace %q", syncml.ErrNotSyncML, m.Namespace)
	}
	if err != nil {
		if s.is("rob-panic") {
			panic("mutant rob-panic")
		}
		text := "the message is not SyncML 1.2"
		if s.is("sec-trace") {
			text += "\ngoroutine 1 [running]:\nmain.main()\n\t/srv/mdm/main.go:17"
		}
		http.Error(w, text, http.StatusBadRequest)
		return
	}
	if s.cfg.RequireSigning && !s.is("sec-signature") {
		if err := checkSignature(r, r.TLS.PeerCertificates[0], raw); err != nil {
			s.log.Info("message refused", "err", err)
			s.turnAway(w, "the message must be signed by the device's certificate (MS-Signature)")
			return
		}
	}
	if id == "" || s.is("sec-source") {
		id = m.Hdr.Source.LocURI
	}
	if m.Hdr.Source.LocURI != id && !s.varies("cert-only") {
		s.turnAway(w, "the certificate is not that of the Source")
		return
	}
	reply, status := s.locked(id, m)
	if status == http.StatusTooManyRequests && !s.is("ses-429-bare") {
		w.Header().Set("Retry-After", "1")
	}
	switch status {
	case http.StatusOK:
	case http.StatusForbidden:
		s.turnAway(w, "the device is not enrolled")
		return
	default:
		http.Error(w, "the session was refused", status)
		return
	}
	s.write(w, reply, wbxml && !s.is("ses-wbxml-xml"))
}

// identify gives the DeviceID of the client certificate; empty only by a
// mutant.
func (s *Server) identify(r *http.Request) (string, error) {
	if s.is("sec-challenge-any") {
		return "", nil
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		if s.is("sec-no-cert") {
			return "", nil
		}
		return "", fmt.Errorf("no client certificate")
	}
	cert := r.TLS.PeerCertificates[0]
	if s.is("sec-any-ca") {
		return cert.Subject.CommonName, nil
	}
	now := time.Now()
	if s.is("sec-expired") {
		now = cert.NotBefore
	}
	return s.ca.verify(cert, now)
}

func (s *Server) write(w http.ResponseWriter, m *syncml.Message, wbxml bool) {
	if s.varies("end-empty") && m.Final && !m.HasCommands() && m.Hdr.MsgID != "1" && len(m.Body) <= 1 {
		w.Header().Set("Content-Type", syncml.MediaType)
		w.WriteHeader(http.StatusOK)
		return
	}
	body, err := syncml.Write(m)
	media := syncml.MediaType
	if wbxml {
		media = syncml.MediaTypeWBXML
		body, err = syncml.WriteWBXML(m)
	}
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	if s.is("ses-unescaped") {
		body = bytes.ReplaceAll(body, []byte("&amp;"), []byte("&"))
	}
	if s.is("ses-unbound-prefix") {
		body = bytes.ReplaceAll(body, []byte(`<Cmd>SyncHdr</Cmd>`), []byte(`<m:Cmd>SyncHdr</m:Cmd>`))
	}
	if s.is("ses-msgid-spelling") {
		body = bytes.ReplaceAll(body, []byte("MsgID>"), []byte("MsgId>"))
	}
	length := len(body)
	if s.is("ses-content-length") {
		length += 16
	}
	w.Header().Set("Content-Type", media)
	if s.is("ses-content-type") {
		w.Header().Set("Content-Type", "text/xml")
	}
	if s.is("ses-bye") && m.Final && !m.HasCommands() && m.Hdr.MsgID != "1" {
		w.Header().Set("Content-Type", "text/html")
		body = []byte("<html>bye</html>")
		length = len(body)
	}
	if s.is("ses-gzip") {
		body = zipped(w, body)
		length = len(body)
	}
	if s.is("ses-chunked") {
		http.NewResponseController(w).Flush() //nolint:errcheck // the device is gone
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.Write(body) //nolint:errcheck,gosec // the device is gone; SyncML is no page
}

// locked is converse under s.mu, which a mutant that panics gives back too.
func (s *Server) locked(id string, m *syncml.Message) (*syncml.Message, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.converse(id, m)
}

// converse takes in a message and gives the reply, or an HTTP status that
// refuses it. The caller holds s.mu.
func (s *Server) converse(id string, m *syncml.Message) (*syncml.Message, int) {
	d := s.devices[id]
	if d == nil || !d.Active || d.wedged {
		return nil, http.StatusForbidden
	}
	if status := s.misreads(d, m); status != 0 {
		return nil, status
	}
	msgID, err := strconv.Atoi(m.Hdr.MsgID)
	if err != nil || m.Hdr.SessionID == "" || len(m.Hdr.SessionID) > 4 {
		return nil, http.StatusBadRequest
	}
	if s.is("ses-zero-refused") && m.Hdr.SessionID == "0" {
		return nil, http.StatusBadRequest
	}
	if msgID == 1 || opens(m) && (d.session == nil || d.session.id != m.Hdr.SessionID) {
		if s.crowded(d) {
			return nil, http.StatusTooManyRequests
		}
		s.begin(d, m.Hdr.SessionID)
		if s.is("ses-first-500") && d.seen == 1 {
			return nil, http.StatusInternalServerError
		}
		if s.is("psh-empty-404") && d.seen > 2 && len(s.pending(d)) == 0 {
			return nil, http.StatusNotFound
		}
	}
	sess := d.session
	if sess == nil || sess.id != m.Hdr.SessionID && !s.is("ses-mixed") {
		return nil, http.StatusBadRequest
	}
	if m.Hdr.Meta != nil && !s.is("ses-max-size") {
		if n, err := strconv.Atoi(m.Hdr.Meta.MaxMsgSize); err == nil && n > 0 {
			sess.room = n
		}
	}
	if code := version(m); code != 0 && !s.is("ses-any-version") {
		out := s.header(d, sess, m)
		out.Body = s.statuses(m)
		return refusal(out, code, nil), http.StatusOK
	}
	code, chal := s.admit(d, sess, m)
	if !syncml.Success(code) {
		out := s.header(d, sess, m)
		out.Body = s.statuses(m)
		return s.spoiltRefusal(refusal(out, code, chal)), http.StatusOK
	}
	aborted, unread := false, false
	for i := range m.Body {
		c := &m.Body[i]
		switch c.Verb {
		case syncml.Status:
			if c.CmdRef == "0" {
				unread = d.judged(sess, c)
			}
			if unread {
				continue // the device executed nothing
			}
			if s.is("ses-first-status") && i > 1 {
				continue
			}
			if s.stumbles(d, sess, c) {
				return nil, http.StatusInternalServerError
			}
			s.takeStatus(d, sess, c)
		case syncml.Results:
			if s.is("err-results-fail") && !sess.answered[key(c.MsgRef, c.CmdRef)] {
				return nil, http.StatusInternalServerError
			}
			if s.chokes(c) {
				return nil, http.StatusInternalServerError
			}
			s.takeResults(d, sess, c)
		case syncml.Alert:
			if c.Code() == syncml.AlertGeneric && isUnenroll(c) && !s.is("sec-unenrolled") {
				d.Active = false
			}
			aborted = aborted || c.Code() == syncml.AlertSessionAbort
		}
	}
	return s.spoilt(s.reply(d, sess, m, reception{code, chal, aborted})), http.StatusOK
}

func isUnenroll(c *syncml.Command) bool {
	for _, it := range c.Items {
		if it.Meta != nil && it.Meta.Type == "com.microsoft:mdm.unenrollment.userrequest" {
			return true
		}
	}
	return false
}

// opens tells whether a message is package 1, whatever its MsgID is.
func opens(m *syncml.Message) bool {
	return slices.ContainsFunc(m.Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Alert && (c.Code() == syncml.AlertClientInitiated || c.Code() == syncml.AlertServerInitiated)
	})
}

// begin starts a session. What an earlier one sent and never saw answered is
// queued again.
func (s *Server) begin(d *device, id string) {
	d.seen++
	if s.is("enr-stale-session") && d.session != nil && d.session.id == id && !d.session.over {
		return
	}
	d.session = &session{id: strings.Clone(id), sent: map[string]*outgoing{}, held: map[*command]bool{}, answered: map[string]bool{}, partial: map[string]string{}}
	for _, c := range d.Commands {
		switch {
		case c.State == stateSent && s.is("psh-sent-done"):
			c.State = stateDone
		case s.is("err-cmd-forever") && c.State == stateDone && !syncml.Success(c.Status):
			c.State = stateQueued
		case c.State == stateSent, s.is("psh-twice") && c.State == stateDone && c.sent == 1:
			c.State = stateQueued
		case s.is("psh-skip-session") && c.State == stateQueued && c.held == 0:
			c.held++
			d.session.held[c] = true
		}
	}
}

// reception is what was made of a device's message.
type reception struct {
	code    int // for its SyncHdr
	chal    *syncml.Chal
	aborted bool // by Alert 1223
}

// header starts the server's next message.
func (s *Server) header(d *device, sess *session, m *syncml.Message) *syncml.Message {
	sess.msgID++
	out := &syncml.Message{Final: !s.is("ses-no-final"), Hdr: syncml.SyncHdr{
		VerDTD: syncml.VerDTD, VerProto: syncml.VerProto, SessionID: m.Hdr.SessionID, MsgID: strconv.Itoa(sess.msgID),
		Target: syncml.Loc{LocURI: m.Hdr.Source.LocURI}, Source: syncml.Loc{LocURI: s.cfg.BaseURL + managementPath}, Cred: s.ownCred(d, sess),
	}}
	if s.cfg.MaxMsgSize > 0 {
		out.Hdr.Meta = &syncml.Meta{MaxMsgSize: strconv.Itoa(s.cfg.MaxMsgSize)}
	}
	return out
}

// reply builds the server's next message: the Status of SyncHdr, one for each
// command of the device in their order, then commands of the server's own, or
// Alert 1222 where the device has not sent all of its package.
func (s *Server) reply(d *device, sess *session, m *syncml.Message, got reception) *syncml.Message {
	out := s.header(d, sess, m)
	msgID := out.Hdr.MsgID
	if s.is("ses-session-id") {
		out.Hdr.SessionID = "1"
	}
	if s.is("ses-msg-id") {
		out.Hdr.MsgID = "1"
	}
	if s.is("ses-msgid-copied") {
		out.Hdr.MsgID = m.Hdr.MsgID
	}
	if s.is("ses-mixed") {
		out.Hdr.SessionID = sess.id
	}
	out.Body = s.statuses(m)
	for i := range out.Body {
		if out.Body[i].CmdRef == "0" {
			out.Body[i].Data, out.Body[i].Chal = strconv.Itoa(got.code), got.chal
		}
	}
	// A device that just left gets its Statuses and no more: without commands
	// the session ends, and its next message would be refused.
	var plan []planned
	switch {
	case !m.Final && !s.is("ses-part-commands"):
		plan = []planned{{command: nextMessage(), out: &outgoing{kind: kindAlert}}}
	case got.aborted && s.is("ses-abort-commands"):
		plan = []planned{{command: one(syncml.Get, "./DevInfo/Lang", "", ""), out: &outgoing{kind: kindAlert}}}
	case d.Active && !got.aborted:
		var more bool
		if plan, more = s.plan(d, sess); more {
			out.Final = false
		}
		plan = s.paced(sess, plan)
	}
	name := s.numbering()
	for i := range out.Body {
		out.Body[i].CmdID = name(true)
	}
	for i, p := range plan {
		p.command.CmdID = name(!(s.is("ses-cmdid-repeated") && i == 0))
		sess.sent[key(msgID, p.command.CmdID)] = p.out
		for k := range p.inner {
			p.command.Commands[k].CmdID = name(true)
			sess.sent[key(msgID, p.command.Commands[k].CmdID)] = p.inner[k]
		}
		out.Body = append(out.Body, p.command)
	}
	sess.over = out.Final && len(plan) == 0
	return out
}
