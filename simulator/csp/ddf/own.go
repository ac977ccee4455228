package ddf

import (
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
)

// ownNodes are the nodes of the simulated device, from its descriptions under
// simulator/csp/trees. A node of both parts of the tree is there twice. Nodes of phones
// are left out: DDF v2 begins with Windows 10, and they would pass on desktops.
func ownNodes() (out []Node, err error) {
	for _, c := range csp.All() {
		list, err := c.Nodes()
		if err != nil {
			return nil, err
		}
		for i := range list {
			n := &list[i]
			if n.Phone {
				continue
			}
			if n.Scope != csp.UserScope {
				out = append(out, own(n, c.Name, csp.DeviceScope))
			}
			if n.Scope != csp.DeviceScope {
				out = append(out, own(n, c.Name, csp.UserScope))
			}
		}
	}
	return out, nil
}

func own(n *csp.Node, name string, scope csp.Scope) Node {
	prefix := "./"
	switch {
	case scope == csp.UserScope:
		prefix = "./User/"
	case strings.HasPrefix(n.Path, "Vendor/"):
		prefix = "./Device/"
	}
	o := Node{Path: prefix + n.Path, Scope: scope, Ops: n.Ops, Format: n.Format, Also: n.Also, Occurs: "One", File: "dmwake's " + name, Own: true}
	if n.Upsert {
		o.Ops |= csp.Replace
	}
	switch n.Occurs {
	case csp.ZeroOrOne:
		o.Occurs = "ZeroOrOne"
	case csp.ZeroOrMore:
		o.Occurs = "ZeroOrMore"
	}
	if n.Since > 0 {
		o.Builds = []Build{{Number: n.Since}}
	}
	if n.Default != "" && n.Default[0] != '$' {
		o.Default = &n.Default
	}
	switch {
	case n.Ranged && n.Max == math.MaxInt64:
		o.Allowed = &Allowed{Kind: Range, Values: []string{"[" + bound(n.Min) + "-" + bound(math.MaxInt32) + "]"}}
	case n.Ranged:
		o.Allowed = &Allowed{Kind: Range, Values: []string{"[" + bound(n.Min) + "-" + bound(n.Max) + "]"}}
	case len(n.Allowed) > 0:
		o.Allowed = &Allowed{Kind: Enum, Values: n.Allowed}
	}
	return o
}

func bound(n int64) string {
	if n < 0 {
		return "(" + strconv.FormatInt(n, 10) + ")"
	}
	return strconv.FormatInt(n, 10)
}

// ownSet has the nodes of the simulated device alone.
var ownSet = sync.OnceValues(func() (*Set, error) {
	nodes, err := ownNodes()
	if err != nil {
		return nil, err
	}
	return NewSet("", nodes)
})

// WithOwn is a set with the nodes of the simulated device that it lacks: some that a
// real Windows lists are in no DDF file.
func (s *Set) WithOwn() (*Set, error) {
	own, err := ownSet()
	if err != nil {
		return nil, err
	}
	return s.With(own.nodes)
}

// everything is the embedded set with the nodes of the simulated device.
var everything = sync.OnceValues(func() (*Set, error) {
	s, err := Facts()
	if err != nil {
		return nil, err
	}
	return s.WithOwn()
})
