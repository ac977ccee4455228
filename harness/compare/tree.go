package compare

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// node is an element of a message.
type node struct {
	name, prefix, space string // space is the namespace
	attrs               []string
	text                string
	kids                []*node
}

// maxDepth bounds how deep elements may be nested; messages have under 12 levels.
const maxDepth = 64

var errDeep = fmt.Errorf("elements are nested deeper than %d levels", maxDepth)

// readTree reads a message, XML or WBXML, as elements.
func readTree(body []byte) (*node, error) {
	if m, err := trace.ReadMessage(body); err == nil && !utf8.Valid(body) || err == nil && body[0] < ' ' {
		// WBXML, or UTF-16
		if body, err = syncml.Write(m); err != nil {
			return nil, err
		}
	}
	if bytes.Count(body, []byte("<")) > 200_000 {
		return nil, errors.New("it has too many elements")
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(body); err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil {
		return nil, errors.New("it has no element")
	}
	return convert(root, map[string]string{}, "", 0)
}

// convert makes a node of e. scope has the namespaces of prefixes.
func convert(e *etree.Element, scope map[string]string, parent string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	n := &node{name: e.Tag, prefix: e.Space}
	own := false
	for _, a := range e.Attr {
		switch {
		case a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns":
			if !own {
				own, scope = true, clone(scope)
			}
			if a.Space == "" {
				scope[""] = a.Value
			} else {
				scope[a.Key] = a.Value
			}
		default:
			n.attrs = append(n.attrs, a.FullKey()+"="+a.Value)
		}
	}
	slices.Sort(n.attrs)
	n.space = scope[e.Space]
	if isValue(e, parent) {
		n.text = inner(e)
		return n, nil
	}
	var text strings.Builder
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.CharData:
			text.WriteString(t.Data)
		case *etree.Element:
			k, err := convert(t, scope, e.Tag, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		}
	}
	if n.text = text.String(); len(n.kids) > 0 {
		n.text = strings.TrimSpace(n.text)
	}
	return n, nil
}

func clone(m map[string]string) map[string]string {
	out := make(map[string]string, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}

// isValue reports whether e is a Data element that holds elements: they are a value.
func isValue(e *etree.Element, parent string) bool {
	return e.Tag == "Data" && parent == "Item" && len(e.ChildElements()) > 0
}

func inner(e *etree.Element) string {
	var b bytes.Buffer
	for _, t := range e.Child {
		t.WriteTo(&b, &etree.WriteSettings{CanonicalText: true, CanonicalEndTags: true})
	}
	return b.String()
}

// kid returns the first child of that name, or nil. A nil node has no children.
func (n *node) kid(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// value returns the text of a child, or an empty string without that child.
func (n *node) value(path ...string) string {
	for _, name := range path {
		n = n.kid(name)
	}
	if n == nil {
		return ""
	}
	return n.text
}

// attr is the value of an attribute, by its local name.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if key, value, _ := strings.Cut(a, "="); key == name || strings.HasSuffix(key, ":"+name) {
			return value
		}
	}
	return ""
}

// key tells which children of two elements belong together.
func (n *node) key(parent string) string {
	switch {
	case parent == "SyncBody" || parent == "Atomic" || parent == "Sequence":
		switch n.name {
		case "Status":
			return fmt.Sprintf("Status for %s/%s%s", n.value("MsgRef"), n.value("CmdRef"), n.targets())
		case "Results":
			return fmt.Sprintf("Results for %s/%s", n.value("MsgRef"), n.value("CmdRef"))
		case "Alert":
			return strings.TrimSpace(fmt.Sprintf("Alert %s %s", n.value("Data"), n.value("Item", "Meta", "Type")))
		}
		return n.name
	case n.name == "Item":
		if uri := n.value("Source", "LocURI"); uri != "" {
			return "Item " + uri
		}
		return strings.TrimSpace("Item " + n.value("Target", "LocURI"))
	case n.name == "ContextItem":
		return "ContextItem " + n.attr("Name")
	case n.name == "AuthPolicy":
		return "AuthPolicy " + n.text
	}
	return n.name
}

// label is the key with what helps people.
func (n *node) label(parent string) string {
	if cmd := n.value("Cmd"); n.name == "Status" && cmd != "" {
		return fmt.Sprintf("Status for %s %s/%s%s", cmd, n.value("MsgRef"), n.value("CmdRef"), n.targets())
	}
	return n.key(parent)
}

func (n *node) targets() (out string) {
	for _, k := range n.kids {
		if k.name == "TargetRef" {
			out += " " + k.text
		}
	}
	return out
}

// keyed are the children of n by their keys, in order; a second one of the same key
// gets a number.
func (n *node) keyed() (keys []string, by map[string]*node) {
	by = make(map[string]*node, len(n.kids))
	count := map[string]int{}
	for _, k := range n.kids {
		key := k.key(n.name)
		if count[key]++; count[key] > 1 {
			key = fmt.Sprintf("%s #%d", key, count[key])
		}
		keys = append(keys, key)
		by[key] = k
	}
	return keys, by
}
