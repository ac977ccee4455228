package load

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/net/html"
)

// TestPage: the page has its plots, each with a name, and fetches and runs
// nothing.
func TestPage(t *testing.T) {
	r := measure(t, options(t, "15", 2*time.Second), nil)
	r.Target.Name = `<script>alert(1)</script>`
	for _, r := range []*Result{r, {Kind: "load", Stages: map[Stage]Summary{}}} {
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
			}
		}
		if plots != 4 {
			t.Errorf("%d plots", plots)
		}
	}
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
