package ddf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// utf8Text converts a file to UTF-8 and drops its byte order mark. UTF-16 shows by its
// mark, or by the zero beside the first ASCII letter. ISO-8859-1 is read where the XML
// declaration names it; other encodings are refused by name.
func utf8Text(b []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")):
		return nil, errors.New("the file is in UTF-32; save it as UTF-8")
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		b, order = b[2:], binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b, order = b[2:], binary.BigEndian
	case len(b) >= 4 && b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0:
		order = binary.LittleEndian
	case len(b) >= 4 && b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0:
		order = binary.BigEndian
	}
	if order != nil {
		units := make([]uint16, len(b)/2) // a last odd byte is dropped
		for i := range units {
			units[i] = order.Uint16(b[2*i:])
		}
		return []byte(string(utf16.Decode(units))), nil
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if utf8.Valid(b) {
		return b, nil
	}
	declared := declaration.FindSubmatch(b[:min(len(b), 200)])
	if declared != nil && strings.EqualFold(string(declared[1]), "ISO-8859-1") {
		out := make([]rune, len(b))
		for i, c := range b {
			out[i] = rune(c) // ISO-8859-1 is the first 256 of Unicode
		}
		return []byte(string(out)), nil
	}
	line, column := invalid(b)
	if declared != nil && !strings.EqualFold(string(declared[1]), "UTF-8") {
		return nil, fmt.Errorf("line %d, column %d: the encoding %s is not read; save the file as UTF-8", line, column, declared[1])
	}
	return nil, fmt.Errorf("line %d, column %d: the bytes are not UTF-8; save the file as UTF-8", line, column)
}

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// invalid is the place of the first byte that is not UTF-8.
func invalid(b []byte) (line, column int) {
	at := 0
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	line = 1 + bytes.Count(b[:at], []byte("\n"))
	return line, at - bytes.LastIndexByte(b[:at], '\n')
}
