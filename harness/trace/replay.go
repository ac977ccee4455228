package trace

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Step is one message of a replay.
type Step struct {
	Message  int      // from 1
	Problem  string   // why it could not be sent, or its answer not be read
	Diff     string   // the recorded answer against the new one, as a unified diff; empty if equal
	Notes    []string // what could not be sent as recorded
	Response string   // the new answer, unchanged
}

// Same reports whether a step went as recorded.
func (s *Step) Same() bool { return s.Problem == "" && s.Diff == "" && len(s.Notes) == 0 }

// Options of a replay.
type Options struct {
	// Channel is the URI that replaces a recorded channel: transcripts do not contain
	// its token.
	Channel string
}

// Play sends a device's recorded messages again, as the enrolled device d, and
// reports for each how the server's answer differs from the recorded one. It
// replaces the names of device and server, lets answers refer to the server's new
// commands, and leaves out credentials.
func Play(ctx context.Context, d *dmclient.Device, r *Recorded, o Options, tell func(Step)) {
	p := &player{d: d, r: r, o: o, refs: map[string]string{}}
	for i := range r.Sent {
		s := p.play(ctx, i)
		tell(s)
		if s.Problem != "" || ctx.Err() != nil {
			return
		}
	}
}

type player struct {
	d *dmclient.Device
	r *Recorded
	o Options
	// refs map a recorded command of the server, by MsgID and CmdID, to its
	// counterpart in this replay.
	refs map[string]string
	last *syncml.Message // the server's last answer
}

func ref(msg, cmd string) string { return msg + "/" + cmd }

func (p *player) play(ctx context.Context, i int) Step {
	s := Step{Message: i + 1}
	body, err := syncml.Write(p.adapted(i, &s))
	if err != nil {
		s.Problem = err.Error()
		return s
	}
	ex := p.d.Post(ctx, syncml.MediaType, strings.NewReader(string(body)), int64(len(body)), dmclient.SyncOptions{})
	s.Response = string(ex.Response)
	old := p.r.Received[i]
	switch {
	case ex.Err != nil:
		s.Problem = "no answer: " + ex.Err.Error()
		return s
	case ex.Status != http.StatusOK:
		s.Problem = fmt.Sprintf("HTTP status %d", ex.Status)
		return s
	}
	var now *syncml.Message
	if len(ex.Response) > 0 {
		if now, err = syncml.Read(ex.Response); err != nil {
			s.Problem = "the answer cannot be read: " + err.Error()
			return s
		}
	}
	s.Diff = string(diff.Diff("recorded", []byte(p.lines(old)), "now", []byte(p.lines(now))))
	p.match(old, now)
	p.last = now
	return s
}

// adapted returns a recorded message as it is sent in this replay.
func (p *player) adapted(i int, s *Step) *syncml.Message {
	m := *p.r.Sent[i]
	m.Hdr.Cred = nil
	m.Hdr.Source.LocURI, m.Hdr.Target.LocURI = p.d.Identity().DeviceID, p.d.Address()
	m.Body = nil
	for _, c := range p.r.Sent[i].Body {
		if c.Verb.IsReply() && c.CmdRef != "0" {
			to, ok := p.refs[ref(c.MsgRef, c.CmdRef)]
			if !ok {
				s.Notes = append(s.Notes, fmt.Sprintf("%s for %s of message %s is left out: this time the server did not send that command", c.Verb, cmp.Or(c.Cmd, "a command"), c.MsgRef))
				continue
			}
			c.MsgRef, c.CmdRef, _ = strings.Cut(to, "/")
		} else if c.Verb.IsReply() && p.last != nil {
			c.MsgRef = p.last.Hdr.MsgID
		}
		c.Items = p.items(c.Items)
		m.Body = append(m.Body, c)
	}
	return &m
}

func (p *player) items(in []syncml.Item) (out []syncml.Item) {
	for _, it := range in {
		switch {
		case strings.HasSuffix(it.Source.LocURI, "/DevId"):
			it.Data = p.d.Identity().DeviceID
		case strings.Contains(it.Data, ".notify.windows.com/?token="), strings.HasSuffix(it.Source.LocURI, "/Push/ChannelURI") && it.Data != "":
			it.Data = p.o.Channel
		}
		out = append(out, it)
	}
	return out
}

// match finds the counterpart of each recorded command: same verb and LocURI, in
// order.
func (p *player) match(old, now *syncml.Message) {
	if old == nil || now == nil {
		return
	}
	taken := map[string]bool{}
	old.Walk(func(c *syncml.Command) {
		if c.Verb.IsReply() {
			return
		}
		now.Walk(func(k *syncml.Command) {
			if k.Verb == c.Verb && strings.EqualFold(target(k), target(c)) && !taken[k.CmdID] && p.refs[ref(old.Hdr.MsgID, c.CmdID)] == "" {
				taken[k.CmdID] = true
				p.refs[ref(old.Hdr.MsgID, c.CmdID)] = ref(now.Hdr.MsgID, k.CmdID)
			}
		})
	})
}

func target(c *syncml.Command) string {
	if len(c.Items) == 0 {
		return ""
	}
	return c.Items[0].Target.LocURI
}

// lines formats an answer, with a line for each thing that matters.
func (p *player) lines(m *syncml.Message) string {
	if m == nil {
		return "(an empty answer)\n"
	}
	var b strings.Builder
	m.Walk(func(c *syncml.Command) {
		switch {
		case c.Verb == syncml.Status && c.CmdRef == "0":
			fmt.Fprintf(&b, "Status %s for SyncHdr\n", c.Data)
		case c.Verb == syncml.Status:
			fmt.Fprintf(&b, "Status %s for %s\n", c.Data, cmp.Or(c.Cmd, "CmdRef "+c.CmdRef))
		case c.Verb == syncml.Alert:
			fmt.Fprintf(&b, "Alert %s\n", c.Data)
		case len(c.Items) == 0:
			fmt.Fprintf(&b, "%s\n", c.Verb)
		}
		if c.Verb.IsReply() {
			return
		}
		for _, it := range c.Items {
			if it.Target.LocURI == "" {
				continue
			}
			line := string(c.Verb) + " " + it.Target.LocURI
			if it.Meta != nil && it.Meta.Format != "" {
				line += " " + it.Meta.Format
			}
			if it.Data != "" {
				line += " " + strconv.Quote(it.Data)
			}
			b.WriteString(line + "\n")
		}
	})
	if m.Final {
		b.WriteString("Final\n")
	}
	// Ids of devices must not show as a difference.
	return strings.NewReplacer(p.r.Device, "{DeviceID}", p.d.Identity().DeviceID, "{DeviceID}").Replace(b.String())
}
