package paste

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Envelope is one message of an enrollment.
type Envelope struct {
	Action string // its last two words: RST/wstep
	Line   int
	Cut    bool
	// Fault is the server's refusal in words, and Code what Windows shows for it; both
	// empty without one.
	Fault, Code string
}

// limits of one message: a server may send more than a device takes.
var limits = syncml.Limits{Bytes: 16 << 20, Commands: 50_000}

// maxMessages bounds the messages of a log.
const maxMessages = 20_000

// nested is how often base64 may stand in base64.
const nested = 2

// documents finds and reads the messages of a text.
func (l *Log) documents(s string) []place {
	list, orphan := all(s, nested)
	at := linesOf(s)
	if len(list) == 0 {
		if t := mixed(s); t != "" {
			// The documents stay in the text around them: they are escaped there.
			found := &Log{}
			found.documents(t)
			l.Messages, l.Envelopes, l.Notes = found.Messages, found.Envelopes, found.Notes
			l.Cuts = append(l.Cuts, found.Cuts...)
			return nil
		}
	}
	if orphan >= 0 && (len(list) == 0 || orphan <= list[0].from) {
		l.Cuts = append(l.Cuts, Cut{at.at(orphan - 1), "the log starts in the middle of a message, which ends here"})
		l.note("the log starts in the middle of a message; what there is of it is left out")
	}
	for i, p := range list {
		if i == maxMessages {
			l.note("more than %d messages: the rest is left out", maxMessages)
			break
		}
		from, to := at.at(p.from), at.lastLine(s, p.from, p.to)
		if p.base64 {
			l.inner(p.decoded, from, to, nested-1)
			continue
		}
		l.document(p, xmlOf(s, p), from, to)
	}
	return list
}

// inner reads the messages of a text that stood in base64.
func (l *Log) inner(s string, from, to, depth int) {
	list, _ := all(s, depth)
	if len(list) == 0 && depth >= 0 {
		s = mixed(s)
		list, _ = all(s, depth)
	}
	for _, p := range list {
		if p.base64 {
			l.inner(p.decoded, from, to, depth-1)
			continue
		}
		l.document(p, xmlOf(s, p), from, to)
	}
}

// xmlOf is the document at a place, as XML.
func xmlOf(s string, p place) string {
	doc, head := s[p.from:p.to], headOf(s, p.from)
	if strings.IndexByte(doc, '\n') >= 0 {
		if wrapped(head, doc) {
			doc = joined(doc)
		} else {
			doc = unprefixed(head, doc)
		}
	}
	return p.form.plain(doc)
}

// maxHead bounds what a log writes before a message in its line, in bytes.
const maxHead = 1 << 12

// headOf is what stands before a position in its line; empty if that is too long to
// be a prefix.
func headOf(s string, at int) string {
	near := s[max(0, at-maxHead):at]
	if i := strings.LastIndexByte(near, '\n'); i >= 0 {
		return near[i+1:]
	}
	if at <= maxHead {
		return near
	}
	return ""
}

// document reads one message.
func (l *Log) document(p place, doc string, from, to int) {
	if p.name == "Envelope" {
		l.envelope(p, doc, from, to)
		return
	}
	m := &Message{Raw: []byte(doc), Line: from, End: to, Cut: p.cut}
	var err error
	if !p.cut {
		if m.Message, err = syncml.ReadLimited(m.Raw, limits); errors.Is(err, syncml.ErrNotXML) && strings.Contains(doc, "\n") {
			// The log may have wrapped its lines in another way.
			if again, e := syncml.ReadLimited([]byte(joined(doc)), limits); e == nil {
				m.Message, m.Raw, err = again, []byte(joined(doc)), nil
			}
		}
		if err != nil {
			m.Cut = true
			l.note("the message in line %d is damaged: %s", from, strings.TrimPrefix(err.Error(), "not well-formed XML: "))
		}
	}
	if m.Cut {
		m.Message, err = syncml.ReadLimited([]byte(mended(doc)), limits)
		if err != nil {
			l.Cuts = append(l.Cuts, Cut{to, fmt.Sprintf("the message that starts in line %d has no whole header, and is left out", from)})
			return
		}
		m.Body = whole(m.Body)
	}
	m.ByDevice = ByDevice(m.Message)
	if m.Cut {
		l.Cuts = append(l.Cuts, Cut{to, fmt.Sprintf("message %s of the %s, which starts in line %d, is cut here", m.Hdr.MsgID, m.Side(), from)})
	}
	l.Messages = append(l.Messages, m)
}

// whole leaves out what a cut message has no more than the beginning of.
func whole(list []syncml.Command) (out []syncml.Command) {
	for _, c := range list {
		c.Commands = whole(c.Commands)
		switch {
		case c.CmdID == "",
			c.Verb == syncml.Status && c.Data == "",
			!c.Verb.IsReply() && c.Verb != syncml.Alert && len(c.Items) == 0 && len(c.Commands) == 0,
			c.Verb == syncml.Results && len(c.Items) == 0:
			continue
		}
		out = append(out, c)
	}
	return out
}

// Side is "device" or "server".
func (m *Message) Side() string {
	if m.ByDevice {
		return "device"
	}
	return "server"
}

// ByDevice reports whether a device sent the message: its Target is a URL, and its
// Source is not. If neither says so, only devices send DevInfo, Results and Alert
// 1201.
func ByDevice(m *syncml.Message) bool {
	source, target := isURL(m.Hdr.Source.LocURI), isURL(m.Hdr.Target.LocURI)
	if source != target {
		return target
	}
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb == syncml.Results || c.Verb == syncml.Alert && c.Data == "1201" ||
			c.Verb == syncml.Replace && len(c.Items) > 0 && strings.HasPrefix(c.Items[0].Source.LocURI, "./DevInfo/") {
			return true
		}
	}
	return false
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// envelope reads a message of an enrollment.
func (l *Log) envelope(p place, doc string, from, to int) {
	e := &Envelope{Line: from, Cut: p.cut}
	if p.cut {
		doc = mended(doc)
		l.Cuts = append(l.Cuts, Cut{to, fmt.Sprintf("the message of an enrollment that starts in line %d is cut here", from)})
	}
	env, err := enroll.ReadEnvelope([]byte(doc))
	if err != nil {
		if !p.cut {
			l.note("the message in line %d is no SOAP message: %v", from, err)
		}
		return
	}
	e.Action = lastWords(env.Action)
	if f := env.Fault(); f != nil {
		e.Fault, e.Code = f.Text(), f.HResult()
	}
	l.Envelopes = append(l.Envelopes, e)
}

// lastWords is the end of an Action: RST/wstep of .../enrollment/RST/wstep.
func lastWords(action string) string {
	parts := strings.Split(strings.TrimSpace(action), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
