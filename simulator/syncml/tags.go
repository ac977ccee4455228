package syncml

import (
	"bytes"
	"fmt"
)

// span is where the content of a Data element stands.
type span struct {
	start, end int // in bytes of the document
	next       int // the index of the first span after this one and those in it
}

// scan checks depth and the absence of what Windows refuses before a document is
// built, so that a hostile message costs one pass over its bytes. It gives the
// place of every Data element, in the order of the start tags. It does not judge
// well-formedness, the parser does: what it gives for a document that is not
// well-formed means nothing.
func (l Limits) scan(b []byte) (spans []span, err error) {
	type data struct{ span, depth int }
	var few [4]data
	open, depth := few[:0], 0
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '<')
		if i < 0 || at+i+1 >= len(b) {
			return spans, nil
		}
		at += i + 1 // after the "<"
		tag := b[at:]
		skip := 1
		switch tag[0] {
		case '/':
			if k := len(open) - 1; k >= 0 && open[k].depth == depth {
				s := &spans[open[k].span]
				s.end, s.next = at-1, len(spans)
				open = open[:k]
			}
			depth--
		case '?':
			if depth > 0 && isDeclaration(tag[1:]) {
				return nil, misplaced(len(open) > 0)
			}
			skip = after(tag, 1, "?>")
		case '!':
			switch {
			case bytes.HasPrefix(tag, []byte("!--")):
				skip = after(tag, len("!--"), "-->")
			case bytes.HasPrefix(tag, []byte("![CDATA[")):
				skip = after(tag, len("![CDATA["), "]]>")
			default:
				return nil, ErrDTD
			}
		default:
			end := tagEnd(tag)
			if end < 0 {
				return spans, nil // truncated: the parser says so
			}
			empty := tag[end-1] == '/'
			if !empty {
				if depth++; depth > l.Depth {
					return nil, fmt.Errorf("%w: more than %d levels", ErrTooDeep, l.Depth)
				}
			}
			if isData(tag[:end]) {
				if spans == nil {
					spans = make([]span, 0, 16)
				}
				if !empty {
					open = append(open, data{len(spans), depth})
				}
				spans = append(spans, span{start: at + end + 1, end: at + end + 1, next: len(spans) + 1})
			}
			skip = end + 1
		}
		at += skip
	}
}

// after is the index in b after the next mark, the length of b if there is none.
func after(b []byte, from int, mark string) int {
	if i := bytes.Index(b[from:], []byte(mark)); i >= 0 {
		return from + i + len(mark)
	}
	return len(b)
}

// tagEnd is the index of the '>' that closes the tag at the start of b,
// attribute values skipped; -1 if there is none.
func tagEnd(b []byte) int {
	switch i := bytes.IndexByte(b, '>'); {
	case i < 0:
		return -1
	case i > 0 && bytes.IndexByte(b[:i], '"') < 0 && bytes.IndexByte(b[:i], '\'') < 0:
		return i
	}
	var quote byte
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}

// isData tells whether the start tag, without its brackets, is that of a Data
// element with or without a prefix.
func isData(tag []byte) bool {
	i := 0
	for i < len(tag) && tag[i] > ' ' && tag[i] != '/' {
		i++
	}
	prefix, found := bytes.CutSuffix(tag[:i], []byte("Data"))
	if !found || len(prefix) == 0 {
		return found
	}
	// One colon and something before it, as the parser sees a prefix.
	return len(prefix) > 1 && bytes.IndexByte(prefix, ':') == len(prefix)-1
}

// isDeclaration tells whether a processing instruction, without its "<?", has the
// target that XML keeps for its declaration (XML 1.0, section 2.6).
func isDeclaration(pi []byte) bool {
	const target = "xml"
	return len(pi) > len(target) && bytes.EqualFold(pi[:len(target)], []byte(target)) && bytes.IndexByte([]byte(" \t\r\n?"), pi[len(target)]) >= 0
}

// misplaced is the error for an XML declaration in the middle of a message, which
// Windows refuses as well (XML 1.0, section 2.8: only at the start).
func misplaced(inData bool) error {
	if inData {
		return fmt.Errorf("%w: XML declaration inside Data; put the document into a CDATA section or escape it", ErrNotXML)
	}
	return fmt.Errorf("%w: XML declaration inside the document; it may only stand at the start", ErrNotXML)
}
