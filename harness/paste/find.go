package paste

import (
	"regexp"
	"slices"
	"strings"
)

// Brackets and slashes, as they are and escaped any number of times.
const (
	openBracket  = `<|(?i:&(?:amp;)*(?:lt|#60|#x3c);|\\{1,8}u003c|%(?:25)*3c)`
	closeBracket = `>|(?i:&(?:amp;)*(?:gt|#62|#x3e);|\\{1,8}u003e|%(?:25)*3e)`
	slash        = `\\{0,8}/|(?i:%(?:25)*2f)`
)

// tag matches the start tag of a document up to its name, or its whole end tag.
var tag = regexp.MustCompile(`(` + openBracket + `)(?:(` + slash + `)(?:[\w.-]{1,20}(?i::|%(?:25)*3a))?(SyncML|Envelope)\s*(?:` + closeBracket + `)` +
	`|(?:[\w.-]{1,20}(?i::|%(?:25)*3a))?(SyncML|Envelope)\b)`)

// token is a tag in a text.
type token struct {
	at, end int
	form    form
	name    string
	ends    bool
}

// place is where a document stands in a text.
type place struct {
	from, to int
	form     form
	name     string
	cut      bool
	// decoded is the text that a place in base64 holds.
	decoded string
	base64  bool
}

// tokens finds the tags by their names, since most of a text has none.
func tokens(s string) (out []token) {
	next := [...]int{-1, -1} // where each name stands next
	for from := 0; ; {
		at := len(s)
		for i, name := range [...]string{"SyncML", "Envelope"} {
			if next[i] < from {
				next[i] = len(s)
				if k := strings.Index(s[from:], name); k >= 0 {
					next[i] = from + k
				}
			}
			at = min(at, next[i])
		}
		if at == len(s) {
			return out
		}
		low := max(from, at-maxBefore)
		m := tag.FindStringSubmatchIndex(s[low:min(len(s), at+maxAfter)])
		if m == nil {
			from = at + 1
			continue
		}
		t := token{at: low + m[0], end: low + m[1], form: formOf(s[low+m[2] : low+m[3]])}
		if t.ends = m[4] >= 0; t.ends {
			t.name = s[low+m[6] : low+m[7]]
		} else {
			t.name = s[low+m[8] : low+m[9]]
		}
		out = append(out, t)
		from = max(t.end, at+1)
	}
}

// What a tag has before its name and from there on, in bytes: brackets that are escaped
// several times, a prefix, white space.
const maxBefore, maxAfter = 96, 96

// ahead bounds how many tags of other forms, inside of values, a document may have.
const ahead = 64

// addedEnd starts the comment of SyncML Viewer before an end tag that it adds to a
// message that the trace cut (its README: events have at most 64 KB).
const addedEnd = "<!-- ignore this line"

// places finds the documents of a text, and orphan: the end of a document whose start
// is missing, -1 without one.
func places(s string) (out []place, orphan int) {
	orphan = -1
	list := tokens(s)
	for i := 0; i < len(list); i++ {
		t := list[i]
		if t.ends {
			if len(out) == 0 && orphan < 0 {
				orphan = t.end
			}
			continue
		}
		p := place{from: t.at, to: len(s), form: t.form, name: t.name, cut: true}
		for k := i + 1; k < min(len(list), i+ahead); k++ {
			o := list[k]
			if o.form != t.form || o.name != t.name {
				continue
			}
			if o.ends {
				p.to, p.cut, i = o.end, false, k
			} else {
				p.to, i = o.at, k-1
			}
			break
		}
		if p.cut && p.to == len(s) && i+1 < len(list) && !list[i+1].ends {
			p.to = list[i+1].at // what follows is written in another way
		}
		if p.cut {
			p.unbroken(s)
		}
		if at := strings.LastIndex(s[max(p.from, p.to-300):p.to], addedEnd); at >= 0 {
			p.to, p.cut = max(p.from, p.to-300)+at, true
		}
		out = append(out, p)
	}
	return out, orphan
}

// unbroken finds the end of a document whose end tag a log broke into two lines.
func (p *place) unbroken(s string) {
	width := -len(headOf(s, p.from))
	at := p.from
	for line := range strings.Lines(s[p.from:p.to]) {
		n := len(strings.TrimRight(line, "\r\n"))
		if width <= 0 {
			n -= width // the first line has the head as well
			width = n
		}
		at += len(line)
		if n < width {
			break
		}
		if n > width || width < minWidth {
			return
		}
	}
	list := tokens(joined(s[p.from:at]))
	if n := len(list); n > 1 && list[n-1].ends && list[n-1].name == p.name && list[n-1].form == p.form {
		p.to, p.cut = p.from+len(strings.TrimRight(s[p.from:at], "\r\n")), false
	}
}

// all finds the documents of a text, those in base64 as well, in their order.
func all(s string, depth int) ([]place, int) {
	out, orphan := places(s)
	if depth > 0 {
		out = append(out, inBase64(s)...)
		slices.SortStableFunc(out, func(a, b place) int { return a.from - b.from })
	}
	return out, orphan
}

// without returns the text with the documents blanked out; its lines stay.
func without(s string, list []place) string {
	b := []byte(s)
	for _, p := range list {
		for i := p.from; i < p.to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}
