package hook

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Reply lets f change every reply to a message that was processed.
func Reply(t *mdmserver.Tamper, f func(*mdmserver.Visit, *mdmserver.Reply)) {
	t.Reply = append(t.Reply, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if !r.Refused {
			f(v, r)
		}
	})
}

// Stumble lets f fail a session at a Status of the device; sent is nil if the
// Status answers nothing.
func Stumble(t *mdmserver.Tamper, f func(v *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool) {
	t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
		for i := range v.In.Body {
			if c := &v.In.Body[i]; c.Verb == syncml.Status && f(v, c, v.Sent(c)) {
				return http.StatusInternalServerError
			}
		}
		return 0
	})
}

// Choke lets f refuse a message at one of its commands.
func Choke(t *mdmserver.Tamper, verb syncml.Verb, f func(*syncml.Command) bool) {
	t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
		for i := range v.In.Body {
			if c := &v.In.Body[i]; c.Verb == verb && f(c) {
				return http.StatusInternalServerError
			}
		}
		return 0
	})
}

// On lets f see one kind of change of a device.
func On(t *mdmserver.Tamper, m mdmserver.Moment, f func(*mdmserver.Change)) {
	t.State = append(t.State, func(c *mdmserver.Change) {
		if c.Moment == m {
			f(c)
		}
	})
}

// AnswerResults lets the server answer Results with a Status, too.
func AnswerResults(t *mdmserver.Tamper) {
	Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		at := 1
		for i := range v.In.Body {
			switch k := &v.In.Body[i]; k.Verb {
			case syncml.Results:
				if slices.ContainsFunc(r.Message.Body, func(st syncml.Command) bool { return st.Verb == syncml.Status && st.CmdRef == k.CmdID }) {
					at++
					continue // a chunk, or one that does not fit
				}
				r.Message.Body = slices.Insert(r.Message.Body, at, syncml.Command{Verb: syncml.Status, MsgRef: v.In.Hdr.MsgID, CmdRef: k.CmdID, Cmd: string(k.Verb), Data: "200"})
				at++
			case syncml.Status:
			default:
				at++
			}
		}
	})
}

// Aborted tells whether the device ended the session with Alert 1223.
func Aborted(m *syncml.Message) bool {
	return slices.ContainsFunc(m.Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Alert && c.Code() == syncml.AlertSessionAbort
	})
}

// Planning tells whether the server may send commands with this reply.
func Planning(v *mdmserver.Visit) bool { return v.In.Final && v.Device.Active && !Aborted(v.In) }

// Command makes a command with one item.
func Command(verb syncml.Verb, target, format, data string) syncml.Command {
	it := syncml.Item{Target: syncml.Loc{LocURI: target}, Data: data, HasData: data != ""}
	if format != "" {
		it.Meta = &syncml.Meta{Format: format}
	}
	return syncml.Command{Verb: verb, Items: []syncml.Item{it}}
}

// Ask plans a Get that means nothing to the server.
func Ask(target string) mdmserver.Planned {
	return mdmserver.Planned{Command: Command(syncml.Get, target, "", ""), Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}}
}

// Language is a node that every device has.
const Language = "./DevInfo/Lang"

// Each calls f for every planned command, nested ones included.
func Each(r *mdmserver.Reply, f func(*syncml.Command)) {
	for i := range r.Plan {
		r.Plan[i].Command.Walk(f)
	}
}

// Retarget rewrites the LocURI of every planned command.
func Retarget(t *mdmserver.Tamper, f func(uri string) string) {
	Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		Each(r, func(c *syncml.Command) {
			for i := range c.Items {
				c.Items[i].Target.LocURI = f(c.Items[i].Target.LocURI)
			}
		})
	})
}

// LeaveOut takes commands out of a plan. Queued ones stay queued.
func LeaveOut(r *mdmserver.Reply, out func(*mdmserver.Planned) bool) {
	r.Plan = slices.DeleteFunc(r.Plan, func(p mdmserver.Planned) bool {
		if !out(&p) {
			return false
		}
		if p.Sent.Purpose == mdmserver.ForCommand {
			p.Sent.Command.State = mdmserver.StateQueued
		}
		return true
	})
}

// Queued tells whether a planned command is one that was queued.
func Queued(p *mdmserver.Planned) bool { return p.Sent.Purpose == mdmserver.ForCommand }

// OfPush tells whether a planned command belongs to the push path.
func OfPush(p *mdmserver.Planned) bool {
	switch p.Sent.Purpose {
	case mdmserver.ForPush, mdmserver.ForAddPFN, mdmserver.ForReplacePFN, mdmserver.ForChannel, mdmserver.ForStatus:
		return true
	}
	return false
}

// SetsPFN tells whether a planned command sets the PFN or makes its node.
func SetsPFN(p *mdmserver.Planned) bool {
	return OfPush(p) && p.Sent.Purpose != mdmserver.ForChannel && p.Sent.Purpose != mdmserver.ForStatus
}

// Unanswered takes the Statuses out of a reply that answer what f says.
func Unanswered(t *mdmserver.Tamper, f func(*syncml.Command) bool) {
	Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		r.Message.Body = slices.DeleteFunc(r.Message.Body, func(st syncml.Command) bool {
			c := AnsweredBy(v, &st)
			return c != nil && f(c)
		})
	})
}

// AnsweredBy gives the device's command that a Status of the server answers, nil
// for the SyncHdr.
func AnsweredBy(v *mdmserver.Visit, st *syncml.Command) *syncml.Command {
	for i := range v.In.Body {
		if c := &v.In.Body[i]; st.CmdRef != "0" && c.CmdID == st.CmdRef && !c.Verb.IsReply() {
			return c
		}
	}
	return nil
}

// Foreign tells whether an Alert has a type that is not Microsoft's.
func Foreign(c *syncml.Command) bool {
	return c.Verb == syncml.Alert && slices.ContainsFunc(c.Items, func(it syncml.Item) bool {
		return it.Meta != nil && it.Meta.Type != "" && !strings.Contains(it.Meta.Type, "com.microsoft")
	})
}

// Unenrolls tells whether an Alert says that the user ended the management.
func Unenrolls(c *syncml.Command) bool {
	return c.Verb == syncml.Alert && slices.ContainsFunc(c.Items, func(it syncml.Item) bool {
		return it.Meta != nil && it.Meta.Type == "com.microsoft:mdm.unenrollment.userrequest"
	})
}

// Set is a set of names that requests share.
type Set struct {
	mu sync.Mutex
	of map[string]bool
}

// Add adds a name.
func (s *Set) Add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]bool{}
	}
	s.of[name] = true
}

// Has reports whether a name was added.
func (s *Set) Has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[name]
}

// Without leaves out the planned commands that f picks.
func Without(t *mdmserver.Tamper, f func(*mdmserver.Visit, *mdmserver.Planned) bool) {
	Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		LeaveOut(r, func(p *mdmserver.Planned) bool { return f(v, p) })
	})
}

// Account is the node of the server's account in the device.
func Account(c *mdmserver.Config) string {
	return "./Vendor/MSFT/DMClient/Provider/" + url.PathEscape(c.ProviderID)
}

// UserPolicy plans a policy of a device's user.
func UserPolicy() mdmserver.Planned {
	return mdmserver.Planned{Command: Command(syncml.Replace, "./User/Vendor/MSFT/Policy/Config/Experience/AllowWindowsSpotlight", "int", "1"),
		Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}}
}
