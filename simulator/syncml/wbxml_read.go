package syncml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// ErrNotWBXML is wrapped by ReadWBXML's errors about the encoding.
var ErrNotWBXML = errors.New("not a WBXML message")

// ReadWBXML parses a binary message with the same limits and errors as
// ReadLimited, but with ErrNotWBXML instead of ErrNotXML.
func ReadWBXML(b []byte, limits Limits) (*Message, error) {
	limits = limits.withDefaults()
	if len(b) == 0 {
		return nil, ErrEmpty
	}
	if len(b) > limits.Bytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), limits.Bytes)
	}
	// A short reference can name a long string of the table, so the total text
	// is bounded, too.
	r := wbReader{b: b, depth: limits.Depth, left: 4 * limits.Bytes, elements: 40 * limits.Commands}
	root, err := r.document()
	if err != nil {
		return nil, err
	}
	nodes, err := fromElement(root, nil, nil)
	if err != nil {
		return nil, err
	}
	m, err := read(&nodes[0], limits)
	giveNodes(nodes)
	return m, err
}

type wbReader struct {
	b        []byte
	at       int
	table    []byte
	page     byte
	depth    int // levels left
	left     int // bytes of text left
	elements int // elements left
}

func (r *wbReader) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrNotWBXML, what, r.at)
}

func (r *wbReader) next() (byte, error) {
	if r.at >= len(r.b) {
		return 0, r.fail("unexpected end")
	}
	r.at++
	return r.b[r.at-1], nil
}

func (r *wbReader) number() (int, error) {
	n := 0
	for range 5 {
		c, err := r.next()
		if err != nil {
			return 0, err
		}
		n = n<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			return n, nil
		}
	}
	return 0, r.fail("a number longer than five bytes")
}

func (r *wbReader) document() (*etree.Element, error) {
	if v, err := r.next(); err != nil || v > wbVersion || v == 0 {
		return nil, r.fail("the version is not 1.1 to 1.3")
	}
	public, err := r.number()
	if err != nil {
		return nil, err
	}
	name := -1
	if public == 0 {
		if name, err = r.number(); err != nil {
			return nil, err
		}
	}
	charset, err := r.number()
	if err != nil {
		return nil, err
	}
	if charset != wbCharset && charset != 3 && charset != 0 { // UTF-8, US-ASCII, unknown
		return nil, r.fail(fmt.Sprintf("charset %d is not UTF-8", charset))
	}
	n, err := r.number()
	if err != nil {
		return nil, err
	}
	if n > len(r.b)-r.at {
		return nil, r.fail("the string table is longer than the message")
	}
	r.table = r.b[r.at : r.at+n]
	r.at += n
	if name >= 0 {
		if s, err := r.entry(name); err != nil || s != wbPublicName {
			return nil, r.fail(fmt.Sprintf("the document type is %q", s))
		}
	}
	doc := etree.NewDocument()
	if err := r.content(&doc.Element, true); err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil || r.at != len(r.b) {
		return nil, r.fail("no root element, or data after it")
	}
	if root.SelectAttrValue("xmlns", "") == "" {
		root.CreateAttr("xmlns", Namespace) // the code page implies it
	}
	return root, nil
}

// entry is the string at an offset of the table.
func (r *wbReader) entry(at int) (string, error) {
	if at >= len(r.table) {
		return "", r.fail("a reference beyond the string table")
	}
	end := bytes.IndexByte(r.table[at:], 0)
	if end < 0 {
		return "", r.fail("a string without an end")
	}
	return r.text(r.table[at : at+end])
}

func (r *wbReader) text(b []byte) (string, error) {
	if r.left -= len(b); r.left < 0 {
		return "", fmt.Errorf("%w: its strings are longer than %d times the message may be", ErrTooLarge, 4)
	}
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return "", r.fail("text that is not UTF-8")
	}
	return string(b), nil
}

// content reads the children of parent up to its END, or the one root.
func (r *wbReader) content(parent *etree.Element, top bool) error {
	for !top || len(parent.Child) == 0 {
		c, err := r.next()
		if err != nil {
			return err
		}
		var s string
		switch c {
		case wbSwitchPage:
			if r.page, err = r.next(); err != nil {
				return err
			}
			continue
		case wbEnd:
			if top {
				return r.fail("an END before the root")
			}
			return nil
		case wbStrI:
			end := bytes.IndexByte(r.b[r.at:], 0)
			if end < 0 {
				return r.fail("a string without an end")
			}
			s, err = r.text(r.b[r.at : r.at+end])
			r.at += end + 1
		case wbStrT:
			var at int
			if at, err = r.number(); err == nil {
				s, err = r.entry(at)
			}
		case wbEntity:
			var code int
			if code, err = r.number(); err == nil {
				s, err = r.text([]byte(string(rune(min(code, utf8.MaxRune+1))))) //nolint:gosec // an invalid character becomes U+FFFD
			}
		case wbOpaque:
			var n int
			if n, err = r.number(); err == nil {
				if n > len(r.b)-r.at {
					return r.fail("opaque data longer than the message")
				}
				s, err = r.text(r.b[r.at : r.at+n])
				r.at += n
			}
		case wbPI, wbExtI0, wbExtI0 + 1, wbExtI0 + 2, wbExtT0, wbExtT0 + 1, wbExtT0 + 2, wbExt0, wbExt0 + 1, wbExt0 + 2:
			return r.fail(fmt.Sprintf("token %#x, which SyncML does not use", c))
		default:
			if err := r.element(parent, c); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if top {
			return r.fail("text outside the root")
		}
		parent.CreateText(s)
	}
	return nil
}

func (r *wbReader) element(parent *etree.Element, c byte) error {
	var tag string
	if c&^(wbContent|wbAttributes) == wbLiteral {
		at, err := r.number()
		if err != nil {
			return err
		}
		if tag, err = r.entry(at); err != nil {
			return err
		}
		if tag == "" {
			return r.fail("an element without a name")
		}
	} else {
		i := int(c&^(wbContent|wbAttributes)) - firstTag
		if int(r.page) >= len(codePages) || i < 0 || i >= len(codePages[r.page]) {
			return r.fail(fmt.Sprintf("token %#x is not in code page %d", c, r.page))
		}
		tag = codePages[r.page][i]
	}
	if c&wbAttributes != 0 {
		return r.fail("attributes, which SyncML does not use in WBXML")
	}
	if r.elements--; r.elements < 0 {
		return ErrTooManyCommands
	}
	if r.depth--; r.depth < 0 {
		return fmt.Errorf("%w in the binary message", ErrTooDeep)
	}
	defer func() { r.depth++ }()
	e := parent.CreateElement(tag)
	if c&wbContent == 0 {
		return nil
	}
	return r.content(e, false)
}
