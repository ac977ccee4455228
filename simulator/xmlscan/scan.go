// Package xmlscan reads the characters of XML documents that are plain: UTF-8, names in
// ASCII, no document type. Those are what devices and servers send. Packages that read
// messages build what they need from it in one pass, in a tenth of the time of
// encoding/xml, and turn to etree for all other documents, and for what is wrong with
// one.
package xmlscan

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scanner is at a place in a document. Each method that returns false leaves it
// anywhere: the document is not plain or not well-formed.
type Scanner struct {
	B           string // the document, without its declaration
	I           int    // the next byte of it
	Declaration string // what stood before B
	returns     bool   // there are carriage returns
}

// New is at the start of a document; ok is false if it is not plain.
func New(b []byte) (s Scanner, ok bool) {
	first := declaration.Find(b)
	rest := b[len(first):]
	if !plain(rest) {
		return Scanner{}, false
	}
	return Scanner{B: string(rest), Declaration: string(first), returns: bytes.IndexByte(rest, '\r') >= 0}, true
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

// IsBlank tells white space of XML.
func IsBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// Blank reads past white space.
func (s *Scanner) Blank() {
	for s.I < len(s.B) && IsBlank(s.B[s.I]) {
		s.I++
	}
}

// Around reads what may stand before and after the root.
func (s *Scanner) Around() bool {
	for s.Blank(); s.Starts("<!--") || s.Starts("<?"); s.Blank() {
		if !s.Aside() {
			return false
		}
	}
	return true
}

// Aside reads past a comment or a processing instruction. A declaration is not
// one.
func (s *Scanner) Aside() bool {
	if s.Starts("<?") {
		s.I += len("<?")
		space, target := s.Name()
		return space == "" && target != "" && !strings.EqualFold(target, "xml") && s.Past("?>")
	}
	s.I += len("<!--")
	if !s.Past("--") || !s.Starts(">") { // no "--" in a comment (XML 1.0, section 2.5)
		return false
	}
	s.I++
	return true
}

// Past reads up to the next mark and past it.
func (s *Scanner) Past(mark string) bool {
	end := strings.Index(s.B[s.I:], mark)
	if end < 0 {
		return false
	}
	s.I += end + len(mark)
	return true
}

// Name reads "prefix:local"; empty where there is none in ASCII.
func (s *Scanner) Name() (space, local string) {
	start := s.I
	for s.I < len(s.B) {
		c := s.B[s.I]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || s.I > start && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':') {
			s.I++
			continue
		}
		break
	}
	full := s.B[start:s.I]
	space, local, found := strings.Cut(full, ":")
	if !found {
		return "", full
	}
	if space == "" || local == "" || strings.Contains(local, ":") || local[0] >= '0' && local[0] <= '9' || local[0] == '-' || local[0] == '.' {
		return "", ""
	}
	return space, local
}

// Starts tells whether the rest starts with prefix.
func (s *Scanner) Starts(prefix string) bool { return strings.HasPrefix(s.B[s.I:], prefix) }

// Attribute reads the next attribute of a start tag, and stops at ">" or "/>", where
// more is false.
func (s *Scanner) Attribute() (space, key, value string, more, ok bool) {
	before := s.I
	s.Blank()
	if s.Starts(">") || s.Starts("/>") {
		return "", "", "", false, true
	}
	space, key = s.Name()
	if key == "" || !IsBlank(s.B[before]) {
		return "", "", "", false, false
	}
	s.Blank()
	if !s.Starts("=") {
		return "", "", "", false, false
	}
	s.I++
	s.Blank()
	if !s.Starts(`"`) && !s.Starts(`'`) {
		return "", "", "", false, false
	}
	quote := s.B[s.I]
	s.I++
	end := strings.IndexByte(s.B[s.I:], quote)
	if end < 0 {
		return "", "", "", false, false
	}
	value = s.B[s.I : s.I+end]
	if strings.IndexByte(value, '<') >= 0 {
		return "", "", "", false, false
	}
	if value, ok = s.Unescape(value); !ok {
		return "", "", "", false, false
	}
	s.I += end + 1
	return space, key, value, true, true
}

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// Unescape gives the characters of a text; ok is false where a reference is to no
// character.
func (s *Scanner) Unescape(text string) (out string, ok bool) {
	i := strings.IndexByte(text, '&')
	if i < 0 {
		return s.Lines(text), true
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(text, '&') {
		b.WriteString(s.Lines(text[:i]))
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
	b.WriteString(s.Lines(text))
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
	if err != nil || n > unicode.MaxRune || !utf8.ValidRune(rune(n)) || n == 0xFFFE || n == 0xFFFF || n < 0x20 && !IsBlank(byte(n)) {
		return "", false
	}
	return string(rune(n)), true
}

// Lines gives every end of a line as "\n" (XML 1.0, section 2.11).
func (s *Scanner) Lines(text string) string {
	if !s.returns || strings.IndexByte(text, '\r') < 0 {
		return text
	}
	return lineEnds.Replace(text)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
