package csp

import (
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Base describes the nodes that no file under trees describes. The files and their
// handlers lie on top: a node that a file has is the file's, and one that the file
// gives to other platforms is hidden. An area is decoded when a device first asks for
// an address in it.
type Base interface {
	// Areas lists what is described together: a CSP, or an area of policies.
	Areas() []Area
	// Nodes returns the nodes of an area, by its index, that a platform has, parents
	// first. They may be changed.
	Nodes(area int, p Platform) []Node
	// Version is the CSPVersion of an area on a platform, for CSPVersions.
	Version(area int, p Platform) string
}

// Area is what a Base describes together.
type Area struct {
	Path string // of its root, from the root of the tree: "Vendor/MSFT/BitLocker"
}

// area is what a Base has to say of a node, and everything below it.
type area struct {
	once   sync.Once
	index  int
	path   string // of the area's root in the Base
	result bool   // these are the values in force: read only
	// kind is the dynamic node that a named area is one of: {AreaName} of policies.
	kind *rule
}

// The Policy CSP describes areas and policies as dynamic, though their names are
// Windows' own. Result has what Config has.
const (
	policyConfig = "Vendor/MSFT/Policy/Config/"
	policyResult = "Vendor/MSFT/Policy/Result/"
)

// hide marks a node that the platform lacks.
func (s *Schema) hide(path string) {
	at := s.root
	for _, name := range strings.Split(path, "/") {
		if at = at.child(name, s.fold(name)); at.absent {
			return
		}
	}
	at.absent = true
}

// attach makes a place for each area of the Base, without decoding any.
func (s *Schema) attach(areas []Area) {
	for i, a := range areas {
		s.attachArea(a.Path, &area{index: i, path: a.Path})
		if name, ok := strings.CutPrefix(a.Path, policyConfig); ok && !strings.HasPrefix(name, "{") {
			s.attachArea(policyResult+name, &area{index: i, path: a.Path, result: true})
		}
	}
}

func (s *Schema) attachArea(path string, a *area) {
	at := s.root
	for _, name := range strings.Split(path, "/") {
		if at.any != nil && at.any.node != nil {
			a.kind = at.any
		} else {
			a.kind = nil
		}
		if at = at.child(name, s.fold(name)); at.absent {
			return
		}
	}
	at.area, at.named = a, a.kind != nil
	at.hasNamed = at.named // the policies of an area
}

// open decodes an area when a node of it is first asked for.
func (s *Schema) open(r *rule) {
	if a := r.area; a != nil {
		a.once.Do(func() { s.load(r, a) })
	}
}

func (s *Schema) load(root *rule, a *area) {
	nodes := s.opts.Base.Nodes(a.index, s.opts.Platform)
	for i := range nodes {
		s.lay(root, a, &nodes[i])
	}
	root.absent = root.node == nil
}

// lay puts a node of the Base where no file under trees has one. A node whose parent
// the platform lacks is not there either.
func (s *Schema) lay(root *rule, a *area, n *Node) {
	at, kind := root, a.kind
	rest := strings.TrimPrefix(n.Path[min(len(a.path), len(n.Path)):], "/") // files differ in the case of a root
	for rest != "" {
		if at.absent || at.node == nil {
			return
		}
		name, below, _ := strings.Cut(rest, "/")
		rest = below
		if at.any != nil && at.any.node != nil && at.any.node.registered != "" && at.kids[s.fold(name)] == nil && !strings.HasPrefix(name, "{") && a.kind == nil {
			return // the tree describes it as one of a kind, with a dynamic name
		}
		if at = at.child(name, s.fold(name)); kind != nil {
			kind = kind.any
		}
	}
	if at.absent || at.node != nil {
		return
	}
	if kind != nil && kind.node != nil {
		n.as(kind.node)
		at.named = true
	}
	if a.result {
		n.Path = policyResult + strings.TrimPrefix(n.Path, policyConfig)
		n.readOnly()
	}
	n.complete(s.opts.AnyValue)
	at.node = n
}

// as makes a node the described one of a dynamic kind: it has its handler, exists once
// it is written, and if it is an interior one, has its operations. Policy.xml gives
// {AreaName} Add, Delete and Get; the files of the areas give the same nodes Get.
func (n *Node) as(kind *Node) {
	for _, m := range []*Node{n, n.User} {
		if m == nil {
			continue
		}
		m.handler, m.registered, m.Occurs, m.Upsert = kind.handler, kind.registered, ZeroOrMore, kind.Upsert
		m.handler.Known, m.Implied = nil, false
		if m.Format == Interior {
			m.Ops = kind.Ops
		}
	}
}

// readOnly makes a node one that shows a value in force.
func (n *Node) readOnly() {
	for _, m := range []*Node{n, n.User} {
		if m != nil {
			m.Ops, m.Upsert, m.Default = Get, false, ""
		}
	}
}

// complete adds what the Base does not have: an Exec that does nothing succeeds
// [model].
func (n *Node) complete(anyValue bool) {
	for _, m := range []*Node{n, n.User} {
		if m == nil {
			continue
		}
		if anyValue {
			m.Values = nil
		}
		if m.Ops&Exec != 0 && m.handler.Run == nil {
			m.handler.Run = func(*Call, string) int { return syncml.OK }
		}
	}
}
