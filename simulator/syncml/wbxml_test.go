package syncml

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestWBXMLBytes: the encoding of one small message, worked out by hand from
// the code pages and WAP-192-WBXML.
func TestWBXMLBytes(t *testing.T) {
	m := &Message{Namespace: Namespace, Hdr: SyncHdr{VerDTD: "1.2", VerProto: "DM/1.2", SessionID: "1", MsgID: "1",
		Target: Loc{LocURI: "t"}, Source: Loc{LocURI: "s"}, Meta: &Meta{MaxMsgSize: "9"}},
		Body: []Command{{Verb: Alert, CmdID: "2", Data: "1201"}}, Final: true, FinalCount: 1}
	want := "03" + "a401" + "6a" + "00" + // version, public id, charset, no table
		"6d" + "6c" + // SyncML, SyncHdr
		"71" + "03312e3200" + "01" + // VerDTD 1.2
		"72" + "03444d2f312e3200" + "01" + // VerProto DM/1.2
		"65" + "033100" + "01" + "5b" + "033100" + "01" + // SessionID, MsgID
		"6e" + "57" + "037400" + "01" + "01" + // Target/LocURI
		"67" + "57" + "037300" + "01" + "01" + // Source/LocURI
		"5a" + "0001" + "4c" + "033900" + "01" + "01" + // Meta, page 1: MaxMsgSize
		"01" + // end of SyncHdr
		"0000" + "6b" + // page 0: SyncBody
		"46" + "4b" + "033200" + "01" + "4f" + "033132303100" + "01" + "01" + // Alert: CmdID 2, Data 1201
		"12" + "01" + "01" // Final, ends
	got, err := WriteWBXML(m)
	if err != nil {
		t.Fatal(err)
	}
	if h := hex.EncodeToString(got); h != want {
		t.Errorf("wrote\n%s\nwant\n%s", h, want)
	}
	back, err := ReadWBXML(got, Limits{})
	if err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("read %+v, %v", back, err)
	}
}

func TestWBXMLForms(t *testing.T) {
	// Public identifier by the string table, text by reference, as an entity
	// and as opaque data.
	name := wbPublicName + "\x00" + "7\x00"
	var b bytes.Buffer
	b.WriteString("\x02\x00\x00\x6a")
	b.WriteByte(byte(len(name)))
	b.WriteString(name)
	b.WriteString("\x6d\x6c\x65\x83" + string(rune(len(wbPublicName)+1)) + "\x01" + // SessionID by reference
		"\x5b\x02\x35\x01" + // MsgID as the entity 5
		"\x72\xc3\x02DM\x01" + // VerProto opaque
		"\x01\x2b\x01")
	m, err := ReadWBXML(b.Bytes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Hdr.SessionID != "7" || m.Hdr.MsgID != "5" || m.Hdr.VerProto != "DM" || m.Namespace != Namespace {
		t.Errorf("%+v", m.Hdr)
	}
}

func TestWBXMLRefuses(t *testing.T) {
	head := "\x03\xa4\x01\x6a\x00"
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"empty":            {"", ErrEmpty},
		"XML":              {"<SyncML/>", ErrNotWBXML},
		"header only":      {head, ErrNotWBXML},
		"other charset":    {"\x03\xa4\x01\x04\x00\x6d", ErrNotWBXML},
		"endless number":   {"\x03\xff\xff\xff\xff\xff\xff", ErrNotWBXML},
		"long table":       {"\x03\xa4\x01\x6a\x7f", ErrNotWBXML},
		"other document":   {"\x03\x00\x00\x6a\x02x\x00\x6d", ErrNotWBXML},
		"unknown token":    {head + "\x3f", ErrNotWBXML},
		"unknown page":     {head + "\x00\x07\x05", ErrNotWBXML},
		"attributes":       {head + "\xed\x01", ErrNotWBXML},
		"no end":           {head + "\x6d\x6c", ErrNotWBXML},
		"text without end": {head + "\x6d\x03abc", ErrNotWBXML},
		"not UTF-8":        {head + "\x6d\x03\xff\x00\x01", ErrNotWBXML},
		"opaque too long":  {head + "\x6d\xc3\x09a", ErrNotWBXML},
		"after the root":   {head + "\x2d\x2d", ErrNotWBXML},
		"too deep":         {head + strings.Repeat("\x6d", 200), ErrTooDeep},
		"not SyncML":       {head + "\x05", ErrNotSyncML},
		"no body":          {head + "\x6d\x2c\x01", ErrNotSyncML},
		"too many":         {head + "\x6d\x2c\x6b" + strings.Repeat("\x13", 3000) + "\x01\x01", ErrTooManyCommands},
		"bomb": {"\x03\xa4\x01\x6a" + "\x87\x68" + strings.Repeat("x", 999) + "\x00" + "\x6d" + strings.Repeat("\x83\x00", 5000) + "\x01",
			ErrTooLarge},
	} {
		if _, err := ReadWBXML([]byte(c.in), Limits{Bytes: 20000}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestUTF16AndMarks(t *testing.T) {
	const xml = `<?xml version="1.0" encoding="utf-16"?>` + `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><SessionID>é</SessionID></SyncHdr><SyncBody/></SyncML>`
	little := EncodeUTF16([]byte(xml))
	big := append([]byte{0xfe, 0xff}, little[2:]...)
	for i := 2; i+1 < len(big); i += 2 {
		big[i], big[i+1] = big[i+1], big[i]
	}
	for name, b := range map[string][]byte{
		"little endian": little, "big endian": big, "UTF-8 with a mark": []byte("\xef\xbb\xbf" + strings.Replace(xml, "utf-16", "utf-8", 1)),
	} {
		m, err := Read(b)
		if err != nil || m.Hdr.SessionID != "é" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if l := Lint(b); len(l) > 0 {
			t.Errorf("%s: %v", name, l)
		}
	}
	if _, err := Read([]byte{0xff, 0xfe, 0x3c}); err == nil {
		t.Error("half a character was read as a message")
	}
}

func TestOriginalError(t *testing.T) {
	m := &Message{Extended: true, Body: []Command{{Verb: Status, CmdID: "1", MsgRef: "1", CmdRef: "2", Cmd: "Get", Data: "404", OriginalError: "0x86000002"}}}
	b, err := Write(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<SyncBody xmlns:msft="http://schemas.microsoft.com/MobileDevice/MDM">`, `<Data msft:originalerror="0x86000002">404</Data>`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	got, err := Read(b)
	if err != nil || !got.Extended || got.Body[0].OriginalError != "0x86000002" {
		t.Errorf("read %+v, %v", got, err)
	}
}

func FuzzReadWBXML(f *testing.F) {
	for _, body := range []Command{{Verb: Get, CmdID: "1", Items: []Item{{Target: Loc{LocURI: "./DevInfo"}}}}, {Verb: "Frob", CmdID: "2"}} {
		b, err := WriteWBXML(&Message{Body: []Command{body}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadWBXML(b, Limits{})
		if err != nil {
			return
		}
		out, err := WriteWBXML(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadWBXML(out, Limits{Bytes: 8 << 20})
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if len(again.Body) != len(m.Body) || again.Hdr.SessionID != m.Hdr.SessionID {
			t.Fatalf("read %+v\nthen %+v", m, again)
		}
	})
}
