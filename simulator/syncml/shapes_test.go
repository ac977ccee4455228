package syncml

import (
	"fmt"
	"strings"
)

// shape is a kind of lawful document that a reader with a quadratic step takes
// seconds for. Each one was read in 5 to 47 seconds at 1 MB, or is a neighbour of
// one that was.
type shape struct {
	name string
	// body is the part that grows: about n bytes, for SyncBody.
	body func(n int) string
}

// fill repeats the piece of a number until there are n bytes.
func fill(n int, piece func(i int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(piece(i))
	}
	return b.String()
}

func always(piece string) func(int) string { return func(int) string { return piece } }

func inItem(data string) string {
	return "<Add><CmdID>1</CmdID><Item><Data>" + data + "</Data></Item></Add>"
}

var shapes = []shape{
	{"elements in nested Data", func(n int) string {
		return strings.Repeat("<Add><Data>", 12) + fill(n, always("<b/>")) + strings.Repeat("</Data></Add>", 12)
	}},
	{"elements in the Data of an item", func(n int) string {
		return inItem(fill(n, func(i int) string { return fmt.Sprintf("<r%d>a</r%d>", i, i) }))
	}},
	{"attributes", func(n int) string {
		return "<Add" + fill(n, func(i int) string { return fmt.Sprintf(` a%d=""`, i) }) + "><CmdID>1</CmdID></Add>"
	}},
	{"attributes, then elements with two", func(n int) string {
		return inItem("<a" + fill(n/2, func(i int) string { return fmt.Sprintf(` a%d=""`, i) }) + "/>" + fill(n/2, always(`<a b="" c=""/>`)))
	}},
	{"attributes, then commands with two", func(n int) string {
		return "<Add" + fill(n/2, func(i int) string { return fmt.Sprintf(` a%d=""`, i) }) + ">" + fill(n/2, always(`<Item b="" c=""/>`)) + "</Add>"
	}},
	{"declarations of namespaces", func(n int) string {
		return "<Add" + fill(n, func(i int) string { return fmt.Sprintf(` xmlns:a%d="a"`, i) }) + "><CmdID>1</CmdID></Add>"
	}},
	{"declarations, then elements with one", func(n int) string {
		return "<Add" + fill(n/2, func(i int) string { return fmt.Sprintf(` xmlns:a%d="a"`, i) }) + ">" + fill(n/2, always(`<Item xmlns:b="b"/>`)) + "</Add>"
	}},
	{"CDATA pieces", func(n int) string { return inItem(fill(n, always("<![CDATA[x]]>"))) }},
	{"text and CDATA pieces", func(n int) string { return inItem(fill(n, always("a<![CDATA[x]]>&amp;"))) }},
	{"text between elements", func(n int) string { return "<Add>" + fill(n, always("x<Item/>")) + "</Add>" }},
	{"text between elements in Data", func(n int) string { return inItem(fill(n, always("x<b/>"))) }},
	{"entities", func(n int) string { return inItem(fill(n, always("&amp;"))) }},
	{"items", func(n int) string {
		return "<Add>" + fill(n, always("<Item><Target><LocURI>./a</LocURI></Target><Data>1</Data></Item>")) + "</Add>"
	}},
	{"comments", func(n int) string { return inItem(fill(n, always("a<!-- b -->"))) }},
	{"processing instructions", func(n int) string { return "<Add>" + fill(n, always("<?a b?>")) + "</Add>" }},
	{"lines", func(n int) string { return inItem(fill(n, always("a\r\n"))) }},
	{"numeric references", func(n int) string { return inItem(fill(n, always("&#65;&#x42;"))) }},
	{"lines between elements", func(n int) string { return "<Add>" + fill(n, always("\r\n<!-- a --><Item/>")) + "</Add>" }},
	{"empty Data", func(n int) string { return "<Add>" + fill(n, always("<Data/>")) + "</Add>" }},
	{"credentials", func(n int) string {
		return "<Add>" + fill(n/3, always("<Item><Meta/></Item>")) + "<Cred>" + fill(n/3, always("<a/>")) + "</Cred><Chal>" + fill(n/3, always("<a/>")) + "</Chal></Add>"
	}},
}

// oddity is lawful, and a name that quick leaves to etree.
const oddity = "<?\u00e9?>"

// message is the whole document; odd ones are left to etree.
func (s shape) message(n int, odd bool) []byte {
	const start, end = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody>`, `<Final/></SyncBody></SyncML>`
	head := start
	if odd {
		head = oddity + start
	}
	return []byte(head + s.body(n-len(head)-len(end)-400) + end)
}
