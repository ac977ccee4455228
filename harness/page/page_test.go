package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/printable"
)

func render(t *testing.T, text string, data any) string {
	t.Helper()
	tmpl, err := New("test").Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := tmpl.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestOneFile: style and script get into the page as they are, which the policy's hashes
// need, and the writer that escapes a report changes nothing in them.
func TestOneFile(t *testing.T) {
	out := render(t, `{{template "policy"}}{{template "style"}}{{template "script"}}`, nil)
	for _, want := range []string{"<style>" + style + "</style>", "<script>" + script + "</script>", "default-src &#39;none&#39;"} {
		if !strings.Contains(out, want) && !strings.Contains(out, strings.ReplaceAll(want, "&#39;", "'")) {
			t.Errorf("no %.40q in the page", want)
		}
	}
	if printable.Text(out) != out {
		t.Error("a printable page differs")
	}
	if strings.Contains(script, "</") || strings.Contains(style, "</") {
		t.Error("the files end their own element")
	}
}

func TestHandler(t *testing.T) {
	h := Handler()
	get := func(path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for path, want := range map[string]string{"/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"} {
		w := get(path, "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want || w.Body.Len() < 1000 {
			t.Errorf("%s: %d %v, %d bytes", path, w.Code, w.Header(), w.Body.Len())
		}
		if w := get(path, w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, w.Code)
		}
	}
	if w := get("/parts.html", ""); w.Code != http.StatusNotFound {
		t.Errorf("parts.html: %d", w.Code)
	}
}

// TestDiagram: only lanes that take part are drawn, arrows point the right way and can be
// linked to, and the culprit is never folded away.
func TestDiagram(t *testing.T) {
	d := Diagram{ID: "SES-09", Lanes: []string{"device", "server", "WNS"}, Arrows: []Arrow{
		{From: "device", To: "server", Text: "Discover", Fold: "enrollment"}, {From: "server", To: "device", Text: "200", Fold: "enrollment"},
		{From: "device", To: "server", Text: "Alert 1201 <&>", Href: "#m1"}, {From: "server", To: "device", Text: "Status", Note: "4 ms", Culprit: "wrong here"}}}
	out := render(t, `{{template "diagram" .}}`, d)
	for _, want := range []string{"lanes-2", "<span>server</span>", `<details><summary>enrollment <span class="dim">(2 messages)`, `id="SES-09-4" class="arrow a1 b2 left bad"`, `<a href="#m1">Alert 1201 &lt;&amp;&gt;</a>`,
		`<strong class="culprit">✗ wrong here</strong>`, `id="SES-09-1" class="arrow a1 b2"`, `href="#SES-09-3"`, "server to device: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if strings.Contains(out, "WNS") {
		t.Errorf("a lane without an arrow:\n%s", out)
	}
	d.Arrows[1].Culprit = "wrong here"
	if out := render(t, `{{template "diagram" .}}`, d); !strings.Contains(out, "<details open>") {
		t.Errorf("the culprit is folded:\n%s", out)
	}
	if out := render(t, `{{template "diagram" .}}`, Diagram{}); strings.TrimSpace(out) != "" {
		t.Errorf("nothing is drawn as %s", out)
	}
	var many []Arrow
	for i := range 20 {
		many = append(many, Arrow{From: string(rune('a' + i)), To: string(rune('b' + i))})
	}
	if d := (Diagram{Arrows: many}); len(d.Taking()) != maxLanes || len(d.Rows()[0].Arrows) != maxLanes-1 {
		t.Errorf("%d lanes of many", len(d.Taking()))
	}
}
