package ddf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Difference is one thing that a description under simulator/csp/trees says otherwise
// than a DDF set.
//
// These are none:
//   - whether a node is there from the start: the DDF does not say it, Occurrence One is
//     also on nodes that a server adds;
//   - nodes of phones: DDF v2 begins with Windows 10, and names no kind of device;
//   - a node that only the DDF has, unless it is a command: it stores a value, which needs
//     no description here;
//   - a default where the DDF has none: a device has some value;
//   - values of a node that no server writes, and names of dynamic nodes;
//   - builds before 10586, which stands in the DDF for nodes of Windows 8.1 too.
type Difference struct {
	CSP    string
	Path   string // as the DDF writes it, or would write it
	Kind   string // "missing", "extra", "operations", "format", "default", "values" or "builds"
	DDF    string // what the DDF says, empty for "extra"
	Ours   string // what the description says, empty for "missing"
	Reason string // why, from the description; empty if it gives none
}

func (d *Difference) String() string {
	said := d.DDF + " in the DDF, " + d.Ours + " here"
	switch d.Kind {
	case "missing":
		said = "only in the DDF: " + d.DDF
	case "extra":
		said = "only here: " + d.Ours
	}
	return d.Path + ": " + d.Kind + ": " + said
}

// Comparison is what descriptions and a set have in common, and what not. ./Device and
// ./User count apart.
type Comparison struct {
	Both        int     // nodes that both have
	Alone       []*Node // nodes of described CSPs that only the DDF has
	Differences []Difference
	Unused      []csp.Reason // reasons for which nothing differs
}

// Compare holds the descriptions of the simulated device against a set.
func Compare(s *Set) (Comparison, error) {
	var out Comparison
	for _, c := range csp.All() {
		k := comparison{csp: c.Name, out: &out}
		var err error
		if k.nodes, err = c.Nodes(); err != nil {
			return out, err
		}
		if k.reasons, err = c.Reasons(); err != nil {
			return out, err
		}
		k.used = make([]bool, len(k.reasons))
		if err := k.with(s); err != nil {
			return out, err
		}
		for i, r := range k.reasons {
			if !k.used[i] {
				out.Unused = append(out.Unused, r)
			}
		}
	}
	return out, nil
}

// comparison is that of one provider.
type comparison struct {
	csp     string
	nodes   []csp.Node
	reasons []csp.Reason
	used    []bool
	out     *Comparison
}

func (k *comparison) with(s *Set) error {
	var list []Node
	var from []*csp.Node // what list was made from
	for i := range k.nodes {
		n := &k.nodes[i]
		for _, scope := range []csp.Scope{csp.DeviceScope, csp.UserScope} {
			if n.Scope == scope || n.Scope == csp.BothScopes {
				list, from = append(list, own(n, k.csp, scope)), append(from, n)
			}
		}
	}
	ours, err := NewSet("", list)
	if err != nil {
		return err
	}
	of := map[*Node]*csp.Node{}
	for i := range list {
		of[&list[i]] = from[i]
	}
	for i := range s.nodes {
		d := &s.nodes[i]
		if !under(d.Path, k.nodes[0].Path) || strings.HasPrefix(d.Area(), "Policy/") {
			continue // no description names an area of policies
		}
		o, ok := ours.at(d.Path)
		switch {
		case !ok && d.Ops&csp.Exec != 0:
			k.out.Differences = append(k.out.Differences, Difference{CSP: k.csp, Path: d.Path, Kind: "missing", DDF: d.Ops.String() + " " + string(d.Format)})
		case !ok:
			k.out.Alone = append(k.out.Alone, d)
		case of[o].Phone:
			delete(of, o)
		default:
			k.out.Both++
			k.node(d, o, of[o])
			delete(of, o)
		}
	}
	for i := range list {
		if n := of[&list[i]]; n != nil && !n.Phone {
			k.add(n, Difference{Path: list[i].Path, Kind: "extra", Ours: list[i].Ops.String() + " " + string(list[i].Format)})
		}
	}
	return nil
}

// under reports whether a path of the DDF is that of a provider or below it.
func under(path, root string) bool {
	path = strings.TrimPrefix(path, "./")
	for _, scope := range []string{"Device/", "User/"} {
		path = strings.TrimPrefix(path, scope)
	}
	return len(path) >= len(root) && strings.EqualFold(path[:len(root)], root) && (len(path) == len(root) || path[len(root)] == '/')
}

// add notes a difference of a node and looks for its reason: that of the node itself, of
// a node above for everything below it, of an extra node also for what is below.
func (k *comparison) add(n *csp.Node, d Difference) {
	d.CSP = k.csp
	for i, r := range k.reasons {
		kind, below := strings.CutSuffix(r.Kind, " below")
		under := strings.HasPrefix(n.Path, r.Path+"/")
		if kind == d.Kind && (below && under || !below && (n.Path == r.Path || kind == "extra" && under)) {
			d.Reason, k.used[i] = r.Text, true
		}
	}
	k.out.Differences = append(k.out.Differences, d)
}

// node compares a node of the DDF with ours, which was made from n.
func (k *comparison) node(d, o *Node, n *csp.Node) {
	if d.Ops != o.Ops {
		k.add(n, Difference{Path: d.Path, Kind: "operations", DDF: d.Ops.String(), Ours: o.Ops.String()})
	}
	if d.Format != o.Format {
		k.add(n, Difference{Path: d.Path, Kind: "format", DDF: string(d.Format), Ours: string(o.Format)})
	}
	if d.Default != nil && !strings.HasPrefix(n.Default, "$") && !sameDefault(*d.Default, n.Default, d.Format) {
		k.add(n, Difference{Path: d.Path, Kind: "default", DDF: strconv.Quote(*d.Default), Ours: strconv.Quote(n.Default)})
	}
	if !d.Interior() && (d.Ops|o.Ops)&(csp.Add|csp.Exec|csp.Replace) != 0 && !sameValues(d.Allowed, o.Allowed, d.Format) {
		k.add(n, Difference{Path: d.Path, Kind: "values", DDF: d.Allowed.Text(), Ours: o.Allowed.Text()})
	}
	for _, b := range desktops {
		if said := d.On(Build{Number: b}); said != Unsaid && (said == Has) != n.On(csp.Platform{Build: b}) {
			k.add(n, Difference{Path: d.Path, Kind: "builds", DDF: fmt.Sprint(d.Builds), Ours: fmt.Sprintf("%d is otherwise", b)})
			break
		}
	}
}

// desktops are the releases of Windows 10 and 11 for which builds are compared.
var desktops = []int{10586, 14393, 15063, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 19043, 19044, 19045, 22000, 22621, 22631, 26100, 26200}

func sameDefault(a, b string, f csp.Format) bool {
	return strings.EqualFold(a, b) || f == csp.Bool && truth(a) != "" && truth(a) == truth(b)
}

// most is the highest number that a range names: an int has 32 bits, and the files write
// their ends with and without the sign.
const most = 1<<31 - 1

// sameValues reports whether two descriptions allow the same values.
func sameValues(d, o *Allowed, f csp.Format) bool {
	switch {
	case d == nil || d.Kind == None:
		return o == nil
	case o == nil:
		return f == csp.Bool // true and false, as ENUM
	case d.Kind == Range && o.Kind == Range:
		low, high, ok := span(d)
		l, h, _ := span(o)
		return ok && low == l && min(high, most) == min(h, most)
	case d.Kind == Flag:
		for n := range 1 << 10 { // beyond the flags of any described node
			v := strconv.Itoa(n)
			if (d.Check(v, f) == nil) != (o.Check(v, f) == nil) {
				return false
			}
		}
		return true
	}
	return d.Kind == o.Kind && slices.Equal(folded(d.Values), folded(o.Values))
}

func folded(list []string) (out []string) {
	for _, v := range list {
		out = append(out, strings.ToLower(v))
	}
	slices.Sort(out)
	return out
}

// span is where a range begins and ends; ok is false for other forms.
func span(a *Allowed) (low, high int64, ok bool) {
	if len(a.Values) != 1 {
		return 0, 0, false
	}
	m := bounds.FindStringSubmatch(a.Values[0])
	if m == nil {
		return 0, 0, false
	}
	low, lowOK := number(m[1] + m[2])
	high, highOK := number(m[3] + m[4])
	return low, high, lowOK && highOK
}
