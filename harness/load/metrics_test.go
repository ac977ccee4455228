package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestLastScrape: Done waits for one more scrape if there was one before, and only then.
func TestLastScrape(t *testing.T) {
	m := NewMetrics()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	scrape := func() {
		resp, err := http.Get(srv.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if m.Done(&result.Result{}) != nil {
		t.Error("waits, and nobody scraped")
	}
	scrape()
	scraped := m.Done(&result.Result{})
	if scraped == nil {
		t.Fatal("does not wait")
	}
	select {
	case <-scraped:
		t.Error("an earlier scrape counted as the last")
	default:
	}
	scrape()
	select {
	case <-scraped:
	case <-time.After(time.Minute):
		t.Error("the last scrape did not count")
	}
	scrape()
}

// TestMetrics: a Prometheus that accepts native histograms gets them.
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

// TestMetricsOfParts: each part of a load has its own series.
func TestMetricsOfParts(t *testing.T) {
	m := NewMetrics()
	m.Observe("pushes", result.Whole, time.Millisecond)
	m.Observe("polls", result.Whole, time.Second)
	m.Progress(Progress{Parts: []PartProgress{{"pushes", result.Counts{Started: 7}, 2}, {"polls", result.Counts{Started: 9}, 0}}})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{`dmwake_load_wakeups{part="pushes",state="started"} 7`, `dmwake_load_wakeups{part="pushes",state="open"} 2`, `dmwake_load_wakeups{part="polls",state="started"} 9`,
		`dmwake_load_stage_seconds_count{part="pushes",stage="whole"} 1`, `dmwake_load_stage_seconds_count{part="polls",stage="whole"} 1`} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("%s is not in\n%s", want, w.Body)
		}
	}
}
