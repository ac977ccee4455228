package csp

import (
	"context"
	"sort"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Provision stores a value regardless of the node's operations and without calling
// its provider, as a provisioning document or a test does. It returns false for an
// address that is not described.
func (t *Tree) Provision(locURI, value string) bool {
	p, err := ParsePath(locURI)
	if err != nil || len(p.Names) == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.schema.locate(p).rule
	if r == nil {
		return false
	}
	t.fill(r, p.Scope, p.Names, value, "")
	return true
}

// Remove removes the node at locURI and everything below it, as a test or an
// unenrollment does.
func (t *Tree) Remove(locURI string) {
	p, err := ParsePath(locURI)
	if err != nil || len(p.Names) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(p.Scope, p.Names)
}

// Finish ends a job that a command started and returns what to report.
func (t *Tree) Finish(ctx context.Context, j Job) (Done, bool) {
	a, err := t.schema.address(j.LocURI)
	if err != nil {
		return Done{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.schema.csps {
		c := &t.schema.csps[i]
		if c.Name != j.CSP || c.finish == nil {
			continue
		}
		if a.rule == nil {
			return Done{}, false
		}
		call := t.call(ctx, Exec, a)
		call.Exists, call.LocURI = true, j.LocURI
		return c.finish(call, j), true
	}
	return Done{}, false
}

// Stored is one entry of an overlay.
type Stored struct {
	// Path is the address, with its names separated by NUL; in the user's part it
	// starts with \x01.
	Path   string
	Value  string
	Format Format
	Leaf   bool
}

// Overlay returns all differences from the schema, in a fixed order: the part of a
// tree that must be stored.
func (t *Tree) Overlay() []Stored {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Stored, 0, len(t.stored))
	for k, e := range t.stored {
		// The key is folded; the names keep their case.
		prefix, last := "", k
		if i := strings.LastIndexByte(k, 0); i >= 0 {
			prefix, last = k[:i+1], k[i+1:]
		}
		mark := ""
		if strings.HasPrefix(last, "\x01") {
			mark = "\x01"
		}
		out = append(out, Stored{Path: prefix + mark + e.name, Value: e.value, Format: e.format, Leaf: e.leaf})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// Restore replaces the contents of the tree with an Overlay.
func (t *Tree) Restore(overlay []Stored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stored = make(map[string]entry, len(overlay))
	for _, s := range overlay {
		name := s.Path[strings.LastIndexByte(s.Path, 0)+1:]
		t.stored[t.schema.fold(s.Path)] = entry{name: strings.TrimPrefix(name, "\x01"), value: s.Value, format: s.Format, leaf: s.Leaf}
	}
}

// Get is Do for a Get from inside the device.
func (t *Tree) Get(locURI string) (string, bool) {
	a := t.Do(context.Background(), syncml.Get, locURI, Value{})
	return a.Data, a.Code == syncml.OK
}
