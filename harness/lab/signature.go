package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Sent is a command that a server sent in a session, with the address and value of
// one item. The device need not have executed it: after a failure in an Atomic, the
// rest of it is not.
type Sent struct {
	Verb         syncml.Verb
	LocURI, Data string
	Grouped      bool // inside an Atomic
}

// SentIn returns what a server sent in a session. A message that the device refused
// unread does not count, since the server sends it again.
func SentIn(s *dmclient.Session) (out []Sent) {
	for i, m := range s.Received {
		if refusedUnread(s, i) {
			continue
		}
		for k := range m.Body {
			group := m.Body[k].Verb == syncml.Atomic
			m.Body[k].Walk(func(c *syncml.Command) {
				switch c.Verb {
				case syncml.Add, syncml.Replace, syncml.Get, syncml.Delete, syncml.Exec, syncml.Copy:
				default:
					return
				}
				for _, it := range c.Items {
					if !it.MoreData { // a value in chunks counts once, at its end
						out = append(out, Sent{c.Verb, it.Target.LocURI, it.Data, group})
					}
				}
			})
		}
	}
	return out
}

// refusedUnread reports whether the device answered the header of message i with an
// error.
func refusedUnread(s *dmclient.Session, i int) bool {
	if i+1 >= len(s.Sent) {
		return false
	}
	return slices.ContainsFunc(s.Sent[i+1].Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Status && c.CmdRef == "0" && c.MsgRef == s.Received[i].Hdr.MsgID && c.Code() >= 400
	})
}

// Signature tells work that the work hook caused from everything that the server
// sends by itself: inventories, the PFN, the Get of ChannelURI.
type Signature struct {
	pieces []piece
	most   int // how often one delivery has the same command, usually once
	// Delay is how long the server takes from the hook until it has the work ready; 0
	// if the next session brings it.
	Delay time.Duration
	// Atomic says that the work came in an Atomic.
	Atomic bool
	// Differs says that no command came with the same value after two calls.
	Differs bool
	// Once says that a second call of the hook gave the device nothing.
	Once bool
}

// piece is one kind of command of the work: a node of which ids may vary.
type piece struct {
	verb syncml.Verb
	node []string // segments of the LocURI, masked; anySegment matches all
	// but are values that the server writes there by itself.
	but   *values
	shown string // the LocURI as it first came
}

const anySegment = "*"

// Of returns the commands of the work among those that were sent.
func (g *Signature) Of(sent []Sent) []Sent {
	return slices.DeleteFunc(slices.Clone(sent), func(c Sent) bool {
		return !slices.ContainsFunc(g.pieces, func(p piece) bool { return p.matches(c) })
	})
}

// Times returns how often sessions delivered one piece of work: the most that any
// of its commands came with the same value. A server may spread the commands of a
// profile over several sessions.
func (g *Signature) Times(sessions ...*dmclient.Session) int {
	n := repeats(g.Of(sentIn(sessions)))
	return (n + g.most - 1) / g.most
}

// Addresses reports whether the work has a command for that node, whatever its
// value.
func (g *Signature) Addresses(verb syncml.Verb, locURI string) bool {
	node := segments(locURI)
	return slices.ContainsFunc(g.pieces, func(p piece) bool { return p.verb == verb && same(p.node, node) })
}

// Has reports whether the work has a command with that verb.
func (g *Signature) Has(verb syncml.Verb) bool {
	return slices.ContainsFunc(g.pieces, func(p piece) bool { return p.verb == verb })
}

// String names the first command of the work: "Replace of ./Vendor/MSFT/x/1 and 2
// more".
func (g *Signature) String() string {
	if len(g.pieces) == 0 {
		return "nothing"
	}
	p := g.pieces[0]
	text := fmt.Sprintf("%s of %s", p.verb, p.shown)
	if more := len(g.pieces) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func (p *piece) matches(c Sent) bool {
	return p.verb == c.Verb && same(p.node, segments(c.LocURI)) && !p.but.has(c.Data)
}

func same(pattern, node []string) bool {
	return slices.EqualFunc(pattern, node, func(p, n string) bool { return p == n || p == anySegment })
}

// sentIn is SentIn for several sessions.
func sentIn(sessions []*dmclient.Session) (out []Sent) {
	for _, s := range sessions {
		out = append(out, SentIn(s)...)
	}
	return out
}

// repeats returns how often the most frequent command came.
func repeats(sent []Sent) (n int) {
	count := map[Sent]int{}
	for _, c := range sent {
		c.LocURI = strings.ToLower(c.LocURI)
		count[c]++
	}
	for _, k := range count {
		n = max(n, k)
	}
	return n
}

// values are what a server writes to one node by itself. If they vary, their ids
// are masked.
type values struct{ of map[string]bool }

func (v *values) has(data string) bool {
	if v == nil {
		return false
	}
	if len(v.of) == 1 {
		return v.of[data]
	}
	for known := range maps.Keys(v.of) {
		if mask(known) == mask(data) {
			return true
		}
	}
	return false
}
