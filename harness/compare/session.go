package compare

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// session answers the messages of a session as they were recorded.
type session struct {
	p     *player
	steps []*Step
	// lead are answers to messages that the file does not have, before its first.
	lead  []func() *syncml.Message
	sent  int // messages of the simulated device so far
	pairs []pair
	// guessed are the commands whose LocURI the file does not have, by CmdID and
	// message: the simulated device answers them as the real one did.
	guessed map[string]int
	// vectors are the MS-CV of the first message, of both devices.
	vectors [2]string
	// commands are the server's commands, by MsgID and CmdID.
	commands map[string]*syncml.Command
}

// session plays a session.
func (p *player) session(ctx context.Context, steps []*Step) ([]pair, *session, error) {
	s := &session{p: p, steps: steps, guessed: map[string]int{}, commands: map[string]*syncml.Command{}}
	first := steps[0]
	opts := dmclient.SyncOptions{SessionID: first.message.Hdr.SessionID, FirstMsgID: s.begin(first.message), NoRetry: true, Origin: dmclient.OriginSchedule}
	s.origins(&opts)
	part := &actor{s: s, late: map[string]bool{}}
	if opens(first.message) {
		replaced := false
		for _, c := range first.message.Body {
			switch {
			case c.Verb != syncml.Alert:
				replaced = replaced || c.Verb == syncml.Replace
			case c.Code() == syncml.AlertGeneric && alertType(&c) == unenrollment:
				opts.Alerts = append(opts.Alerts, dmclient.UnenrollAlert(p.device.Profile()))
			case alertType(&c) == loginStatus:
				p.device.SetLogin(dmclient.Login(c.Items[0].Data))
			case c.Code() == syncml.AlertGeneric || c.Code() == syncml.AlertClientEvent:
				part.alerts, part.late[c.CmdID] = append(part.alerts, c), replaced
			}
		}
	}
	p.device.ClearFaults()
	p.device.AddFault(part)
	p.stage.play = s
	done, err := p.device.Sync(ctx, opts)
	for i := max(0, s.sent-len(s.lead)); i < len(steps); i++ {
		s.pairs = append(s.pairs, pair{real: steps[i]})
	}
	if done != nil {
		p.ended = done.End
	}
	return s.pairs, s, err
}

const (
	unenrollment = "com.microsoft:mdm.unenrollment.userrequest"
	loginStatus  = "com.microsoft/MDM/LoginStatus"
)

func alertType(c *syncml.Command) string {
	if len(c.Items) > 0 && c.Items[0].Meta != nil {
		return c.Items[0].Meta.Type
	}
	return ""
}

// origins are what the header UserAgentOrigin tells.
func (s *session) origins(o *dmclient.SyncOptions) {
	for i, v := range strings.Split(s.steps[0].Header.Get("UserAgentOrigin"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		switch {
		case err != nil:
			return
		case i == 0:
			o.Origin = dmclient.Origin(n)
		default:
			o.Batched = append(o.Batched, dmclient.Origin(n))
		}
	}
}

// begin prepares answers to the messages before the first one of the file, and gives
// the MsgID to start with. A device sends a credential only after a challenge.
func (s *session) begin(m *syncml.Message) int {
	n := number(m.Hdr.MsgID)
	challenge := func() *syncml.Message { return s.challenge(m) }
	before := func() *syncml.Message { return s.before(m) }
	switch {
	case opens(m) && !challenged(m):
	case opens(m):
		s.lead = append(s.lead, challenge)
	case m.Hdr.Cred != nil && n > 2:
		s.lead = append(s.lead, challenge, before)
	default:
		s.lead = append(s.lead, before)
	}
	return max(1, n-len(s.lead))
}

func (s *session) answer(x *trace.Exchange) trace.Exchange {
	i := s.sent - len(s.lead)
	s.sent++
	if i < 0 {
		return s.made(s.lead[s.sent-1]())
	}
	if i >= len(s.steps) {
		s.pairs = append(s.pairs, pair{sim: x})
		return trace.Exchange{Status: http.StatusOK}
	}
	seen := s.steps[i]
	s.pairs = append(s.pairs, pair{seen, x})
	if seen.reply == nil && seen.Status <= http.StatusOK && i+1 < len(s.steps) && len(seen.Response) == 0 {
		return s.made(s.before(s.steps[i+1].message))
	}
	if seen.reply != nil {
		s.note(seen.reply)
	}
	var out trace.Exchange
	out.Status, out.Reply, out.Response = answerOf(seen)
	var next *Step
	if i+1 < len(s.steps) {
		next = s.steps[i+1]
	}
	return s.vouch(encoded(out, seen.reply), seen.reply, next)
}

// note keeps the commands of a server's message.
func (s *session) note(m *syncml.Message) {
	m.Walk(func(c *syncml.Command) { s.commands[m.Hdr.MsgID+"/"+c.CmdID] = c })
}

// made is an answer that the file does not have.
func (s *session) made(m *syncml.Message) trace.Exchange {
	s.note(m)
	body, err := syncml.Write(m)
	if err != nil {
		return trace.Exchange{Status: http.StatusInternalServerError}
	}
	return trace.Exchange{Status: http.StatusOK, Reply: http.Header{"Content-Type": {syncml.MediaType}}, Response: body}
}

// head starts a message of the server that comes before the device's message m.
func (s *session) head(m *syncml.Message, status syncml.Command) *syncml.Message {
	msgID := "1"
	if c := headerStatus(m); c != nil {
		msgID = c.MsgRef
	}
	status.Verb, status.CmdID, status.CmdRef, status.Cmd = syncml.Status, "1", "0", "SyncHdr"
	status.MsgRef = strconv.Itoa(max(1, number(m.Hdr.MsgID)-1))
	return &syncml.Message{Final: true, Body: []syncml.Command{status}, Hdr: syncml.SyncHdr{
		VerDTD: syncml.VerDTD, VerProto: syncml.VerProto, SessionID: m.Hdr.SessionID, MsgID: msgID,
		Target: syncml.Loc{LocURI: m.Hdr.Source.LocURI}, Source: syncml.Loc{LocURI: m.Hdr.Target.LocURI}}}
}

// challenge is the server's message that asks for the credential of m.
func (s *session) challenge(m *syncml.Message) *syncml.Message {
	kind := s.p.known.credType
	if kind == "" {
		kind = "syncml:auth-md5"
	}
	out := s.head(m, syncml.Command{Data: strconv.Itoa(syncml.MissingCredential), Chal: &syncml.Chal{Meta: syncml.Meta{Type: kind, Format: "b64", NextNonce: "bm9uY2U="}}})
	return out
}

// before makes up the server's message that m answers: from its Status elements
// follow the commands, from its Results the nodes. Where they tell no node, the
// simulated device is made to answer as m does.
func (s *session) before(m *syncml.Message) *syncml.Message {
	out := s.head(m, syncml.Command{Data: strconv.Itoa(syncml.OK)})
	at := map[string]int{}
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb != syncml.Status || c.CmdRef == "0" || c.CmdRef == "" {
			continue
		}
		k, again := at[c.CmdRef]
		if !again {
			k = len(out.Body)
			at[c.CmdRef] = k
			out.Body = append(out.Body, syncml.Command{Verb: syncml.Verb(c.Cmd), CmdID: c.CmdRef})
		}
		cmd := &out.Body[k]
		switch cmd.Verb {
		case syncml.Atomic, syncml.Sequence:
			continue
		case syncml.Alert:
			cmd.Data = strconv.Itoa(syncml.AlertClientEvent)
			continue
		}
		uris := c.TargetRef
		if len(uris) == 0 {
			uris = resultsOf(m, c.CmdRef)
		}
		if len(uris) == 0 {
			uris = []string{fmt.Sprintf("./Vendor/MSFT/NotInTheFile/%s", c.CmdRef)}
			s.guessed[strings.ToLower(uris[0])] = c.Code()
			s.p.skip(skipGuessed, 1)
		}
		for _, uri := range uris {
			cmd.Items = append(cmd.Items, syncml.Item{Target: syncml.Loc{LocURI: uri}})
		}
	}
	if len(out.Body) == 1 {
		// Without a command the session would end here.
		out.Body = append(out.Body, syncml.Command{Verb: syncml.Get, CmdID: "2", Items: []syncml.Item{{Target: syncml.Loc{LocURI: "./DevInfo/DevId"}}}})
	}
	out.Final = !hasVerb(m, syncml.Alert, syncml.AlertNextMessage)
	s.p.madeUp++
	return out
}

// resultsOf are the nodes that a Get named: the items of its Results, or the node
// above all of them.
func resultsOf(m *syncml.Message, cmdRef string) (out []string) {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Results && c.CmdRef == cmdRef {
			for _, it := range c.Items {
				out = append(out, it.Source.LocURI)
			}
		}
	}
	if len(out) > 1 {
		for _, uri := range out[1:] {
			if !strings.HasPrefix(uri, out[0]+"/") {
				return out
			}
		}
		return out[:1] // a Get of a part of the tree
	}
	return out
}

// actor lets the simulated device do what the file cannot tell the reason of.
type actor struct {
	s      *session
	alerts []syncml.Command
	late   map[string]bool // their CmdIDs, of those after the Replace of DevInfo
	placed bool
}

// Fault implements dmclient.Fault.
func (*actor) Fault() string { return "plays the part of a recorded device" }

// Answer gives the recorded status of a command whose LocURI is not in the file.
func (a *actor) Answer(_ syncml.Verb, locURI string) (int, bool) {
	code, ok := a.s.guessed[strings.ToLower(locURI)]
	return code, ok
}

// Rewrite adds the alerts that the real device raised to package 1: what happened on
// its machine is not in the file.
func (a *actor) Rewrite(m *syncml.Message, _ int) {
	if a.placed || !opens(m) {
		return
	}
	a.placed = true
	var before, after []syncml.Command // the Replace of DevInfo
	for _, c := range a.alerts {
		if slices.ContainsFunc(m.Body, func(k syncml.Command) bool {
			return k.Verb == syncml.Alert && alertType(&k) == alertType(&c) && sourceOf(&k) == sourceOf(&c)
		}) {
			continue
		}
		if a.late[c.CmdID] {
			after = append(after, c)
		} else {
			before = append(before, c)
		}
	}
	if len(before)+len(after) == 0 {
		return
	}
	at := slices.IndexFunc(m.Body, func(k syncml.Command) bool { return k.Verb == syncml.Replace })
	if at < 0 {
		at = len(m.Body)
	}
	body := slices.Concat(m.Body[:at], before, m.Body[at:], after)
	first := number(m.Body[0].CmdID)
	for i := range body {
		body[i].CmdID = strconv.Itoa(first + i)
	}
	m.Body = body
	a.s.p.skip(skipAlerts, len(before)+len(after))
}

func sourceOf(c *syncml.Command) string {
	if len(c.Items) == 0 {
		return ""
	}
	return c.Items[0].Source.LocURI
}

// Gate aborts the session where the real device did, if the file does not have the
// server's message that made it.
func (a *actor) Gate(_ context.Context, _ dmclient.Clock, _ int) error {
	i := a.s.sent - len(a.s.lead)
	if i < 0 || i >= len(a.s.steps) || !hasVerb(a.s.steps[i].message, syncml.Alert, syncml.AlertSessionAbort) {
		return nil
	}
	if i > 0 && a.s.steps[i-1].reply != nil {
		return nil // the reason is there
	}
	a.s.p.skip(skipAbort, 1)
	return dmclient.ErrAbort
}
