package console

import (
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// mostVerbs is how many verbs of a message an arrow names.
const mostVerbs = 6

// verbs says in a few words what is in a message: "Status 200 x3, Status 404, Get x2".
func verbs(m *syncml.Message) string {
	if m == nil {
		return ""
	}
	var order []string
	count := map[string]int{}
	for i := range m.Body {
		c := &m.Body[i]
		word := string(c.Verb)
		if c.Verb == syncml.Alert || c.Verb == syncml.Status {
			if code := strings.TrimSpace(c.Data); len(code) <= 4 {
				word += " " + redact.Text(code)
			}
		}
		if count[word]++; count[word] == 1 {
			order = append(order, word)
		}
	}
	var out []string
	for i, w := range order {
		if i == mostVerbs {
			out = append(out, strconv.Itoa(len(order)-i)+" others")
			break
		}
		if n := count[w]; n > 1 {
			w += " ×" + strconv.Itoa(n)
		}
		out = append(out, w)
	}
	if len(out) == 0 {
		return "no commands"
	}
	return strings.Join(out, ", ")
}
