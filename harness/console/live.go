package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
)

const (
	// glance is how often it is asked whether something happened.
	glance = 50 * time.Millisecond
	// beat is the least time between two updates of a page.
	beat = 250 * time.Millisecond
	// rest is the most time between two looks: no stamp tells of the connection of a device
	// of another process.
	rest = 2 * time.Second
	// share of a core that one page's updates may take: 1/share.
	share = 20
	// patience is how long a browser may take to read an update. A slow one loses its
	// stream and gets all of the page when it comes again.
	patience = 10 * time.Second
	// silence is how long nothing is sent, so that a browser that is gone is noticed.
	silence = 15 * time.Second
)

// stream keeps a page current: it makes the page again and again, and sends the parts
// and rows that changed as server-sent events. All changes within a beat are one update.
// Nothing in the lab waits for a browser.
func (c *console) stream(w http.ResponseWriter, r *http.Request, m maker) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		http.Error(w, fmt.Sprintf("%d pages are kept current already; close some", maxStreams), http.StatusServiceUnavailable)
		return
	}
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		return // the stream lasts longer than a request may
	}
	w.Header().Set("Content-Type", "text/event-stream")
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.URL.Query().Get("live")
	}
	var before *view
	var stamp uint64
	var made, spoke time.Time
	var took time.Duration
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		now, text := time.Now(), ""
		if since := now.Sub(made); since >= max(beat, share*took) && (before == nil || m.stamp() != stamp || since >= rest) {
			stamp = m.stamp() // before it looks, so that nothing is missed
			v, err := m.view(r)
			if err == nil {
				err = v.draw()
			}
			var gone missing
			switch {
			case errors.As(err, &gone):
				fmt.Fprintf(w, "event: gone\ndata: %s\n\n", printable.Line(gone.what))
				out.Flush() //nolint:errcheck // it ends in any case
				return
			case err != nil: // it will be tried again
			case before == nil && v.digest() == seen:
				before = v
			case before == nil:
				text, before = v.whole(), v
			default:
				text, before = v.since(before), v
			}
			made, took = now, time.Since(now)
		}
		if text != "" || now.Sub(spoke) >= silence {
			event := ": still here\n\n"
			if text != "" {
				event = "id: " + before.digest() + "\nevent: patch\ndata: " + strings.ReplaceAll(text, "\n", "\ndata: ") + "\n\n"
			}
			spoke = now
			out.SetWriteDeadline(time.Now().Add(patience)) //nolint:errcheck // a writer without deadlines
			if _, err := fmt.Fprint(w, event); err != nil || out.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// whole replaces all parts. htmx takes each element with hx-swap-oob to its place; a row
// stands in a template, because a table's parts mean nothing elsewhere.
func (v *view) whole() string {
	var b strings.Builder
	for _, d := range v.drawn {
		d.replace(&b)
	}
	return b.String()
}

func (d *drawn) replace(b *strings.Builder) {
	element := "div"
	if d.list {
		element = "tbody"
	}
	fmt.Fprintf(b, "<template><%s hx-swap-oob=\"innerHTML:#%s\">%s</%s></template>\n", element, d.id, d.html, element)
}

// since is what changed after the view before.
func (v *view) since(before *view) string {
	var b strings.Builder
	for i := range v.drawn {
		d := &v.drawn[i]
		at := slices.IndexFunc(before.drawn, func(x drawn) bool { return x.id == d.id })
		switch {
		case at >= 0 && before.drawn[at].html == d.html:
		case at < 0 || !d.list || !d.rowsSince(&b, &before.drawn[at]):
			d.replace(&b)
		}
	}
	return b.String()
}

// rowsSince writes the rows that are gone, changed, or new at the top. It returns false
// for any other change of a list.
func (d *drawn) rowsSince(b *strings.Builder, before *drawn) bool {
	now := map[string]int{}
	for i, r := range d.rows {
		now[r.id] = i
	}
	var text strings.Builder
	next := -1 // index of the row that has to follow
	for i, r := range before.rows {
		at, left := now[r.id]
		switch {
		case !left:
			fmt.Fprintf(&text, "<template><tr id=\"%s\" hx-swap-oob=\"delete\"></tr></template>\n", r.id)
			continue
		case next >= 0 && at != next:
			return false // rows came in between, or moved
		case d.each[at] != before.each[i]:
			fmt.Fprintf(&text, "<template>%s</template>\n", strings.Replace(d.each[at], "<tr ", `<tr hx-swap-oob="true" `, 1))
		}
		if next < 0 {
			next = at
			if at > 0 {
				fmt.Fprintf(&text, "<template><tbody hx-swap-oob=\"afterbegin:#%s\">%s</tbody></template>\n", d.id, strings.Join(d.each[:at], "\n"))
			}
		}
		next++
	}
	if next != len(d.rows) {
		return false // rows at the end, or none is left
	}
	b.WriteString(text.String())
	return true
}
