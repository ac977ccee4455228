package mdmserver

import (
	"bytes"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/simulator/syncml"
)

var externalEntity = regexp.MustCompile(`SYSTEM "(http://[^"]+)"`)

// spoils tells whether a mutant fails at the bytes of a message, and how.
func (s *Server) spoils(id string, r *http.Request, raw []byte) (status int) {
	if bytes.Contains(raw, []byte("<!DOCTYPE")) {
		s.mu.Lock()
		if d := s.devices[id]; d != nil && s.is("sec-doctype-dies") {
			d.wedged = true
		}
		s.mu.Unlock()
		if s.varies("doctype-500") {
			return http.StatusInternalServerError
		}
	}
	if m := externalEntity.FindSubmatch(raw); m != nil && s.is("sec-xxe") {
		if resp, err := http.Get(string(m[1])); err == nil { //nolint:noctx // that is the mutant
			resp.Body.Close()
		}
	}
	switch {
	case s.throng():
		return http.StatusServiceUnavailable
	case s.is("psh-origin") && r.Header.Get("UserAgentOrigin") == "3", s.is("ses-query-mode") && r.URL.Query().Get("mode") == "Machine":
		return http.StatusNotFound
	case s.is("rob-deep") && bytes.Count(raw, []byte("<Sequence>")) > 1000, s.is("rob-utf8") && !utf8.Valid(raw),
		s.is("rob-many") && bytes.Count(raw, []byte("<CmdID>")) > 1000:
		return http.StatusInternalServerError
	case s.is("ses-compact-only") && bytes.Contains(raw, []byte(">\n")):
		return http.StatusBadRequest
	}
	return 0
}

// misreads tells whether a mutant fails at a message that was read.
func (s *Server) misreads(d *device, m *syncml.Message) (status int) {
	digits := strings.Trim(m.Hdr.SessionID, "0123456789") == ""
	switch {
	case s.is("ses-id-decimal") && !digits:
		return http.StatusBadRequest
	case s.is("rob-msgid") && strings.Trim(m.Hdr.MsgID, "0123456789") != "",
		s.is("rob-nosession") && m.Hdr.MsgID != "1" && (d.session == nil || d.session.id != m.Hdr.SessionID):
		return http.StatusInternalServerError
	}
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb != syncml.Alert {
			continue
		}
		if s.is("ses-1226-fails") && c.Code() == syncml.AlertGeneric && len(c.Items) > 0 && c.Items[0].Source.LocURI != "" {
			return http.StatusInternalServerError
		}
		if s.is("ses-abort-wedge") && c.Code() == syncml.AlertSessionAbort {
			d.wedged = true
		}
		if s.is("ses-unknown-alert") && isForeign(c) {
			return http.StatusInternalServerError
		}
	}
	return 0
}

// isForeign tells whether an Alert is of a type that is not Microsoft's.
func isForeign(c *syncml.Command) bool {
	return c.Verb == syncml.Alert && slices.ContainsFunc(c.Items, func(it syncml.Item) bool {
		return it.Meta != nil && it.Meta.Type != "" && !strings.Contains(it.Meta.Type, "com.microsoft")
	})
}

// stumbles tells whether a mutant fails at a device's Status.
func (s *Server) stumbles(d *device, sess *session, c *syncml.Command) bool {
	code, ref := c.Code(), key(c.MsgRef, c.CmdRef)
	twice := sess.answered[ref] && c.CmdRef != "0"
	sess.answered[ref] = true
	o := sess.sent[ref]
	switch {
	case s.is("err-push-418") && code == syncml.AlreadyExists, s.is("err-215-fails") && (code == 214 || code == 215), s.is("err-double-fails") && twice,
		s.is("err-507-fails") && (code == 216 || code == 507 || code == 516), s.is("ses-202-fails") && code == syncml.Accepted,
		s.is("err-delete-404") && o != nil && o.kind == kindPush && code == syncml.NotFound, s.is("err-empty-cmdref") && c.CmdRef == "",
		s.is("err-channel-fails") && o != nil && o.kind == kindChannel && !syncml.Success(code):
		return true
	case s.is("err-599-panics") && code == 599:
		panic("mutant err-599-panics")
	case s.is("ses-404-stalls") && o != nil && o.kind == kindCommand && code == syncml.NotFound:
		d.stalled = true
	}
	return false
}

// spoilt is a reply as a mutant writes it.
func (s *Server) spoilt(out *syncml.Message) *syncml.Message {
	if s.is("ses-version") {
		out.Hdr.VerDTD = "1.1"
	}
	if s.is("ses-swapped") {
		out.Hdr.Target, out.Hdr.Source = out.Hdr.Source, out.Hdr.Target
	}
	if s.is("ses-id-escaped") {
		out.Hdr.Target.LocURI = html.EscapeString(out.Hdr.Target.LocURI)
	}
	if s.is("ses-final-idle") && !out.HasCommands() {
		out.Final = false
	}
	for i := range out.Body {
		c := &out.Body[i]
		if c.Verb != syncml.Status {
			continue
		}
		if s.is("ses-msgref") {
			c.MsgRef = "1"
		}
	}
	return out
}

// slowly holds up everybody while one message is read, for a mutant.
func (s *Server) slowly(body io.Reader) ([]byte, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	return io.ReadAll(body)
}
