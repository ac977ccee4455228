package ddf

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Set is a number of described nodes that can be looked up. It is immutable.
type Set struct {
	// Edition says which files it has: "2025-02".
	Edition string
	nodes   []Node
	roots   [2]branch // by scope: device, user
}

// branch is a name of the tree.
type branch struct {
	node *Node // nil where no file describes it, such as ./Device/Vendor
	kids map[string]*branch
	any  *branch
}

// NewSet makes a set of nodes, in which an earlier one wins over a later one with the
// same path. nodes must not be changed afterwards.
func NewSet(edition string, nodes []Node) (*Set, error) {
	s := &Set{Edition: edition, nodes: nodes}
	twice := map[int]bool{}
	for i := range nodes {
		n := &nodes[i]
		list, scope := names(n.Path)
		if scope != csp.DeviceScope && scope != csp.UserScope {
			return nil, errors.New("a node belongs to ./Device or ./User")
		}
		b := &s.roots[scope]
		for _, name := range list {
			b = b.child(name)
		}
		if b.node == nil {
			b.node = n
		} else {
			twice[i] = true
		}
	}
	if len(twice) > 0 {
		s.nodes = make([]Node, 0, len(nodes)-len(twice))
		for i := range nodes {
			if !twice[i] {
				s.nodes = append(s.nodes, nodes[i])
			}
		}
	}
	return s, nil
}

func (b *branch) child(name string) *branch {
	if strings.HasPrefix(name, "{") {
		if b.any == nil {
			b.any = &branch{}
		}
		return b.any
	}
	key := strings.ToLower(name)
	k := b.kids[key]
	if k == nil {
		if b.kids == nil {
			b.kids = map[string]*branch{}
		}
		k = &branch{}
		b.kids[key] = k
	}
	return k
}

// Nodes are all nodes in the order of the files.
func (s *Set) Nodes() []Node { return s.nodes }

// With is the set and more nodes below it: a path that it has keeps its node.
func (s *Set) With(more []Node) (*Set, error) {
	all := slices.Clone(s.nodes)
	for i := range more {
		if _, ok := s.at(more[i].Path); !ok {
			all = append(all, more[i])
		}
	}
	return NewSet(s.Edition, all)
}

// at is the node that describes exactly this path, dynamic names in braces.
func (s *Set) at(path string) (*Node, bool) {
	list, scope := names(path)
	b := &s.roots[scope]
	for _, name := range list {
		if strings.HasPrefix(name, "{") {
			b = b.any
		} else {
			b = b.kids[strings.ToLower(name)]
		}
		if b == nil {
			return nil, false
		}
	}
	return b.node, b.node != nil
}

// Match is what a set knows of a LocURI.
type Match struct {
	Path csp.Path
	Node *Node // nil if nothing describes it
	// Above is the deepest described node above an unknown one.
	Above *Node
	// Other is the node in the other part of the tree, ./User instead of ./Device or
	// the reverse, if only that one is described.
	Other *Node
	// Ingested is set for a policy of an ADMX file that a server ingests: its area is
	// App~Policy~Category.
	Ingested bool
	dynamic  []named // the dynamic nodes on the way
	atomic   *Node   // the deepest node on the way that requires an Atomic
}

// named is a name that a server gave to a dynamic node.
type named struct {
	node *Node
	name string
}

// Find looks a LocURI up. Names are compared without case, as Windows does. An error
// is one of the LocURI itself.
func (s *Set) Find(locURI string) (Match, error) {
	uri, _, _ := strings.Cut(locURI, "?")
	p, err := csp.ParsePath(uri)
	if err != nil {
		return Match{}, err
	}
	m := s.find(p)
	if m.Node == nil {
		other := p
		other.Scope = csp.UserScope - p.Scope
		m.Other = s.find(other).Node
	}
	return m, nil
}

func (s *Set) find(p csp.Path) (m Match) {
	m.Path = p
	b := &s.roots[p.Scope]
	for _, name := range p.Names {
		if b.node != nil {
			m.Above = b.node
		}
		next := b.kids[strings.ToLower(name)]
		if next == nil && b.any != nil {
			if next = b.any; next.node != nil {
				m.dynamic = append(m.dynamic, named{next.node, name})
			}
		}
		if next == nil {
			return m
		}
		if b = next; b.node != nil && b.node.Atomic {
			m.atomic = b.node
		}
	}
	m.Node = b.node
	return s.policy(m)
}

// policy decides about areas and policies, whose names the Policy CSP describes as
// dynamic, though Windows has a list of its own: the areas' files have it. Result has
// what Config has.
func (s *Set) policy(m Match) Match {
	n := m.Path.Names
	if len(n) < 5 || m.Node == nil || !strings.EqualFold(n[2], "Policy") || len(m.dynamic) == 0 ||
		!strings.EqualFold(n[3], "Config") && !strings.EqualFold(n[3], "Result") {
		return m
	}
	if strings.Contains(n[4], "~") {
		m.Ingested = true
		return m
	}
	if strings.EqualFold(n[3], "Result") {
		config := slices.Clone(n)
		config[3] = "Config"
		c := s.find(csp.Path{Scope: m.Path.Scope, Names: config})
		if c.Node != nil {
			read := *c.Node
			read.Path, read.Ops = strings.Replace(read.Path, "/Config/", "/Result/", 1), csp.Get
			m.Node = &read
			return m
		}
	}
	m.Above, m.Node = m.Node, nil
	return m
}

// Search are the nodes in whose path every word is found, without case; the shortest
// paths come first. A word may also be an address, with or without its beginning.
func (s *Set) Search(words ...string) (out []*Node) {
	for i := range s.nodes {
		low := strings.ToLower(s.nodes[i].Path)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(low, strings.ToLower(w)) }) {
			out = append(out, &s.nodes[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *Node) int { return cmp.Compare(len(a.Path), len(b.Path)) })
	return out
}

// Children are the described nodes directly under a path, by name.
func (s *Set) Children(n *Node) (out []*Node) {
	for i := range s.nodes {
		if rest, ok := strings.CutPrefix(s.nodes[i].Path, n.Path+"/"); ok && !strings.Contains(rest, "/") {
			out = append(out, &s.nodes[i])
		}
	}
	slices.SortFunc(out, func(a, b *Node) int { return cmp.Compare(a.Name(), b.Name()) })
	return out
}

// Area is a CSP or an area of policies.
type Area struct {
	Name  string `json:"name"` // "BitLocker", "Policy/Camera"
	Nodes int    `json:"nodes"`
	Own   bool   `json:"own,omitempty"` // no DDF file describes any of it
}

// Areas are all CSPs and areas, by name.
func (s *Set) Areas() []Area {
	at := map[string]*Area{}
	for i := range s.nodes {
		n := &s.nodes[i]
		a := at[n.Area()]
		if a == nil {
			a = &Area{Name: n.Area(), Own: true}
			at[a.Name] = a
		}
		a.Nodes++
		a.Own = a.Own && n.Own
	}
	var out []Area
	for _, a := range at {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b Area) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
