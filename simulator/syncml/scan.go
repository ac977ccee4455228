package syncml

import (
	"bytes"
	"strings"

	"github.com/dmwake/dmwake/simulator/xmlscan"
)

// quick reads a document in one pass, if its names are ASCII: elements,
// attributes, text, CDATA, comments, processing instructions, references to
// characters. ok is false for all else, be it right or wrong: etree has to look
// then, and says what is wrong. It is a tenth of etree's cost.
func quick(b []byte, limits Limits) (nodes []node, ok bool) {
	at, ok := xmlscan.New(b)
	if !ok {
		return nil, false
	}
	s := scanner{Scanner: at, room: takeNodes(bytes.Count(b, []byte("<"))), depth: limits.Depth}
	ok = s.Around() && s.element(s.room.next(), "") && s.Around()
	if !ok || s.I != len(s.B) {
		giveNodes(s.room.all())
		return nil, false
	}
	return s.room.all(), true
}

type scanner struct {
	xmlscan.Scanner
	room  room
	depth int
}

// element reads one from its "<" into n. Where n is nil it reads past it. It is
// false where quick does not know the element.
func (s *scanner) element(n *node, parent string) bool {
	if !s.Starts("<") {
		return false
	}
	if s.depth--; s.depth < 0 {
		return false
	}
	s.I++
	start := s.I
	space, tag := s.Name()
	full := s.B[start:s.I]
	if tag == "" {
		return false
	}
	if n != nil {
		n.space, n.tag = space, tag
	}
	if !s.attributes(n) {
		return false
	}
	if s.Starts("/>") {
		s.I += 2
		s.depth++
		return true
	}
	if !s.Starts(">") {
		return false
	}
	s.I++
	if !s.content(n, parent) || !s.Starts(full) {
		return false
	}
	s.I += len(full) // of the end tag, which content stopped in
	s.Blank()
	if !s.Starts(">") {
		return false
	}
	s.I++
	s.depth++
	return true
}

// attributes reads those of n up to the end of the start tag.
func (s *scanner) attributes(n *node) bool {
	for {
		space, key, value, more, ok := s.Attribute()
		if !more {
			return ok
		}
		if n != nil && isRead(space, key) {
			n.attrs = append(n.attrs, attr{space, key, value})
		}
	}
}

// content reads text and elements up to the "</" of the end tag, and that.
func (s *scanner) content(n *node, parent string) bool {
	value := n == nil || isValue(n.tag, parent)
	start, elements := s.I, false
	var text pieces
	for {
		end := strings.IndexByte(s.B[s.I:], '<')
		if end < 0 {
			return false
		}
		if end > 0 {
			raw := s.B[s.I : s.I+end]
			piece, ok := s.Unescape(raw)
			if !ok || strings.Contains(raw, "]]>") {
				return false
			}
			if n != nil && !(value && elements) {
				text.add(piece)
			}
			s.I += end
		}
		switch {
		case s.Starts("</"):
			switch {
			case n == nil:
			case value && elements:
				n.text = s.B[start:s.I]
			default:
				n.text = text.String()
			}
			s.I += 2
			return true
		case s.Starts("<![CDATA["):
			s.I += len("<![CDATA[")
			end := strings.Index(s.B[s.I:], "]]>")
			if end < 0 {
				return false
			}
			if n != nil && !(value && elements) {
				text.add(s.Lines(s.B[s.I : s.I+end]))
			}
			s.I += end + len("]]>")
		case s.Starts("<!--") || s.Starts("<?"):
			if !s.Aside() {
				return false
			}
		case value:
			elements = true
			if !s.element(nil, "") {
				return false
			}
		default:
			k := s.room.next()
			n.kids = append(n.kids, k)
			if !s.element(k, n.tag) {
				return false
			}
		}
	}
}
