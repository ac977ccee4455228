package explain

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// plain is a text in UTF-8: what PowerShell writes to a file is UTF-16 with a byte
// order mark.
func plain(text string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(text, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return strings.ToValidUTF8(strings.TrimPrefix(text, "\ufeff"), "?")
	}
	units := make([]uint16, 0, len(text)/2)
	for b := []byte(text[2:]); len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}
