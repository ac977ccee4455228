package csp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseTree reads a description: one node per line, indented by two spaces under its
// parent,
//
//	NAME  OPS  FORMAT  [attribute...]
//
// The first line's NAME is the path from the root. OPS are letters of A(dd),
// D(elete), G(et), R(eplace) and X for Exec, "-" for none. Attributes:
//
//	? *              occurs at most once; any number of times (default: once)
//	=value =$Fact    the value until one is stored
//	[1..30] [0..]    range of an int
//	{a,b,c}          allowed values
//	user both        scope (default: device)
//	upsert           Replace creates the node
//	present          exists in the device's part from the start
//	also=bool        another format that a server may send
//	since=22000      first Windows build with the node; since=22621,19042.1766 adds
//	                 the builds that got it by an update, with its revision
//	phone desktop    only on this kind of device
//	desktop=10586    on desktops only from this build on
//
// since, phone and desktop also apply to everything below. "#" starts a comment line,
// "# differs" one that Reasons reads.
func parseTree(text string) ([]Node, error) {
	var out []Node
	var stack []Node // the ancestors of the current line
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		indent := len(line) - len(trimmed)
		n, err := parseNode(strings.Fields(trimmed))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		depth := indent / 2
		if indent%2 != 0 || depth > len(stack) || depth == 0 && len(out) > 0 {
			return nil, fmt.Errorf("line %d: indented by %d spaces, but no node is above it", i+1, indent)
		}
		stack = stack[:depth]
		if depth > 0 {
			p := stack[depth-1]
			n.Path = p.Path + "/" + n.Path
			n.Since, n.Phone, n.Desktop = max(n.Since, p.Since), n.Phone || p.Phone, n.Desktop || p.Desktop
			n.OnDesktop = max(n.OnDesktop, p.OnDesktop)
			if len(n.Builds) == 0 {
				n.Builds = p.Builds
			}
		}
		stack = append(stack, n)
		out = append(out, n)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no node")
	}
	return out, nil
}

var opLetters = map[rune]Ops{'A': Add, 'D': Delete, 'G': Get, 'R': Replace, 'X': Exec, '-': 0}

func parseNode(f []string) (n Node, err error) {
	if len(f) < 3 {
		return n, fmt.Errorf("%q: a node needs a name, operations and a format", strings.Join(f, " "))
	}
	n.Path, n.Format = f[0], Format(f[2])
	for _, r := range f[1] {
		op, ok := opLetters[r]
		if !ok {
			return n, fmt.Errorf("%s: unknown operation %q", n.Path, r)
		}
		n.Ops |= op
	}
	switch n.Format {
	case Chr, Int, Bool, B64, Bin, XML, Time, Null, Interior, Any:
	default:
		return n, fmt.Errorf("%s: unknown format %q", n.Path, n.Format)
	}
	for _, a := range f[3:] {
		if err := n.attribute(a); err != nil {
			return n, fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	if n.Dynamic() && n.Occurs != ZeroOrMore {
		return n, fmt.Errorf("%s: a dynamic node must occur any number of times", n.Path)
	}
	return n, nil
}

func (n *Node) attribute(a string) (err error) {
	switch {
	case a == "?":
		n.Occurs = ZeroOrOne
	case a == "*":
		n.Occurs = ZeroOrMore
	case a == "user":
		n.Scope = UserScope
	case a == "both":
		n.Scope = BothScopes
	case a == "upsert":
		n.Upsert = true
	case a == "present":
		n.Present = true
	case a == "phone":
		n.Phone = true
	case a == "desktop":
		n.Desktop = true
	case a[0] == '=':
		n.Default = a[1:]
	case strings.HasPrefix(a, "also="):
		n.Also = Format(a[len("also="):])
	case strings.HasPrefix(a, "desktop="):
		n.OnDesktop, err = strconv.Atoi(a[len("desktop="):])
	case strings.HasPrefix(a, "since="):
		err = n.since(strings.Split(a[len("since="):], ","))
	case a[0] == '{' && a[len(a)-1] == '}':
		n.Allowed = strings.Split(a[1:len(a)-1], ",")
	case a[0] == '[' && a[len(a)-1] == ']':
		lo, hi, ok := strings.Cut(a[1:len(a)-1], "..")
		if !ok {
			return fmt.Errorf("range %q is not of the form [1..30]", a)
		}
		n.Ranged, n.Max = true, math.MaxInt64
		if n.Min, err = strconv.ParseInt(lo, 10, 64); err == nil && hi != "" {
			n.Max, err = strconv.ParseInt(hi, 10, 64)
		}
	default:
		return fmt.Errorf("unknown attribute %q", a)
	}
	return err
}

func (n *Node) since(builds []string) (err error) {
	if len(builds) == 1 {
		n.Since, err = strconv.Atoi(builds[0])
		return err
	}
	for _, text := range builds {
		b, err := ParseBuild(text)
		if err != nil {
			return err
		}
		if n.Since == 0 || b.Number < n.Since {
			n.Since = b.Number
		}
		n.Builds = append(n.Builds, b)
	}
	return nil
}
