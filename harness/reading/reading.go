// Package reading says what a pasted log tells: who said what, which command got which
// Status, which rules the server's messages break, which codes to look up.
package reading

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Findings are what a log tells. They are dmwake read --json.
type Findings struct {
	Messages  []Message  `json:"messages,omitempty"`
	Sessions  []Session  `json:"sessions,omitempty"`
	Envelopes []Envelope `json:"envelopes,omitempty"`
	Events    []Event    `json:"events,omitempty"`
	Report    []Field    `json:"report,omitempty"`
	Wrong     []Wrong    `json:"wrong,omitempty"`
	Explain   []string   `json:"explain,omitempty"` // arguments for dmwake explain
	Cut       []Cut      `json:"cut,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
}

// Message is a message of a session.
type Message struct {
	From    string   `json:"from"` // device or server
	Session int      `json:"session"`
	MsgID   string   `json:"msgID"`
	Line    int      `json:"line"`
	End     int      `json:"end"`
	Cut     bool     `json:"cut,omitempty"`
	Says    []string `json:"says"` // without the server's commands
}

// Session is one session, and how the commands in it went.
type Session struct {
	ID       string    `json:"id"`
	Device   string    `json:"device"`
	Server   string    `json:"server"`
	Commands []Command `json:"commands,omitempty"`
}

// Command is a command of the server and its Status.
type Command struct {
	Line     int    `json:"line,omitempty"` // of the server's message; 0: it is not in the log
	MsgID    string `json:"msgID,omitempty"`
	Verb     string `json:"verb"`
	LocURI   string `json:"locURI,omitempty"`
	CmdID    string `json:"cmdID"`
	Format   string `json:"format,omitempty"`
	Data     string `json:"data,omitempty"`
	Status   string `json:"status,omitempty"` // empty: the log has none
	Original string `json:"originalError,omitempty"`
	Result   string `json:"result,omitempty"`
}

// Envelope is a message of an enrollment.
type Envelope struct {
	Action string `json:"action"`
	Line   int    `json:"line"`
	Fault  string `json:"fault,omitempty"`
	Code   string `json:"code,omitempty"`
}

// Event is an event of the Windows event log.
type Event struct {
	ID     int    `json:"id,omitempty"`
	Time   string `json:"time,omitempty"`
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Failed bool   `json:"failed,omitempty"`
	Verb   string `json:"verb,omitempty"`
	LocURI string `json:"locURI,omitempty"`
	Result string `json:"result,omitempty"`
}

// Field is a line of an MDMDiagReport.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Wrong is a rule that a message of the server breaks.
type Wrong struct {
	Scenario string `json:"scenario"`
	Level    string `json:"level"`
	Title    string `json:"title"`
	Source   string `json:"source"`
	Fix      string `json:"fix"`
	Line     int    `json:"line"` // of the first message that breaks it
	MsgID    string `json:"msgID"`
	Places   int    `json:"places"`
	Expected string `json:"expected"`
	Saw      string `json:"saw"`
}

// Cut is where a message is not whole.
type Cut struct {
	Line int    `json:"line"`
	What string `json:"what"`
}

// Read says what a log tells. Its errors say why it is none, and what to give instead.
func Read(b []byte) (*Findings, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("it is empty")
	}
	l, err := trace.Log(b)
	if err != nil {
		return nil, err
	}
	if l.Empty() {
		return nil, errors.New("it has no SyncML message (<SyncML ...>), no enrollment message, no MDM event and no code (0x8...); paste the text of the log itself")
	}
	f := &Findings{Notes: l.Notes}
	codes := &codes{}
	rules := newRules()
	sessions := l.Sessions()
	for i, s := range sessions {
		f.session(i+1, s, codes)
		rules.judge(s)
		f.Notes = append(f.Notes, s.Missing()...)
	}
	slices.SortStableFunc(f.Messages, func(a, b Message) int { return a.Line - b.Line })
	f.Wrong = rules.found
	f.Notes = append(f.Notes, rules.notes...)
	for _, e := range l.Envelopes {
		f.Envelopes = append(f.Envelopes, Envelope{e.Action, e.Line, e.Fault, e.Code})
		codes.add(e.Code)
	}
	for _, e := range l.Events {
		f.Events = append(f.Events, Event{e.ID, e.Time, e.Line, e.Text, e.Failed, e.Verb, e.LocURI, e.Result})
	}
	for _, r := range l.Report {
		f.Report = append(f.Report, Field{r.Name, r.Value})
	}
	for _, c := range l.Codes {
		codes.add(c.Code)
	}
	for _, c := range l.Cuts {
		f.Cut = append(f.Cut, Cut{c.Line, c.What})
	}
	f.Explain = codes.list
	return f, nil
}

func (f *Findings) session(n int, s *paste.Session, codes *codes) {
	out := Session{ID: s.ID, Device: s.Device, Server: s.Server}
	for _, t := range s.Turns {
		for _, m := range []*paste.Message{t.Sent, t.Got} {
			if m == nil {
				continue
			}
			f.Messages = append(f.Messages, Message{From: m.Side(), Session: n, MsgID: m.Hdr.MsgID, Line: m.Line, End: m.End, Cut: m.Cut, Says: says(m)})
			codes.message(m)
		}
	}
	for _, c := range s.Commands() {
		k := Command{Verb: c.Verb, LocURI: c.LocURI, CmdID: c.CmdID, Format: c.Format, Data: redact.Value(c.LocURI, c.Data), Status: c.Status, Original: c.Original, Result: redact.Value(c.LocURI, c.Result)}
		if c.Message != nil {
			k.Line, k.MsgID = c.Message.Line, c.Message.Hdr.MsgID
		}
		out.Commands = append(out.Commands, k)
		if strings.HasSuffix(c.LocURI, "/Push/Status") && c.Result != "" && c.Result != "0" {
			codes.add("push-status " + c.Result)
		}
	}
	f.Sessions = append(f.Sessions, out)
}

// says are the parts of a message but the server's commands, which Session has: its
// Alerts, Statuses and values.
func says(m *paste.Message) (out []string) {
	var statuses []string
	for i := range m.Body {
		c := &m.Body[i]
		switch {
		case c.Verb == syncml.Status:
			what := cmp.Or(c.Cmd, "CmdRef "+c.CmdRef)
			if len(c.TargetRef) > 0 {
				what += " of " + c.TargetRef[0]
			}
			statuses = append(statuses, c.Data+" for "+what)
		case c.Verb == syncml.Alert:
			out = append(out, alertWords(c))
		case c.Verb == syncml.Results:
			for k := range c.Items {
				out = append(out, fmt.Sprintf("Results %s = %s", c.Items[k].Source.LocURI, short(redact.Value(c.Items[k].Source.LocURI, c.Items[k].Data))))
			}
		case m.ByDevice:
			out = append(out, string(c.Verb)+" "+itemWords(c))
		}
	}
	if c := m.Hdr.Cred; c != nil {
		kind := ""
		if c.Meta != nil {
			kind = c.Meta.Type
		}
		out = slices.Insert(out, 0, strings.TrimSpace("Cred "+kind))
	}
	if len(statuses) > 0 {
		out = slices.Insert(out, 0, "Status "+strings.Join(grouped(statuses), ", "))
	}
	if len(out) == 0 && len(m.Body) == 0 {
		out = append(out, "nothing")
	}
	return out
}

// grouped says things that follow each other once, with their number.
func grouped(list []string) (out []string) {
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n] == list[i] {
			n++
		}
		if text := list[i]; n > 1 {
			out = append(out, text+" ("+strconv.Itoa(n)+" times)")
		} else {
			out = append(out, text)
		}
		i += n
	}
	return out
}

// alerts are the codes of Alerts in words (OMA DM Protocol 1.2.1 section 8.5; Learn,
// "OMA DM protocol support").
var alerts = map[string]string{
	"1200": "the server asked for the session", "1201": "the device starts the session", "1222": "asks for the next message",
	"1223": "ends the session early", "1225": "a large object did not arrive whole",
}

func alertWords(c *syncml.Command) string {
	out := "Alert " + c.Data
	if words := alerts[c.Data]; words != "" {
		out += " (" + words + ")"
	}
	for i := range c.Items {
		it := &c.Items[i]
		if it.Meta != nil && it.Meta.Type != "" {
			out += " " + it.Meta.Type
		}
		if it.Data != "" {
			out += " = " + short(it.Data)
		}
	}
	return out
}

func itemWords(c *syncml.Command) string {
	var out []string
	for i := range c.Items {
		it := &c.Items[i]
		uri := cmp.Or(it.Source.LocURI, it.Target.LocURI)
		out = append(out, uri+" = "+short(redact.Value(uri, it.Data)))
	}
	return strings.Join(out, ", ")
}

// shown is how much of a value is shown, in characters.
const shown = 60

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > shown {
		return string(r[:shown]) + "..."
	}
	return s
}
