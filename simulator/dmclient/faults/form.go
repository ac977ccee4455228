package faults

import (
	"bytes"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// truncated sends half of a message as if it were complete.
type truncated struct{ at int }

func newTruncated(arg string) (dmclient.Fault, error) {
	n, err := faultspec.Number(arg, 2)
	return truncated{n}, err
}

func (truncated) Fault() string { return "sends half a message" }

func (f truncated) Scramble(body []byte, n int) []byte {
	if n == f.at {
		return body[:len(body)/2]
	}
	return body
}

type utf16 struct{}

func (utf16) Fault() string                      { return "sends UTF-16" }
func (utf16) Scramble(body []byte, _ int) []byte { return syncml.EncodeUTF16(body) }

// indented sends equivalent XML in another layout, which servers that match
// Windows' compact form by pattern reject.
type indented struct{}

func (indented) Fault() string { return "sends indented, prefixed XML" }

func (indented) Scramble(body []byte, _ int) []byte {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(body); err != nil || doc.Root() == nil {
		return body // WBXML
	}
	out := etree.NewDocument()
	out.CreateProcInst("xml", `version="1.0" encoding="utf-8"`)
	root := prefixed(doc.Root())
	root.CreateAttr("xmlns:s", syncml.Namespace)
	root.CreateAttr("xmlns:m", syncml.MetaNamespace)
	root.CreateAttr("xmlns:msft", syncml.ExtensionNamespace)
	out.AddChild(root)
	out.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
	var b bytes.Buffer
	if _, err := out.WriteTo(&b); err != nil {
		return body
	}
	return b.Bytes()
}

func prefixed(e *etree.Element) *etree.Element {
	space := "s"
	if e.SelectAttrValue("xmlns", "") == syncml.MetaNamespace {
		space = "m"
	}
	out := etree.NewElement(space + ":" + e.Tag)
	for _, a := range e.Attr {
		if a.Key == "originalerror" {
			out.CreateAttr("msft:originalerror", a.Value)
		}
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			out.AddChild(prefixed(t))
		case *etree.CharData:
			if e.Tag == "Data" {
				out.CreateCData(t.Data)
			} else {
				out.CreateText(t.Data)
			}
		}
	}
	return out
}
