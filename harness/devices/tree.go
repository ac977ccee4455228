package devices

import (
	"context"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/csp"
)

// Node is a node of a management tree.
type Node struct {
	LocURI string `json:"locURI"`
	Format string `json:"format"` // node for an interior node
	Data   string `json:"data"`   // of a leaf
	Leaf   bool   `json:"leaf"`
}

// Tree lists a node and all below it; reveal shows secrets.
func (p *Pool) Tree(id, locURI string, reveal bool) ([]Node, error) {
	s, err := p.find(id)
	if err != nil {
		return nil, err
	}
	if _, err := csp.ParsePath(locURI); err != nil {
		return nil, fail(Invalid, "%q is not a LocURI: %v", locURI, err)
	}
	out := []Node{}
	for _, l := range s.dev.Tree().List(locURI) {
		out = append(out, viewNode(Node{l.LocURI, l.Format, l.Data, l.Leaf}, reveal))
	}
	if len(out) == 0 {
		return nil, fail(Unknown, "%s has no node %s", s.name(), redact.Text(locURI))
	}
	return out, nil
}

func viewNode(n Node, reveal bool) Node {
	if !reveal {
		n.Data, n.LocURI = redact.Value(n.LocURI, n.Data), redact.Text(n.LocURI)
	}
	return n
}

// SetNode changes a node as the device's user or hardware would, whatever a server may
// do with it.
func (p *Pool) SetNode(ctx context.Context, id, locURI, value string) (Node, error) {
	var out Node
	_, err := p.change(ctx, id, func(s *slot) error {
		if _, err := csp.ParsePath(locURI); err != nil {
			return fail(Invalid, "%q is not a LocURI: %v", locURI, err)
		}
		if !s.dev.Tree().Provision(locURI, value) {
			return fail(Unknown, "no CSP of %s (%s) has a node %s", s.name(), s.dev.Profile().Name, redact.Text(locURI))
		}
		p.tell(s, Event{Kind: Changed, LocURI: locURI, Data: value})
		out = Node{LocURI: locURI, Data: value, Leaf: true}
		if l := s.dev.Tree().List(locURI); len(l) > 0 {
			out = Node{l[0].LocURI, l[0].Format, l[0].Data, l[0].Leaf}
		}
		return nil
	})
	return viewNode(out, false), err
}

// RemoveNode removes a node and all below it.
func (p *Pool) RemoveNode(ctx context.Context, id, locURI string) error {
	_, err := p.change(ctx, id, func(s *slot) error {
		if !s.dev.Tree().Has(locURI) {
			return fail(Unknown, "%s has no node %s", s.name(), redact.Text(locURI))
		}
		s.dev.Tree().Remove(locURI)
		p.tell(s, Event{Kind: Changed, LocURI: locURI, Text: "removed"})
		return nil
	})
	return err
}

// name is what messages call a device.
func (s *slot) name() string { return s.dev.Identity().Name }
