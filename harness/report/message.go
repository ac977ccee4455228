package report

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Pretty is a session message for people: indented, with credentials, tokens
// and the values of secret nodes redacted. What is no SyncML comes out as it
// is, redacted as far as it can be.
func Pretty(body []byte) string {
	var m *syncml.Message
	var err error
	if len(body) > 0 && body[0] < 0x10 {
		m, err = syncml.ReadWBXML(body, syncml.Limits{})
	} else {
		m, err = syncml.Read(body)
	}
	if err != nil {
		return Body(body)
	}
	hide(m)
	raw, err := syncml.Write(m)
	if err != nil {
		return Body(body)
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

const hidden = "[redacted]"

func hide(m *syncml.Message) {
	m.Walk(func(c *syncml.Command) {
		for i := range c.Items {
			it := &c.Items[i]
			uri := it.Target.LocURI
			if uri == "" {
				uri = it.Source.LocURI
			}
			token := it.Meta != nil && strings.HasSuffix(it.Meta.Type, "/AADUserToken")
			// A channel URI keeps its host: Redact takes its token out.
			if it.Data != "" && (token || csp.Secret(uri) && !strings.Contains(it.Data, "?token=")) {
				it.Data = hidden
			}
		}
	})
}
