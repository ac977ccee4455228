package syncml

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// node is an element as read needs it. quick builds it from plain documents,
// etree from any.
type node struct {
	tag, space string
	attrs      []attr
	// text is the character data directly in it. value is the content of a Data
	// element: its text, or the XML of its elements.
	text, value string
	kids        []*node
	all         []node // of a root that quick read: all nodes
}

type attr struct{ space, key, value string }

// fromElement is the node of an element that etree read.
func fromElement(e *etree.Element) *node {
	root := &node{}
	list := takeNodes(maxSpare)
	root.of(e, &list)
	root.all = list
	return root
}

// of fills n from an element; its children come from list while it lasts.
func (n *node) of(e *etree.Element, list *[]node) {
	n.tag, n.space, n.text = e.Tag, e.Space, chars(e)
	for _, a := range e.Attr {
		n.attrs = append(n.attrs, attr{a.Space, a.Key, a.Value})
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok {
			var next *node
			if len(*list) < cap(*list) {
				*list = (*list)[:len(*list)+1]
				next = &(*list)[len(*list)-1]
			} else {
				next = &node{}
			}
			next.of(k, list)
			n.kids = append(n.kids, next)
		}
	}
	n.value = n.text
	if n.tag == "Data" && len(n.kids) > 0 {
		n.value = value(e)
	}
}

// chars is the character data directly in e.
func chars(e *etree.Element) string {
	if len(e.Child) == 1 {
		if c, ok := e.Child[0].(*etree.CharData); ok {
			return c.Data
		}
	}
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// value is the content of a Data element: its text, or the XML of its elements
// if a server put an unescaped document in it.
func value(e *etree.Element) string {
	for _, t := range e.Child {
		if _, ok := t.(*etree.Element); ok {
			doc := etree.NewDocument()
			doc.WriteSettings = compact
			for _, t := range e.Copy().Child {
				doc.AddChild(t)
			}
			s, err := doc.WriteToString()
			if err != nil {
				return ""
			}
			return strings.TrimSpace(s)
		}
	}
	return chars(e)
}

// quick reads a plain document in one pass, at a tenth of etree's cost:
// elements, attributes, text, the predefined entities, CDATA. ok is false for
// anything else, valid or not; etree then reads it and reports errors.
func quick(b []byte, limits Limits) (root *node, ok bool) {
	for _, decl := range declarations {
		if bytes.HasPrefix(b, decl) {
			b = b[len(decl):]
			break
		}
	}
	if !plain(b) {
		return nil, false
	}
	// At least one for each element. The bound keeps a CDATA section full of
	// "<" from taking a hundred times its size; denser messages, which nobody
	// sends, are left to etree.
	n := min(bytes.Count(b, []byte("<")), len(b)/16+64)
	s := scanner{b: string(b), nodes: takeNodes(n), depth: limits.Depth}
	s.blank()
	root = s.element()
	s.blank()
	if root == nil || s.i != len(s.b) {
		giveNodes(s.nodes)
		return nil, false
	}
	root.all = s.nodes
	return root, true
}

// spare pools the nodes of messages that were read. They are half of the cost
// of reading, and are not needed after it.
var spare sync.Pool

// maxSpare bounds the pool, in nodes.
const maxSpare = 512

// takeNodes returns an empty slice with room for n nodes.
func takeNodes(n int) []node {
	if list, ok := spare.Get().(*[]node); ok && cap(*list) >= n {
		return (*list)[:0]
	}
	return make([]node, 0, max(n, 64))
}

// giveNodes returns a message's nodes to the pool; nothing may refer to them.
func giveNodes(list []node) {
	if cap(list) == 0 || cap(list) > maxSpare {
		return
	}
	for i := range list {
		n := &list[i]
		clear(n.attrs)
		*n = node{attrs: n.attrs[:0], kids: n.kids[:0]} // not the message that they are parts of
	}
	list = list[:0]
	spare.Put(&list)
}

var declarations = [][]byte{[]byte(`<?xml version="1.0" encoding="utf-8"?>`), []byte(`<?xml version="1.0" encoding="UTF-8"?>`), []byte(`<?xml version="1.0"?>`)}

// plain reports whether a document has no bytes that XML treats specially:
// control characters, carriage returns, invalid UTF-8.
func plain(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
		ascii = ascii && c < 0x7f
	}
	// U+FFFE and U+FFFF are valid UTF-8, but not allowed in XML.
	return ascii || utf8.Valid(b) && !bytes.Contains(b, []byte("\uFFFE")) && !bytes.Contains(b, []byte("\uFFFF")) && !bytes.ContainsRune(b, 0x7f)
}

type scanner struct {
	b     string
	i     int
	nodes []node // all of them, so that they are one piece of memory
	depth int
}

func (s *scanner) blank() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t') {
		s.i++
	}
}

// name reads "prefix:local"; empty if no plain name follows.
func (s *scanner) name() (space, local string) {
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || s.i > start && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':') {
			s.i++
			continue
		}
		break
	}
	full := s.b[start:s.i]
	space, local, found := strings.Cut(full, ":")
	if !found {
		return "", full
	}
	if space == "" || local == "" || strings.Contains(local, ":") || local[0] >= '0' && local[0] <= '9' || local[0] == '-' || local[0] == '.' {
		return "", ""
	}
	return space, local
}

func (s *scanner) starts(prefix string) bool { return strings.HasPrefix(s.b[s.i:], prefix) }

// element reads an element from its "<"; nil if it is not plain.
func (s *scanner) element() *node {
	if !s.starts("<") || len(s.nodes) == cap(s.nodes) {
		return nil
	}
	if s.depth--; s.depth < 0 {
		return nil
	}
	defer func() { s.depth++ }()
	s.i++
	s.nodes = s.nodes[:len(s.nodes)+1]
	n := &s.nodes[len(s.nodes)-1]
	if n.space, n.tag = s.name(); n.tag == "" {
		return nil
	}
	if !s.attributes(n) {
		return nil
	}
	if s.starts("/>") {
		s.i += 2
		return n
	}
	if !s.starts(">") {
		return nil
	}
	s.i++
	if !s.content(n) {
		return nil
	}
	// The end tag, which content stopped at.
	space, tag := s.name()
	s.blank()
	if space != n.space || tag != n.tag || !s.starts(">") {
		return nil
	}
	s.i++
	n.value = n.text
	return n
}

func (s *scanner) attributes(n *node) bool {
	for {
		before := s.i
		s.blank()
		if s.starts(">") || s.starts("/>") {
			return true
		}
		space, key := s.name()
		if key == "" || before == s.i || !s.starts("=") || s.b[before] != ' ' && s.b[before] != '\n' && s.b[before] != '\t' {
			return false
		}
		s.i++
		if !s.starts(`"`) && !s.starts(`'`) {
			return false
		}
		quote := s.b[s.i]
		s.i++
		end := strings.IndexByte(s.b[s.i:], quote)
		if end < 0 {
			return false
		}
		v := s.b[s.i : s.i+end]
		if strings.ContainsAny(v, "<&\n\t") {
			return false
		}
		for _, a := range n.attrs {
			if a.space == space && a.key == key {
				return false
			}
		}
		n.attrs = append(n.attrs, attr{space, key, v})
		s.i += end + 1
	}
}

// content reads text and elements up to and including the "</" of the end tag.
func (s *scanner) content(n *node) bool {
	for {
		end := strings.IndexByte(s.b[s.i:], '<')
		if end < 0 {
			return false
		}
		if end > 0 {
			text, ok := unescape(s.b[s.i : s.i+end])
			if !ok {
				return false
			}
			n.text += text
			s.i += end
		}
		switch {
		case s.starts("</"):
			s.i += 2
			return true
		case s.starts("<![CDATA["):
			s.i += len("<![CDATA[")
			end := strings.Index(s.b[s.i:], "]]>")
			if end < 0 {
				return false
			}
			n.text += s.b[s.i : s.i+end]
			s.i += end + len("]]>")
		default:
			if n.tag == "Data" {
				return false // a document that is not escaped
			}
			k := s.element()
			if k == nil {
				return false
			}
			n.kids = append(n.kids, k)
		}
	}
}

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// unescape resolves the predefined entities; ok is false for others.
func unescape(text string) (out string, ok bool) {
	if strings.Contains(text, "]]>") {
		return "", false
	}
	i := strings.IndexByte(text, '&')
	if i < 0 {
		return text, true
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(text, '&') {
		b.WriteString(text[:i])
		name, rest, found := strings.Cut(text[i+1:], ";")
		v := entities[name]
		if !found || v == "" {
			return "", false
		}
		b.WriteString(v)
		text = rest
	}
	b.WriteString(text)
	return b.String(), true
}

func (n *node) attr(space, key string) string {
	for _, a := range n.attrs {
		if a.space == space && a.key == key {
			return a.value
		}
	}
	return ""
}
