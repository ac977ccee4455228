package paste

import (
	"bytes"
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how a text was stored.
type encoding struct {
	mark  []byte           // its byte order mark
	order binary.ByteOrder // of UTF-16; nil: UTF-8
}

// text is a log as characters.
type text struct {
	text string
	enc  encoding
}

// Files that are no text, by their first bytes, and how to get a text.
var foreign = []struct{ magic, says string }{
	{"ElfFile\x00", "it is a binary event log (.evtx); write it as XML first, on Windows: wevtutil qe FILE.evtx /lf:true /f:RenderedXml > log.xml"},
	{"MSCF", "it is a cabinet file; unpack it first (on Windows: expand -F:* FILE.cab FOLDER), then read MDMDiagReport.xml"},
	{"PK\x03\x04", "it is a ZIP file; unpack it first, and read a file in it"},
	{"\x1f\x8b", "it is compressed (gzip); unpack it first"},
	{"%PDF-", "it is a PDF; copy the text out of it"},
	{"\x89PNG", "it is a picture; copy the text instead"},
	{"\xff\xd8\xff", "it is a picture; copy the text instead"},
	{"\xd4\xc3\xb2\xa1", "it is a network capture; sessions are encrypted in it: take the log of the server or of the device"},
	{"\x0a\x0d\x0d\x0a", "it is a network capture; sessions are encrypted in it: take the log of the server or of the device"},
}

// colour matches what terminals take for colours.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func decode(b []byte) (t text, err error) {
	for _, f := range foreign {
		if bytes.HasPrefix(b, []byte(f.magic)) {
			return t, errors.New(f.says)
		}
	}
	t.enc = encodingOf(b)
	b = b[len(t.enc.mark):]
	if t.enc.order == nil {
		t.text = strings.ToValidUTF8(string(b), "?")
	} else {
		units := make([]uint16, len(b)/2) // a last odd byte is dropped
		for i := range units {
			units[i] = t.enc.order.Uint16(b[2*i:])
		}
		t.text = string(utf16.Decode(units))
	}
	if strings.Contains(t.text, "\x1b[") {
		t.text = colour.ReplaceAllString(t.text, "")
	}
	return t, nil
}

// encodingOf goes by the byte order mark; without one, UTF-16 shows by the zeros in
// ASCII.
func encodingOf(b []byte) encoding {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return encoding{mark: b[:3]}
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return encoding{b[:2], binary.LittleEndian}
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return encoding{b[:2], binary.BigEndian}
	}
	head := b[:min(len(b), 4096)]
	if len(head) < 4 || bytes.Count(head, []byte{0})*3 < len(head) {
		return encoding{}
	}
	if head[0] == 0 {
		return encoding{order: binary.BigEndian}
	}
	return encoding{order: binary.LittleEndian}
}

// encode is the inverse of decode.
func (t text) encode() []byte {
	if t.enc.order == nil {
		return append(bytes.Clone(t.enc.mark), t.text...)
	}
	out := bytes.Clone(t.enc.mark)
	for _, u := range utf16.Encode([]rune(t.text)) {
		out = t.enc.order.(binary.AppendByteOrder).AppendUint16(out, u)
	}
	return out
}

// lines finds the line of a position; positions are asked for in any order.
type lines struct{ starts []int }

func linesOf(s string) lines {
	l := lines{starts: []int{0}}
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// at returns the line of a position, from 1.
func (l lines) at(pos int) int {
	lo, hi := 0, len(l.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; l.starts[mid] <= pos {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1
}

// lastLine is the line of the last visible character of s[from:to].
func (l lines) lastLine(s string, from, to int) int {
	trimmed := strings.TrimRight(s[from:to], " \t\r\n")
	if trimmed == "" {
		return l.at(from)
	}
	_, size := utf8.DecodeLastRuneInString(trimmed)
	return l.at(from + len(trimmed) - size)
}
