// Package printable makes texts of others fit to be shown: what a server, a sender, a
// discovery document or a file wrote may hold sequences that a terminal obeys, marks
// that turn a line around, and lines that a CI system takes for commands. Everything
// that dmwake prints or writes for people goes through it; what it escapes stands there
// as \u and four digits, as JSON writes it, so JSON keeps its meaning.
package printable

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Text escapes a text of several lines: control characters except line breaks and tabs,
// marks of direction and other characters that nobody sees, bytes that are not UTF-8
// (as \x and two digits), and commands to a CI system at the start of a line.
func Text(s string) string {
	if harmless(s) {
		return s
	}
	var e edge
	return string(e.put(nil, s))
}

// Line is Text for a text that has to stay in one line: it escapes line breaks and tabs,
// too, as \n, \r and \t. It may stand in the middle of a line.
func Line(s string) string {
	if harmless(s) {
		return s
	}
	e := edge{line: true, text: true}
	return string(e.put(nil, s))
}

// Lines escapes each of the texts as a line.
func Lines(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = Line(s)
	}
	return out
}

// JSON escapes what a JSON text, which is valid, has of that in its strings. It does not
// change what the text means.
func JSON(b []byte) []byte {
	if harmless(string(b)) {
		return b
	}
	e := edge{text: true}
	return e.put(make([]byte, 0, len(b)+len(b)/8), string(b))
}

// XML is Text for an XML document: it writes character references, so the document keeps
// its meaning. What is no character of XML becomes \u or \x.
func XML(s string) string {
	if harmless(s) {
		return s
	}
	e := edge{xml: true}
	return string(e.put(nil, s))
}

// harmless reports whether a text has only printable ASCII and no possible beginning of
// a command.
func harmless(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == ':' && i+1 < len(s) && s[i+1] == ':' || c == '#' {
			return false
		}
	}
	return true
}

// own are the sequences that dmwake itself writes to a terminal: its colours. Those that
// move the cursor come from package live, behind this.
var own = []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[90m"}

// edge is a place where text leaves the process, with what it has seen of the line.
type edge struct {
	line     bool // line breaks and tabs are escaped
	terminal bool // the sequences of own pass
	xml      bool // character references instead of \u

	text  bool // the line has more than white space and one colon
	colon bool
	hash  int // of "##vso[": 1 "#", 2 "##", 3 letters after that
}

// put appends a text, escaped.
func (e *edge) put(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if e.terminal && s[i] == '\x1b' {
			if n := ownAt(s[i:]); n > 0 {
				dst = append(dst, s[i:i+n]...)
				i += n
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', digits[s[i]>>4], digits[s[i]&15])
			e.text, e.hash = true, 0
		case r == '\n' && !e.line:
			dst = append(dst, '\n')
			e.text, e.colon, e.hash = false, false, 0
		case r == '\t' && !e.line:
			dst = append(dst, '\t')
			e.hash = 0
		case e.line && (r == '\n' || r == '\r' || r == '\t'):
			dst = append(dst, '\\', "tn\x00\x00r"[r-'\t'])
		case !unicode.IsGraphic(r):
			dst = e.escape(dst, r)
			e.text, e.hash = true, 0
		case e.command(r):
			dst = e.escape(dst, r)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

func ownAt(s string) int {
	for _, o := range own {
		if len(s) >= len(o) && s[:len(o)] == o {
			return len(o)
		}
	}
	return 0
}

// command reports whether a character would complete the mark of a command to a CI
// system: "::" at the start of a line (GitHub, after white space), "##[" and "##vso["
// anywhere in it (GitHub, Azure Pipelines, and TeamCity's "##teamcity[").
func (e *edge) command(r rune) bool {
	broken := false
	switch {
	case r == '#':
		e.hash = min(e.hash%3+1, 2)
	case r == '[' && e.hash >= 2:
		broken, e.hash = true, 0
	case e.hash >= 2 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'):
		e.hash = 3
	default:
		e.hash = 0
	}
	switch {
	case e.text || unicode.IsSpace(r) && !e.colon:
	case r == ':' && !e.colon:
		e.colon = true
	default:
		broken = broken || r == ':'
		e.text = true
	}
	return broken
}

const digits = "0123456789abcdef"

// escape appends a character as JSON escapes it, or XML.
func (e *edge) escape(dst []byte, r rune) []byte {
	switch {
	case e.xml && (r >= ' ' || r == '\r') && r != 0xfffe && r != 0xffff:
		return fmt.Appendf(dst, "&#x%X;", r)
	case r > 0xffff:
		r -= 0x10000
		return e.escape(e.escape(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
