package csp

import (
	"context"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// children lists the names below a node, URI-encoded (Learn, "OMA DM protocol
// support": the list of an interior node is joined by slashes).
func (t *Tree) children(scope Scope, r *rule, names []string) []string {
	var out []string
	for key, k := range r.kids {
		if k.named {
			continue // it is with the dynamic ones
		}
		if t.schema.open(k); k.absent {
			continue
		}
		if k.node != nil && (scope == UserScope && k.node.Scope == DeviceScope || scope == DeviceScope && k.node.Scope == UserScope) {
			continue
		}
		if t.exists(t.schema.locate(Path{scope, append(slices.Clone(names), key)})) {
			out = append(out, url.PathEscape(k.name))
		}
	}
	for _, n := range t.dynamic(scope, r, names) {
		out = append(out, url.PathEscape(n))
	}
	sort.Strings(out)
	return out
}

// dynamic lists the stored children of a node whose names are dynamic, or Windows' own
// where the description leaves them open, as those of policies.
func (t *Tree) dynamic(scope Scope, r *rule, names []string) (out []string) {
	if r.any == nil && !r.hasNamed && t.schema.wild == nil {
		return nil
	}
	prefix := t.schema.key(scope, names) + "\x00"
	for k, e := range t.stored {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok || strings.Contains(rest, "\x00") {
			continue
		}
		k := r.kids[rest]
		if k != nil && !k.named {
			t.schema.open(k)
		}
		if k == nil || k.named || k.absent {
			out = append(out, e.name)
		}
	}
	sort.Strings(out)
	return out
}

func (t *Tree) list(scope Scope, names []string) []string {
	a := t.schema.locate(Path{scope, names})
	if a.rule == nil {
		return nil
	}
	return t.dynamic(scope, a.rule, names)
}

// read is an internal Get: it ignores permissions.
func (t *Tree) read(ctx context.Context, a *address) Answer {
	if !t.exists(a) {
		return Answer{Code: syncml.NotFound}
	}
	c := t.call(ctx, Get, a)
	c.Exists, c.ParentExists = true, true
	return t.valueOf(c, a.rule)
}

func (t *Tree) put(scope Scope, names []string, value string, f Format) {
	if r := t.schema.locate(Path{scope, names}).rule; r != nil {
		t.fill(r, scope, names, value, f)
	}
}

// fill is put at a rule.
func (t *Tree) fill(r *rule, scope Scope, names []string, value string, f Format) {
	n := r.node.in(scope)
	e := entry{value: value, leaf: n != nil && n.Format != Interior}
	if e.leaf && n.Format == Any {
		e.format = f
	}
	t.store(scope, names, e)
}

// query answers a Get of a property or of a whole subtree (OMA DM RepPro 1.2.1
// section 5: "?prop=" and "?list="). Queries that Windows does not support get 406.
func (t *Tree) query(c *Call, r *rule, address, q string) Answer {
	if !c.Exists {
		return Answer{Code: syncml.NotFound}
	}
	switch strings.ToLower(q) {
	case "list=struct", "list=structdata":
		a := Answer{Code: syncml.OK}
		t.walk(c, r, strings.TrimSuffix(address, "/"), strings.EqualFold(q, "list=StructData"), &a.List)
		return a
	case "prop=name":
		name := ""
		if len(c.names) > 0 {
			name = c.names[len(c.names)-1]
		}
		return Answer{Code: syncml.OK, Format: string(Chr), Data: name}
	case "prop=format":
		return Answer{Code: syncml.OK, Format: string(Chr), Data: t.valueOf(c, r).Format}
	case "prop=type":
		data := "text/plain"
		if r.node != nil && len(c.names) > 2 && r.node.Path == strings.Join(c.names, "/") {
			for _, k := range t.schema.csps {
				if k.Name == r.node.registered {
					data = "com.microsoft/" + k.Version + "/MDM/" + k.Name
				}
			}
		}
		return Answer{Code: syncml.OK, Format: string(Chr), Data: data}
	}
	return Answer{Code: syncml.Unsupported}
}

const maxListed = 2000 // nodes in one answer

// walk lists the node and everything below it that a server may read.
func (t *Tree) walk(c *Call, r *rule, address string, values bool, out *[]Listed) {
	if n := r.node.in(c.scope); len(*out) >= maxListed || n != nil && n.Ops&Get == 0 {
		return
	}
	a := t.valueOf(c, r)
	interior := a.Format == string(Interior)
	l := Listed{LocURI: address, Format: a.Format, Leaf: !interior}
	if values && !interior {
		l.Data = a.Data
	}
	*out = append(*out, l)
	if !interior {
		return
	}
	for _, escaped := range t.children(c.scope, r, c.names) {
		name, err := url.PathUnescape(escaped)
		if err != nil {
			continue
		}
		names := append(slices.Clone(c.names), name)
		next, dynamic := t.schema.next(r, name)
		if next == nil {
			continue
		}
		kid := *c
		kid.names, kid.key = names, t.schema.key(c.scope, names)
		if dynamic {
			kid.Names = append(slices.Clone(c.Names), name)
		}
		t.walk(&kid, next, address+"/"+escaped, values, out)
	}
}

// Has reports whether the node at locURI exists.
func (t *Tree) Has(locURI string) bool {
	a, err := t.schema.address(locURI)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exists(a)
}

// Look returns the value at locURI, even if a server may not read it; ok is false if
// the node does not exist.
func (t *Tree) Look(locURI string) (value string, ok bool) {
	at, err := t.schema.address(locURI)
	if err != nil {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.read(context.Background(), at)
	return a.Data, a.Code == syncml.OK
}

// Children lists the names of the dynamic nodes below locURI.
func (t *Tree) Children(locURI string) []string {
	p, err := ParsePath(locURI)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list(p.Scope, p.Names)
}

// List returns the subtree at locURI with its values, secrets too.
func (t *Tree) List(locURI string) []Listed {
	a, err := t.schema.address(locURI)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.exists(a) {
		return nil
	}
	var out []Listed
	c := t.call(context.Background(), Get, a)
	c.Exists = true
	t.walk(c, a.rule, strings.TrimSuffix(locURI, "/"), true, &out)
	return out
}
