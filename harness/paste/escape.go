package paste

import (
	"html"
	"strings"
)

// form is how a document is written in a text: as it is, or escaped, with the number
// of times.
type form struct {
	kind  byte // '<', '&' (XML), '\\' (a JSON or Go string), '%' (a URL)
	times int
}

// formOf returns the form in which its opening bracket is written.
func formOf(bracket string) form {
	switch bracket[0] {
	case '&':
		return form{'&', 1 + strings.Count(bracket, "amp;")}
	case '%':
		return form{'%', 1 + strings.Count(bracket, "25")}
	case '\\':
		// A string in a string doubles the backslashes.
		n := 1
		for k := strings.IndexByte(bracket, 'u'); k > 1; k /= 2 {
			n++
		}
		return form{'\\', n}
	}
	return form{'<', 0}
}

// plain takes the escapes away.
func (f form) plain(s string) string {
	switch f.kind {
	case '&':
		for range f.times {
			s = html.UnescapeString(s)
		}
	case '%':
		for range f.times {
			s = unURL(s)
		}
	case '\\':
		for range f.times {
			s = unString(s)
		}
	}
	return unquoted(s)
}

// layers bounds how many forms a document may have gone through.
const layers = 4

// unquoted takes away what is left of escapes: a document whose brackets are not
// escaped may still stand in a string, which shows by the quotes in its start tag.
func unquoted(s string) string {
	for range layers {
		if list := tokens(s[:min(len(s), maxAfter)]); len(list) > 0 && list[0].at == 0 && list[0].form.kind != '<' {
			return list[0].form.plain(s)
		}
		switch quoteOf(s) {
		case '\\':
			s = unString(s)
		case '&':
			s = html.UnescapeString(s)
		case '%':
			s = unURL(s)
		default:
			return s
		}
	}
	return s
}

// quoteOf is the first character of the first value in a start tag: a quote, or what
// escapes one. 0: it has no value.
func quoteOf(s string) byte {
	tag, _, _ := strings.Cut(s[:min(len(s), 1000)], ">")
	_, value, _ := strings.Cut(tag, "=")
	value = strings.TrimLeft(value, " \t\r\n")
	if rest := strings.TrimLeft(value, `\`); rest != "" && (rest[0] == '&' || rest[0] == '%') {
		return rest[0] // the string was escaped as a whole
	}
	if value != "" {
		return value[0]
	}
	return 0
}

// maxMixed bounds a text in which several kinds of escapes are looked for, in bytes.
const maxMixed = 1 << 20

// mixed takes escapes of several kinds away from a whole text, such as XML that was
// escaped before it became a string: \u0026lt;SyncML. Its lines stay lines. It returns ""
// if that uncovers no document.
func mixed(s string) string {
	if len(s) > maxMixed || !mayHave(s) {
		return ""
	}
	seen := map[string]bool{s: true}
	level := []string{s}
	for range 3 {
		var below []string
		for _, before := range level {
			for _, take := range []func(string) string{unURL, unString, html.UnescapeString} {
				t := byLine(before, take)
				if seen[t] {
					continue
				}
				seen[t] = true
				if list, _ := all(t, 1); len(list) > 0 {
					return t
				}
				below = append(below, t)
			}
		}
		level = below
	}
	return ""
}

// byLine applies f to each line. Line breaks that it uncovers become spaces.
func byLine(s string, f func(string) string) string {
	list := strings.Split(s, "\n")
	for i, line := range list {
		list[i] = strings.ReplaceAll(f(line), "\n", " ")
	}
	return strings.Join(list, "\n")
}

// unURL decodes a form or a URL. What is no escape stays.
func unURL(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "?")
}

// unString decodes the escapes of a JSON, Go or Java string. What is no escape stays.
func unString(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case '"', '\'', '\\', '/':
			b.WriteByte(c)
		case 'u', 'x':
			n := 4
			if c == 'x' {
				n = 2
			}
			r, ok := rune(0), i+n < len(s)
			for k := 1; ok && k <= n; k++ {
				ok = isHex(s[i+k])
				r = r<<4 | rune(unhex(s[i+k]))
			}
			if !ok {
				b.WriteString(s[i-1 : i+1])
				continue
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteString(s[i-1 : i+1])
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
