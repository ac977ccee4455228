package csp

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed trees/*.tree
var trees embed.FS

// CSP is one provider: its description and the handlers of its nodes.
type CSP struct {
	Name string
	// Version is the value in DeviceManageability/CSPVersions, and Newer the versions
	// of later builds, oldest first.
	Version string
	Newer   []Release
	tree    string // the file under trees
	root    string // the path of its root node
	// lists are the prefixes under which CSPVersions lists it; nil means "./".
	lists []string
	on    map[string]Handler
	// gate decides whether a session may use the CSP at all: 200, or what all its nodes
	// answer. Nil lets every session in.
	gate func(*Call) int
	// finish ends a job; c addresses the node whose command started it.
	finish func(c *Call, j Job) Done
}

// Release is the first Windows build with a version of a CSP.
type Release struct {
	Build   int
	Version string
	lists   []string // where CSPVersions lists it from then on; nil is as before
}

// release sets the CSP's version on a build, and where it is listed.
func (c *CSP) release(build int) {
	for _, r := range c.Newer {
		if build < r.Build {
			continue
		}
		if c.Version = r.Version; r.lists != nil {
			c.lists = r.lists
		}
	}
}

// Platform is the Windows version of a tree.
type Platform struct {
	Build    int // 22631; below 10000 before Windows 10
	Revision int // 2506 of 22631.2506; 0 is a build with all its updates
	Phone    bool
}

// Options are what affects the whole tree: the Windows version, and what is known.
type Options struct {
	Platform
	// Base describes the nodes that no file under trees describes, such as package
	// ddf's table; nil is none. Its type must be comparable.
	Base Base
	// CaseSensitive makes node names case-sensitive. Servers have been seen to write
	// "./vendor/..." to real devices, so the default folds case [model].
	CaseSensitive bool
	// AcceptUnknown accepts addresses that no CSP here describes, stores values there
	// and executes nothing: for servers that use CSPs this device does not have.
	// Without it they answer 404.
	AcceptUnknown bool
	// AnyPolicy takes areas and policies that the Base does not describe, and AnyValue
	// values that it excludes. AtomicRequired refuses commands outside an Atomic where
	// the Base requires one.
	AnyPolicy, AnyValue, AtomicRequired bool
}

// Schema is the described tree of one kind of device. It is immutable, and all
// devices of that kind share it.
type Schema struct {
	opts  Options
	root  *rule
	wild  *rule // answers for unknown addresses, with AcceptUnknown
	csps  []CSP
	nodes int

	folds folds
	found found
}

// folds caches folded names: devices use the same nodes again and again. Their number
// is limited, since servers choose names.
type folds struct {
	mu    sync.RWMutex
	known map[string]string
}

const (
	maxFolds = 4096
	maxFold  = 256 // maximum bytes of a cached name
)

func (f *folds) lower(name string) string {
	if len(name) > maxFold {
		return strings.ToLower(name)
	}
	f.mu.RLock()
	low, known := f.known[name]
	f.mu.RUnlock()
	if known {
		return low
	}
	name = strings.Clone(name) // do not keep the whole message
	low = strings.ToLower(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= maxFolds {
		f.known = map[string]string{}
	}
	f.known[name] = low
	return low
}

// rule is a node of the described tree.
type rule struct {
	name string
	node *Node // nil for an interior node without a description
	kids map[string]*rule
	any  *rule // the dynamic child, if any
	area *area // what the Base has to say of it and below; nil for nothing
	// absent hides what the Base describes there: the platform lacks the node.
	absent bool
	// named is one of a dynamic kind, such as an area of policies: it exists once it
	// is written. hasNamed: the node above them.
	named, hasNamed bool
}

// NewSchema compiles the providers that exist on the platform.
func NewSchema(opts Options, csps []CSP) (*Schema, error) {
	s := &Schema{opts: opts, root: &rule{}}
	for _, c := range csps {
		nodes, err := c.Nodes()
		if err != nil {
			return nil, err
		}
		used := 0
		for i := range nodes {
			n := &nodes[i]
			if _, ok := c.on[relativeTo(nodes[0].Path, n.Path)]; ok {
				used++
			}
			if !n.On(opts.Platform) {
				if opts.Base != nil {
					s.hide(n.Path)
				}
				continue
			}
			n.handler, n.gate, n.registered = c.on[relativeTo(nodes[0].Path, n.Path)], c.gate, c.Name
			s.insert(n)
			if i == 0 {
				c.release(opts.Build)
				c.root = n.Path
				s.csps = append(s.csps, c)
			}
		}
		if used != len(c.on) {
			return nil, fmt.Errorf("CSP %s: %d handlers, but only %d of their nodes are described", c.Name, len(c.on), used)
		}
	}
	if opts.AcceptUnknown {
		s.wild = &rule{node: &Node{Ops: Add | Delete | Exec | Get | Replace, Format: Any, Occurs: ZeroOrMore, Scope: BothScopes, Upsert: true,
			handler: Handler{Run: func(*Call, string) int { return 200 }}}}
		s.wild.any = s.wild
	}
	if opts.Base != nil {
		s.attach(opts.Base.Areas())
	}
	return s, nil
}

func relativeTo(root, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
}

// Nodes returns the nodes of the provider's description, parents first.
func (c *CSP) Nodes() ([]Node, error) {
	text, err := trees.ReadFile("trees/" + c.tree)
	if err != nil {
		return nil, fmt.Errorf("CSP %s: %w", c.Name, err)
	}
	nodes, err := parseTree(string(text))
	if err != nil {
		return nil, fmt.Errorf("CSP %s: trees/%s: %w", c.Name, c.tree, err)
	}
	return nodes, nil
}

// Remarks returns the comments of the provider's description, a paragraph each. The
// first one names its source; what was seen, or is a model, is marked there. A reason
// for a difference from the DDF is a paragraph, too.
func (c *CSP) Remarks() (out []string) {
	text, err := trees.ReadFile("trees/" + c.tree)
	if err != nil {
		return nil
	}
	open := false
	for _, line := range strings.Split(string(text), "\n") {
		comment, found := strings.CutPrefix(strings.TrimSpace(line), "# ")
		reason := strings.HasPrefix(comment, "differs ")
		if reason {
			_, comment, _ = strings.Cut(comment, ": ")
		}
		switch {
		case found && open && !reason:
			out[len(out)-1] += " " + comment
		case found:
			out = append(out, comment)
		}
		open = found
	}
	return out
}

// File is the provider's description, below simulator/csp.
func (c *CSP) File() string { return "trees/" + c.tree }

// Acting are the nodes that do something besides keeping a value, from the provider's
// root on.
func (c *CSP) Acting() []string { return slices.Sorted(maps.Keys(c.on)) }

// CSPs returns the providers of the schema.
func (s *Schema) CSPs() []CSP { return s.csps }

func (s *Schema) insert(n *Node) {
	at := s.root
	for _, name := range strings.Split(n.Path, "/") {
		at = at.child(name, s.fold(name))
	}
	at.node = n
	s.nodes++
}

func (r *rule) child(name, key string) *rule {
	if strings.HasPrefix(name, "{") {
		if r.any == nil {
			r.any = &rule{name: name}
		}
		return r.any
	}
	if r.kids == nil {
		r.kids = map[string]*rule{}
	}
	k := r.kids[key]
	if k == nil {
		k = &rule{name: name}
		r.kids[key] = k
	}
	return k
}

func (s *Schema) fold(name string) string {
	if s.opts.CaseSensitive {
		return name
	}
	return s.folds.lower(name)
}

// next returns the rule of the child called name, nil if it is not described;
// dynamic says that it matched a dynamic node.
func (s *Schema) next(r *rule, name string) (next *rule, dynamic bool) {
	if next = r.kids[s.fold(name)]; next != nil {
		if s.open(next); !next.absent {
			return next, false
		}
	}
	if r.any != nil && !r.any.absent {
		return r.any, true
	}
	return s.wild, s.wild != nil
}
