package dmclient

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

var noValue csp.Value

// answer executes the commands of a server message and gives the next message
// of the device; nil where the session is over. A client that has nothing but
// a successful Status for SyncHdr to say must not send that message (OMA DM
// Protocol 1.2.1 section 8.3).
func (r *running) answer(ctx context.Context, m *syncml.Message) (*syncml.Message, error) {
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb == syncml.Status && c.CmdRef == "0" && !syncml.Success(c.Code()) {
			r.s.End = fmt.Sprintf("the server answered SyncHdr with %s", c.Data)
			return nil, fmt.Errorf("%w: Status %s for SyncHdr", ErrRefused, c.Data)
		}
		if c.Verb == syncml.Alert && c.Code() == syncml.AlertSessionAbort {
			r.s.End = "the server aborted the session (Alert 1223)"
			return nil, nil
		}
	}
	if !m.HasCommands() && m.Final {
		r.s.End = "the server's message was final and had no commands"
		return nil, nil
	}
	x := &executor{ctx: ctx, d: r.d, s: r.s, msgRef: m.Hdr.MsgID, msg: len(r.s.Received) - 1}
	x.status("0", "SyncHdr", syncml.OK)
	for i := range m.Body {
		if !m.Body[i].Verb.IsReply() {
			x.command(&m.Body[i])
		}
	}
	if !m.Final {
		// More of the package is to come: ask for it (OMA DM Protocol 1.2.1
		// section 6.2).
		x.out = append(x.out, syncml.Command{Verb: syncml.Alert, CmdID: x.id(), Data: strconv.Itoa(syncml.AlertNextMessage)})
	}
	return &syncml.Message{Hdr: r.header(), Body: x.out, Final: true}, nil
}

// executor answers the commands of one server message.
type executor struct {
	ctx    context.Context //nolint:containedctx // lives as long as one message
	d      *Device
	s      *Session
	msgRef string
	msg    int
	out    []syncml.Command
	ids    int
}

func (x *executor) id() string {
	x.ids++
	return strconv.Itoa(x.ids)
}

// status appends the Status of a command and gives its place in x.out.
func (x *executor) status(cmdRef, cmd string, code int, targets ...string) int {
	x.out = append(x.out, syncml.Command{Verb: syncml.Status, CmdID: x.id(), MsgRef: x.msgRef, CmdRef: cmdRef, Cmd: cmd,
		TargetRef: targets, Data: strconv.Itoa(code)})
	return len(x.out) - 1
}

func (x *executor) command(c *syncml.Command) {
	switch {
	case !c.Verb.Known() || c.CmdID == "":
		// 400 for an unknown element, and for a command without CmdID with an
		// empty CmdRef (Learn, "OMA DM protocol support").
		x.status(c.CmdID, string(c.Verb), syncml.BadRequest)
	case c.Verb == syncml.Alert:
		x.status(c.CmdID, string(c.Verb), syncml.OK)
	case c.Verb == syncml.Atomic:
		x.atomic(c)
	case c.Verb == syncml.Sequence:
		x.status(c.CmdID, string(c.Verb), syncml.OK)
		for i := range c.Commands {
			x.execute(&c.Commands[i], true)
		}
	default:
		x.execute(c, false)
	}
}

// execute does a command on every one of its items: one Status, or one for
// each Item where their codes differ.
func (x *executor) execute(c *syncml.Command, nested bool) int {
	if !c.Verb.Known() || len(c.Items) == 0 {
		x.status(c.CmdID, string(c.Verb), syncml.BadRequest)
		return syncml.BadRequest
	}
	answers := make([]csp.Answer, len(c.Items))
	same := true
	for i := range c.Items {
		answers[i] = x.item(c, &c.Items[i], nested)
		same = same && answers[i].Code == answers[0].Code
	}
	if same {
		x.status(c.CmdID, string(c.Verb), answers[0].Code)
	} else {
		for i := range c.Items {
			x.status(c.CmdID, string(c.Verb), answers[i].Code, c.Items[i].Target.LocURI)
		}
	}
	worst := answers[0].Code
	var results []syncml.Item
	for i, a := range answers {
		worst = max(worst, a.Code)
		if c.Verb == syncml.Get && a.Code == syncml.OK {
			it := syncml.Item{Source: c.Items[i].Target, Data: a.Data, HasData: true}
			if a.Format != string(csp.Chr) {
				it.Meta = &syncml.Meta{Format: a.Format}
			}
			results = append(results, it)
		}
	}
	if len(results) > 0 {
		x.out = append(x.out, syncml.Command{Verb: syncml.Results, CmdID: x.id(), MsgRef: x.msgRef, CmdRef: c.CmdID, Items: results})
	}
	return worst
}

func (x *executor) item(c *syncml.Command, it *syncml.Item, nested bool) csp.Answer {
	uri := it.Target.LocURI
	var format string
	for _, m := range []*syncml.Meta{c.Meta, it.Meta} {
		if m != nil && m.Format != "" {
			format = m.Format
		}
	}
	a, faulty := x.d.faultFor(c.Verb, uri)
	if !faulty {
		a = x.d.tree.Do(x.ctx, c.Verb, uri, csp.Value{Format: format, Data: it.Data, HasData: it.HasData})
	}
	x.s.Commands = append(x.s.Commands, Executed{Msg: x.msg, CmdID: c.CmdID, Verb: c.Verb, LocURI: uri, Data: it.Data,
		Format: format, Code: a.Code, Result: a.Data, Nested: nested})
	return a
}

func (d *Device) faultFor(verb syncml.Verb, uri string) (csp.Answer, bool) {
	d.mu.Lock()
	faults := slices.Clone(d.cfg.Faults)
	d.mu.Unlock()
	for _, f := range faults {
		if code, ok := f.Answer(verb, uri); ok {
			return csp.Answer{Code: code}, true
		}
	}
	return csp.Answer{}, false
}

// atomic does all of its commands or none: on a failure those before it are
// rolled back (216), those after it not executed (215), and the Atomic itself
// answers 507 (Learn, "OMA DM protocol support"). A Get inside is 500, a
// nested Atomic 500 inside and 507 outside, and two commands on one node are
// not supported.
func (x *executor) atomic(c *syncml.Command) {
	at := x.status(c.CmdID, string(c.Verb), syncml.OK)
	rollback := x.d.tree.Begin()
	failed := duplicateTarget(c)
	var done []int // places of the statuses to turn into 216
	for i := range c.Commands {
		k := &c.Commands[i]
		if failed {
			x.status(k.CmdID, string(k.Verb), syncml.NotExecuted)
			continue
		}
		var code int
		first := len(x.out)
		switch k.Verb {
		case syncml.Get, syncml.Atomic:
			code = syncml.CommandFailed
			x.status(k.CmdID, string(k.Verb), code)
		default:
			code = x.execute(k, true)
		}
		if failed = !syncml.Success(code); !failed {
			for p := first; p < len(x.out); p++ {
				done = append(done, p)
			}
		}
	}
	if !failed {
		return
	}
	rollback()
	x.out[at].Data = strconv.Itoa(syncml.AtomicFailed)
	for _, p := range done {
		x.out[p].Data = strconv.Itoa(syncml.RolledBack)
	}
}

// duplicateTarget tells whether two commands of an Atomic write one node, as
// Add then Replace of the PFN does: unsupported, the Atomic fails.
func duplicateTarget(c *syncml.Command) bool {
	seen := map[string]bool{}
	for i := range c.Commands {
		for _, it := range c.Commands[i].Items {
			k := strings.ToLower(it.Target.LocURI)
			if k != "" && seen[k] {
				return true
			}
			seen[k] = true
		}
	}
	return false
}
