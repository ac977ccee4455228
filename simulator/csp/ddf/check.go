package ddf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Level is how sure a finding is.
type Level string

// The levels. An error is what the description does not allow. A warning is what may
// be meant: a node that the build lacks, an operation that only the simulated device
// allows. Unknown is what nothing here describes; a real Windows may know it.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Unknown Level = "unknown"
)

// Command is one item of a server's command.
type Command struct {
	// Verb is Add, Delete, Exec, Get or Replace; Set is what a provisioning document
	// does, by Add or Replace.
	Verb         string
	LocURI       string
	Format, Data string // Meta/Format, Data
	Atomic       bool   // inside an Atomic
	Provisioning bool   // of a wap-provisioningdoc, whose paths have no scope
	// Where the parts stand in a file; zero if nowhere.
	At, URIAt, FormatAt, DataAt Position
}

// verbSet is the verb of a provisioning document's parm.
const verbSet = "Set"

// Position is a place in a file, from 1; the column counts bytes.
type Position struct {
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// Finding is one thing that is wrong with a command.
type Finding struct {
	Level Level `json:"level"`
	// Rule is locuri, unknown, scope, name, operation, format, value, atomic, build or
	// deprecated.
	Rule string `json:"rule"`
	Position
	Verb   string   `json:"verb"`
	LocURI string   `json:"locURI"`
	Text   string   `json:"text"`
	Near   []string `json:"near,omitempty"` // paths that may be meant
	Source string   `json:"source,omitempty"`
}

// Checker holds commands against a set. Its methods may be called from several
// goroutines.
type Checker struct {
	set, own *Set
	build    Build
}

// NewChecker makes a checker for a build; with the zero Build nothing is said about
// builds. The nodes of the simulated device are added to the set's.
func NewChecker(s *Set, build Build) (*Checker, error) {
	own, err := ownSet()
	if err != nil {
		return nil, err
	}
	all, err := s.WithOwn()
	if err != nil {
		return nil, err
	}
	return &Checker{all, own, build}, nil
}

// Check checks one command against the embedded table, for a build; the zero Build
// is any.
func Check(c Command, build Build) ([]Finding, error) {
	all, err := everything()
	if err != nil {
		return nil, err
	}
	own, err := ownSet()
	if err != nil {
		return nil, err
	}
	return (&Checker{all, own, build}).Command(c), nil
}

var verbOps = map[string]csp.Ops{"Add": csp.Add, "Delete": csp.Delete, "Exec": csp.Exec, "Get": csp.Get, "Replace": csp.Replace, verbSet: csp.Add | csp.Replace}

// Command says what is wrong with a command; nothing if it is as described.
func (k *Checker) Command(c Command) []Finding {
	list := k.command(c)
	for i := range list {
		if list[i].Rule == "unknown" {
			list[i].Near = k.set.Near(c.LocURI)
		}
	}
	return list
}

// command is Command without the paths that may be meant.
func (k *Checker) command(c Command) []Finding {
	f := &findings{command: c}
	ops, ok := verbOps[c.Verb]
	if !ok {
		f.add(Error, "operation", c.At, "%q is not a command for a node; a server sends Add, Delete, Exec, Get or Replace", c.Verb)
		return f.list
	}
	m, err := k.find(c)
	switch {
	case c.LocURI == "":
		f.add(Error, "locuri", c.At, "the command has no Target/LocURI")
		return f.list
	case err != nil:
		f.add(Error, "locuri", c.URIAt, "%v", err)
		return f.list
	case len(m.Path.Names) == 0:
		return nil
	case m.Ingested:
		if ops&(csp.Add|csp.Replace) != 0 && len(m.Path.Names) > 5 {
			if err := admxShape(strings.TrimSpace(c.Data)); err != nil {
				f.add(Error, "value", c.DataAt, "%v", err)
			}
		}
		return f.list
	case m.Node == nil && m.Other != nil:
		f.add(Error, "scope", c.URIAt, "the node is described for %s only, as %s", scopeName(m.Other.Scope), m.Other.Path)
		return f.list
	case m.Node == nil && m.Above == nil:
		if n := k.set.beginning(m.Path); n != nil {
			f.add(Error, "scope", c.URIAt, "no part of the tree begins with ./%s; the node is %s", m.Path.Names[0], n.Path)
			return f.list
		}
		f.unknown(m)
		return f.list
	case m.Node == nil:
		f.unknown(m)
		return f.list
	}
	f.source = m.Node.File
	own := &Node{}
	if o, err := k.own.Find(c.LocURI); err == nil && o.Node != nil && !m.Node.Own {
		own = o.Node
	}
	f.names(m)
	f.operation(m.Node, own, ops)
	if ops&(csp.Add|csp.Replace) != 0 && (m.Node.Ops|own.Ops)&ops != 0 {
		f.format(m.Node, own)
	}
	f.atomic(m.atomic, ops)
	f.builds(m.Node, k.build)
	return f.list
}

func (k *Checker) find(c Command) (Match, error) {
	m, err := k.set.Find(c.LocURI)
	if err == nil && c.Provisioning && m.Node == nil && m.Other != nil {
		return k.set.Find("./User/" + strings.TrimPrefix(c.LocURI, "./"))
	}
	return m, err
}

func scopeName(s csp.Scope) string {
	if s == csp.UserScope {
		return "the user's part (./User)"
	}
	return "the device's part (./Device)"
}

type findings struct {
	command Command
	source  string
	list    []Finding
}

func (f *findings) add(l Level, rule string, at Position, format string, args ...any) {
	if at == (Position{}) {
		at = f.command.At
	}
	f.list = append(f.list, Finding{Level: l, Rule: rule, Position: at, Verb: f.command.Verb, LocURI: f.command.LocURI,
		Text: fmt.Sprintf(format, args...), Source: f.source})
}

func (f *findings) unknown(m Match) {
	where := "nothing describes this node"
	if n := m.Path.Names; m.Above == nil && len(n) > 2 && strings.EqualFold(n[0], "Vendor") && strings.EqualFold(n[1], "MSFT") {
		where = "nothing describes the CSP " + clip(n[2])
	}
	if m.Above != nil {
		where = "nothing describes this node under " + m.Above.Path
		if m.Above.Dynamic() && strings.HasSuffix(strings.ToLower(m.Above.Area()), "policy") {
			where = "no DDF file has this policy"
		}
	}
	f.add(Unknown, "unknown", f.command.URIAt, "%s", where)
}

// names checks the names that the server chose for dynamic nodes.
func (f *findings) names(m Match) {
	for _, d := range m.dynamic {
		if d.node.Interior() && d.node.Allowed != nil {
			if err := d.node.Allowed.Check(d.name, csp.Chr); err != nil {
				f.add(Error, "name", f.command.URIAt, "the name %q is not allowed for %s: it must be %v", clip(d.name), d.node.Path, err)
			}
		}
	}
}

func (f *findings) operation(n, own *Node, ops csp.Ops) {
	switch {
	case n.Ops&ops != 0:
	case own.Ops&ops != 0:
		f.add(Warning, "operation", f.command.At, "the DDF does not list %s, only %s; the simulated device accepts it", f.command.Verb, n.Ops)
	case n.Ops == 0:
		f.add(Error, "operation", f.command.At, "%s is not allowed; the node takes no command", f.command.Verb)
	default:
		f.add(Error, "operation", f.command.At, "%s is not allowed; the node takes %s", f.command.Verb, n.Ops)
	}
}

// format checks the format and the value of a write.
func (f *findings) format(n, own *Node) {
	c := &f.command
	sent := csp.Format(strings.ToLower(c.Format))
	switch {
	case n.Interior():
		if sent != "" && sent != csp.Interior {
			f.add(Error, "format", c.FormatAt, "Format is %s, but the node is an interior one: node", c.Format)
		}
		return
	case n.Format == csp.Null:
		return
	case sent == "" && c.Data == "" && own.Also == csp.Chr:
		// Learn adds DownloadInstall so, and gives the value with Exec.
	case sent == "" && !c.Provisioning && !n.Format.Takes(csp.Chr):
		f.add(Warning, "format", c.At, "Meta has no Format, which means chr; the node's format is %s", n.Format)
	case sent != "" && !n.Format.Takes(sent):
		if own.Format == "" || !own.Format.Takes(sent) && own.Also != sent {
			f.add(Error, "format", c.FormatAt, "Format is %s; the node's format is %s", c.Format, n.Format)
			break
		}
		f.add(Warning, "format", c.FormatAt, "Format is %s; the DDF says %s, and the simulated device accepts both", c.Format, n.Format)
		return
	}
	if !n.Format.Accepts(c.Data) {
		f.add(Error, "value", c.DataAt, "%q is not a value of format %s", clip(c.Data), n.Format)
		return
	}
	err := n.Allowed.Check(c.Data, n.Format)
	for _, g := range n.Depends {
		if g.Changed != nil && g.Changed.Check(c.Data, n.Format) == nil {
			err = nil // allowed while another node has another value
		}
	}
	switch {
	case err == nil:
	case own.Allowed != nil && own.Allowed.Check(c.Data, n.Format) == nil:
		f.add(Warning, "value", c.DataAt, "%q is not what the DDF allows, %v; the simulated device accepts it", clip(c.Data), err)
	case n.Allowed.Kind == ADMX || n.Allowed.Kind == XSD || n.Allowed.Kind == JSON:
		f.add(Error, "value", c.DataAt, "%v", err)
	default:
		f.add(Error, "value", c.DataAt, "%q is not allowed; allowed is %v", clip(c.Data), err)
	}
}

// clip shortens a value.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// atomic checks AtomicRequired, which the files set for the node under which the
// commands are sent. Learn says "must" for certificates ("ClientCertificateInstall
// CSP"), and shows commands for others without an Atomic.
func (f *findings) atomic(n *Node, ops csp.Ops) {
	if n == nil || f.command.Atomic || f.command.Provisioning || ops&(csp.Add|csp.Replace|csp.Exec) == 0 {
		return
	}
	level := Warning
	if n.Area() == "ClientCertificateInstall" {
		level = Error
	}
	f.add(level, "atomic", f.command.At, "commands for %s need an Atomic around them", n.Path)
}

func (f *findings) builds(n *Node, b Build) {
	if n.Deprecated && (!n.DeprecatedB.Released() || b.Number > 0 && !b.Before(n.DeprecatedB)) {
		since := ""
		if n.DeprecatedB.Released() {
			since = " since build " + n.DeprecatedB.String()
		}
		f.add(Warning, "deprecated", f.command.URIAt, "the node is deprecated%s", since)
	}
	if b.Number == 0 {
		return
	}
	released := slices.ContainsFunc(n.Builds, Build.Released)
	switch n.On(b) {
	case Lacks:
		f.add(Warning, "build", f.command.URIAt, "build %s does not have the node; those that do: %s", b, n.Builds.String())
	case Unsaid:
		if released {
			f.add(Unknown, "build", f.command.URIAt, "the DDF does not say whether build %s has the node; it names %s", b, n.Builds.String())
		}
	}
}
