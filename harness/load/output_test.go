package load

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/net/html"
	"gonum.org/v1/plot/plotter"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

// TestPage: the page has its plots, each with a name, and fetches and runs
// nothing.
func TestPage(t *testing.T) {
	r := measure(t, options(t, "15", 2*time.Second), nil)
	r.Target.Name = `<script>alert(1)</script>`
	empty := &Result{Kind: "load", Stages: map[Stage]Summary{}}
	for _, r := range []*Result{r, empty} {
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		plots := 0
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			attrs := map[string]string{}
			for _, a := range n.Attr {
				attrs[a.Key] = a.Val
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
					t.Errorf("<%s> has %s", n.Data, a.Key)
				}
			}
			switch n.Data {
			case "script", "img", "link", "iframe":
				t.Errorf("the page has a <%s>", n.Data)
			case "svg":
				if plots++; attrs["role"] != "img" || attrs["aria-label"] == "" {
					t.Errorf("a plot has no name: %v", attrs)
				}
				if n := numbers(n); n < 2 && r != empty {
					t.Errorf("%s has %d numbers on its axes", attrs["aria-label"], n)
				}
			}
		}
		if plots != 5 {
			t.Errorf("%d plots", plots)
		}
	}
}

// numbers counts the texts of a plot that are numbers.
func numbers(svg *html.Node) (count int) {
	for n := range svg.Descendants() {
		if n.Type == html.TextNode {
			if _, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(n.Data), " %"), 64); err == nil {
				count++
			}
		}
	}
	return count
}

// TestTicks: whatever was measured is between the ends of the scale, and has
// labels near it.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		least, most float64
		labels      string
	}{
		{3.4, 5.1, "2 5 10"}, {1, 1, "1 2"}, {0.999, 1.001, "0.5 1 2"}, {2, 5, "2 5 10"}, {0.3, 45, "0.2 0.5 1 2 5 10 20 50"},
		{0.001, 90000, "0.001 0.01 0.1 1 10 100 1000 10000 100000"}, {7, 70_000, "10 100 1000 10000 100000"}, {60_000, 61_000, "50000 100000"},
	} {
		p := newPlot("x", "y")
		if err := draws(p, true, series{byTime[0], plotter.XYs{{X: 0, Y: c.least}, {X: 1, Y: c.most}}}); err != nil {
			t.Fatal(err)
		}
		if p.Y.Min > c.least || p.Y.Max <= c.most || p.Y.Max > 10*c.most {
			t.Errorf("%g to %g: the scale is from %g to %g", c.least, c.most, p.Y.Min, p.Y.Max)
		}
		var labels []string
		for _, k := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if k.Label != "" {
				labels = append(labels, k.Label)
			}
		}
		if got := strings.Join(labels, " "); got != c.labels {
			t.Errorf("%g to %g: labels %q, want %q", c.least, c.most, got, c.labels)
		}
	}
}

// TestPlainTicks: there are some five to ten, with short labels.
func TestPlainTicks(t *testing.T) {
	for _, c := range []struct {
		least, most float64
		labels      string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1"}, {0, 25, "0 5 10 15 20 25"}, {0, 7, "0 1 2 3 4 5 6 7"}, {0, 3600, "0 500 1000 1500 2000 2500 3000 3500"}, {-1, 1, "-1 -0.5 0 0.5 1"}, {0.11, 0.16, "0.11 0.12 0.13 0.14 0.15 0.16"}, {3, 3, ""},
	} {
		var labels []string
		for _, k := range (plainTicks{}).Ticks(c.least, c.most) {
			labels = append(labels, k.Label)
		}
		if got := strings.Join(labels, " "); got != c.labels {
			t.Errorf("%g to %g: labels %q, want %q", c.least, c.most, got, c.labels)
		}
	}
}

// TestPageInChromium: a browser shows the page as wide as its window, and its
// plots in the colours that the reader has asked for.
func TestPageInChromium(t *testing.T) {
	ctx := browser.Start(t)
	file := filepath.Join(t.TempDir(), "load.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := measure(t, options(t, "15", 2*time.Second), nil).WriteHTML(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(1100, 1400), chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1100, 390} {
			var wide int64
			var stroke string
			if err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.EmulateViewport(width, 1400), chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide),
				chromedp.Evaluate(`[...document.querySelectorAll("svg path")].map(p => getComputedStyle(p).stroke + getComputedStyle(p).fill).join()`, &stroke)); err != nil {
				t.Fatal(err)
			}
			if seen[stroke] = true; wide > width || stroke == "" {
				t.Errorf("%s: %d pixels wide in a window of %d", scheme, wide, width)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d sets of colours, want one for light and one for dark", len(seen))
	}
}

// TestLastLook: who looked at the metrics before is waited for until the end was
// looked at; who did not, is not.
func TestLastLook(t *testing.T) {
	m := NewMetrics()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	look := func() {
		resp, err := http.Get(srv.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if m.Done(&Result{}) != nil {
		t.Error("nobody has looked, and is waited for")
	}
	look()
	looks := m.Done(&Result{})
	if looks == nil {
		t.Fatal("nobody is waited for")
	}
	select {
	case <-looks:
		t.Error("the look before was taken for the last one")
	default:
	}
	look()
	select {
	case <-looks:
	case <-time.After(time.Minute):
		t.Error("the last look was not seen")
	}
	look()
}

// TestMetrics: a Prometheus that takes native histograms gets the stages so.
func TestMetrics(t *testing.T) {
	m := NewMetrics()
	o := options(t, "15", time.Second)
	o.Observe, o.Progress = m.Observe, m.Progress
	r := measure(t, o, nil)
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	dec := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
	for {
		var f dto.MetricFamily
		if err := dec.Decode(&f); err != nil {
			break
		}
		if f.GetName() != "dmwake_load_stage_seconds" {
			continue
		}
		for _, k := range f.GetMetric() {
			h := k.GetHistogram()
			if len(h.GetPositiveSpan()) == 0 || h.GetSampleCount() != uint64(r.Counts.Done) {
				t.Errorf("%s: %d samples in %d spans, want %d", k.GetLabel()[0].GetValue(), h.GetSampleCount(), len(h.GetPositiveSpan()), r.Counts.Done)
			}
		}
		return
	}
	t.Error("no stages among the metrics")
}
