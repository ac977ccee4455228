package xmlscan

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// documents are those that quick reads.
var documents = []string{
	"<a/>", "<a></a>", "<a>x</a>\n", " <a b='1' c=\"&lt;\r\n&#9;'\">\r\nx&amp;y\r<b /> </a >",
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/>\n<s:Body s:x='&#x1F600;'>\u00e9</s:Body></s:Envelope>\n",
	"<?xml version='1.0' ?><wap-provisioningdoc version=\"1.1\"><characteristic type=\"A\"><parm name=\"B\" value=\"\" datatype=\"string\"/></characteristic></wap-provisioningdoc>",
}

// odd are documents for etree, right ones and wrong ones.
var odd = []string{
	"", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a b=c/>", "<a b='1' b='2'/>", "<a b='<'/>", "<a>&x;</a>", "<a>]]></a>", "<!-- x --><a/>", "<a><![CDATA[x]]></a>", "<a><?x y?></a>",
	"\ufeff<a/>", "<a x:b='1' y:b='2'/>", "<\u00e9/>", "<a>\x00</a>", "<a:b:c/>", "<:a/>", "<a b='1'c='2'/>", "<!DOCTYPE a><a/>", "<?xml version='1.1'?><a/>", "<?xml version='1.0' encoding='latin1'?><a/>",
}

// TestDocument: the tokens are etree's, and so are errors.
func TestDocument(t *testing.T) {
	captures, err := filepath.Glob("../../../shared/captures/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	all := append(append([]string{}, documents...), odd...)
	for _, f := range captures {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	for _, text := range all {
		same(t, []byte(text))
	}
	for _, text := range documents {
		if _, ok := quick([]byte(text)); !ok {
			t.Errorf("not read by quick: %s", text)
		}
	}
	deep := []byte{}
	for range 100 {
		deep = append(deep, "<a>"...)
	}
	for range 100 {
		deep = append(deep, "</a>"...)
	}
	same(t, deep)
}

func same(t *testing.T, b []byte) {
	t.Helper()
	want := etree.NewDocument()
	wrong := want.ReadFromBytes(b)
	got, err := Document(b)
	if (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() {
		t.Errorf("%q: error %v, of etree %v", b, err, wrong)
	}
	if doc, ok := quick(b); ok && (wrong != nil || !reflect.DeepEqual(tokens(&doc.Element), tokens(&want.Element))) {
		t.Errorf("%q: %v, etree has %v (%v)", b, tokens(&doc.Element), tokens(&want.Element), wrong)
	}
	if err == nil && !reflect.DeepEqual(tokens(&got.Element), tokens(&want.Element)) {
		t.Errorf("%q: %v, etree has %v", b, tokens(&got.Element), tokens(&want.Element))
	}
}

// tokens is all that etree keeps of an element.
func tokens(e *etree.Element) (out []any) {
	out = append(out, e.Space, e.Tag, e.NamespaceURI())
	for _, a := range e.Attr {
		out = append(out, a.Space, a.Key, a.Value)
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			out = append(out, tokens(t))
		case *etree.CharData:
			out = append(out, t.Data, t.IsWhitespace(), t.IsCData(), t.Index())
		case *etree.ProcInst:
			out = append(out, t.Target, t.Inst)
		case *etree.Comment:
			out = append(out, "comment", t.Data)
		case *etree.Directive:
			out = append(out, "directive", t.Data)
		}
	}
	return out
}

// FuzzDocument: what quick reads, etree reads alike.
func FuzzDocument(f *testing.F) {
	for _, text := range append(append([]string{}, documents...), odd...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) { same(t, b) })
}

// TestDocumentKeepsNothing: one value of a document does not hold on to the whole.
func TestDocumentKeepsNothing(t *testing.T) {
	const size = 1 << 20
	var kept []string
	before := heap()
	for range 16 {
		doc, err := Document([]byte("<?xml version='1.0'?>\n<p:a b='c'> <d>e</d>" + strings.Repeat(" ", size) + "</p:a>"))
		if err != nil {
			t.Fatal(err)
		}
		root := doc.Root()
		kept = append(kept, root.Tag, root.Space, root.Attr[0].Key, root.Attr[0].Value, root.Child[0].(*etree.CharData).Data, root.SelectElement("d").Text())
	}
	if grown := heap() - before; grown > 4*size {
		t.Errorf("%d values of documents keep %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
