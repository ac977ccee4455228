package report

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// binary reports whether a body is WBXML, which starts with its version, not text.
func binary(body []byte) bool { return len(body) > 0 && body[0] < 0x09 }

// Pretty formats a session message for people: indented and redacted. A body that
// is not SyncML is only redacted.
func Pretty(body []byte) string {
	var m *syncml.Message
	var err error
	if binary(body) {
		if m, err = syncml.ReadWBXML(body, syncml.Limits{}); err != nil {
			// Redact finds no secrets in WBXML.
			return fmt.Sprintf("[%d bytes of unreadable WBXML: %s]", len(body), Redact(err.Error()))
		}
	} else if m, err = syncml.Read(body); err != nil {
		return Body(body)
	}
	raw, err := syncml.Write(m)
	if err != nil {
		return Redact(string(body))
	}
	doc := etree.NewDocument()
	if doc.ReadFromBytes(raw) != nil {
		return Redact(string(raw))
	}
	doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
	s, err := doc.WriteToString()
	if err != nil {
		return Redact(string(raw))
	}
	return Redact(strings.TrimSpace(s))
}
