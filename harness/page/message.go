package page

import (
	"fmt"
	"html/template"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/printable"
)

// MaxMessage is how much of a message is shown, in bytes.
const MaxMessage = 64 << 10

// Message is a body: SOAP, SyncML or other XML, JSON, a form, or plain text. It is shown
// indented, its marked elements in colour. Its secrets must be hidden before.
type Message struct {
	ID    string
	Text  string
	Marks []Mark
}

// Mark names elements of a message, by their name, by what they contain, or both. In
// JSON and in a form, a member is an element.
type Mark struct {
	Name  string // without a prefix
	Value string // the whole text of the element, or of one of its attributes
}

// piece is a part of a message, with how it looks.
type piece struct {
	kind  byte // see below
	text  string
	start int // marks that begin before it
	end   int // marks that end after it
}

// Kinds of pieces.
const (
	plain = 't'
	tag   = 'i'  // <i>: a tag, or a key
	aside = 'e'  // <em>: comments and the like
	fresh = '\n' // a new line, text is its indentation
)

// Indent formats a message as the page shows it, without marks.
func Indent(text string) string {
	var b strings.Builder
	for _, p := range layout(text, nil) {
		if p.kind == fresh {
			b.WriteByte('\n')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// Count says how many elements of a message a mark means.
func Count(text string, m Mark) (n int) {
	for _, p := range layout(text, []Mark{m}) {
		n += p.start
	}
	return n
}

// HTML is the message.
func (m Message) HTML() template.HTML {
	var b strings.Builder
	for _, p := range layout(m.Text, m.Marks) {
		b.WriteString(strings.Repeat("<mark>", p.start))
		text := template.HTMLEscapeString(p.text)
		switch p.kind {
		case fresh:
			b.WriteString("\n" + text)
		case tag:
			b.WriteString("<i>" + text + "</i>")
		case aside:
			b.WriteString("<em>" + text + "</em>")
		default:
			b.WriteString(text)
		}
		b.WriteString(strings.Repeat("</mark>", p.end))
	}
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped above
}

// layout divides a message into pieces.
func layout(text string, marks []Mark) (out []piece) {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	rest := ""
	if len(text) > MaxMessage {
		n := MaxMessage
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text, rest = text[:n], fmt.Sprintf("...[%d bytes more]", len(text)-n)
	}
	switch {
	case strings.HasPrefix(text, "<"):
		out = layoutXML(text, marks)
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		out = layoutJSON(text, marks)
	case isForm(text):
		out = layoutForm(text, marks)
	}
	if out == nil {
		out = []piece{{kind: plain, text: text}}
	}
	if rest != "" {
		out = append(out, piece{kind: fresh}, piece{kind: aside, text: rest})
	}
	for i := range out {
		out[i].text = printable.Text(out[i].text)
	}
	return out
}

// matches reports whether a mark means an element.
func matches(marks []Mark, name, value string, attributes map[string]string) bool {
	for _, m := range marks {
		switch {
		case m.Name == "" && m.Value == "":
		case m.Name != "" && m.Name != name:
		case m.Value == "" || m.Value == strings.TrimSpace(value):
			return true
		default:
			for _, v := range attributes {
				if v == m.Value {
					return true
				}
			}
		}
	}
	return false
}
