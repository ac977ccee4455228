package ddf

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Base is what a tree of a simulated device has from a set of DDF files: a csp.Base.
// Everything a DDF file does not say is decided here, as a model: see present.
type Base struct {
	edition string
	areas   []csp.Area
	decode  func(int) ([]Node, error)
}

// Embedded is the base from the embedded table.
var Embedded = sync.OnceValues(func() (*Base, error) {
	t, err := readTable(factsBin)
	if err != nil {
		return nil, err
	}
	b := &Base{edition: t.Edition, decode: t.area}
	for _, a := range t.Areas {
		b.areas = append(b.areas, csp.Area{Path: a.Path})
	}
	return b, nil
})

// NewBase is the base from nodes, which must not be changed afterwards.
func NewBase(edition string, nodes []Node) *Base {
	b, areas := &Base{edition: edition}, group(nodes)
	for _, a := range areas {
		b.areas = append(b.areas, csp.Area{Path: a.path})
	}
	b.decode = func(i int) (out []Node, _ error) {
		for _, n := range areas[i].nodes {
			out = append(out, *n)
		}
		return out, nil
	}
	return b
}

// Edition says which files the base is from: "2025-02".
func (b *Base) Edition() string { return b.edition }

// Areas are the CSPs and the areas of policies.
func (b *Base) Areas() []csp.Area { return b.areas }

// grouped is the nodes of an area, of both parts of the tree.
type grouped struct {
	path  string
	nodes []*Node
}

// group gives each node to the area of its file's root. A root of the device's part
// and one of the user's are one area.
func group(nodes []Node) (out []grouped) {
	at := map[string]int{}
	root := ""
	for i := range nodes {
		n := &nodes[i]
		if root == "" || !strings.HasPrefix(n.Path, root+"/") {
			root = n.Path
		}
		list, _ := names(root)
		path := strings.Join(list, "/")
		key := strings.ToLower(path)
		k, known := at[key]
		if !known {
			k = len(out)
			at[key] = k
			out = append(out, grouped{path: path})
		}
		out[k].nodes = append(out[k].nodes, n)
	}
	return out
}

// Nodes are the nodes of an area on a platform. What the base cannot decode, it does
// not have.
func (b *Base) Nodes(area int, p csp.Platform) []csp.Node {
	nodes, err := b.decode(area)
	if err != nil {
		return nil
	}
	var out []csp.Node
	at := map[string]int{}
	for i := range nodes {
		n := &nodes[i]
		if !n.has(p) {
			continue
		}
		m := n.tree()
		if strings.EqualFold(m.Path, b.areas[area].Path) {
			m.Occurs = csp.One // a CSP that the device lists is there
		}
		key := strings.ToLower(m.Path)
		k, known := at[key]
		if !known {
			at[key] = len(out)
			out = append(out, m)
			continue
		}
		merge(&out[k], m)
	}
	return out
}

// merge adds the node of the other part of the tree.
func merge(n *csp.Node, m csp.Node) {
	if m.Scope == n.Scope || n.Scope == csp.BothScopes {
		return // described twice: the first one wins
	}
	if m.Scope == csp.DeviceScope {
		*n, m = m, *n
	}
	user := m
	n.Scope, user.Scope = csp.BothScopes, csp.BothScopes
	n.User = &user
}

// seenOn are the CSPs whose nodes have no released build in the files of February 2025
// (99.9.99999), though a 25H2 lists them in CSPVersions [seen, csp/listed.go].
var seenOn = map[string]int{"CloudDesktop": 26200, "DevicePreparation": 26200, "LanguagePackManagement": 26200}

// has reports whether a platform has the node: it is of a build that the DDF names, by
// itself or its servicing branch. A node with builds of which none was released is of
// no build here; one without builds is of all.
func (n *Node) has(p csp.Platform) bool {
	if first, ok := seenOn[n.Area()]; ok && !slices.ContainsFunc(n.Builds, Build.Released) {
		return p.Build >= first
	}
	return len(n.Builds) == 0 || n.On(Build{Number: p.Build, Revision: p.Revision}) == Has
}

// tree is the node as the tree of a device has it.
func (n *Node) tree() csp.Node {
	list, scope := names(n.Path)
	m := csp.Node{Path: strings.Join(list, "/"), Ops: n.Ops, Format: n.Format, Scope: scope, Naming: csp.Naming(n.Naming), Atomic: n.Atomic}
	if n.Allowed != nil {
		m.Values = n.Allowed
	}
	if len(n.Depends) > 0 && n.Allowed != nil {
		m.Values = (*dependent)(n)
	}
	n.present(&m)
	return m
}

// dependent allows the values that are allowed while another node has another value.
type dependent Node

func (d *dependent) Check(value string, f csp.Format) error {
	err := d.Allowed.Check(value, f)
	for _, g := range d.Depends {
		if err != nil && g.Changed != nil && g.Changed.Check(value, f) == nil {
			err = nil
		}
	}
	return err
}

// present decides what no DDF file says [model]. A node that occurs once, or is
// permanent, and that nobody can add exists with its parent; so does one with a default, which a Get then
// gives, and which can be added while it has no other value. All others exist once they
// are added. Replace creates a value that could be added, as servers send it for
// policies and others alone; MS-MDM 3.1.5.1.7 requires 404.
func (n *Node) present(m *csp.Node) {
	leaf, added := !n.Interior(), n.Ops&csp.Add != 0
	once := (n.Occurs == "One" || n.Permanent) && !n.Dynamic()
	switch {
	case n.Dynamic():
		m.Occurs = csp.ZeroOrMore
	case once && !added:
		m.Occurs = csp.One
	case once && leaf && n.Default != nil:
		m.Occurs, m.Implied = csp.One, true
	default:
		m.Occurs = csp.ZeroOrOne
	}
	m.Upsert = leaf && n.Ops&csp.Replace != 0 && m.Occurs != csp.One
	if !leaf {
		return
	}
	m.Default = n.initial()
}

// initial is the value of a node that exists and has no other: the default, or what is
// nothing in the node's format. A default of an int may be hexadecimal.
func (n *Node) initial() string {
	if n.Default != nil {
		v := *n.Default
		if k, ok := number(v); ok && n.Format == csp.Int {
			v = strconv.FormatInt(k, 10)
		}
		if n.Format.Accepts(v) && !strings.HasPrefix(v, "$") {
			return v
		}
	}
	switch n.Format {
	case csp.Int:
		return "0"
	case csp.Bool:
		return "false"
	}
	return ""
}

// Version is the highest CSPVersion of the area's nodes on a platform; empty if the
// platform has none of them.
func (b *Base) Version(area int, p csp.Platform) (out string) {
	nodes, err := b.decode(area)
	if err != nil || len(nodes) == 0 || !nodes[0].has(p) {
		return ""
	}
	best := 0.0
	for i := range nodes {
		if v, err := strconv.ParseFloat(nodes[i].CSPVersion, 64); err == nil && v > best && nodes[i].has(p) {
			best, out = v, nodes[i].CSPVersion
		}
	}
	return out
}
