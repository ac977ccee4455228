package paste

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Session is one session of one device, as far as the log has it.
type Session struct {
	Device, Server string // as the messages name them
	ID             string
	Turns          []Turn
}

// Turn is a message of the device and the server's answer; one of them may be nil,
// where the log lacks it.
type Turn struct{ Sent, Got *Message }

// Sessions puts the messages of a log into their sessions, in the order in which they
// start. SessionIDs repeat: MsgID 1 of a device starts a session.
func (l *Log) Sessions() (out []*Session) {
	last := map[string]*Session{} // the last of a device with that id
	open := func(m *Message, device, server string) *Session {
		s := &Session{Device: device, Server: server, ID: m.Hdr.SessionID}
		out = append(out, s)
		last[device+"\n"+s.ID] = s
		return s
	}
	var before *Session // of the message before
	for _, m := range l.Messages {
		device, server := m.Hdr.Source.LocURI, m.Hdr.Target.LocURI
		if !m.ByDevice {
			device, server = server, device
		}
		s := last[device+"\n"+m.Hdr.SessionID]
		switch {
		case m.ByDevice:
			if s == nil || m.Hdr.MsgID == "1" && s.sent() {
				s = open(m, device, server)
			}
			s.Turns = append(s.Turns, Turn{Sent: m})
		default:
			if s == nil && before != nil && before.waits() {
				s = before // the answer names its session wrongly
			}
			if s == nil || !s.waits() && m.Hdr.MsgID == "1" && !s.sent() {
				s = open(m, device, server)
			}
			if s.waits() {
				s.Turns[len(s.Turns)-1].Got = m
			} else {
				s.Turns = append(s.Turns, Turn{Got: m})
			}
		}
		before = s
	}
	return out
}

// sent reports whether there is a message of the device.
func (s *Session) sent() bool {
	return slices.ContainsFunc(s.Turns, func(t Turn) bool { return t.Sent != nil })
}

// waits reports whether the last message of the device has no answer yet.
func (s *Session) waits() bool {
	n := len(s.Turns)
	return n > 0 && s.Turns[n-1].Sent != nil && s.Turns[n-1].Got == nil
}

// Missing says what is missing in a session: a side, or messages of the device.
func (s *Session) Missing() (notes []string) {
	var sent, got int
	next := 1
	for _, t := range s.Turns {
		if t.Got != nil {
			got++
		}
		if t.Sent == nil {
			continue
		}
		sent++
		n, err := strconv.Atoi(t.Sent.Hdr.MsgID)
		if err != nil {
			continue
		}
		if n > next {
			missing := fmt.Sprintf("MsgID %d of the device is", next)
			if n > next+1 {
				missing = fmt.Sprintf("MsgID %d of the device, and all others up to %d, are", next, n-1)
			}
			notes = append(notes, fmt.Sprintf("session %s: %s not in the log", s.ID, missing))
		}
		next = n + 1
	}
	switch {
	case sent > 0 && got == 0:
		notes = append(notes, fmt.Sprintf("session %s: only the device's side is in the log", s.ID))
	case got > 0 && sent == 0:
		notes = append(notes, fmt.Sprintf("session %s: only the server's side is in the log", s.ID))
	}
	return notes
}

// Command is a command of the server and what the device answered.
type Command struct {
	Message *Message // the server's; nil if the log lacks it
	Verb    string
	LocURI  string // empty if nobody names it
	CmdID   string
	Format  string
	Data    string
	// Status is the code; empty if the log has none. Original is the HRESULT behind
	// it, if the device told one (msft:originalerror).
	Status, Original string
	// Answer is the device's message with the Status, and Result what Results say.
	Answer *Message
	Result string
}

// Commands are those commands of the server that the log lacks, by their Statuses, and
// then all that it has, in their order.
func (s *Session) Commands() (out []Command) {
	answers := map[string][]answer{}
	var order []string
	for _, t := range s.Turns {
		if t.Sent != nil {
			order = append(order, collect(t.Sent, answers)...)
		}
	}
	known := map[string]bool{}
	for _, t := range s.Turns {
		if t.Got == nil {
			continue
		}
		t.Got.Walk(func(c *syncml.Command) {
			if c.Verb.IsReply() || c.Verb == syncml.Alert {
				return
			}
			key := t.Got.Hdr.MsgID + "/" + c.CmdID
			known[key] = true
			out = append(out, commandsOf(t.Got, c, answers[key])...)
		})
	}
	var lost []Command
	for _, key := range order {
		if !known[key] {
			lost = append(lost, unknown(answers[key])...)
		}
	}
	return slices.Concat(lost, out)
}

// answer is a Status or Results for a command, and the message that has it.
type answer struct {
	*syncml.Command
	in *Message
}

// collect notes the answers in a message, by the MsgID and CmdID that they answer, and
// returns those that are new.
func collect(m *Message, answers map[string][]answer) (order []string) {
	for i := range m.Body {
		c := &m.Body[i]
		if !c.Verb.IsReply() || c.CmdRef == "0" || c.CmdRef == "" {
			continue
		}
		// Results without MsgRef belong to message 1 (OMA SyncML RepPro 1.2.2, MsgRef).
		key := cmp.Or(c.MsgRef, "1") + "/" + c.CmdRef
		if len(answers[key]) == 0 {
			order = append(order, key)
		}
		answers[key] = append(answers[key], answer{c, m})
	}
	return order
}

// commandsOf is a command, once for each of its Items if they have a Status each.
func commandsOf(m *Message, c *syncml.Command, list []answer) (out []Command) {
	one := func(it *syncml.Item) Command {
		k := Command{Message: m, Verb: string(c.Verb), CmdID: c.CmdID}
		if it == nil {
			return k
		}
		k.LocURI, k.Data = cmp.Or(it.Target.LocURI, it.Source.LocURI), it.Data
		for _, meta := range []*syncml.Meta{c.Meta, it.Meta} {
			if meta != nil && meta.Format != "" {
				k.Format = strings.TrimSpace(meta.Format)
			}
		}
		return k
	}
	if len(c.Items) == 0 {
		out = append(out, one(nil))
	}
	for i := range c.Items {
		out = append(out, one(&c.Items[i]))
	}
	named := map[string]answer{}
	var whole *answer
	results := map[string]string{}
	for i, a := range list {
		for k := range a.Items {
			if a.Verb == syncml.Results {
				results[strings.ToLower(a.Items[k].Source.LocURI)] = a.Items[k].Data
			}
		}
		switch {
		case a.Verb != syncml.Status:
		case len(a.TargetRef) == 0 && whole == nil:
			whole = &list[i]
		}
		for _, uri := range a.TargetRef {
			named[uri] = a
		}
	}
	for i := range out {
		a, ok := named[out[i].LocURI]
		if !ok && whole != nil {
			a, ok = *whole, true
		}
		if ok {
			out[i].Status, out[i].Original, out[i].Answer = a.Data, a.OriginalError, a.in
		}
		out[i].Result = results[strings.ToLower(out[i].LocURI)]
	}
	return out
}

// unknown is a command that the log lacks, by what the device answered.
func unknown(list []answer) (out []Command) {
	k := Command{}
	for _, a := range list {
		switch {
		case a.Verb == syncml.Status:
			k.Verb, k.CmdID, k.Status, k.Original, k.Answer = a.Cmd, a.CmdRef, a.Data, a.OriginalError, a.in
			if len(a.TargetRef) > 0 {
				k.LocURI = a.TargetRef[0]
			}
		case len(a.Items) > 0:
			k.LocURI, k.Result = cmp.Or(k.LocURI, a.Items[0].Source.LocURI), a.Items[0].Data
			k.Verb, k.Answer = cmp.Or(k.Verb, a.Cmd, "Get"), a.in
		}
	}
	return []Command{k}
}
