package page

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// member matches a line of indented JSON: indentation, key, value.
var member = regexp.MustCompile(`^(\s*)("(?:[^"\\]|\\.)*": )?(.*)$`)

// layoutJSON indents a JSON text; it returns nil for what is none.
func layoutJSON(text string, marks []Mark) (out []piece) {
	var b bytes.Buffer
	if deep(text) || json.Indent(&b, []byte(text), "", "  ") != nil {
		return nil
	}
	for i, line := range strings.Split(b.String(), "\n") {
		m := member.FindStringSubmatch(line)
		if m == nil {
			m = []string{"", "", "", line}
		}
		if i > 0 || m[1] != "" {
			out = append(out, piece{kind: fresh, text: m[1]})
		}
		at := len(out)
		var key, value string
		if m[2] != "" {
			_ = json.Unmarshal([]byte(strings.TrimSuffix(m[2], ": ")), &key)
			out = append(out, piece{kind: tag, text: m[2]})
		}
		out = append(out, piece{kind: plain, text: m[3]})
		if value = strings.TrimSuffix(m[3], ","); strings.HasPrefix(value, `"`) {
			_ = json.Unmarshal([]byte(value), &value)
		}
		if matches(marks, key, value, nil) {
			out[at].start++
			out[len(out)-1].end++
		}
	}
	return out
}

// deep reports whether a JSON text nests so deep that its indentation would be most of
// it.
func deep(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

var form = regexp.MustCompile(`^[\w.~%+$-]+=[^&\s]*(?:&[\w.~%+$-]+=[^&\s]*)*$`)

// isForm reports whether a text is application/x-www-form-urlencoded.
func isForm(text string) bool { return form.MatchString(text) }

// layoutForm shows each field of a form in a line, decoded.
func layoutForm(text string, marks []Mark) (out []piece) {
	decoded := func(s string) string {
		if d, err := url.QueryUnescape(s); err == nil {
			return d
		}
		return s
	}
	for i, field := range strings.Split(text, "&") {
		if i > 0 {
			out = append(out, piece{kind: fresh})
		}
		key, value, _ := strings.Cut(field, "=")
		key, value = decoded(key), decoded(value)
		at := len(out)
		out = append(out, piece{kind: tag, text: key + " = "}, piece{kind: plain, text: value})
		if matches(marks, key, value, nil) {
			out[at].start++
			out[len(out)-1].end++
		}
	}
	return out
}
