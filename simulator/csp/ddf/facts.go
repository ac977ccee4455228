package ddf

import (
	"bytes"
	"compress/flate"
	_ "embed" // the table
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
)

// facts.bin is what "make ddf" writes: paths, operations, formats, values and builds,
// without any text of the files.
//
//go:embed facts.bin
var factsBin []byte

// A table is the length of its index as a varint, the index, and a block for each
// area, one after the other, each compressed with flate. The index is gob. An area is
// decoded by itself, because a device asks for few of them.
type tableIndex struct {
	Edition  string
	Files    []string
	Builds   []csp.Builds
	Editions []string
	Areas    []areaIndex
	// Dictionary is what the blocks have in common.
	Dictionary []byte
}

// areaIndex is where the block of an area is.
type areaIndex struct {
	Path string // of the area's root, without "./Device" or "./User"
	Size int
}

// block is an area. Rows refer to lists by index from 1, since few values are often
// repeated; 0 is none.
type block struct {
	Allowed []*Allowed
	Rows    []row
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
	head := tableIndex{Edition: edition}
	files, builds, editions := index{}, index{}, index{}
	areas := group(nodes)
	var raw [][]byte
	for _, a := range areas {
		var b block
		allowed := index{}
		var above []string // the paths from a file's root to the row before
		for _, n := range a.nodes {
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
			files.put(n.File, n.File != "", &r.File, func() { head.Files = append(head.Files, n.File) })
			builds.put(n.Builds.String(), len(n.Builds) > 0, &r.Builds, func() { head.Builds = append(head.Builds, n.Builds) })
			editions.put(n.Editions, n.Editions != "", &r.Editions, func() { head.Editions = append(head.Editions, n.Editions) })
			bared := bare(n.Allowed)
			key, err := json.Marshal(bared)
			if err != nil {
				return nil, err
			}
			allowed.put(string(key), bared != nil, &r.Allowed, func() { b.Allowed = append(b.Allowed, bared) })
			for _, g := range n.Depends {
				group := Group{Changed: bare(g.Changed)}
				for _, d := range g.On {
					d.Allowed = bare(d.Allowed)
					group.On = append(group.On, d)
				}
				r.Depends = append(r.Depends, group)
			}
			b.Rows = append(b.Rows, r)
		}
		c := codec{}
		c.block(&b)
		raw = append(raw, c.b)
	}
	if len(raw) > 0 {
		head.Dictionary = raw[0][:min(len(raw[0]), maxDictionary)]
	}
	var blocks []byte
	for i, b := range raw {
		packed, err := pack(b, head.Dictionary)
		if err != nil {
			return nil, err
		}
		head.Areas = append(head.Areas, areaIndex{Path: areas[i].path, Size: len(packed)})
		blocks = append(blocks, packed...)
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(&head); err != nil {
		return nil, err
	}
	first, err := pack(out.Bytes(), nil)
	if err != nil {
		return nil, err
	}
	return slices.Concat(binary.AppendUvarint(nil, uint64(len(first))), first, blocks), nil
}

const maxDictionary = 4096

func pack(b, dictionary []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, flate.BestCompression, dictionary)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// inflaters are reused: each has a window of 32 KB, and most blocks have a few hundred
// bytes.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

func unpack(b, dictionary []byte) ([]byte, error) {
	r := inflaters.Get().(io.Reader) //nolint:forcetypeassert // as New makes them
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(b), dictionary); err != nil { //nolint:forcetypeassert // flate documents it
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, fmt.Errorf("the table of DDF facts: %w", err)
	}
	return out, nil
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

// table is a table of which the index is read.
type table struct {
	tableIndex
	blocks [][]byte
}

func readTable(b []byte) (*table, error) {
	var t table
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)) || int(size) > len(b)-n { //nolint:gosec // size is at most len(b)
		return nil, errors.New("the table of DDF facts: it has no index")
	}
	head, err := unpack(b[n:n+int(size)], nil) //nolint:gosec // size is at most len(b)
	if err != nil {
		return nil, err
	}
	if err := gob.NewDecoder(bytes.NewReader(head)).Decode(&t.tableIndex); err != nil {
		return nil, fmt.Errorf("the table of DDF facts: %w", err)
	}
	b = b[n+int(size):] //nolint:gosec // as above
	for _, a := range t.Areas {
		if a.Size < 0 || a.Size > len(b) {
			return nil, fmt.Errorf("the table of DDF facts: the block of %s is not whole", a.Path)
		}
		t.blocks = append(t.blocks, b[:a.Size])
		b = b[a.Size:]
	}
	return &t, nil
}

// area decodes an area.
func (t *table) area(i int) ([]Node, error) {
	var b block
	raw, err := unpack(t.blocks[i], t.Dictionary)
	if err != nil {
		return nil, err
	}
	c := codec{reads: true, b: raw}
	if c.block(&b); c.err != nil {
		return nil, c.err
	}
	nodes := make([]Node, 0, len(b.Rows))
	var above []string
	for i := range b.Rows {
		r := &b.Rows[i]
		if r.Path != "" {
			above = above[:0]
		} else if r.Up < 0 || r.Up >= len(above) {
			return nil, fmt.Errorf("the table of DDF facts: row %d has no parent", i)
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
			Allowed: at(b.Allowed, r.Allowed), Builds: at(t.Builds, r.Builds), Editions: at(t.Editions, r.Editions), File: at(t.Files, r.File)}
		if r.HasDef {
			n.Default = &r.Default
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// Decode reads a whole table.
func Decode(b []byte) (edition string, nodes []Node, err error) {
	t, err := readTable(b)
	if err != nil {
		return "", nil, err
	}
	for i := range t.blocks {
		area, err := t.area(i)
		if err != nil {
			return "", nil, err
		}
		nodes = append(nodes, area...)
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
