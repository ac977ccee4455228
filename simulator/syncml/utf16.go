package syncml

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// toUTF8 removes a byte order mark and decodes UTF-16, which some servers send.
func toUTF8(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return b[3:]
	default:
		return b
	}
	b = b[2:]
	units := make([]uint16, len(b)/2) // a last odd byte is dropped
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// EncodeUTF16 turns an XML message into UTF-16, little endian, with a byte
// order mark.
func EncodeUTF16(b []byte) []byte {
	units := utf16.Encode([]rune(string(b)))
	out := make([]byte, 0, 2+2*len(units))
	out = append(out, 0xff, 0xfe)
	for _, u := range units {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}
