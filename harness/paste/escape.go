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

// plain takes the escapes away. A document whose brackets are not escaped may still
// stand in a string, which shows by its quotes.
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
	default:
		for range quoted(s) {
			s = unString(s)
		}
	}
	return s
}

// quoted is how often the quotes in a start tag are escaped: 1 for \", 2 for \\\".
func quoted(s string) int {
	end := strings.IndexByte(s, '>')
	if end < 0 {
		end = min(len(s), 1000)
	}
	tag := s[:end]
	i := strings.IndexByte(tag, '"')
	if i < 0 {
		if i = strings.IndexByte(tag, '\''); i < 0 {
			return 0
		}
	}
	switch run := backslashes(tag, i); {
	case run == 0:
		return 0
	case run < 3:
		return 1
	case run < 7:
		return 2
	}
	return 3
}

// backslashes is how many stand before i.
func backslashes(s string, i int) (n int) {
	for i > 0 && s[i-1] == '\\' {
		i--
		n++
	}
	return n
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
