package syncml

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// slow reads as Read would without quick.
func slow(b []byte, limits Limits) (*Message, error) {
	nodes, err := byEtree(b, limits)
	if err != nil {
		return nil, err
	}
	return read(&nodes[0], limits)
}

// quickMessages are messages that quick reads.
func quickMessages(t testing.TB) (out [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../../../shared/captures/*package*.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	const hdr = `<SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>D</LocURI></Target><Source><LocURI>https://m/?a=1&amp;b=2</LocURI></Source></SyncHdr>`
	for _, body := range []string{
		`<Final/>`, `<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta><Type xmlns="syncml:metinf">syncml:auth-md5</Type></Meta></Chal><Data>407</Data></Status>`,
		`<Atomic><CmdID>1</CmdID><Add><CmdID>2</CmdID><Item><Target><LocURI>./a</LocURI></Target><Data><![CDATA[<x>&]]></Data></Item></Add></Atomic><Final/><Final />`,
		"\r\n\t<Replace><!-- why --><CmdID\r\n>5</CmdID><?a b?><Item><Data>a&#13;&#xA;b\r\nc\rd<!-- <e> --><![CDATA[\r\n]]>&#x1F600;</Data></Item></Replace>\r\n",
		"<Add><Item><Data>\r\n<a b = 'x&lt;&#9;\r\n\t>'/><!-- </Data> --><?c </Data>?></Data></Item></Add>",
		"\n  <Replace>\n<CmdID> 5 </CmdID><Item><Data>a &lt; b &gt; &quot;c&quot; \u00e9</Data><MoreData/></Item></Replace>\n",
	} {
		out = append(out, []byte(`<?xml version="1.0" encoding="utf-8"?><SyncML xmlns="SYNCML:SYNCML1.2">`+hdr+`<SyncBody>`+body+`</SyncBody></SyncML>`),
			[]byte(`<s:SyncML xmlns:s='SYNCML:SYNCML1.2'>`+hdr+`<s:SyncBody xmlns:msft="x">`+body+`</s:SyncBody></s:SyncML>`+"\n"))
	}
	return out
}

// TestQuick: what quick reads is what etree reads, and it reads the messages that
// sessions are made of.
func TestQuick(t *testing.T) {
	limits := Limits{}.withDefaults()
	for _, b := range quickMessages(t) {
		if _, ok := quick(b, limits); !ok {
			t.Errorf("not read by quick: %s", b)
		}
		same(t, b, limits)
	}
	for _, odd := range []string{
		"", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a b=c/>", "<a b='1' b='2'/>", "<a b='<'/>", "<a>&x;</a>", "<a>&#65;</a>", "<a>]]></a>", "<!-- x --><a/>", "<?x?><a/>", "<a\r/>",
		"<a>\x00</a>", "<a>\xff</a>", "<!DOCTYPE a><a/>", "<a b='&amp;'/>", "<:a/>", "<a:/>", "<a:1/>", "< a/>", "<a/ >", "<a></a >", "<a b = '1'/>", "<a b='1'c='2'/>", "<a b='&#xD800;'/>", "<a>&#0;</a>", "<a>&#xFFFF;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#X41;</a>", "<a>&#1114112;</a>", "<a>&#99999999999999999999;</a>",
		"<a>&#32;&#x00000020;</a>", "<a><!-- b -- c --></a>", "<a><!-- b ---></a>", "<a><!--></a>", "<a><!-->--></a>", "<a><!--", "<?a", "<?a?", "<?a:b c?><a/>", "<??><a/>", "<a/><?xml?>", "<?XML?><a/>", "<a/><!-- b --><?c?>", "<a\r\nb\r=\r'\r\n'\r/>",
		`<?xml version="1.1"?><a/>`, `<?xml version="1.0" encoding="latin1"?><a/>`, `<?xml version='1.0' standalone='yes' ?><a/>`, "<a>]]&gt;]&#93;></a>", "<a b=']]>'/>", "<a>\r</a>\r", "\ufeff<a/>", "<a>\ufffe</a>", "<1/>", "<a", "<a><![CDATA[", "</a>",
		"<SyncML><SyncHdr/><SyncBody><Add><Item><Data><b>c</b></Data></Item></Add></SyncBody></SyncML>", "<a:b:c/>", "<\u00e9/>", "<a>&amp</a>",
	} {
		same(t, []byte(odd), limits)
	}
}

// TestQuickDense: a message of more elements than one block of nodes is read by
// quick as well, and text that looks like elements takes no room for them.
func TestQuickDense(t *testing.T) {
	limits := Limits{}.withDefaults()
	dense := []byte("<SyncML><SyncHdr/><SyncBody>" + strings.Repeat("<a/>", 3*maxSpare) + "</SyncBody></SyncML>")
	if _, ok := quick(dense, limits); !ok {
		t.Error("not read by quick")
	}
	same(t, dense, limits)
	text := []byte("<SyncML><SyncHdr/><SyncBody><Add><Item><Data><![CDATA[" + strings.Repeat("<", 1<<20) + "]]></Data></Item></Add></SyncBody></SyncML>")
	nodes, ok := quick(text, limits)
	if !ok || cap(nodes) > maxSpare {
		t.Errorf("room for %d elements", cap(nodes))
	}
}

func same(t *testing.T, b []byte, limits Limits) {
	t.Helper()
	nodes, ok := quick(b, limits)
	if !ok {
		return
	}
	got, err := read(&nodes[0], limits)
	want, werr := slow(b, limits)
	if (err == nil) != (werr == nil) || err != nil && err.Error() != werr.Error() || !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nquick %+v, %v\netree %+v, %v", b, got, err, want, werr)
	}
}

// FuzzQuick: quick takes nothing that etree reads otherwise or refuses, scan finds
// the Data elements that etree finds, and what quickWrite writes is what etree
// writes.
func FuzzQuick(f *testing.F) {
	for _, b := range quickMessages(f) {
		f.Add(b)
	}
	for _, s := range shapes {
		f.Add(s.message(900, false))
		f.Add(s.message(900, true))
	}
	for _, data := range []string{"\n <a><b/></a>\n", "<r1>a</r1><r2>b</r2>", "x<![CDATA[</Data>]]><p:Data q='>'><Data/></p:Data>&lt;", "1<!--> </Data> -->\r\n<a/>", "<?xml version='1.0'?><a/>", "<?pi <Data>?><a/>"} {
		f.Add([]byte(doc(inItem(data))))
		f.Add([]byte(doc("<Atomic><Data>" + data + "</Data></Atomic>")))
	}
	limits := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, b []byte) {
		same(t, b, limits)
		agree(t, b, limits)
		m, err := Read(b)
		if err != nil {
			return
		}
		got, ok := quickWrite(m)
		if !ok {
			return
		}
		if want, err := document(m).WriteToBytes(); err != nil || string(got) != string(want) {
			t.Errorf("quick %s\netree %s %v", got, want, err)
		}
	})
}

// TestNodesAgain: a message that etree read keeps what it says while its nodes
// serve for others, also one of more nodes than are kept.
func TestNodesAgain(t *testing.T) {
	text := func(items int, value string) string {
		var b strings.Builder
		b.WriteString(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Replace><CmdID>1</CmdID>`)
		for i := range items {
			fmt.Fprintf(&b, `<Item><Target><LocURI>./%d</LocURI></Target><Meta><Format xmlns="syncml:metinf">chr</Format></Meta><Data>%s%d</Data></Item>`, i, value, i)
		}
		return b.String() + `</Replace></SyncBody></SyncML>`
	}
	for _, items := range []int{1, 60, 2 * maxSpare} {
		got, err := Read([]byte(oddity + text(items, "first")))
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{oddity, ""} {
			if _, err := Read([]byte(other + text(items, "second"))); err != nil {
				t.Fatal(err)
			}
		}
		want, err := Read([]byte(text(items, "first")))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of %d items: a message changed after it was read", items)
		}
	}
}
