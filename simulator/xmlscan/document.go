package xmlscan

import (
	"strings"

	"github.com/beevik/etree"
)

// Document reads a document as etree does by default, with the same tokens and errors.
func Document(b []byte) (*etree.Document, error) {
	if doc, ok := quick(b); ok {
		return doc, nil
	}
	doc := etree.NewDocument()
	err := doc.ReadFromBytes(b)
	return doc, err
}

// Bounds of what quick reads. Real documents have under 20 levels and under ten
// attributes to an element.
const (
	maxDepth      = 64
	maxAttributes = 32
)

// quick reads elements, attributes and text. It is no reader for CDATA, comments and
// processing instructions: etree is.
func quick(b []byte) (*etree.Document, bool) {
	s, ok := New(b)
	if !ok {
		return nil, false
	}
	doc := etree.NewDocument()
	if s.Declaration != "" {
		inst := strings.TrimSuffix(strings.TrimPrefix(s.Declaration, "<?xml"), "?>")
		doc.CreateProcInst("xml", strings.TrimLeft(inst, " "))
	}
	r := reader{s, map[string]string{}}
	if !r.text(&doc.Element) || !r.element(&doc.Element, maxDepth) || !r.text(&doc.Element) || r.I != len(r.B) || !blank(doc) {
		return nil, false
	}
	return doc, true
}

// blank tells whether there is only white space around the root: etree takes more, in
// ways of its own.
func blank(doc *etree.Document) bool {
	for _, t := range doc.Child {
		if c, ok := t.(*etree.CharData); ok && !c.IsWhitespace() {
			return false
		}
	}
	return true
}

// reader keeps no part of the text that it reads: whoever holds on to one value of a
// document would hold on to all of it.
type reader struct {
	Scanner
	common map[string]string // names and white space, which repeat
}

// own is a copy of a string that may repeat.
func (r *reader) own(s string) string {
	if known, ok := r.common[s]; ok {
		return known
	}
	s = strings.Clone(s)
	r.common[s] = s
	return s
}

// text adds the characters up to the next tag.
func (r *reader) text(to *etree.Element) bool {
	end := strings.IndexByte(r.B[r.I:], '<')
	if end < 0 {
		end = len(r.B) - r.I
	}
	if end == 0 {
		return true
	}
	raw := r.B[r.I : r.I+end]
	text, ok := r.Unescape(raw)
	if !ok || strings.Contains(raw, "]]>") {
		return false
	}
	c := to.CreateText("")
	if c.SetData(text); c.IsWhitespace() {
		c.Data = r.own(text)
	} else {
		c.Data = strings.Clone(text)
	}
	r.I += end
	return true
}

// element reads one from its "<".
func (r *reader) element(parent *etree.Element, depth int) bool {
	if depth == 0 || !r.Starts("<") {
		return false
	}
	r.I++
	start := r.I
	if _, tag := r.Name(); tag == "" {
		return false
	}
	full := r.B[start:r.I]
	e := parent.CreateElement(r.own(full))
	if !r.attributes(e) {
		return false
	}
	if r.Starts("/>") {
		r.I += 2
		return true
	}
	r.I++ // the ">" that attributes stopped at
	for {
		switch {
		case !r.text(e):
			return false
		case r.Starts("</"):
			r.I += 2
			if !r.Starts(full) {
				return false
			}
			r.I += len(full)
			r.Blank()
			if !r.Starts(">") {
				return false
			}
			r.I++
			return true
		case !r.element(e, depth-1):
			return false
		}
	}
}

func (r *reader) attributes(e *etree.Element) bool {
	for n := 0; ; n++ {
		space, key, value, more, ok := r.Attribute()
		if !more {
			return ok
		}
		if space != "" {
			key = space + ":" + key
		}
		e.CreateAttr(r.own(key), strings.Clone(value))
		if len(e.Attr) != n+1 || n == maxAttributes { // one stands twice, or there are many
			return false
		}
	}
}
