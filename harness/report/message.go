package report

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/printable"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// binary reports whether a body is WBXML, which starts with its version, not text.
func binary(body []byte) bool { return len(body) > 0 && body[0] < 0x09 }

// Pretty formats a session message for people: indented, redacted, and printable. A body
// that is not SyncML is only redacted, and printable.
func Pretty(body []byte) string { return pretty(body, redact.Text, Body) }

// Revealed is Pretty with the secrets.
func Revealed(body []byte) string {
	same := func(s string) string { return s }
	return pretty(body, same, func(b []byte) string { return cut(string(b)) })
}

func pretty(body []byte, hide func(string) string, other func([]byte) string) string {
	var m *syncml.Message
	var err error
	if binary(body) {
		if m, err = syncml.ReadWBXML(body, syncml.Limits{}); err != nil {
			// Nobody finds no secrets in WBXML.
			return fmt.Sprintf("[%d bytes of unreadable WBXML: %s]", len(body), printable.Line(redact.Text(err.Error())))
		}
	} else if m, err = syncml.Read(body); err != nil {
		return printable.Text(other(body))
	}
	raw, err := syncml.Write(m)
	if err != nil {
		return printable.Text(hide(string(body)))
	}
	doc := etree.NewDocument()
	if doc.ReadFromBytes(raw) != nil {
		return printable.XML(hide(string(raw)))
	}
	doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
	s, err := doc.WriteToString()
	if err != nil {
		return printable.XML(hide(string(raw)))
	}
	return printable.XML(hide(strings.TrimSpace(s)))
}
