package suite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// maxVerbs and maxCode limit how long a message is told.
const maxVerbs, maxCode = 8, 20

// verbs says what a message does, for the diagram of a report: its commands with their
// codes, or the operation of a SOAP envelope. It is empty for other bodies.
func verbs(body []byte) string {
	if op := operation(body); op != "" {
		return op
	}
	m, err := syncml.Read(body)
	if len(body) > 0 && body[0] < ' ' {
		m, err = syncml.ReadWBXML(body, syncml.Limits{})
	}
	if err != nil {
		return ""
	}
	if len(m.Body) == 0 {
		return "no command"
	}
	return commands(m.Body)
}

// commands lists commands; equal ones in a row are counted.
func commands(list []syncml.Command) string {
	var out []string
	for i := 0; i < len(list); {
		word, n := command(&list[i]), 1
		for i+n < len(list) && command(&list[i+n]) == word {
			n++
		}
		i += n
		if n > 1 {
			word = fmt.Sprintf("%s ×%d", word, n)
		}
		if out = append(out, word); len(out) == maxVerbs && i < len(list) {
			return strings.Join(out, ", ") + fmt.Sprintf(", %d more", len(list)-i)
		}
	}
	return strings.Join(out, ", ")
}

func command(c *syncml.Command) string {
	switch {
	case (c.Verb == syncml.Alert || c.Verb == syncml.Status) && c.Data != "":
		return string(c.Verb) + " " + report.Clip(c.Data, maxCode)
	case len(c.Commands) > 0:
		return fmt.Sprintf("%s (%s)", c.Verb, commands(c.Commands))
	}
	return string(c.Verb)
}

// soapBody matches the element in the Body of an envelope.
var soapBody = regexp.MustCompile(`<(?:[\w.-]+:)?Body(?:\s[^>]*)?>\s*<(?:[\w.-]+:)?([\w.-]+)`)

// short are the names that the trade has for them.
var short = map[string]string{"RequestSecurityToken": "RST", "RequestSecurityTokenResponseCollection": "RSTRC", "RequestSecurityTokenResponse": "RSTR"}

func operation(body []byte) string {
	m := soapBody.FindSubmatch(body)
	if m == nil {
		return ""
	}
	if s, ok := short[string(m[1])]; ok {
		return s
	}
	return string(m[1])
}
