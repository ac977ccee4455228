package redact

import "strings"

// Tags as they appear in XML, in XML that is escaped in XML, in JSON and in a form:
// <a>, &lt;a&gt;, \u003ca\u003e, %3Ca%3E. All texts are in lower case.

// tagLimit is the maximum length of a start tag, in bytes. It limits the cost of a
// hostile text.
const tagLimit = 1 << 10

func nameChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

// beforePrefix returns the start of the name at p including its prefix, as in
// wsse:Password.
func beforePrefix(s string, p int) int {
	i := p
	switch {
	case strings.HasSuffix(s[:p], ":"):
		i--
	case strings.HasSuffix(s[:p], "%3a"):
		i -= 3
	default:
		return p
	}
	end := i
	for i > 0 && nameChar(s[i-1]) {
		i--
	}
	// In \u003cwsse and %3cwsse the bracket looks like part of the name.
	for _, b := range []string{"u003c", "3c", "2f"} {
		if k := strings.LastIndex(s[i:end], b); k >= 0 && k+len(b) < end-i {
			if at := i + k + len(b); bracket(s, at) >= 0 || slash(s, at) >= 0 {
				return at
			}
		}
	}
	return i
}

// bracket returns the start of the opening bracket that ends at p; -1 if there is
// none.
func bracket(s string, p int) int {
	switch head := s[:p]; {
	case strings.HasSuffix(head, "<"):
		return p - 1
	case strings.HasSuffix(head, "%3c"):
		return p - 3
	case strings.HasSuffix(head, "u003c"):
		i := p - len("u003c")
		for i > 0 && s[i-1] == '\\' {
			i--
		}
		if i < p-len("u003c") {
			return i
		}
	case strings.HasSuffix(head, ";"):
		i := max(0, p-tagLimit)
		if i += strings.LastIndexByte(s[i:p], '&'); i >= 0 && s[i] == '&' && entity(s[i:p], "lt;", "#60;", "#x3c;") == p-i {
			return i
		}
	}
	return -1
}

// bracketEnd returns the end of the opening bracket that starts at i.
func bracketEnd(s string, i int) int {
	switch s[i] {
	case '%':
		return i + 3
	case '&':
		return i + entity(s[i:], "lt;", "#60;", "#x3c;")
	case '\\':
		return i + strings.IndexByte(s[i:], 'u') + len("u003c")
	}
	return i + 1
}

// entity returns the length of the entity at the start of s, however often its & was
// escaped; 0 if it is not one of names.
func entity(s string, names ...string) int {
	rest := strings.TrimPrefix(s, "&")
	for strings.HasPrefix(rest, "amp;") {
		rest = rest[len("amp;"):]
	}
	for _, n := range names {
		if len(rest) < len(s) && strings.HasPrefix(rest, n) {
			return len(s) - len(rest) + len(n)
		}
	}
	return 0
}

// opening returns the start of the start tag whose name is at p; -1 if there is none.
func opening(s string, p int) int { return bracket(s, beforePrefix(s, p)) }

// slash returns the start of the slash that ends at p; -1 if there is none.
func slash(s string, p int) int {
	switch head := s[:p]; {
	case strings.HasSuffix(head, `\/`):
		return p - 2
	case strings.HasSuffix(head, "/"):
		return p - 1
	case strings.HasSuffix(head, "%2f"):
		return p - 3
	}
	return -1
}

// ending returns the start of the end tag whose name is at p; -1 if there is none.
func ending(s string, p int) int {
	if i := slash(s, beforePrefix(s, p)); i >= 0 {
		return bracket(s, i)
	}
	return -1
}

// closing returns the end of the start tag whose name ends at from, -1 if it does
// not end, and whether its element is empty.
func closing(s string, from int) (end int, empty bool) {
	if from < len(s) && nameChar(s[from]) {
		return -1, false
	}
	for i := from; i < min(len(s), from+tagLimit); i++ {
		n := 0
		switch s[i] {
		case '<':
			return -1, false
		case '>':
			n = 1
		case '%':
			if strings.HasPrefix(s[i:], "%3e") {
				n = 3
			}
		case '&':
			n = entity(s[i:], "gt;", "#62;", "#x3e;")
		case '\\':
			if rest := strings.TrimLeft(s[i:min(len(s), i+tagLimit)], `\`); strings.HasPrefix(rest, "u003e") {
				n = strings.IndexByte(s[i:], 'u') + len("u003e")
			}
		}
		if n > 0 {
			return i + n, slash(s, i) >= from
		}
	}
	return -1, false
}
