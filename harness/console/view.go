package console

import (
	"errors"
	"fmt"
	"hash/maphash"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/printable"
)

// view is one page at one moment.
type view struct {
	Title string
	Nav   string // which page of the navigation it belongs to
	Data  any

	body  string // its template
	parts []part
	drawn []drawn
	live  string // where its changes come from
	token bool   // a browser can log out
	loads bool   // there is a page of a load test
}

// part is what of a page changes while it is open: the content of the element with that
// id. A list is compared row by row.
type part struct {
	id, template string
	data         any
	rows         []row // of a list; template is then that of one row
	list         bool
}

// row is a row of a list. Its template begins with "<tr id=" and this id.
type row struct {
	id   string
	data any
}

// block is a part that is replaced as a whole.
func block(id, template string, data any) part { return part{id: id, template: template, data: data} }

// table is a part of rows.
func table(id, template string, rows []row) part {
	return part{id: id, template: template, rows: rows, list: true}
}

// drawn is a part as HTML.
type drawn struct {
	part
	html string
	each []string // of a list
}

// draw writes all parts.
func (v *view) draw() error {
	write := func(name string, data any) (string, error) {
		var b strings.Builder
		err := pages.ExecuteTemplate(&b, name, data)
		return printable.Text(strings.TrimSpace(b.String())), err
	}
	for _, p := range v.parts {
		d := drawn{part: p}
		var err error
		for _, r := range p.rows {
			var s string
			if s, err = write(p.template, r.data); err != nil {
				return fmt.Errorf("row %s: %w", r.id, err)
			}
			d.each = append(d.each, s)
		}
		if !p.list {
			d.html, err = write(p.template, p.data)
		} else {
			d.html = strings.Join(d.each, "\n")
		}
		if err != nil {
			return fmt.Errorf("part %s: %w", p.id, err)
		}
		v.drawn = append(v.drawn, d)
	}
	return nil
}

// Part is the content of a part, for the page's own template.
func (v *view) Part(id string) (template.HTML, error) {
	for _, d := range v.drawn {
		if d.id == id {
			return template.HTML(d.html), nil //nolint:gosec // a template wrote it
		}
	}
	return "", fmt.Errorf("the page has no part %q", id)
}

// Live is where the page's changes come from; empty if it has none.
func (v *view) Live() string { return v.live }

// Named reports whether the page belongs to that one of the navigation.
func (v *view) Named(nav string) bool { return v.Nav == nav }

// LogOut reports whether there is a cookie to be taken back.
func (v *view) LogOut() bool { return v.token }

// Loads reports whether there is a page of a load test.
func (v *view) Loads() bool { return v.loads }

// Body is the page's own part.
func (v *view) Body() (template.HTML, error) {
	var b strings.Builder
	err := pages.ExecuteTemplate(&b, v.body, v)
	return template.HTML(b.String()), err //nolint:gosec // a template wrote it
}

var seed = maphash.MakeSeed()

// digest stands for what all parts show.
func (v *view) digest() string {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, d := range v.drawn {
		h.WriteString(d.id)
		h.WriteString(d.html)
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

// missing is a page that does not exist.
type missing struct{ what string }

func (m missing) Error() string { return m.what }

func nothingHere(r *http.Request) (*view, error) {
	return nil, missing{"The console has no page " + r.URL.Path + "."}
}

// maker makes a page of a request, and again when its stamp changes.
type maker struct {
	view  func(*http.Request) (*view, error)
	stamp func() uint64
}

// page serves a view: as a page, or its changes to a reader of events.
func (c *console) page(m maker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := m.view(r)
		status := http.StatusOK
		var gone missing
		switch {
		case errors.As(err, &gone):
			status, v = http.StatusNotFound, &view{Title: "Not found", body: "wrong", Data: gone.what}
		case err != nil:
			status, v = http.StatusBadRequest, &view{Title: "Not possible", body: "wrong", Data: err.Error()}
		}
		if status == http.StatusOK && strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			c.stream(w, r, m)
			return
		}
		v.token, v.loads = c.Token != "", c.Load != nil
		if err := v.draw(); err != nil {
			http.Error(w, "The page could not be made: "+err.Error(), http.StatusInternalServerError)
			return
		}
		if len(v.parts) > 0 {
			u := *r.URL
			q := u.Query()
			q.Set("live", v.digest())
			u.RawQuery = q.Encode()
			v.live = u.RequestURI()
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		pages.ExecuteTemplate(printable.NewWriter(w, false), "page", v) //nolint:errcheck // the browser is gone
	})
}
