package syncml

import (
	"fmt"

	"github.com/beevik/etree"
)

// Lint lists formal errors that Read may accept: XML that is not well-formed,
// unbound prefixes, a root outside SyncML's namespace.
func Lint(b []byte) []string {
	b = toUTF8(b)
	if err := (Limits{}).withDefaults().scan(b); err != nil {
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
	if err := (Limits{}).withDefaults().scan(b); err != nil {
		return nil, err
	}
	root, err := parse(b)
	if err != nil {
		return nil, err
	}
	return unbound(root), nil
}

func unbound(root *etree.Element) (out []string) {
	var walk func(e *etree.Element, bound map[string]bool)
	walk = func(e *etree.Element, bound map[string]bool) {
		own := bound
		for _, a := range e.Attr {
			if a.Space == "xmlns" {
				if len(own) == len(bound) {
					own = make(map[string]bool, len(bound)+1)
					for k := range bound {
						own[k] = true
					}
				}
				own[a.Key] = true
			}
		}
		if e.Space != "" && !own[e.Space] {
			out = append(out, fmt.Sprintf("prefix %q of element %s is not bound", e.Space, e.FullTag()))
		}
		for _, a := range e.Attr {
			if a.Space != "" && a.Space != "xmlns" && !own[a.Space] {
				out = append(out, fmt.Sprintf("prefix %q of attribute %s:%s is not bound", a.Space, a.Space, a.Key))
			}
		}
		for _, t := range e.Child {
			if k, ok := t.(*etree.Element); ok {
				walk(k, own)
			}
		}
	}
	walk(root, map[string]bool{"xml": true, "xmlns": true})
	return out
}
