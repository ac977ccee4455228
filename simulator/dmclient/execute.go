package dmclient

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// answer executes the commands of a server message and returns the device's
// next message; nil ends the session. A client must not send a message with
// nothing but a successful Status for SyncHdr (OMA DM Protocol 1.2.1 section
// 8.3).
func (r *running) answer(ctx context.Context, m *syncml.Message) (*syncml.Message, error) {
	if r.over {
		return nil, nil // it was the answer to the device's Alert 1223
	}
	asked := false // for the next part of the device's own message
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb != syncml.Alert {
			continue
		}
		switch c.Code() {
		case syncml.AlertSessionAbort:
			r.s.End = "the server aborted the session (Alert 1223)"
			return nil, nil
		case syncml.AlertNextMessage:
			asked = true
		}
	}
	if m.Hdr.Meta != nil && !r.d.cfg.Profile.Quirks.IgnoresMaxMsgSize {
		if n, err := strconv.Atoi(m.Hdr.Meta.MaxMsgSize); err == nil && n > 0 {
			r.maxMsg = n
		}
	}
	code, chal := r.judge(m)
	refused := !syncml.Success(code)
	if refused && r.auth.refusals > 0 {
		r.s.End = "stopped by the device: the server did not authenticate itself"
		return nil, ErrUntrusted
	}
	if !refused && r.finished(m) {
		return nil, nil
	}
	if chal != nil {
		r.d.setAppAuth(serverCred, "AAuthData", chal.Meta.NextNonce)
	}
	// Room for all Status elements, and some Results.
	x := &executor{ctx: ctx, r: r, d: r.d, s: r.s, msgRef: m.Hdr.MsgID, msg: len(r.s.Received) - 1, first: len(r.s.Commands), out: make([]syncml.Command, 0, len(m.Body)+4)}
	x.status("0", "SyncHdr", code)
	x.out[0].Chal = chal
	r.lead = 1
	if refused {
		r.auth.refusals++
		x.refuseAll(m, code)
	} else {
		for i := range m.Body {
			if c := &m.Body[i]; !c.Verb.IsReply() {
				x.command(c)
				if asked && c.Verb == syncml.Alert && r.lead == len(x.out)-1 {
					r.lead++
				}
			}
		}
	}
	if alert, ok := r.d.declaredAlert(); ok {
		x.out = append(x.out, alert)
	}
	if x.changed() {
		if err := r.d.persist(); err != nil {
			r.s.End = "stopped by the device: what the commands changed could not be stored, so no Status was sent"
			return nil, err
		}
	}
	if !m.Final && !asked && (m.HasCommands() || r.chunk != nil) {
		// The package continues: ask for the next message (OMA DM Protocol
		// 1.2.1 section 6.2). A server that asks for the rest of the device's
		// package has not started its own, nor has one that sends Statuses only.
		x.out = append(x.out, syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertNextMessage)})
	}
	r.queue = append(x.out, r.queue...)
	return r.next(), nil
}

// finished reports whether the session ends with this message of the server,
// and why: the server asks nothing, and the device has nothing left to send.
// Windows then ends the session, with or without Final [seen: a Final on 19043;
// without one reported by the maintainers of a server].
func (r *running) finished(m *syncml.Message) bool {
	idle := len(r.queue) == 0 && !slices.ContainsFunc(m.Body, func(c syncml.Command) bool {
		return !c.Verb.IsReply() && (c.Verb != syncml.Alert || c.Code() != syncml.AlertNextMessage)
	})
	was := r.idle
	r.idle = idle
	switch {
	case m.HasCommands():
		// Asked for more than it has, the device answers once [model].
		if !idle || !was {
			return false
		}
		r.s.End = "the server kept asking for more (Alert 1222), but the device had nothing left to send"
	case m.Final && len(r.queue) > 0:
		r.s.End = "the server did not ask for the rest of the device's message (Alert 1222)"
	case m.Final:
		r.s.End = "finished: the server had no more commands"
	case r.chunk != nil:
		// Asked for the rest of a large object, the server gets a second chance
		// [model].
		if !was {
			return false
		}
		r.s.End = "the server did not send the rest of a large object"
	case idle:
		r.s.End = "the server's message had no commands, and no Final"
	default:
		return false // the device has more to send
	}
	return true
}

// next composes the device's next message, or Alert 1223 if a result exceeds
// the server's MaxMsgSize: with LrgObj false it cannot be split [seen].
func (r *running) next() *syncml.Message {
	head := r.queue[0]
	msg := r.compose()
	if msg != nil {
		return msg
	}
	r.msgID--
	r.queue = []syncml.Command{head, {Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertSessionAbort)}}
	r.s.End = "aborted by the device: a result exceeds the server's MaxMsgSize"
	r.maxMsg, r.over = 0, true
	return r.compose()
}

// executor answers the commands of one server message.
type executor struct {
	ctx    context.Context //nolint:containedctx // lives as long as one message
	r      *running
	d      *Device
	s      *Session
	msgRef string
	msg    int
	first  int              // of the session's commands that this message brought
	out    []syncml.Command // without CmdIDs: compose numbers them
	whole  bool             // inside an Atomic
}

// changed reports whether a command of the message may have changed the device.
func (x *executor) changed() bool {
	return slices.ContainsFunc(x.s.Commands[x.first:], func(e Executed) bool { return e.Verb != syncml.Get })
}

// status appends the Status of a command and returns its index in x.out.
func (x *executor) status(cmdRef, cmd string, code int, targets ...string) int {
	x.out = append(x.out, syncml.Command{Verb: syncml.Status, MsgRef: x.msgRef, CmdRef: cmdRef, Cmd: cmd, TargetRef: targets, Data: strconv.Itoa(code)})
	return len(x.out) - 1
}

// explain adds the HRESULT of a failure, with SyncApplicationVersion 3.0 or
// higher (MS-MDM 2.2.5.1).
func (x *executor) explain(at int, hresult string) {
	if x.r.version >= 3 {
		x.out[at].OriginalError = hresult
	}
}

func (x *executor) command(c *syncml.Command) {
	switch {
	case !c.Verb.Known() || c.CmdID == "":
		// 400 answers unknown elements, and, with an empty CmdRef, commands
		// without CmdID (Learn, "OMA DM protocol support").
		x.status(c.CmdID, string(c.Verb), syncml.BadRequest)
	case c.Verb == syncml.Alert:
		x.status(c.CmdID, string(c.Verb), syncml.OK)
	case c.Verb == syncml.Atomic:
		x.atomic(c)
	case c.Verb == syncml.Sequence:
		x.sequence(c)
	default:
		x.execute(c, false)
	}
}

// sequence executes commands in order; a failure does not stop the others.
func (x *executor) sequence(c *syncml.Command) {
	x.status(c.CmdID, string(c.Verb), syncml.OK)
	for i := range c.Commands {
		switch k := &c.Commands[i]; {
		case k.Verb == syncml.Atomic || k.Verb == syncml.Sequence || k.Verb == syncml.Alert || k.CmdID == "":
			x.command(k)
		default:
			x.execute(k, true)
		}
	}
}

// execute runs a command for each of its items. It sends one Status, or one for
// each Item if their codes differ.
func (x *executor) execute(c *syncml.Command, nested bool) int {
	if !c.Verb.Known() || c.Verb.IsReply() || len(c.Items) == 0 || c.CmdID == "" {
		x.status(c.CmdID, string(c.Verb), syncml.BadRequest)
		return syncml.BadRequest
	}
	whole, code, lost := x.r.assemble(c)
	if lost {
		// The previous object never ended (OMA DM Protocol 1.2.1: 1225).
		defer func() {
			x.out = append(x.out, syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertNoEndOfData)})
		}()
	}
	if whole == nil {
		x.status(c.CmdID, string(c.Verb), code)
		return code
	}
	c = whole
	answers := make([]csp.Answer, 1, 4)
	if len(c.Items) > 1 {
		answers = make([]csp.Answer, len(c.Items))
	}
	same := true
	for i := range c.Items {
		answers[i] = x.item(c, &c.Items[i], nested)
		same = same && answers[i].Code == answers[0].Code
	}
	if same {
		x.explain(x.status(c.CmdID, string(c.Verb), answers[0].Code), answers[0].Err)
	} else {
		for i := range c.Items {
			x.explain(x.status(c.CmdID, string(c.Verb), answers[i].Code, c.Items[i].Target.LocURI), answers[i].Err)
		}
	}
	worst := answers[0].Code
	var results []syncml.Item
	for i, a := range answers {
		worst = max(worst, a.Code)
		if c.Verb == syncml.Get && a.Code == syncml.OK {
			results = append(results, resultItems(c.Items[i].Target, a)...)
		}
	}
	if len(results) > 0 {
		k := syncml.Command{Verb: syncml.Results, MsgRef: x.msgRef, CmdRef: c.CmdID, Items: results}
		if x.d.cfg.Profile.Quirks.ResultsCmd {
			k.Cmd = string(c.Verb)
		}
		x.out = append(x.out, k)
	}
	return worst
}

// resultItems is the result of a Get: one item, or one for each node of a
// subtree.
func resultItems(target syncml.Loc, a csp.Answer) []syncml.Item {
	if a.List == nil {
		it := syncml.Item{Source: target, Data: a.Data, HasData: true}
		if a.Format != string(csp.Chr) {
			it.Meta = &syncml.Meta{Format: a.Format}
		}
		return []syncml.Item{it}
	}
	out := make([]syncml.Item, 0, len(a.List))
	for _, l := range a.List {
		it := syncml.Item{Source: syncml.Loc{LocURI: l.LocURI}, Data: l.Data, HasData: l.Leaf}
		if l.Format != string(csp.Chr) {
			it.Meta = &syncml.Meta{Format: l.Format}
		}
		out = append(out, it)
	}
	return out
}

func (x *executor) item(c *syncml.Command, it *syncml.Item, nested bool) csp.Answer {
	uri := it.Target.LocURI
	var format string
	for _, m := range []*syncml.Meta{c.Meta, it.Meta} {
		if m != nil && m.Format != "" {
			format = m.Format
		}
	}
	a, answered := x.d.faultFor(c.Verb, uri)
	if !answered {
		a, answered = x.d.heldByDocument(c.Verb, uri)
	}
	if !answered {
		a = x.d.tree.Do(x.ctx, c.Verb, uri, csp.Value{Format: format, Data: it.Data, HasData: it.HasData, Atomic: x.whole})
	}
	x.s.Commands = append(x.s.Commands, Executed{Msg: x.msg, CmdID: c.CmdID, Verb: c.Verb, LocURI: uri, Data: it.Data,
		Format: format, Code: a.Code, Result: a.Data, Nested: nested})
	return a
}

func (d *Device) faultFor(verb syncml.Verb, uri string) (a csp.Answer, faulty bool) {
	each(d, func(f Answerer) {
		if faulty {
			return
		}
		if code, ok := f.Answer(verb, uri); ok {
			a, faulty = csp.Answer{Code: code}, true
		}
	})
	return a, faulty
}

// atomic executes all of its commands or none. After a failure, earlier
// commands are rolled back (216, or 516 if that fails), later ones are not
// executed (215), and the Atomic itself gets 507 (Learn, "OMA DM protocol
// support"). A Get inside is 500, a nested Atomic 500 inside and 507 outside,
// and Add and then Replace of one node is not supported.
func (x *executor) atomic(c *syncml.Command) {
	at := x.status(c.CmdID, string(c.Verb), syncml.OK)
	rollback := x.d.tree.Begin()
	x.whole = true
	defer func() { x.whole = false }()
	failed := addsAndReplaces(c)
	var done []int // indexes of the statuses that become 216
	for i := range c.Commands {
		k := &c.Commands[i]
		if failed {
			x.status(k.CmdID, string(k.Verb), syncml.NotExecuted)
			continue
		}
		var code int
		first := len(x.out)
		switch k.Verb {
		case syncml.Get, syncml.Atomic, syncml.Sequence:
			code = syncml.CommandFailed
			x.status(k.CmdID, string(k.Verb), code)
		case syncml.Alert:
			code = syncml.OK
			x.status(k.CmdID, string(k.Verb), code)
		default:
			code = x.execute(k, true)
		}
		if failed = !syncml.Success(code); !failed {
			for p := first; p < len(x.out); p++ {
				if x.out[p].Verb == syncml.Status {
					done = append(done, p)
				}
			}
		}
	}
	if !failed {
		return
	}
	undone := syncml.RolledBack
	each(x.d, func(f RollbackFailer) {
		if f.RollbackFails() {
			undone = syncml.RollbackFailed
		}
	})
	if undone == syncml.RolledBack {
		rollback()
	}
	x.out[at].Data = strconv.Itoa(syncml.AtomicFailed)
	for _, p := range done {
		x.out[p].Data = strconv.Itoa(undone)
	}
}

// addsAndReplaces reports whether an Atomic adds a node and then replaces it:
// that is not supported, and the Atomic fails. Other commands for one node are,
// such as Add and Exec of an app's installation.
func addsAndReplaces(c *syncml.Command) bool {
	added := map[string]bool{}
	for i := range c.Commands {
		for _, it := range c.Commands[i].Items {
			switch k := strings.ToLower(it.Target.LocURI); c.Commands[i].Verb {
			case syncml.Add:
				added[k] = true
			case syncml.Replace:
				if added[k] {
					return true
				}
			}
		}
	}
	return false
}
