package report

import (
	"fmt"
	"regexp"
)

// fewLines is how many lines of one form are shown in a row.
const fewLines = 3

// counted matches what differs from one line of a form to the next: times, counters,
// sizes, ports. A status says what happened, so it counts as text.
var counted = regexp.MustCompile(`((?:HTTP|status|->) *\d{3}\b)|\d+(?:[.:]\d+)*`)

// form is a line without its counters.
func form(line string) string { return counted.ReplaceAllString(line, "${1}#") }

// fewer shows lines to people: of a row of lines of one form it keeps the first ones,
// and says how many more there are. The JSON report has all of them.
func fewer(lines []string) (out []string) {
	for i := 0; i < len(lines); {
		end, f := i+1, form(lines[i])
		for end < len(lines) && form(lines[end]) == f {
			end++
		}
		keep := end
		if end-i > fewLines+1 { // "1 more" is no shorter than the line
			keep = i + fewLines
		}
		out = append(out, lines[i:keep]...)
		if more := end - keep; more > 0 {
			out = append(out, fmt.Sprintf("(%d more like this)", more))
		}
		i = end
	}
	return out
}
