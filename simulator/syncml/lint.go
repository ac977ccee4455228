package syncml

import (
	"fmt"

	"github.com/beevik/etree"
)

// Lint lists formal errors that Read may accept: XML that is not well-formed,
// unbound prefixes, a root outside SyncML's namespace.
func Lint(b []byte) []string {
	b = toUTF8(b)
	if _, err := (Limits{}).withDefaults().scan(b); err != nil {
		return []string{err.Error()}
	}
	root, err := parse(b)
	if err != nil {
		return []string{err.Error()}
	}
	out := unbound(root)
	if ns := root.NamespaceURI(); ns != Namespace {
		out = append(out, fmt.Sprintf("the root %s is in namespace %q, not %q", root.FullTag(), ns, Namespace))
	}
	return out
}

// UnboundPrefixes lists the elements and attributes with an unbound prefix
// (Namespaces in XML 1.0, section 5).
func UnboundPrefixes(b []byte) ([]string, error) {
	if _, err := (Limits{}).withDefaults().scan(b); err != nil {
		return nil, err
	}
	root, err := parse(b)
	if err != nil {
		return nil, err
	}
	return unbound(root), nil
}

func unbound(root *etree.Element) (out []string) {
	// How often each prefix is bound where the walk is. A copy of the bindings for
	// every element that has some would be quadratic.
	bound := map[string]int{"xml": 1, "xmlns": 1}
	bind := func(e *etree.Element, n int) {
		for _, a := range e.Attr {
			if a.Space == "xmlns" {
				bound[a.Key] += n
			}
		}
	}
	var walk func(e *etree.Element)
	walk = func(e *etree.Element) {
		bind(e, 1)
		if e.Space != "" && bound[e.Space] == 0 {
			out = append(out, fmt.Sprintf("prefix %q of element %s is not bound", e.Space, e.FullTag()))
		}
		for _, a := range e.Attr {
			if a.Space != "" && bound[a.Space] == 0 {
				out = append(out, fmt.Sprintf("prefix %q of attribute %s:%s is not bound", a.Space, a.Space, a.Key))
			}
		}
		for _, t := range e.Child {
			if k, ok := t.(*etree.Element); ok {
				walk(k)
			}
		}
		bind(e, -1)
	}
	walk(root)
	return out
}
