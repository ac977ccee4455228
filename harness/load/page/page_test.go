package page

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"
	"gonum.org/v1/plot/plotter"

	"github.com/dmwake/dmwake/harness/internal/browser"
	"github.com/dmwake/dmwake/harness/load/result"
)

// sample is a result of 300 wake-ups in ten seconds.
func sample() *result.Result {
	h, c := result.NewHistogram(), result.Course{Length: time.Second}
	for i := range 300 {
		d := time.Duration(1000+37*i%9000) * time.Microsecond
		h.Record(d)
		s := c.Step(i / 30)
		s.Started, s.Done = s.Started+1, s.Done+1
		s.Whole.Record(d)
	}
	c.Step(4).Failed, c.Step(6).Lost = 3, 2
	r := &result.Result{Kind: result.Kind, Counts: result.Counts{Started: 300, Done: 295, Failed: 3, Lost: 2}, Seconds: 10, Stages: map[result.Stage]result.Summary{}, Course: c.Points(),
		Errors: map[string]int64{"trigger: no answer in time": 3, "lost: WNS: lost": 2}, CPU: &result.CPU{Own: 0.2, Busy: 0.3}}
	for _, s := range []result.Stage{result.Late, result.Trigger, result.Wake, result.Open, result.Out, result.Reply, result.Whole} {
		r.Stages[s] = h.Summary()
	}
	return r
}

// serverSample is a server of two processes and a series.
func serverSample() *result.Server {
	idle := 0.031
	p := result.Process{PID: 42, Name: "mdm", CPUSeconds: 12.5, Seconds: 10, IdleCPU: &idle, CPUPerWake: 0.0042, PeakRSS: 95e6, PeakFiles: 200, PeakThreads: 12}
	q := result.Process{PID: 43, Container: "<script>alert(2)</script>", Name: "db"}
	s := result.Series{URL: "http://127.0.0.1:9090/metrics", Name: `requests{path="/a"}`, Kind: result.Rate}
	for i := range 12 {
		u := result.Usage{At: float64(i) - 1, CPU: 0.5, RSS: 90e6, Files: 200, Threads: 12}
		p.Course, q.Course = append(p.Course, u), append(q.Course, u)
		s.Points = append(s.Points, result.Sample{At: u.At, Value: float64(i)})
	}
	return &result.Server{Processes: []result.Process{p, q}, Series: []result.Series{s}, Notes: []string{"process 42 ended at 12:00:00: its figures end there."}}
}

func tracesSample() *result.Traces {
	t := &result.Traces{}
	t.Add(result.Traced{TraceID: "0af7651916cd43dd8448eb211c80319c", Device: "A", Took: 9000, Stages: map[result.Stage]int64{result.Trigger: 3000, result.Whole: 9000}})
	t.Add(result.Traced{TraceID: "1af7651916cd43dd8448eb211c80319c", Device: "B", Error: "lost: WNS: lost"})
	return t
}

// TestPage: the page has its plots, each with a name, and neither fetches nor runs
// anything.
func TestPage(t *testing.T) {
	full := sample()
	full.Target.Name = `<script>alert(1)</script>`
	empty := &result.Result{Kind: result.Kind, Stages: map[result.Stage]result.Summary{}}
	watched := sample()
	watched.Server, watched.Traces = serverSample(), tracesSample()
	want := map[*result.Result]int{full: 5, empty: 5, watched: 10}
	for _, r := range []*result.Result{full, empty, watched} {
		var b bytes.Buffer
		if err := Write(&b, r); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if r == watched {
			for _, want := range []string{"mdm 42", "12.50 s", "3.1 %", "4.20 ms", "95.0 MB", "0af7651916cd43dd8448eb211c80319c", "process 42 ended", "trigger 3ms", "lost: WNS: lost"} {
				if !strings.Contains(text, want) {
					t.Errorf("the page has no %q", want)
				}
			}
			if strings.Contains(text, "<script") {
				t.Error("a name became markup")
			}
		}
		doc, err := html.Parse(strings.NewReader(text))
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
		if plots != want[r] {
			t.Errorf("%d plots, want %d", plots, want[r])
		}
	}
}

// numbers counts the numbers among the texts of a plot.
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

// TestTicks: a logarithmic scale includes all values and has labels near them.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		least, most float64
		labels      string
	}{
		{3.4, 5.1, "2 5 10"}, {1, 1, "1 2"}, {0.999, 1.001, "0.5 1 2"}, {2, 5, "2 5 10"}, {0.3, 45, "0.2 0.5 1 2 5 10 20 50"},
		{0.001, 90000, "0.001 0.01 0.1 1 10 100 1000 10000 100000"}, {7, 70_000, "10 100 1000 10000 100000"}, {60_000, 61_000, "50000 100000"},
	} {
		p := newPlot("x", "y")
		if err := addLines(p, true, series{byTime[0], plotter.XYs{{X: 0, Y: c.least}, {X: 1, Y: c.most}}}); err != nil {
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

// TestPlainTicks: a linear scale has about five to ten short labels.
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

// TestPageInChromium: in a browser the page fits the window, and its plots follow
// the light or dark theme.
func TestPageInChromium(t *testing.T) {
	ctx := browser.Start(t)
	file := filepath.Join(t.TempDir(), "load.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(f, sample()); err != nil {
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

// TestCapacityPage: the page of a search has a row and a point for each step, also for
// one without a result, and text of the server stays text.
func TestCapacityPage(t *testing.T) {
	c := &result.Capacity{Of: result.OfRate, Holds: 40, Fails: 42, Confirmed: true, Conditions: []string{"p99<2s", "lost==0"}, Limit: result.Limit{Text: "<b>reply</b> grew"},
		Steps: []result.CapacityStep{{Value: 40, Verdict: result.StepHolds, Result: sample()}, {Value: 42, Verdict: result.StepFails, Why: []string{"p99<2s: saw 3s"}, Result: sample()},
			{Value: 50, Verdict: result.StepUnsure, Own: []string{"no ports"}}}}
	for _, c := range []*result.Capacity{c, {}} {
		var b bytes.Buffer
		if err := WriteCapacity(&b, c); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if strings.Contains(text, "<b>") || strings.Contains(text, "<script") || !strings.Contains(text, "<style>") {
			t.Error("the page has foreign elements, or no style")
		}
		if len(c.Steps) == 0 {
			continue
		}
		for _, want := range []string{"Capacity: 40 wake-ups a second", "not at 42", "p99&lt;2s: saw 3s", "perhaps not the server: no ports", "&lt;b&gt;reply"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in the page", want)
			}
		}
		if n := strings.Count(text, `<th scope="row">`); n != 3 {
			t.Errorf("%d rows, want 3", n)
		}
		if n := strings.Count(text, "<path"); n < 2 {
			t.Errorf("%d paths", n)
		}
	}
}
