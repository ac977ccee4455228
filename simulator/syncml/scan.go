package syncml

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quick reads a document in one pass, if its names are ASCII: elements,
// attributes, text, CDATA, comments, processing instructions, references to
// characters. ok is false for all else, be it right or wrong: etree has to look
// then, and says what is wrong. It is a tenth of etree's cost.
func quick(b []byte, limits Limits) (nodes []node, ok bool) {
	b = b[len(declaration.Find(b)):]
	if !plain(b) {
		return nil, false
	}
	s := scanner{b: string(b), room: takeNodes(bytes.Count(b, []byte("<"))), depth: limits.Depth, returns: bytes.IndexByte(b, '\r') >= 0}
	ok = s.around() && s.element(s.room.next(), "") && s.around()
	if !ok || s.i != len(s.b) {
		giveNodes(s.room.all())
		return nil, false
	}
	return s.room.all(), true
}

// declaration is one of UTF-8.
var declaration = regexp.MustCompile(`^<\?xml version=["']1\.0["'](?: encoding=["'][uU][tT][fF]-8["'])?(?: standalone=["'](?:yes|no)["'])? ?\?>`)

// plain tells whether a document has only characters of XML, in UTF-8.
func plain(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
		ascii = ascii && c < 0x7f
	}
	// U+FFFE and U+FFFF are UTF-8 and no XML.
	return ascii || utf8.Valid(b) && !bytes.Contains(b, []byte("\uFFFE")) && !bytes.Contains(b, []byte("\uFFFF")) && !bytes.ContainsRune(b, 0x7f)
}

type scanner struct {
	b       string
	i       int
	room    room
	depth   int
	returns bool // there are carriage returns
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (s *scanner) blank() {
	for s.i < len(s.b) && isBlank(s.b[s.i]) {
		s.i++
	}
}

// around reads what may stand before and after the root.
func (s *scanner) around() bool {
	for s.blank(); s.starts("<!--") || s.starts("<?"); s.blank() {
		if !s.aside() {
			return false
		}
	}
	return true
}

// aside reads past a comment or a processing instruction. A declaration is not
// one.
func (s *scanner) aside() bool {
	if s.starts("<?") {
		s.i += len("<?")
		space, target := s.name()
		return space == "" && target != "" && !strings.EqualFold(target, "xml") && s.past("?>")
	}
	s.i += len("<!--")
	if !s.past("--") || !s.starts(">") { // no "--" in a comment (XML 1.0, section 2.5)
		return false
	}
	s.i++
	return true
}

// past reads up to the next mark and past it.
func (s *scanner) past(mark string) bool {
	end := strings.Index(s.b[s.i:], mark)
	if end < 0 {
		return false
	}
	s.i += end + len(mark)
	return true
}

// name reads "prefix:local"; empty where there is none in ASCII.
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
// false where quick does not know the element.
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
		if key == "" || !isBlank(s.b[before]) {
			return false
		}
		s.blank()
		if !s.starts("=") {
			return false
		}
		s.i++
		s.blank()
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
		if strings.IndexByte(v, '<') >= 0 {
			return false
		}
		v, ok := s.unescape(v)
		if !ok {
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
			raw := s.b[s.i : s.i+end]
			piece, ok := s.unescape(raw)
			if !ok || strings.Contains(raw, "]]>") {
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
				text.add(s.lines(s.b[s.i : s.i+end]))
			}
			s.i += end + len("]]>")
		case s.starts("<!--") || s.starts("<?"):
			if !s.aside() {
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

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// unescape gives the characters of a text; ok is false where a reference is to no
// character.
func (s *scanner) unescape(text string) (out string, ok bool) {
	i := strings.IndexByte(text, '&')
	if i < 0 {
		return s.lines(text), true
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(text, '&') {
		b.WriteString(s.lines(text[:i]))
		name, rest, found := strings.Cut(text[i+1:], ";")
		if !found {
			return "", false
		}
		v := entities[name]
		if v == "" {
			if v, ok = character(name); !ok {
				return "", false
			}
		}
		b.WriteString(v)
		text = rest
	}
	b.WriteString(s.lines(text))
	return b.String(), true
}

// character is what a numeric reference such as "#65" or "#x41" stands for.
func character(name string) (v string, ok bool) {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok || len(digits) > 8 {
		return "", false
	}
	base := 10
	if hex, found := strings.CutPrefix(digits, "x"); found {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > unicode.MaxRune || !utf8.ValidRune(rune(n)) || n == 0xFFFE || n == 0xFFFF || n < 0x20 && !isBlank(byte(n)) {
		return "", false
	}
	return string(rune(n)), true
}

// lines gives every end of a line as "\n" (XML 1.0, section 2.11).
func (s *scanner) lines(text string) string {
	if !s.returns || strings.IndexByte(text, '\r') < 0 {
		return text
	}
	return lineEnds.Replace(text)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
