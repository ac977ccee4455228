package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// shownNode is a node as JSON prints it.
type shownNode struct {
	ddf.Node
	Ops    []string `json:"ops"`
	Scope  string   `json:"scope"`
	Area   string   `json:"area"`
	Source string   `json:"source"`
}

func nodeShown(n *ddf.Node) shownNode {
	v := shownNode{Node: *n, Ops: []string{}, Scope: "device", Area: n.Area(), Source: sourceOf(n, "")}
	if n.Ops != 0 {
		v.Ops = strings.Split(n.Ops.String(), ", ")
	}
	if n.Scope == csp.UserScope {
		v.Scope = "user"
	}
	return v
}

func sourceOf(n *ddf.Node, edition string) string {
	if n.Own {
		return "no DDF file; " + n.File + " description"
	}
	if edition != "" {
		edition = " " + edition
	}
	return "DDF v2" + edition + ", " + n.File
}

// cspNode prints one node, or all whose path ends so.
func (s *streams) cspNode(set *ddf.Set, path string, asJSON bool) error {
	up, err := lookUp(set, path)
	found := up.nodes
	switch {
	case err != nil:
		return usage(err)
	case up.ingested != "":
		return usage(fmt.Errorf("%s is a policy of an ADMX file that a server ingests, so no DDF file has it; its value is <enabled/> or <disabled/>, and for <enabled/> a <data id=\"\" value=\"\"/> for each element of the policy", up.ingested))
	case len(found) == 0:
		return usage(fmt.Errorf("unknown node %q%s", path, cmp.Or(meant(set.Near(path)), "; dmwake csp search WORD looks for a part of a path")))
	case up.other:
		say(s.err, "%s: no such node; this is the one of the other part of the tree\n", path)
	}
	if asJSON {
		var list []shownNode
		for _, n := range found {
			list = append(list, nodeShown(n))
		}
		return s.cspJSON(list)
	}
	for i, n := range found {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		s.printNode(set, n)
	}
	return nil
}

func (s *streams) printNode(set *ddf.Set, n *ddf.Node) {
	line := func(name, format string, args ...any) {
		say(s.out, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	say(s.out, "%s\n", n.Path)
	ops := n.Ops.String()
	if ops == "" {
		ops = "none"
	}
	line("operations", "%s", ops)
	line("format", "%s", n.Format)
	scope := "device"
	if n.Scope == csp.UserScope {
		scope = "user"
	}
	line("scope", "%s", scope)
	if !n.Interior() && n.Format != csp.Null {
		line("values", "%s", n.Allowed.Text())
	} else if n.Allowed != nil && n.Allowed.Kind != ddf.None {
		line("name", "%s", n.Allowed.Text())
	}
	if n.Default != nil && *n.Default != "" {
		line("default", "%s", *n.Default)
	}
	if n.Occurs != "" {
		line("occurs", "%s", n.Occurs)
	}
	if n.Naming != "" {
		line("named by", "%s", map[string]string{"UniqueName": "the server", "ServerGeneratedUniqueIdentifier": "the server (a unique id)", "ClientInventory": "the device"}[n.Naming])
	}
	line("builds", "%s", buildsShown(n))
	if n.CSPVersion != "" {
		line("CSP version", "%s", n.CSPVersion)
	}
	if n.Editions != "" {
		line("editions", "%s", editionsShown(n.Editions))
	}
	if n.Atomic {
		line("Atomic", "required")
	}
	if n.Deprecated {
		since := "yes"
		if n.DeprecatedB.Released() {
			since = "since build " + n.DeprecatedB.String()
		}
		line("deprecated", "%s", since)
	}
	if n.Conflict != "" {
		line("conflict", "%s", n.Conflict)
	}
	if n.Reboot != "" {
		line("reboot", "%s", n.Reboot)
	}
	if n.CaseSense != "" {
		line("case", "%s", map[string]string{"CS": "sensitive", "CIS": "insensitive"}[n.CaseSense])
	}
	for _, g := range n.Depends {
		for _, d := range g.On {
			is := "is"
			if d.Not {
				is = "is not"
			}
			line("depends on", "%s, which %s %s", d.URI, is, d.Allowed.Text())
		}
	}
	if n.Description != "" {
		line("says", "%s", strings.Join(strings.Fields(n.Description), " "))
	}
	line("source", "%s", sourceOf(n, set.Edition))
	if kids := set.Children(n); len(kids) > 0 {
		fmt.Fprintln(s.out, "  below it")
		for _, k := range kids {
			say(s.out, "    %-40s %-28s %s\n", k.Name(), k.Ops, k.Format)
		}
	}
}

// buildsShown says from which build on the node is there.
func buildsShown(n *ddf.Node) string {
	var first string
	var others []string
	newest := ddf.Build{}
	for _, b := range n.Builds {
		if b.Released() && b.Number > newest.Number {
			newest = b
		}
	}
	for _, b := range n.Builds {
		switch {
		case !b.Released():
		case b == newest:
			first = "from " + b.String()
		default:
			others = append(others, b.String())
		}
	}
	switch {
	case first == "" && len(n.Builds) == 0:
		return "all (none is named)"
	case first == "":
		return "none that was released (the file has 99.9.99999)"
	case len(others) > 0:
		return first + "; also " + strings.Join(others, ", ")
	}
	return first
}

func (s *streams) cspNodes(found []*ddf.Node, asJSON bool) error {
	if asJSON {
		var list []shownNode
		for _, n := range found {
			list = append(list, nodeShown(n))
		}
		return s.cspJSON(list)
	}
	for _, n := range found {
		say(s.out, "%-28s %-5s %s\n", n.Ops, n.Format, n.Path)
	}
	return nil
}

func (s *streams) cspAreas(set *ddf.Set, asJSON bool) error {
	areas := set.Areas()
	if asJSON {
		return s.cspJSON(areas)
	}
	for _, a := range areas {
		note := ""
		if a.Own {
			note = "  (no DDF file; dmwake's own description)"
		}
		say(s.out, "%5d  %s%s\n", a.Nodes, a.Name, note)
	}
	return nil
}

// cspFindings prints what is wrong with a file.
func (s *streams) cspFindings(name, edition string, build ddf.Build, r *ddf.Report) {
	count := map[ddf.Level]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		count[f.Level]++
		where := name
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", name, f.Line, f.Column)
		}
		say(s.out, "%s: %s: %s\n  %s %s\n", where, f.Level, f.Text, f.Verb, short(f.LocURI))
		if len(f.Near) > 0 {
			say(s.out, "  did you mean %s?\n", strings.Join(f.Near, ", "))
		}
	}
	on := "any build"
	if build.Number > 0 {
		on = "build " + build.String()
	}
	say(s.out, "%s: %s checked for %s with DDF %s: %s, %s, %d unknown\n", name, wording.Count(r.Commands, "command"), on, edition,
		wording.Count(count[ddf.Error], "error"), wording.Count(count[ddf.Warning], "warning"), count[ddf.Unknown])
}

// short is an address as a line of text has room for it.
func short(uri string) string {
	if r := []rune(uri); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return uri
}

// redactChecked hides secrets in what JSON prints of a file.
func redactChecked(r *ddf.Report) {
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Text, f.LocURI = redact.Text(f.Text), redact.Text(f.LocURI)
	}
}
