package syncml

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// Read parses one message with the default limits.
func Read(b []byte) (*Message, error) { return ReadLimited(b, Limits{}) }

// ReadLimited parses one message. It takes indented, prefixed and declared XML,
// CDATA, the predefined entities and UTF-16 with a byte order mark. Elements are
// matched by local name, so that an unbound prefix does not stop a reader that has
// to go on where Windows goes on. Lint finds what is formally wrong. An XML
// declaration that is not at the start fails the message, as in Windows [seen].
//
// Lawful documents are read by quick, if their names are ASCII, all others by
// etree; what comes of both is the same. Time and memory are linear in the size of
// the document.
//
// Errors wrap ErrTooLarge, ErrTooDeep, ErrTooManyCommands, ErrDTD, ErrEmpty,
// ErrNotXML or ErrNotSyncML.
func ReadLimited(b []byte, limits Limits) (*Message, error) {
	limits = limits.withDefaults()
	if len(b) > limits.Bytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), limits.Bytes)
	}
	b = toUTF8(b)
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, ErrEmpty
	}
	nodes, ok := quick(b, limits)
	if !ok {
		var err error
		if nodes, err = byEtree(b, limits); err != nil {
			return nil, err
		}
	}
	m, err := read(&nodes[0], limits)
	giveNodes(nodes)
	return m, err
}

// byEtree reads any document, at ten times the cost of quick.
func byEtree(b []byte, limits Limits) ([]node, error) {
	spans, err := limits.scan(b)
	if err != nil {
		return nil, err
	}
	e, err := parse(b)
	if err != nil {
		return nil, err
	}
	return fromElement(e, b, spans)
}

// read makes a message of its root element.
func read(root *node, limits Limits) (m *Message, err error) {
	if root.tag != "SyncML" {
		full := root.tag
		if root.space != "" {
			full = root.space + ":" + full
		}
		return nil, fmt.Errorf("%w: the root is %s", ErrNotSyncML, full)
	}
	r := reader{left: limits.Commands}
	m = &Message{Namespace: namespaceOf(root)}
	var hdr, body bool
	for _, e := range root.kids {
		switch e.tag {
		case "SyncHdr":
			hdr = true
			m.Hdr = readHdr(e)
		case "SyncBody":
			body = true
			m.Extended = e.attr("xmlns", "msft") != ""
			if m.Body, m.FinalCount, err = r.commands(e); err != nil {
				return nil, err
			}
			m.Final = m.FinalCount > 0
		}
	}
	if !hdr {
		return nil, fmt.Errorf("%w: no SyncHdr", ErrNotSyncML)
	}
	if !body {
		return nil, fmt.Errorf("%w: no SyncBody", ErrNotSyncML)
	}
	return m, nil
}

// parse builds the document and insists on exactly one root with nothing but
// white space, comments and declarations around it: etree accepts more, and
// its own ValidateInput reads everything twice.
func parse(b []byte) (*etree.Element, error) {
	doc := etree.NewDocument()
	// Without this, etree puts all attributes into a map as well: twice the time and
	// memory for an element that has thousands. node.attr takes the last of two.
	doc.ReadSettings.PreserveDuplicateAttrs = true
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotXML, err)
	}
	var root *etree.Element
	for _, t := range doc.Child {
		switch t := t.(type) {
		case *etree.Element:
			if root != nil {
				return nil, fmt.Errorf("%w: two root elements, %s and %s", ErrNotXML, root.Tag, t.Tag)
			}
			root = t
		case *etree.CharData:
			if strings.Trim(t.Data, " \t\r\n\ufeff") != "" {
				return nil, fmt.Errorf("%w: text outside the root element", ErrNotXML)
			}
		}
	}
	if root == nil {
		return nil, fmt.Errorf("%w: no root element", ErrNotXML)
	}
	return root, nil
}

// namespaceOf resolves the root's own prefix among its own attributes.
func namespaceOf(root *node) string {
	if root.space == "" {
		return root.attr("", "xmlns")
	}
	return root.attr("xmlns", root.space)
}

type reader struct{ left int }

func (r *reader) commands(parent *node) (out []Command, finals int, err error) {
	out = make([]Command, 0, min(len(parent.kids), r.left))
	for _, e := range parent.kids {
		if e.tag == "Final" {
			finals++
			continue
		}
		if r.left--; r.left < 0 {
			return nil, 0, ErrTooManyCommands
		}
		c, err := r.command(e)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, c)
	}
	return out, finals, nil
}

// properties of a container that are not commands nested in it.
func isProperty(tag string) bool {
	switch tag {
	case "CmdID", "NoResp", "Meta", "Cred":
		return true
	}
	return false
}

func (r *reader) command(e *node) (Command, error) {
	c := Command{Verb: Verb(e.tag)}
	container := c.Verb == Atomic || c.Verb == Sequence
	for _, k := range e.kids {
		if container && !isProperty(k.tag) {
			if r.left--; r.left < 0 {
				return c, ErrTooManyCommands
			}
			nested, err := r.command(k)
			if err != nil {
				return c, err
			}
			c.Commands = append(c.Commands, nested)
			continue
		}
		switch k.tag {
		case "CmdID":
			c.CmdID = text(k)
		case "NoResp":
			c.NoResp = true
		case "MsgRef":
			c.MsgRef = text(k)
		case "CmdRef":
			c.CmdRef = text(k)
		case "Cmd":
			c.Cmd = text(k)
		case "TargetRef":
			c.TargetRef = append(c.TargetRef, text(k))
		case "SourceRef":
			c.SourceRef = append(c.SourceRef, text(k))
		case "Cred":
			c.Cred = readCred(k)
		case "Chal":
			c.Chal = &Chal{}
			if m := child(k, "Meta"); m != nil {
				c.Chal.Meta = *readMeta(m)
			}
		case "Meta":
			c.Meta = readMeta(k)
		case "Data":
			c.Data = text(k)
			for _, a := range k.attrs {
				if a.key == "originalerror" {
					c.OriginalError = a.value
				}
			}
		case "Item":
			if c.Items == nil {
				c.Items = make([]Item, 0, count(e.kids, "Item"))
			}
			c.Items = append(c.Items, readItem(k))
		}
	}
	return c, nil
}

func readHdr(e *node) (h SyncHdr) {
	for _, k := range e.kids {
		switch k.tag {
		case "VerDTD":
			h.VerDTD = text(k)
		case "VerProto":
			h.VerProto = text(k)
		case "SessionID":
			h.SessionID = text(k)
		case "MsgID":
			h.MsgID = text(k)
		case "Target":
			h.Target = readLoc(k)
		case "Source":
			h.Source = readLoc(k)
		case "RespURI":
			h.RespURI = text(k)
		case "NoResp":
			h.NoResp = true
		case "Cred":
			h.Cred = readCred(k)
		case "Meta":
			h.Meta = readMeta(k)
		}
	}
	return h
}

func readItem(e *node) (it Item) {
	for _, k := range e.kids {
		switch k.tag {
		case "Target":
			it.Target = readLoc(k)
		case "Source":
			it.Source = readLoc(k)
		case "Meta":
			it.Meta = readMeta(k)
		case "Data":
			it.Data, it.HasData = k.text, true
		case "MoreData":
			it.MoreData = true
		}
	}
	return it
}

func readMeta(e *node) *Meta {
	m := &Meta{}
	for _, k := range e.kids {
		if f := m.field(k.tag); f != nil {
			*f = text(k)
		}
	}
	return m
}

func readCred(e *node) *Cred {
	c := &Cred{}
	if m := child(e, "Meta"); m != nil {
		c.Meta = readMeta(m)
	}
	if d := child(e, "Data"); d != nil {
		c.Data = text(d)
	}
	return c
}

func readLoc(e *node) (l Loc) {
	for _, k := range e.kids {
		switch k.tag {
		case "LocURI":
			l.LocURI = text(k)
		case "LocName":
			l.LocName = text(k)
		}
	}
	return l
}

func count(list []*node, tag string) (n int) {
	for _, k := range list {
		if k.tag == tag {
			n++
		}
	}
	return n
}

func child(e *node, tag string) *node {
	for _, k := range e.kids {
		if k.tag == tag {
			return k
		}
	}
	return nil
}

// text is the character data directly in n, trimmed: identifiers and codes
// survive the indentation of a pretty-printing server.
func text(n *node) string { return strings.TrimSpace(n.text) }
