package ddf

import (
	"encoding/binary"
	"errors"

	"github.com/dmwake/dmwake/simulator/csp"
)

// A codec reads or writes the fields of a block, in one order for both: numbers as
// varints, texts with their length. gob would describe its types in each block, and
// compile a decoder for each.
type codec struct {
	reads bool
	b     []byte // what is left to read, or was written
	err   error
}

var errTable = errors.New("the table of DDF facts is damaged")

func (c *codec) number(n *int) {
	if !c.reads {
		c.b = binary.AppendUvarint(c.b, uint64(*n)) //nolint:gosec // no field is negative
		return
	}
	v, size := binary.Uvarint(c.b)
	if size <= 0 || v > 1<<31 {
		c.err, c.b = errTable, nil
		return
	}
	*n, c.b = int(v), c.b[size:]
}

// count is the length of a list, each of whose parts takes at least a byte.
func (c *codec) count(have int) int {
	c.number(&have)
	if c.reads && have > len(c.b) {
		c.err, have = errTable, 0
	}
	return have
}

func (c *codec) flag(is *bool) {
	n := 0
	if *is {
		n = 1
	}
	c.number(&n)
	*is = n != 0
}

func (c *codec) text(s *string) {
	n := c.count(len(*s))
	if !c.reads {
		c.b = append(c.b, *s...)
		return
	}
	*s, c.b = string(c.b[:n]), c.b[n:]
}

// list is a list of parts; nil if it is empty.
func list[T any](c *codec, l *[]T, part func(*T)) {
	n := c.count(len(*l))
	if c.reads && n > 0 {
		*l = make([]T, n)
	}
	for i := range *l {
		part(&(*l)[i])
	}
}

func (c *codec) block(b *block) {
	list(c, &b.Allowed, func(a **Allowed) { c.allowed(a) })
	list(c, &b.Rows, c.row)
}

func (c *codec) allowed(a **Allowed) {
	is := *a != nil
	if c.flag(&is); !is {
		return
	}
	if c.reads {
		*a = new(Allowed)
	}
	v := *a
	c.text((*string)(&v.Kind))
	list(c, &v.Values, c.text)
	for _, s := range []*string{&v.Delimiter, &v.Area, &v.Name, &v.File} {
		c.text(s)
	}
}

func (c *codec) row(r *row) {
	ops := int(r.Ops)
	c.number(&ops)
	r.Ops = csp.Ops(ops) //nolint:gosec // a few bits
	for _, n := range []*int{&r.Up, &r.Allowed, &r.Builds, &r.Editions, &r.File, &r.Since.Number, &r.Since.Revision} {
		c.number(n)
	}
	for _, s := range []*string{&r.Path, &r.Name, &r.Format, &r.Occurs, &r.Type, &r.Naming, &r.Default, &r.CSP, &r.Conflict, &r.Reboot, &r.Replace, &r.Case} {
		c.text(s)
	}
	for _, is := range []*bool{&r.Permanent, &r.HasDef, &r.Atomic, &r.Deprecated} {
		c.flag(is)
	}
	list(c, &r.Depends, func(g *Group) {
		list(c, &g.On, func(d *Dependency) {
			c.text(&d.URI)
			c.flag(&d.Not)
			c.allowed(&d.Allowed)
		})
		c.allowed(&g.Changed)
	})
}
