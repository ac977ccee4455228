package enroll

import (
	"errors"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/xmlscan"
)

// Reform rewrites a SOAP message as equivalent XML: with a declaration,
// indentation, other prefixes, and reversed attributes. An XML parser sees no
// difference; a signature would no longer verify.
func Reform(message []byte) ([]byte, error) {
	doc, err := xmlscan.Document(message)
	if err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil {
		return nil, errors.New("no root element")
	}
	reform(root)
	out := etree.NewDocument()
	out.CreateProcInst("xml", `version="1.0" encoding="utf-8"`)
	out.AddChild(root)
	out.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
	return out.WriteToBytes()
}

// reform gives every prefix another name, in elements, attributes and bindings.
func reform(e *etree.Element) {
	if e.Space != "" {
		e.Space = "x" + e.Space
	}
	for i := range e.Attr {
		a := &e.Attr[i]
		switch {
		case a.Space == "xmlns":
			a.Key = "x" + a.Key
		case a.Space != "" && !strings.EqualFold(a.Space, "xml"):
			a.Space = "x" + a.Space
		}
	}
	for i, j := 0, len(e.Attr)-1; i < j; i, j = i+1, j-1 {
		e.Attr[i], e.Attr[j] = e.Attr[j], e.Attr[i]
	}
	for _, k := range e.ChildElements() {
		reform(k)
	}
}
