package enroll

import (
	"errors"
	"fmt"

	"github.com/beevik/etree"
)

// maxPath bounds the path of a value in a provisioning document, in bytes. Real
// ones have under 200 [seen]. Each value has a path of its own, so that long names
// around many values take a thousand times the size of the document.
const maxPath = 2048

// shortPaths checks the paths of all values at and under e.
func shortPaths(e *etree.Element, at int) error {
	for _, k := range kids(e, "parm") {
		if at+len(k.SelectAttrValue("name", "")) > maxPath {
			return fmt.Errorf("provisioning document: a path has more than %d bytes", maxPath)
		}
	}
	for _, k := range kids(e, "characteristic") {
		if err := shortPaths(k, at+len(typeOf(k))+1); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of what is canonicalized: real messages have under ten of each. The
// canonical form copies all declarations for every element, and compares the
// attributes of an element by going through them. A thousand elements are at most
// canonicalized, by the same library.
const (
	maxDeclarations = 100 // in scope and below
	maxAttributes   = 100 // of one element
)

// canonicalizable checks that the canonical form of e costs little.
func canonicalizable(e *etree.Element) error {
	declarations := 0
	count := func(e *etree.Element) error {
		for _, a := range e.Attr {
			if a.Space == "xmlns" || a.Key == "xmlns" {
				declarations++
			}
		}
		if declarations > maxDeclarations || len(e.Attr) > maxAttributes {
			return errors.New("too many attributes or namespaces to canonicalize")
		}
		return nil
	}
	for p := e.Parent(); p != nil; p = p.Parent() {
		if err := count(p); err != nil {
			return err
		}
	}
	var walk func(e *etree.Element) error
	walk = func(e *etree.Element) error {
		if err := count(e); err != nil {
			return err
		}
		for _, t := range e.Child {
			if k, ok := t.(*etree.Element); ok {
				if err := walk(k); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(e)
}

// uncomment takes the comments out of e, which the canonical form has none of. The
// library removes them one by one and counts the others again each time.
func uncomment(e *etree.Element) {
	kept := e.Child[:0]
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Comment:
			continue
		case *etree.Element:
			uncomment(t)
		}
		kept = append(kept, t)
	}
	clear(e.Child[len(kept):])
	e.Child = kept
	e.ReindexChildren()
}
