package syncml

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// quick reads a plain document in one pass: elements, attributes, text, the
// predefined entities, CDATA. ok is false for all else, be it right or wrong:
// etree has to look then, and says what is wrong. It is a tenth of etree's cost.
func quick(b []byte, limits Limits) (nodes []node, ok bool) {
	for _, decl := range declarations {
		if bytes.HasPrefix(b, decl) {
			b = b[len(decl):]
			break
		}
	}
	if !plain(b) {
		return nil, false
	}
	s := scanner{b: string(b), room: takeNodes(bytes.Count(b, []byte("<"))), depth: limits.Depth}
	s.blank()
	ok = s.element(s.room.next(), "")
	s.blank()
	if !ok || s.i != len(s.b) {
		giveNodes(s.room.all())
		return nil, false
	}
	return s.room.all(), true
}

var declarations = [][]byte{[]byte(`<?xml version="1.0" encoding="utf-8"?>`), []byte(`<?xml version="1.0" encoding="UTF-8"?>`), []byte(`<?xml version="1.0"?>`)}

// plain tells whether a document has no bytes that XML treats in a way of its
// own: control characters, carriage returns, what is no UTF-8.
func plain(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
		ascii = ascii && c < 0x7f
	}
	// U+FFFE and U+FFFF are UTF-8 and no XML.
	return ascii || utf8.Valid(b) && !bytes.Contains(b, []byte("\uFFFE")) && !bytes.Contains(b, []byte("\uFFFF")) && !bytes.ContainsRune(b, 0x7f)
}

type scanner struct {
	b     string
	i     int
	room  room
	depth int
}

func (s *scanner) blank() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t') {
		s.i++
	}
}

// name reads "prefix:local"; empty where there is none that is plain.
func (s *scanner) name() (space, local string) {
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || s.i > start && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':') {
			s.i++
			continue
		}
		break
	}
	full := s.b[start:s.i]
	space, local, found := strings.Cut(full, ":")
	if !found {
		return "", full
	}
	if space == "" || local == "" || strings.Contains(local, ":") || local[0] >= '0' && local[0] <= '9' || local[0] == '-' || local[0] == '.' {
		return "", ""
	}
	return space, local
}

func (s *scanner) starts(prefix string) bool { return strings.HasPrefix(s.b[s.i:], prefix) }

// element reads one from its "<" into n. Where n is nil it reads past it. It is
// false where the element is not plain.
func (s *scanner) element(n *node, parent string) bool {
	if !s.starts("<") {
		return false
	}
	if s.depth--; s.depth < 0 {
		return false
	}
	s.i++
	start := s.i
	space, tag := s.name()
	full := s.b[start:s.i]
	if tag == "" {
		return false
	}
	if n != nil {
		n.space, n.tag = space, tag
	}
	if !s.attributes(n) {
		return false
	}
	if s.starts("/>") {
		s.i += 2
		s.depth++
		return true
	}
	if !s.starts(">") {
		return false
	}
	s.i++
	if !s.content(n, parent) || !s.starts(full) {
		return false
	}
	s.i += len(full) // of the end tag, which content stopped in
	s.blank()
	if !s.starts(">") {
		return false
	}
	s.i++
	s.depth++
	return true
}

// attributes reads those of n up to the end of the start tag.
func (s *scanner) attributes(n *node) bool {
	for {
		before := s.i
		s.blank()
		if s.starts(">") || s.starts("/>") {
			return true
		}
		space, key := s.name()
		if key == "" || before == s.i || !s.starts("=") || s.b[before] != ' ' && s.b[before] != '\n' && s.b[before] != '\t' {
			return false
		}
		s.i++
		if !s.starts(`"`) && !s.starts(`'`) {
			return false
		}
		quote := s.b[s.i]
		s.i++
		end := strings.IndexByte(s.b[s.i:], quote)
		if end < 0 {
			return false
		}
		v := s.b[s.i : s.i+end]
		if strings.ContainsAny(v, "<&\n\t") {
			return false
		}
		s.i += end + 1
		if n != nil && isRead(space, key) {
			n.attrs = append(n.attrs, attr{space, key, v})
		}
	}
}

// content reads text and elements up to the "</" of the end tag, and that.
func (s *scanner) content(n *node, parent string) bool {
	value := n == nil || isValue(n.tag, parent)
	start, elements := s.i, false
	var text pieces
	for {
		end := strings.IndexByte(s.b[s.i:], '<')
		if end < 0 {
			return false
		}
		if end > 0 {
			piece, ok := unescape(s.b[s.i : s.i+end])
			if !ok {
				return false
			}
			if n != nil && !(value && elements) {
				text.add(piece)
			}
			s.i += end
		}
		switch {
		case s.starts("</"):
			switch {
			case n == nil:
			case value && elements:
				n.text = s.b[start:s.i]
			default:
				n.text = text.String()
			}
			s.i += 2
			return true
		case s.starts("<![CDATA["):
			s.i += len("<![CDATA[")
			end := strings.Index(s.b[s.i:], "]]>")
			if end < 0 {
				return false
			}
			if n != nil && !(value && elements) {
				text.add(s.b[s.i : s.i+end])
			}
			s.i += end + len("]]>")
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

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// unescape resolves the predefined entities; ok is false where there is another.
func unescape(text string) (out string, ok bool) {
	if strings.Contains(text, "]]>") {
		return "", false
	}
	i := strings.IndexByte(text, '&')
	if i < 0 {
		return text, true
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(text, '&') {
		b.WriteString(text[:i])
		name, rest, found := strings.Cut(text[i+1:], ";")
		v := entities[name]
		if !found || v == "" {
			return "", false
		}
		b.WriteString(v)
		text = rest
	}
	b.WriteString(text)
	return b.String(), true
}
