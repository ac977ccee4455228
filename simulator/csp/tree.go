package csp

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Tree is the management tree of one device: stored values on top of a schema. Its
// methods may be called from several goroutines; an operation is atomic.
type Tree struct {
	schema *Schema
	host   Host

	mu     sync.Mutex
	stored map[string]entry // by key of the address
}

// entry is a node that was added, written or provisioned.
type entry struct {
	name   string // as written, for listings
	value  string
	format Format // the server's format, for nodes that accept any
	leaf   bool
}

// NewTree makes the tree of one device.
func NewTree(s *Schema, h Host) *Tree { return &Tree{schema: s, host: h, stored: map[string]entry{}} }

// Schema is the description the tree follows.
func (t *Tree) Schema() *Schema { return t.schema }

// exists reports whether a node exists now: every node on the path that does not
// exist with its parent must be stored.
func (t *Tree) exists(a *address) bool { return a.rule != nil && t.has(a.keys) }

func (t *Tree) has(keys []string) bool {
	for _, k := range keys {
		if k == "" {
			continue
		}
		if _, ok := t.stored[k]; !ok {
			return false
		}
	}
	return true
}

// Value is the value of one item of an operation.
type Value struct {
	Format  string // Meta/Format, empty if absent
	Data    string
	HasData bool
	Atomic  bool // the command is inside an Atomic
}

// Answer is the outcome of an operation on one node.
type Answer struct {
	Code   int
	Format string // of a successful Get
	Type   string // its Meta/Type, if any
	Data   string
	// List is the answer to a query for a whole subtree (?list=StructData), instead of
	// Format and Data.
	List []Listed
	// Err is the HRESULT behind a failure, for msft:originalerror; empty if the code
	// says it all.
	Err string
}

// Listed is one node of a List.
type Listed struct {
	LocURI, Format, Data string
	Leaf                 bool
}

var verbs = map[syncml.Verb]Ops{
	syncml.Add: Add, syncml.Delete: Delete, syncml.Exec: Exec, syncml.Get: Get, syncml.Replace: Replace,
}

// originalErrors are the HRESULTs that Windows reports for a status. The one for 404
// is published (MS-MDM 2.2.5.1); the others are models.
var originalErrors = map[int]string{
	syncml.NotFound: "0x86000002", syncml.AlreadyExists: "0x800700b7", syncml.NotAllowed: "0x80070032", syncml.BadRequest: "0x80070057",
	syncml.UnsupportedFormat: "0x8007000d", syncml.CommandFailed: "0x80004005", syncml.PermissionDenied: "0x80070005",
}

// Do performs one operation on one node and answers with a SyncML status: 400 for an
// invalid LocURI, 404 for a missing node, 405 for an operation that the description
// does not allow or for the user's part while no user is logged in, 406 for a verb or
// query that this tree does not support, 415 for a wrong format, 418 for Add of an
// existing node, 500 for a value that is not allowed, or the status from the node's
// provider.
func (t *Tree) Do(ctx context.Context, verb syncml.Verb, locURI string, v Value) Answer {
	a := t.do(ctx, verb, locURI, v)
	if !syncml.Success(a.Code) && a.Err == "" {
		a.Err = originalErrors[a.Code]
	}
	return a
}

func (t *Tree) do(ctx context.Context, verb syncml.Verb, locURI string, v Value) Answer {
	op, ok := verbs[verb]
	if !ok {
		return Answer{Code: syncml.Unsupported}
	}
	uri, query, isQuery := strings.Cut(locURI, "?")
	a, err := t.schema.address(uri)
	if err != nil {
		return Answer{Code: syncml.BadRequest}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.rule
	if r == nil {
		return Answer{Code: syncml.NotFound}
	}
	if code := t.reachable(a); code != syncml.OK {
		return Answer{Code: code}
	}
	c := t.call(ctx, op, a)
	if n := r.node.in(a.Scope); n != nil && n.handler.Known != nil && !n.handler.Known(c) {
		return Answer{Code: syncml.NotFound}
	}
	if a.atomic && !v.Atomic && t.schema.opts.AtomicRequired && op&(Add|Exec|Replace) != 0 {
		return Answer{Code: syncml.CommandFailed} // [model]: no document names the status
	}
	c.Exists, c.ParentExists, c.LocURI, c.Format = t.exists(a), len(a.Names) > 0 && t.has(a.parent()), locURI, Format(strings.ToLower(v.Format))
	if r.node != nil && r.node.gate != nil {
		if code := r.node.gate(c); code != syncml.OK {
			return Answer{Code: code}
		}
	}
	switch {
	case isQuery && op != Get:
		return Answer{Code: syncml.Unsupported}
	case isQuery:
		return t.query(c, r, uri, query)
	}
	switch op {
	case Get:
		return t.get(c, r)
	case Add, Replace:
		if a.misnamed {
			return Answer{Code: syncml.CommandFailed} // [model]: as a value that is not allowed
		}
		code := t.write(c, r, v)
		return Answer{Code: code, Err: c.Err}
	case Delete:
		return Answer{Code: t.remove(c, r)}
	default:
		code := t.exec(c, r, v.Data)
		return Answer{Code: code, Err: c.Err}
	}
}

// call is an operation on a node.
func (t *Tree) call(ctx context.Context, op Ops, a *address) *Call {
	return &Call{Context: ctx, Host: t.host, Names: a.dynamic, Verb: op, tree: t, scope: a.Scope, names: a.Names, key: a.key}
}

// reachable reports whether a session may address the node in that scope.
func (t *Tree) reachable(a *address) int {
	user, r := a.Scope == UserScope, a.rule
	switch {
	case user && !t.host.UserSession():
		return syncml.NotAllowed
	case r.node == nil:
		return syncml.OK
	case user && r.node.Scope == DeviceScope:
		return syncml.NotFound
	case !user && r.node.Scope == UserScope:
		return syncml.NotAllowed
	}
	return syncml.OK
}

func (t *Tree) get(c *Call, r *rule) Answer {
	if !c.Exists {
		return Answer{Code: syncml.NotFound}
	}
	if n := r.node.in(c.scope); n != nil && n.Ops&Get == 0 {
		return Answer{Code: syncml.NotAllowed}
	}
	return t.valueOf(c, r)
}

// valueOf returns the node's value, even if a server may not read it.
func (t *Tree) valueOf(c *Call, r *rule) Answer {
	n := r.node.in(c.scope)
	if n == nil || n.Format == Interior || n.Format == Any && !t.stored[c.key].leaf {
		return Answer{Code: syncml.OK, Format: string(Interior), Data: strings.Join(t.children(c.scope, r, c.names), "/")}
	}
	a := Answer{Code: syncml.OK, Format: string(n.Format), Data: n.Default}
	e := t.stored[c.key]
	switch {
	case n.handler.Read != nil:
		a.Data = n.handler.Read(c)
	case e.leaf:
		a.Data = e.value
	case strings.HasPrefix(n.Default, "$"):
		a.Data = t.host.Fact(n.Default[1:])
	}
	if n.Format == Any {
		a.Format = string(Chr)
		if e.format != "" {
			a.Format = string(e.format)
		}
	}
	return a
}

func (t *Tree) write(c *Call, r *rule, v Value) int {
	n := r.node.in(c.scope)
	if n == nil || n.Ops&(Add|Replace) == 0 {
		return syncml.NotAllowed
	}
	if c.Verb == Add && c.Exists && n.Ops&Add != 0 && (!n.Implied || t.isStored(c.key)) {
		return syncml.AlreadyExists
	}
	upsert := c.Verb == Replace && !c.Exists && n.Upsert
	if n.Ops&c.Verb == 0 && !upsert {
		return syncml.NotAllowed
	}
	if c.Verb == Replace && !c.Exists && !upsert {
		return syncml.NotFound
	}
	interior := n.Format == Interior || n.Format == Any && c.Format == Interior
	if c.Format != "" && c.Format != Interior && c.Format != n.Also && !n.Format.Takes(c.Format) || c.Format == Interior && !interior ||
		!interior && !n.Format.Accepts(v.Data) {
		return syncml.UnsupportedFormat
	}
	if !interior && !n.valid(v.Data) {
		return syncml.CommandFailed // [model]: the CSP pages say "configuration failure"
	}
	if n.handler.Locked != nil && n.handler.Locked(c) {
		return syncml.NotAllowed
	}
	code := syncml.OK
	v.Data = strings.Clone(v.Data) // do not keep the whole message
	if n.handler.Write != nil {
		if code = n.handler.Write(c, v.Data); !syncml.Success(code) {
			return code
		}
	}
	e := entry{value: v.Data, leaf: !interior}
	if n.Format == Any {
		e.format = c.Format
	}
	t.store(c.scope, c.names, e)
	return code
}

func (t *Tree) isStored(key string) bool {
	_, ok := t.stored[key]
	return ok
}

// store stores e and creates missing parents: the implicit Add (Learn, "OMA DM
// protocol support").
func (t *Tree) store(scope Scope, names []string, e entry) {
	for i := range names {
		k := t.schema.key(scope, names[:i+1])
		if _, ok := t.stored[k]; !ok {
			t.stored[k] = entry{name: strings.Clone(names[i])}
		}
	}
	if len(names) > 0 {
		e.name = strings.Clone(names[len(names)-1])
		t.stored[t.schema.key(scope, names)] = e
	}
}

func (t *Tree) remove(c *Call, r *rule) int {
	if !c.Exists {
		return syncml.NotFound
	}
	n := r.node.in(c.scope)
	if n == nil || n.Ops&Delete == 0 {
		return syncml.NotAllowed
	}
	if n.handler.Locked != nil && n.handler.Locked(c) {
		return syncml.NotAllowed
	}
	if n.handler.Removed != nil {
		n.handler.Removed(c)
	}
	t.drop(c.scope, c.names)
	return syncml.OK
}

func (t *Tree) drop(scope Scope, names []string) {
	k := t.schema.key(scope, names)
	delete(t.stored, k)
	for s := range t.stored {
		if strings.HasPrefix(s, k+"\x00") {
			delete(t.stored, s)
		}
	}
}

func (t *Tree) exec(c *Call, r *rule, data string) int {
	if !c.Exists {
		return syncml.NotFound
	}
	n := r.node.in(c.scope)
	if n == nil || n.Ops&Exec == 0 || n.handler.Run == nil {
		return syncml.NotAllowed
	}
	return n.handler.Run(c, data)
}

// Begin saves the whole state and returns a function that restores it, for the
// rollback of an Atomic.
func (t *Tree) Begin() (rollback func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, host := maps.Clone(t.stored), t.host.Save()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stored = before
		host()
	}
}
