package syncml

import (
	"bytes"
	"fmt"

	"github.com/beevik/etree"
)

// WriteWBXML serializes m as WBXML 1.3 with SyncML's code pages, which an
// account's DEFAULTENCODING asks for. It has the same content as Write, without
// msft:originalerror.
func WriteWBXML(m *Message) ([]byte, error) {
	root := document(m).Root()
	w := wbWriter{literals: map[string]int{}}
	w.collect(root)
	w.buf.WriteByte(wbVersion)
	w.number(wbPublicID)
	w.number(wbCharset)
	w.number(w.table.Len())
	w.buf.Write(w.table.Bytes())
	if err := w.element(root); err != nil {
		return nil, err
	}
	return w.buf.Bytes(), nil
}

type wbWriter struct {
	buf, table bytes.Buffer
	literals   map[string]int // offset in the table, of names without a token
	page       byte
}

// number writes a multi-byte integer (WAP-192-WBXML section 5.1).
func (w *wbWriter) number(n int) {
	var b [5]byte
	i := len(b) - 1
	b[i] = byte(n & 0x7f)
	for n >>= 7; n > 0; n >>= 7 {
		i--
		b[i] = byte(n&0x7f) | 0x80
	}
	w.buf.Write(b[i:])
}

func pageOf(e *etree.Element) byte {
	if e.SelectAttrValue("xmlns", "") == MetaNamespace {
		return pageMeta
	}
	return pageSyncML
}

// collect puts the names that have no token into the string table.
func (w *wbWriter) collect(e *etree.Element) {
	if _, known := tokens[pageOf(e)][e.Tag]; !known {
		if _, ok := w.literals[e.Tag]; !ok {
			w.literals[e.Tag] = w.table.Len()
			w.table.WriteString(e.Tag)
			w.table.WriteByte(0)
		}
	}
	for _, k := range e.ChildElements() {
		w.collect(k)
	}
}

func (w *wbWriter) element(e *etree.Element) error {
	content := byte(0)
	if len(e.Child) > 0 {
		content = wbContent
	}
	page := pageOf(e)
	if token, known := tokens[page][e.Tag]; known {
		if page != w.page {
			w.buf.WriteByte(wbSwitchPage)
			w.buf.WriteByte(page)
			w.page = page
		}
		w.buf.WriteByte(token | content)
	} else {
		w.buf.WriteByte(wbLiteral | content)
		w.number(w.literals[e.Tag])
	}
	if content == 0 {
		return nil
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			if err := w.element(t); err != nil {
				return err
			}
		case *etree.CharData:
			if bytes.IndexByte([]byte(t.Data), 0) >= 0 {
				return fmt.Errorf("write WBXML: the text of %s contains a NUL, which XML does not allow", e.Tag)
			}
			w.buf.WriteByte(wbStrI)
			w.buf.WriteString(t.Data)
			w.buf.WriteByte(0)
		}
	}
	w.buf.WriteByte(wbEnd)
	return nil
}
