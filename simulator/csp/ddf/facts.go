package ddf

import (
	"bytes"
	"compress/flate"
	_ "embed" // the table
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
)

// facts.bin is what "make ddf" writes: paths, operations, formats, values and builds,
// without any text of the files.
//
//go:embed facts.bin
var factsBin []byte

// table is the form of facts.bin: gob, compressed with flate. Rows refer to the lists by
// index from 1, since few values are often repeated; 0 is none.
type table struct {
	Edition  string
	Files    []string
	Builds   [][]Build
	Editions []string
	Allowed  []*Allowed
	Rows     []row
}

// row is one node. Up is how many levels its parent is above the row before it.
type row struct {
	Up         int
	Path       string // of a file's root: the whole path
	Name       string // of the others
	Ops        csp.Ops
	Format     string
	Occurs     string
	Permanent  bool
	Type       string
	Naming     string
	Default    string
	HasDef     bool
	Allowed    int
	Atomic     bool
	Builds     int
	CSP        string
	Editions   int
	Deprecated bool
	Since      Build
	Conflict   string
	Reboot     string
	Replace    string
	Case       string
	Depends    []Group
	File       int
}

// Encode writes the facts of nodes as a table, without the files' texts.
func Encode(edition string, nodes []Node) ([]byte, error) {
	t := table{Edition: edition, Rows: make([]row, 0, len(nodes))}
	files, builds, editions, allowed := index{}, index{}, index{}, index{}
	var above []string // the paths from a file's root to the row before
	for i := range nodes {
		n := &nodes[i]
		r := row{Ops: n.Ops, Format: string(n.Format), Occurs: n.Occurs, Type: n.Type, Naming: n.Naming,
			CSP: n.CSPVersion, Conflict: n.Conflict, Reboot: n.Reboot, Replace: n.Replace, Case: n.CaseSense}
		r.Permanent, r.Atomic = n.Permanent, n.Atomic
		r.Deprecated, r.Since = n.Deprecated, n.DeprecatedB
		if n.Default != nil {
			r.Default, r.HasDef = *n.Default, true
		}
		for len(above) > 0 && n.Path != above[len(above)-1]+"/"+n.Name() {
			above, r.Up = above[:len(above)-1], r.Up+1
		}
		if r.Name = n.Name(); len(above) == 0 {
			r.Path, r.Name, r.Up = n.Path, "", 0
		}
		above = append(above, n.Path)
		files.put(n.File, n.File != "", &r.File, func() { t.Files = append(t.Files, n.File) })
		builds.put(buildsText(n.Builds), len(n.Builds) > 0, &r.Builds, func() { t.Builds = append(t.Builds, n.Builds) })
		editions.put(n.Editions, n.Editions != "", &r.Editions, func() { t.Editions = append(t.Editions, n.Editions) })
		a := bare(n.Allowed)
		key, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		allowed.put(string(key), a != nil, &r.Allowed, func() { t.Allowed = append(t.Allowed, a) })
		for _, g := range n.Depends {
			group := Group{Changed: bare(g.Changed)}
			for _, d := range g.On {
				d.Allowed = bare(d.Allowed)
				group.On = append(group.On, d)
			}
			r.Depends = append(r.Depends, group)
		}
		t.Rows = append(t.Rows, r)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := gob.NewEncoder(w).Encode(&t); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// index numbers values from 1, in the order in which they come.
type index map[string]int

func (x index) put(key string, is bool, to *int, add func()) {
	if !is {
		return
	}
	n, known := x[key]
	if !known {
		add()
		n = len(x) + 1
		x[key] = n
	}
	*to = n
}

// bare is a copy without texts: descriptions, schemas and samples.
func bare(a *Allowed) *Allowed {
	if a == nil {
		return nil
	}
	b := *a
	b.Texts = nil
	if b.Kind == XSD || b.Kind == JSON || b.Kind == None {
		b.Values = nil
	}
	return &b
}

// Decode reads a table.
func Decode(b []byte) (edition string, nodes []Node, err error) {
	var t table
	if err := gob.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxFile)).Decode(&t); err != nil {
		return "", nil, fmt.Errorf("the table of DDF facts: %w", err)
	}
	nodes = make([]Node, 0, len(t.Rows))
	var above []string
	for i := range t.Rows {
		r := &t.Rows[i]
		if r.Path != "" {
			above = above[:0]
		} else if r.Up < 0 || r.Up >= len(above) {
			return "", nil, fmt.Errorf("the table of DDF facts: row %d has no parent", i)
		}
		path := r.Path
		if path == "" {
			above = above[:len(above)-r.Up]
			path = above[len(above)-1] + "/" + r.Name
		}
		above = append(above, path)
		n := Node{Path: path, Scope: ScopeOf(path), Ops: r.Ops, Format: csp.Format(r.Format), Occurs: r.Occurs, Permanent: r.Permanent,
			Type: r.Type, Naming: r.Naming, Atomic: r.Atomic, CSPVersion: r.CSP, Deprecated: r.Deprecated, DeprecatedB: r.Since,
			Conflict: r.Conflict, Reboot: r.Reboot, Replace: r.Replace, CaseSense: r.Case, Depends: r.Depends,
			Allowed: at(t.Allowed, r.Allowed), Builds: at(t.Builds, r.Builds), Editions: at(t.Editions, r.Editions), File: at(t.Files, r.File)}
		if r.HasDef {
			n.Default = &r.Default
		}
		nodes = append(nodes, n)
	}
	return t.Edition, nodes, nil
}

func at[T any](list []T, i int) (none T) {
	if i < 1 || i > len(list) {
		return none
	}
	return list[i-1]
}

// Facts are the nodes of the embedded table and its edition, "2025-02". They are
// decoded when they are first asked for, once in a process.
var Facts = sync.OnceValues(func() (*Set, error) {
	edition, nodes, err := Decode(factsBin)
	if err != nil {
		return nil, err
	}
	return NewSet(edition, nodes)
})
