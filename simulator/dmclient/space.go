package dmclient

import (
	"bytes"
	"encoding/xml"
	"errors"
)

var errSpaced = errors.New("white space between its elements, at which Windows 8.1 stops without a word (quirk silent-on-space)")

// spaced reports whether a well-formed message has white space between its
// elements. The text of an element without children does not count, nor what
// stands outside of the root element [model].
func spaced(raw []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(raw))
	depth, blank, leaf := 0, false, false
	for {
		t, err := d.RawToken()
		if err != nil {
			return false
		}
		switch t := t.(type) {
		case xml.StartElement:
			if blank && depth > 0 {
				return true
			}
			depth++
			leaf, blank = true, false
		case xml.EndElement:
			if blank && !leaf {
				return true
			}
			depth--
			leaf, blank = false, false
		case xml.CharData:
			blank = len(t) > 0 && len(bytes.TrimSpace(t)) == 0
		}
	}
}
