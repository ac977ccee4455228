// Package page has the parts that HTML pages of dmwake share: the style sheet, the
// script, the sequence diagram, the message block, filter chips with search, and the
// copy button. It knows no device, server or report: its inputs are texts.
//
// # In a report: one file
//
// New returns a template that knows the parts. "style" and "script" write the style
// sheet and the script into the page, and "policy" a Content-Security-Policy that allows
// nothing else: whatever text a page shows, it runs no script and fetches nothing.
//
//	t := template.Must(page.New("report").Parse(`<!DOCTYPE html><html lang="en"><head>
//	{{template "policy"}}{{template "style"}}</head><body>
//	{{template "diagram" .Diagram}} {{template "message" .Body}} {{template "copy" .Again}}
//	{{template "script"}}</body></html>`))
//
// # On a server: two files
//
// Handler serves /page.css and /page.js; no page needs an inline script or style:
//
//	<link rel="stylesheet" href="/page.css"><script src="/page.js" defer></script>
//
// The script listens on the document, so the parts work in what is swapped in later. A
// list whose items come and go is filtered again by itself.
//
// # Parts and their inputs
//
//	{{template "diagram" Diagram}}   lanes that take part, arrows with addresses
//	{{template "message" Message}}   a SOAP, SyncML, JSON or form body, indented
//	{{template "filter" Filter}}     chips and search
//	{{template "copy" Copy}}         a button that copies a text
//
// # What the script does with a page's own elements
//
//	data-list            a list that a Filter works on; inside it:
//	data-item            one item; data-KEY says its value for the chips with that key
//	data-group           a part of the list; it is hidden if none of its items is left,
//	                     and unfolded while a filter is on, if it is a <details>
//	data-shown           becomes "12 of 383"
//	class="needs-script" is hidden if there is no script
//
// The fragment keeps what is filtered: #outcome=failed,warned&area=SES&q=text. Links of
// that form set the filter. A fragment that is an id unfolds that element, shows it if a
// filter hid it, and scrolls to it. The key / moves to the search.
//
// # Classes
//
// bad, warn, good and dim are tones. card, cards, chip, banner, cols (name and value),
// ids, line (one line that is cut at the edge), vh (for screen readers only), noprint.
// Colours are custom properties; light and dark follow the reader's system.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed page.css page.js parts.html
var files embed.FS

func file(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

var (
	style  = file("page.css")
	script = file("page.js")
	parts  = template.Must(template.New("parts").Funcs(template.FuncMap{
		"pageStyle":  func() template.CSS { return template.CSS(style) }, //nolint:gosec // our own file
		"pageScript": func() template.JS { return template.JS(script) },  //nolint:gosec // our own file
		"pagePolicy": Policy,
	}).Parse(file("parts.html")))
)

// New returns a template that has the parts.
func New(name string) *template.Template {
	return template.Must(parts.Clone()).New(name)
}

// Policy is the Content-Security-Policy of a page in one file: its own style and script,
// and nothing else.
func Policy() string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hash(style), hash(script))
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Handler serves /page.css and /page.js.
func Handler() http.Handler {
	mux := http.NewServeMux()
	serve := func(path, kind, text string) {
		tag := `"` + hash(text) + `"`
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", kind+"; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "no-cache")
			h.Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write([]byte(text))
		})
	}
	serve("/page.css", "text/css", style)
	serve("/page.js", "text/javascript", script)
	return mux
}

// Copy is a button that copies a text.
type Copy struct {
	Text string // what is copied
	Of   string // or the id of the element whose text is copied
	What string // for the button's name, as in "copy the command"
}

// Filter are chips and a search for the list of a page. It needs the script, unless its
// chips are links and Action is set: then the server filters.
type Filter struct {
	Groups []Chips
	Query  string // what is searched at first
	Hint   string // what is searched: "id, title, message"
	Action string // the address that the search is sent to as q, by GET; empty: the script searches
}

// Chips are the values of one key. Of several that are on, an item has to have one.
type Chips struct {
	Key, Label string
	List       []Chip
}

// Chip is one value.
type Chip struct {
	Value string
	Text  string // its name, Value if it is empty
	Count int    // how many items have it
	Tone  string // bad, warn, good or dim
	On    bool
	Href  string // a chip that is a link
}

// Name is what a chip is called.
func (c Chip) Name() string {
	if c.Text != "" {
		return c.Text
	}
	return c.Value
}
