package syncml

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/beevik/etree"
)

// node is an element as read needs it, built by etree or by quick.
type node struct {
	tag, space string
	attrs      []attr // those that isRead names
	// text is the character data directly in the element. For a value that holds
	// elements it is everything between the tags, byte for byte.
	text string
	kids []*node // none in a value
}

type attr struct{ space, key, value string }

// attr is the value of the last such attribute.
func (n *node) attr(space, key string) (value string) {
	for _, a := range n.attrs {
		if a.space == space && a.key == key {
			value = a.value
		}
	}
	return value
}

// isRead tells the attributes that a message is read from. Nodes have no others, so
// that they need no look at whether one stands twice.
func isRead(space, key string) bool {
	return space == "xmlns" || key == "xmlns" || key == "originalerror"
}

// isValue tells whether the content of an element is a value, which nothing reads
// the elements of. Under SyncBody, Atomic and Sequence every element is a command,
// also one that is called Data.
func isValue(tag, parent string) bool {
	if tag != "Data" {
		return false
	}
	switch parent {
	case "SyncBody", "Atomic", "Sequence":
		return false
	}
	return true
}

// spare are the nodes of messages that were read, to be used again: they are half
// of what reading takes, and of no use once the message is there.
var spare sync.Pool

// Bounds of what is kept: nodes of a message, attributes and children of a node.
const (
	maxSpare = 512
	maxParts = 64
)

// room is where the nodes of a message come from, block by block.
type room struct{ first, block []node }

// takeNodes gives room for n nodes at first. Nodes are empty but for the capacity
// of their slices.
func takeNodes(n int) room {
	n = max(min(n, maxSpare), 64)
	if list, ok := spare.Get().(*[]node); ok && cap(*list) >= n {
		return room{block: (*list)[:0]}
	}
	return room{block: make([]node, 0, n)}
}

func (r *room) next() *node {
	if len(r.block) == cap(r.block) {
		if r.first == nil {
			r.first = r.block
		}
		r.block = make([]node, 0, maxSpare)
	}
	r.block = r.block[:len(r.block)+1]
	return &r.block[len(r.block)-1]
}

// all are the nodes of the first block, which starts with the root.
func (r *room) all() []node {
	if r.first != nil {
		return r.first
	}
	return r.block
}

// giveNodes takes back those of a message; nothing may refer to them.
func giveNodes(list []node) {
	if cap(list) == 0 {
		return
	}
	for i := range list {
		n := &list[i]
		if cap(n.attrs) > maxParts || cap(n.kids) > maxParts {
			*n = node{}
			continue
		}
		clear(n.attrs)
		clear(n.kids)
		*n = node{attrs: n.attrs[:0], kids: n.kids[:0]} // not the message that they are parts of
	}
	list = list[:0]
	spare.Put(&list)
}

// fromElement gives the nodes of what etree read of b, the root first. spans are
// where b has its Data elements; b is nil for a document that was not XML.
func fromElement(e *etree.Element, b []byte, spans []span) ([]node, error) {
	f := converter{room: takeNodes(maxSpare), b: b, spans: spans}
	err := f.fill(f.room.next(), e, "")
	if err == nil && f.at != len(spans) {
		err = errApart
	}
	if err != nil {
		giveNodes(f.room.all())
		return nil, err
	}
	return f.room.all(), nil
}

// errApart cannot happen with a document that etree takes; fuzzing looks for one.
var errApart = fmt.Errorf("%w: Data elements do not stand where their tags are", ErrNotXML)

type converter struct {
	room  room
	b     []byte
	spans []span
	at    int // the span of the next Data element
}

// fill makes n the node of e.
func (f *converter) fill(n *node, e *etree.Element, parent string) error {
	n.tag, n.space = e.Tag, e.Space
	for _, a := range e.Attr {
		if isRead(a.Space, a.Key) {
			n.attrs = append(n.attrs, attr{a.Space, a.Key, a.Value})
		}
	}
	var own span
	if e.Tag == "Data" && f.b != nil {
		if f.at >= len(f.spans) {
			return errApart
		}
		own = f.spans[f.at]
		f.at++
	}
	if isValue(e.Tag, parent) && hasElements(e) {
		if f.b == nil {
			n.text = written(e)
			return nil
		}
		n.text, f.at = string(f.b[own.start:own.end]), own.next
		return nil
	}
	n.text = chars(e)
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok {
			next := f.room.next()
			n.kids = append(n.kids, next)
			if err := f.fill(next, k, e.Tag); err != nil {
				return err
			}
		}
	}
	return nil
}

func hasElements(e *etree.Element) bool {
	for _, t := range e.Child {
		if _, ok := t.(*etree.Element); ok {
			return true
		}
	}
	return false
}

// chars is the character data directly in e.
func chars(e *etree.Element) string {
	if len(e.Child) == 1 {
		if c, ok := e.Child[0].(*etree.CharData); ok {
			return c.Data
		}
	}
	var text pieces
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			text.add(c.Data)
		}
	}
	return text.String()
}

// written is the XML of what a Data element of WBXML holds, where no XML stood.
func written(e *etree.Element) string {
	var b bytes.Buffer
	for _, t := range e.Child {
		t.WriteTo(&b, &compact)
	}
	return b.String()
}

// pieces are a text that comes in parts, most often in one.
type pieces struct {
	one  string
	more strings.Builder
}

func (p *pieces) add(s string) {
	switch {
	case p.one == "":
		p.one = s
	case p.more.Len() == 0:
		p.more.WriteString(p.one)
		fallthrough
	default:
		p.more.WriteString(s)
	}
}

func (p *pieces) String() string {
	if p.more.Len() > 0 {
		return p.more.String()
	}
	return p.one
}
