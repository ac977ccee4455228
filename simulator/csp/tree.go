package csp

import (
	"context"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Options are what differs between Windows versions in the tree as a whole.
type Options struct {
	// CaseSensitive makes node names match by case. Servers are seen to write
	// "./vendor/..." to real devices, so the default folds case [model].
	CaseSensitive bool
}

// Tree is the management tree of one device. Its methods may be called from
// several goroutines; an operation is done as a whole.
type Tree struct {
	opts  Options
	root  *rule
	saves []func() func()

	mu     sync.Mutex
	stored map[string]entry // by key of the path
}

// entry is a node that was added, written or provisioned.
type entry struct {
	name     string // as it was written, for listings
	value    string
	hasValue bool
}

// rule is a node of the declared tree.
type rule struct {
	name string
	node *Node // nil for an interior node nobody declared
	kids map[string]*rule
	any  *rule // the dynamic child, if there is one
}

// NewTree builds a tree of the given providers.
func NewTree(opts Options, csps ...CSP) *Tree {
	t := &Tree{opts: opts, root: &rule{}, stored: map[string]entry{}}
	for _, c := range csps {
		if c.Save != nil {
			t.saves = append(t.saves, c.Save)
		}
		for i := range c.Nodes {
			n := &c.Nodes[i]
			at := t.root
			for _, s := range strings.Split(n.Path, "/") {
				at = at.child(s, t.fold(s))
			}
			at.node = n
		}
	}
	return t
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

func (t *Tree) fold(s string) string {
	if t.opts.CaseSensitive {
		return s
	}
	return strings.ToLower(s)
}

// key is what stored is indexed by; names hold no NUL.
func (t *Tree) key(names []string) string { return t.fold(strings.Join(names, "\x00")) }

// find walks the declared tree along names. dynamic gets the names that
// matched a dynamic segment.
func (t *Tree) find(names []string) (r *rule, dynamic []string) {
	r = t.root
	for _, n := range names {
		next := r.kids[t.fold(n)]
		if next == nil {
			if next = r.any; next == nil {
				return nil, nil
			}
			dynamic = append(dynamic, n)
		}
		r = next
	}
	return r, dynamic
}

// exists tells whether the node at names is there now: every dynamic or
// addable node on the way must have been stored.
func (t *Tree) exists(names []string) bool {
	r := t.root
	for i, n := range names {
		next := r.kids[t.fold(n)]
		dynamic := next == nil
		if dynamic {
			if next = r.any; next == nil {
				return false
			}
		}
		if dynamic || next.node != nil && next.node.Ops&Add != 0 {
			if _, ok := t.stored[t.key(names[:i+1])]; !ok {
				return false
			}
		}
		r = next
	}
	return true
}

// Value is what one item of an operation carries.
type Value struct {
	Format  string // Meta/Format, empty if absent
	Data    string
	HasData bool
}

// Answer is the outcome of an operation on one node.
type Answer struct {
	Code   int
	Format string // of a Get that succeeded
	Data   string
}

var verbs = map[syncml.Verb]Ops{
	syncml.Add: Add, syncml.Delete: Delete, syncml.Exec: Exec, syncml.Get: Get, syncml.Replace: Replace,
}

// Do performs one operation on one node and answers with a SyncML status:
// 400 for a LocURI that is none, 404 for a node that is not there, 405 for an
// operation its rules do not allow or for user scope in a device session, 406
// for a verb or query this tree does not support, 415 for a wrong format, 418
// for an Add of what is there, and what the node's own provider says.
func (t *Tree) Do(ctx context.Context, verb syncml.Verb, locURI string, v Value) Answer {
	op, ok := verbs[verb]
	if !ok {
		return Answer{Code: syncml.Unsupported}
	}
	if strings.Contains(locURI, "?") {
		return Answer{Code: syncml.Unsupported} // ?prop= and ?list= (OMA DM RepPro 1.2.1 section 5)
	}
	p, err := ParsePath(locURI)
	if err != nil {
		return Answer{Code: syncml.BadRequest}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, dynamic := t.find(p.Names)
	if r == nil {
		return Answer{Code: syncml.NotFound}
	}
	if p.Scope == UserScope || r.node != nil && r.node.User {
		return Answer{Code: syncml.NotAllowed}
	}
	call := Call{Context: ctx, Names: dynamic, Verb: op, Exists: t.exists(p.Names)}
	if n := len(p.Names); n > 0 {
		call.ParentExists = t.exists(p.Names[:n-1])
	}
	switch op {
	case Get:
		return t.get(call, r, p.Names)
	case Add, Replace:
		return Answer{Code: t.write(call, r, p.Names, v)}
	case Delete:
		return Answer{Code: t.remove(call, r, p.Names)}
	default:
		return Answer{Code: t.exec(call, r, v.Data)}
	}
}

func (t *Tree) get(c Call, r *rule, names []string) Answer {
	if !c.Exists {
		return Answer{Code: syncml.NotFound}
	}
	if r.node == nil || r.node.Format == Interior {
		if r.node != nil && r.node.Ops&Get == 0 {
			return Answer{Code: syncml.NotAllowed}
		}
		return Answer{Code: syncml.OK, Format: string(Interior), Data: strings.Join(t.children(r, names), "/")}
	}
	if r.node.Ops&Get == 0 {
		return Answer{Code: syncml.NotAllowed}
	}
	a := Answer{Code: syncml.OK, Format: string(r.node.Format), Data: r.node.Value}
	if r.node.Read != nil {
		a.Data = r.node.Read(c)
	} else if e, ok := t.stored[t.key(names)]; ok && e.hasValue {
		a.Data = e.value
	}
	return a
}

// children lists the names below a node, URI-encoded (Learn, "OMA DM protocol
// support": the list of an interior node is joined by slashes).
func (t *Tree) children(r *rule, names []string) []string {
	var out []string
	for key, k := range r.kids {
		if t.exists(append(slices.Clone(names), key)) {
			out = append(out, url.PathEscape(k.name))
		}
	}
	prefix := t.key(names) + "\x00"
	if r.any != nil {
		for k, e := range t.stored {
			rest, ok := strings.CutPrefix(k, prefix)
			if ok && !strings.Contains(rest, "\x00") && r.kids[rest] == nil {
				out = append(out, url.PathEscape(e.name))
			}
		}
	}
	sort.Strings(out)
	return out
}

func (t *Tree) write(c Call, r *rule, names []string, v Value) int {
	n := r.node
	if n == nil || n.Ops&(Add|Replace) == 0 {
		return syncml.NotAllowed
	}
	there := c.Exists
	if c.Verb == Add && there && n.Ops&Add != 0 {
		return syncml.AlreadyExists
	}
	upsert := c.Verb == Replace && !there && n.Upsert
	if n.Ops&c.Verb == 0 && !upsert {
		return syncml.NotAllowed
	}
	if c.Verb == Replace && !there && !upsert {
		return syncml.NotFound
	}
	if v.Format != "" && !strings.EqualFold(v.Format, string(n.Format)) || n.Format != Interior && !n.Format.accepts(v.Data) {
		return syncml.UnsupportedFormat
	}
	code := syncml.OK
	if n.Write != nil {
		if code = n.Write(c, v.Data); !syncml.Success(code) {
			return code
		}
	}
	// Implicit Add: missing parents come into being with the node (Learn, "OMA
	// DM protocol support").
	for i := range names[:len(names)-1] {
		t.touch(names[:i+1])
	}
	t.stored[t.key(names)] = entry{name: names[len(names)-1], value: v.Data, hasValue: n.Format != Interior}
	return code
}

func (t *Tree) touch(names []string) {
	k := t.key(names)
	if _, ok := t.stored[k]; !ok {
		t.stored[k] = entry{name: names[len(names)-1]}
	}
}

func (t *Tree) remove(c Call, r *rule, names []string) int {
	if !c.Exists {
		return syncml.NotFound
	}
	if r.node == nil || r.node.Ops&Delete == 0 {
		return syncml.NotAllowed
	}
	k := t.key(names)
	delete(t.stored, k)
	for s := range t.stored {
		if strings.HasPrefix(s, k+"\x00") {
			delete(t.stored, s)
		}
	}
	if r.node.Removed != nil {
		r.node.Removed(c)
	}
	return syncml.OK
}

func (t *Tree) exec(c Call, r *rule, data string) int {
	if !c.Exists {
		return syncml.NotFound
	}
	if r.node == nil || r.node.Ops&Exec == 0 || r.node.Run == nil {
		return syncml.NotAllowed
	}
	return r.node.Run(c, data)
}

// Provision stores a value regardless of the node's operations and without
// asking its provider, as a provisioning document or a test does. An unknown
// address is reported as false.
func (t *Tree) Provision(locURI, value string) bool {
	p, err := ParsePath(locURI)
	if err != nil || len(p.Names) == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, _ := t.find(p.Names)
	if r == nil {
		return false
	}
	for i := range p.Names {
		t.touch(p.Names[:i+1])
	}
	leaf := r.node != nil && r.node.Format != Interior
	t.stored[t.key(p.Names)] = entry{name: p.Names[len(p.Names)-1], value: value, hasValue: leaf}
	return true
}

// Begin notes the whole state and returns a function that restores it: the
// roll-back of an Atomic.
func (t *Tree) Begin() (rollback func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := make(map[string]entry, len(t.stored))
	for k, e := range t.stored {
		before[k] = e
	}
	restores := make([]func(), 0, len(t.saves))
	for _, save := range t.saves {
		restores = append(restores, save())
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stored = before
		for _, restore := range restores {
			restore()
		}
	}
}

// Has tells whether the node at locURI is there.
func (t *Tree) Has(locURI string) bool {
	p, err := ParsePath(locURI)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, _ := t.find(p.Names)
	return r != nil && t.exists(p.Names)
}
