package variants

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the SOAP messages of enrollment.
var (
	SOAPPrefixed = &Variant{Name: "soap-prefixed", Does: "gives every element of its SOAP replies a prefix, and none the usual one", Seen: "Namespaces in XML 1.0", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) { prefix(doc.Root()) })
	}}
	SOAPIndented = &Variant{Name: "soap-indented", Does: "indents its SOAP replies", Seen: "SOAP 1.2 part 1, section 5", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			doc.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0" encoding="utf-8"`))
			doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
		})
	}}
	SOAPExtra = &Variant{Name: "soap-extra", Does: "sends SOAP headers that no device knows", Seen: "SOAP 1.2 part 1, section 5.2.3: without mustUnderstand they are ignored", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			if h := doc.FindElement("/Envelope/Header"); h != nil {
				unknownHeaders(h)
			}
		})
	}}
	FaultLower = &Variant{Name: "fault-lower", Does: "spells faults in lower case", Seen: "MS-MDE2 2.2.10, as its example is printed", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) {
			for _, e := range hook.Elements(fault.Parent().Parent()) {
				e.Tag = strings.ToLower(e.Tag)
				if e.Tag == "value" {
					e.SetText(strings.ToLower(e.Text()))
				}
			}
		})
	}}
	FaultNoDetail = &Variant{Name: "fault-no-detail", Does: "sends faults without Detail", Seen: "SOAP 1.2 part 1, section 5.4: optional", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) {
			if d := fault.SelectElement("Detail"); d != nil {
				hook.Remove(d)
			}
		})
	}}
	Fault400 = &Variant{Name: "fault-400", Does: "sends faults with HTTP 400", Seen: "SOAP 1.2 part 2, section 7.5.2.2, for faults of the sender; seen for all", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(x *hook.Exchange, _ *etree.Element) { x.Status = http.StatusBadRequest })
	}}
	SOAPBare = &Variant{Name: "soap-bare", Does: "sends no SOAP headers but Action and RelatesTo", Seen: "WS-Addressing 1.0 SOAP binding; seen", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			for _, e := range doc.FindElements("/Envelope/Header/*") {
				if e.Tag != "Action" && e.Tag != "RelatesTo" {
					hook.Remove(e)
				}
			}
		})
	}}
	SOAPMedia = &Variant{Name: "soap-media", Does: "spells the media type of SOAP in its own way, with parameters", Seen: "RFC 9110 8.3.1: case does not matter; RFC 3902", Vary: func(c *mdmserver.Config) {
		hook.AfterSOAP(&c.Tamper, func(x *hook.Exchange) {
			x.ReplyHeader.Set("Content-Type", `Application/SOAP+XML;charset="UTF-8";action="urn:reply"`)
		})
	}}
	RSTRLines = &Variant{Name: "rstr-lines", Does: "breaks the base64 of the provisioning document into lines", Seen: "XML Schema 2, 3.2.16; seen", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			if e := doc.FindElement("//RequestedSecurityToken/BinarySecurityToken"); e != nil {
				e.SetText(lines.ReplaceAllString(e.Text(), "$0\r\n"))
			}
		})
	}}
)

var soap = []*Variant{SOAPPrefixed, SOAPIndented, SOAPExtra, SOAPBare, SOAPMedia, FaultLower, FaultNoDetail, Fault400, RSTRLines}

// usual are the prefixes that other SOAP libraries write.
var usual = map[string]string{"http://www.w3.org/2003/05/soap-envelope": "soap", "http://www.w3.org/2005/08/addressing": "wsa"}

// prefix binds every namespace to a prefix at the root, and writes no element
// without one.
func prefix(root *etree.Element) {
	b := bindings{}
	all := hook.Elements(root)
	// The prefixes are looked up before any of them changes.
	var renames []func()
	for _, e := range all {
		renames = append(renames, b.renames(e, root)...)
	}
	for _, rename := range renames {
		rename()
	}
	for _, e := range all {
		e.Attr = slices.DeleteFunc(e.Attr, isBinding)
	}
	for _, ns := range slices.Sorted(maps.Keys(b)) {
		root.CreateAttr("xmlns:"+b[ns], ns)
	}
}

func isBinding(a etree.Attr) bool { return a.Space == "xmlns" || a.FullKey() == "xmlns" }

// bindings are the prefixes of namespaces.
type bindings map[string]string

// of gives the prefix of a namespace.
func (b bindings) of(ns string) string {
	if ns != "" && b[ns] == "" {
		b[ns] = cmp.Or(usual[ns], "n"+strconv.Itoa(len(b)))
	}
	return b[ns]
}

// renames are what to do to give an element, its attributes and a code of SOAP in
// it their prefixes.
func (b bindings) renames(e, root *etree.Element) (out []func()) {
	space := b.of(e.NamespaceURI())
	out = append(out, func() { e.Space = space })
	if of, code, ok := strings.Cut(e.Text(), ":"); ok && e.Tag == "Value" && of == root.Space {
		text := b.of(root.NamespaceURI()) + ":" + code
		out = append(out, func() { e.SetText(text) })
	}
	for i := range e.Attr {
		if a := &e.Attr[i]; a.Space != "" && a.Space != "xml" && a.Space != "xmlns" {
			name := b.of(a.NamespaceURI())
			out = append(out, func() { a.Space = name })
		}
	}
	return out
}

// unknownHeaders adds headers of another namespace, of which two have the local
// names of headers that devices know.
func unknownHeaders(h *etree.Element) {
	trace := etree.NewElement("x:Action")
	trace.CreateAttr("xmlns:x", "urn:example:tracing")
	trace.SetText("traced")
	h.InsertChildAt(0, trace)
	security := etree.NewElement("x:Security")
	security.CreateAttr("xmlns:x", "urn:example:tracing")
	security.CreateElement("x:Timestamp").CreateElement("x:Created").SetText("long ago")
	h.InsertChildAt(0, security)
	node := h.CreateElement("x:Node")
	node.CreateAttr("xmlns:x", "urn:example:tracing")
	node.SetText("7")
}

// lines are what a line of base64 has (RFC 2045).
var lines = regexp.MustCompile(`.{76}`)
