package syncml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readers are the ways into a message: by quick, by etree, and in UTF-16.
var readers = map[string]func(doc string) (*Message, error){
	"quick":  func(doc string) (*Message, error) { return Read([]byte(doc)) },
	"etree":  func(doc string) (*Message, error) { return Read([]byte(oddity + doc)) },
	"UTF-16": func(doc string) (*Message, error) { return Read(EncodeUTF16([]byte(doc))) },
}

// dataOf is the value of the first item.
func dataOf(t interface{ Fatalf(string, ...any) }, m *Message, err error) string {
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(m.Body) == 0 || len(m.Body[0].Items) == 0 || !m.Body[0].Items[0].HasData {
		t.Fatalf("no Data in %+v", m.Body)
	}
	return m.Body[0].Items[0].Data
}

// TestData: Data that holds elements is what stands between its tags, byte for
// byte. All other Data is its text.
func TestData(t *testing.T) {
	const same = "\x00"
	for in, want := range map[string]string{
		"\n <a><b/></a>\n":                           same,
		"<r1>a</r1><r2>b</r2><r3>c</r3>":             same,
		"x<b/>y":                                     same,
		`<a b = '1'  c="&lt;"  />`:                   same,
		"<a>&amp;&#65;<![CDATA[<]]></a >":            same,
		"<a>1\r\n2</a>\r\n":                          same,
		"<a/><!-- </Data> --><?pi </Data>?>":         same,
		"<![CDATA[</Data>]]><a/>":                    same,
		"<Data>1</Data><Data/><p:Data></p:Data>":     same,
		"<Item><Data><x/></Data></Item>":             same,
		"<p:a xmlns:p='u'><p:b q:c=''/></p:a>":       same,
		"<MsiInstallJob id='{1}'>\t</MsiInstallJob>": same,
		"<\u00e9>\u00e9</\u00e9>":                    same,
		"<a></a><!--> </Data> -->":                   same,
		"":                                           "",
		" a ":                                        " a ",
		"&lt;a/&gt;":                                 "<a/>",
		"<![CDATA[<a/>]]>":                           "<a/>",
		"<![CDATA[<?xml version='1.0'?><a/>]]>":      "<?xml version='1.0'?><a/>",
		"a&amp;<![CDATA[&amp;]]>b<![CDATA[]]>":       "a&&amp;b",
		"1<!-- <b/> -->2<?pi <b/>?>3":                "123",
		"1\r\n2":                                     "1\n2",
	} {
		if want == same {
			want = in
		}
		for name, read := range readers {
			m, err := read(doc("<Add><Item><Data>" + in + "</Data></Item></Add>"))
			if got := dataOf(t, m, err); got != want {
				t.Errorf("%s: %q is read as %q, want %q", name, in, got, want)
			}
		}
	}
}

// TestDataElsewhere: a prefix changes nothing, a code may stand between elements,
// and an unknown command may be called Data.
func TestDataElsewhere(t *testing.T) {
	for name, read := range readers {
		m, err := read(`<s:SyncML xmlns:s="SYNCML:SYNCML1.2"><s:SyncHdr/><s:SyncBody><s:Add><s:Item><s:Data a="/>" ><x/> </s:Data ></s:Item></s:Add></s:SyncBody></s:SyncML>`)
		if got := dataOf(t, m, err); got != "<x/> " {
			t.Errorf("%s: prefixed: %q", name, got)
		}
		m, err = read(doc("<Data><CmdID>1</CmdID><Data> <x/> </Data></Data><Atomic><Data><CmdID>2</CmdID></Data></Atomic>"))
		if err != nil || len(m.Body) != 2 || m.Body[0].CmdID != "1" || m.Body[0].Data != "<x/>" || m.Body[1].Commands[0].CmdID != "2" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestDeclarationInside: Windows fails a message that has an XML declaration
// anywhere but at its start, and so does XML itself.
func TestDeclarationInside(t *testing.T) {
	const decl = `<?xml version="1.0" encoding="utf-8"?>`
	for in, want := range map[string]string{
		"<Add><Item><Data>" + decl + "<a/></Data></Item></Add>": "inside Data; put the document into a CDATA section or escape it",
		"<Add><Item><Data><a><?XML\n?></a></Data></Item></Add>": "inside Data",
		"<Add><Item><p:Data>" + decl + "</p:Data></Item></Add>": "inside Data",
		decl + "<Add/>": "inside the document; it may only stand at the start",
		"<Add><Item><Data>1</Data></Item>" + decl + "</Add><Final/>": "inside the document",
		"<Add><Item><Data/>" + decl + "</Item></Add><Final/>":        "inside the document",
	} {
		for name, read := range readers {
			if _, err := read(doc(in)); !errors.Is(err, ErrNotXML) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: %v", name, in, err)
			}
		}
		if found := Lint([]byte(doc(in))); len(found) != 1 || !strings.Contains(found[0], want) {
			t.Errorf("Lint: %s: %v", in, found)
		}
	}
	for _, in := range []string{decl + doc(""), "\n" + decl + doc(""), doc(`<Add><Item><Data><?xml-stylesheet href="a"?><a/></Data></Item></Add>`), doc("<!-- " + decl + " -->")} {
		if _, err := Read([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// fragment draws XML as a server may put it into Data: at least one element.
func fragment(t *rapid.T) string {
	name := rapid.SampledFrom([]string{"a", "b1", "p:c", "Data", "Item", "SyncML"})
	piece := rapid.SampledFrom([]string{"", " ", "\n\t", "x", "&amp;&lt;", "\u00e9", "<![CDATA[</Data><a>]]>", "<![CDATA[]]>"})
	odd := rapid.SampledFrom([]string{"<!-- <Data> -->", "<?pi <Data>?>", "&#65;", "\r\n", "\u2028"})
	attribute := rapid.SampledFrom([]string{"", " ", ` k="v"`, ` k='"'  l=">"`, ` xmlns:p="u"`, "\n k=\"/\""})
	var b strings.Builder
	var element func(depth int)
	element = func(depth int) {
		n := name.Draw(t, "name")
		b.WriteString("<" + n + attribute.Draw(t, "attribute"))
		if rapid.Bool().Draw(t, "empty") {
			b.WriteString("/>")
			return
		}
		b.WriteString(">" + piece.Draw(t, "text"))
		for range rapid.IntRange(0, 3-depth).Draw(t, "kids") {
			element(depth + 1)
			b.WriteString(piece.Draw(t, "tail"))
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				b.WriteString(odd.Draw(t, "odd"))
			}
		}
		b.WriteString("</" + n + ">")
	}
	b.WriteString(piece.Draw(t, "before"))
	for range rapid.IntRange(1, 3).Draw(t, "elements") {
		element(0)
		b.WriteString(piece.Draw(t, "after"))
	}
	return b.String()
}

// TestRawRoundTrip: raw XML in Data comes out as it went in, and is the same after
// it was written and read again, escaped or in WBXML.
func TestRawRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := fragment(t)
		for name, read := range readers {
			m, err := read(doc("<Replace><CmdID>1</CmdID><Item><Data>" + want + "</Data></Item></Replace>"))
			if got := dataOf(t, m, err); got != want {
				t.Fatalf("%s: %q is read as %q", name, want, got)
			}
			b, err := Write(m)
			if err != nil {
				t.Fatal(err)
			}
			m, err = Read(b)
			if got := dataOf(t, m, err); got != want {
				t.Fatalf("%s: %q is written and read as %q", name, want, got)
			}
			if b, err = WriteWBXML(m); err != nil {
				t.Fatal(err)
			}
			m, err = ReadWBXML(b, Limits{})
			if got := dataOf(t, m, err); got != want {
				t.Fatalf("%s: %q is written and read as WBXML as %q", name, want, got)
			}
		}
	})
}

// TestWBXMLData: opaque data in WBXML is the value; elements, which have no text in
// WBXML, are written as XML in their order.
func TestWBXMLData(t *testing.T) {
	const head, tail = "\x03\xa4\x01\x6a\x00" + "\x6d\x2c\x6b" + "\x45" + "\x54" + "\x4f", "\x01" + "\x01\x01\x01\x01" // SyncML, SyncHdr/, SyncBody, Add, Item, Data
	for in, want := range map[string]string{
		"\xc3\x0a\n <a><b/> ":                              "\n <a><b/> ",
		"\xc3\x04<a/>\x03x\x00":                            "<a/>x",
		"\x4b\x031\x00\x01" + "\x0b" + "\x4b\x033\x00\x01": "<CmdID>1</CmdID><CmdID/><CmdID>3</CmdID>",
		"\x03 \x00\x4f\x54\x4f\x0b\x01\x01\x01":            " <Data><Item><Data><CmdID/></Data></Item></Data>",
	} {
		m, err := ReadWBXML([]byte(head+in+tail), Limits{})
		if got := dataOf(t, m, err); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
}

// decoded finds the content of the Data elements by the standard library's decoder.
func decoded(t *testing.T, b []byte) (out []span) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var open []int
	for {
		before := int(d.InputOffset())
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("etree took it: %v\n%q", err, b)
		}
		at := int(d.InputOffset())
		switch e := tok.(type) {
		case xml.StartElement:
			if e.Name.Local == "Data" {
				open = append(open, len(out))
				out = append(out, span{start: at, end: at})
			}
		case xml.EndElement:
			if e.Name.Local == "Data" {
				s := &out[open[len(open)-1]]
				open = open[:len(open)-1]
				s.next = len(out)
				if before != at { // not the second half of <Data/>
					s.end = before
				}
			}
		}
	}
}

// agree holds scan and etree together: what etree takes has its Data where scan
// says, so that errApart cannot happen.
func agree(t *testing.T, b []byte, limits Limits) {
	t.Helper()
	b = toUTF8(b)
	got, err := limits.scan(b)
	if err != nil {
		return
	}
	if _, err := parse(b); err != nil {
		return
	}
	if want := decoded(t, b); !slices.Equal(got, want) {
		t.Errorf("%q\nscan    %v\ndecoder %v", b, got, want)
	}
	if _, err := byEtree(b, limits); err != nil {
		t.Errorf("%q: %v", b, err)
	}
}
