package console

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// mostVerbs is how many commands of a message an arrow names.
const mostVerbs = 8

// verbs says what a message does, in the words of a report: "Status 200 ×3, Get ×2".
func verbs(m *syncml.Message) string {
	switch {
	case m == nil:
		return ""
	case len(m.Body) == 0:
		return "no command"
	}
	return redact.Text(commands(m.Body))
}

// commands lists commands; equal ones in a row are counted.
func commands(list []syncml.Command) string {
	var out []string
	for i := 0; i < len(list); {
		word, n := command(&list[i]), 1
		for i+n < len(list) && command(&list[i+n]) == word {
			n++
		}
		if i += n; n > 1 {
			word = fmt.Sprintf("%s ×%d", word, n)
		}
		if out = append(out, word); len(out) == mostVerbs && i < len(list) {
			return strings.Join(out, ", ") + fmt.Sprintf(", %d more", len(list)-i)
		}
	}
	return strings.Join(out, ", ")
}

func command(c *syncml.Command) string {
	switch code := strings.TrimSpace(c.Data); {
	case (c.Verb == syncml.Alert || c.Verb == syncml.Status) && code != "" && len(code) <= 4:
		return string(c.Verb) + " " + code
	case len(c.Commands) > 0:
		return fmt.Sprintf("%s (%s)", c.Verb, commands(c.Commands))
	}
	return string(c.Verb)
}
