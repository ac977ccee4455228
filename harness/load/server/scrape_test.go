package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

const metricsPage = `# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/omadm"} %d
http_requests_total{code="500",path="/omadm"} 1
# TYPE sessions gauge
sessions 3
# TYPE db_seconds histogram
db_seconds_bucket{le="+Inf"} %d
db_seconds_sum %d
db_seconds_count %d
# TYPE process_open_fds gauge
process_open_fds 12
pushes_total 8
`

// metricsServer counts its answers: each adds ten requests, and five waits for the
// database of two seconds.
func metricsServer(t *testing.T) *httptest.Server {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		k := n.Add(1)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, metricsPage, 10*k, 5*k, 10*k, 5*k)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// scraped takes some readings, and spaces them evenly by a second.
func scraped(t *testing.T, url string, times int, names ...string) *scrape {
	t.Helper()
	s, err := newScrape(url, names, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	for range times {
		s.take(t.Context())
	}
	for _, l := range s.series {
		for i := range l.points {
			l.points[i].at = time.Unix(int64(i), 0)
		}
	}
	return s
}

// TestSeries: counters become rates, gauges stay, histograms become means; labels
// choose.
func TestSeries(t *testing.T) {
	srv := metricsServer(t)
	for choice, want := range map[string]struct {
		name  string
		kind  result.SeriesKind
		value float64
	}{
		`http_requests_total{code="200"}`: {`http_requests_total{code="200",path="/omadm"}`, result.Rate, 10},
		"sessions":                        {"sessions", result.Gauge, 3},
		"db_seconds":                      {"db_seconds", result.Mean, 2},
		"db_seconds_count":                {"db_seconds_count", result.Rate, 5},
		"db_seconds_sum":                  {"db_seconds_sum", result.Rate, 10},
		"pushes_total":                    {"pushes_total", result.Rate, 0},
	} {
		out, notes := scraped(t, srv.URL, 3, choice).result(Window{Start: time.Unix(1, 0)})
		if len(out) != 1 || len(notes) > 0 {
			t.Errorf("%s: %+v, %v", choice, out, notes)
			continue
		}
		got := out[0]
		last := got.Points[len(got.Points)-1]
		if got.Name != want.name || got.Kind != want.kind || last.Value != want.value || last.At != 1 || got.URL != srv.URL+"/metrics" {
			t.Errorf("%s: %+v, want %+v", choice, got, want)
		}
	}
}

// TestUsualSeries: without a choice the usual series are taken, as far as there are any.
func TestUsualSeries(t *testing.T) {
	out, notes := scraped(t, metricsServer(t).URL, 1).result(Window{})
	if len(out) != 1 || out[0].Name != "process_open_fds" || len(notes) > 0 {
		t.Errorf("%+v, %v", out, notes)
	}
	none := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a 1") }))
	defer none.Close()
	if _, notes := scraped(t, none.URL, 1).result(Window{}); len(notes) != 1 || !strings.Contains(notes[0], "choose series with --series") {
		t.Errorf("%v", notes)
	}
}

// TestCounterRestarts: a counter that fell began again from 0.
func TestCounterRestarts(t *testing.T) {
	l := line{Series: result.Series{Kind: result.Rate}}
	for i, v := range []float64{100, 130, 20} {
		l.points = append(l.points, reading{at: time.Unix(int64(i), 0), sum: v})
	}
	got := l.course(time.Unix(0, 0))
	if len(got) != 2 || got[0].Value != 30 || got[1].Value != 20 {
		t.Errorf("%+v", got)
	}
}

// TestScrapeFails: a scrape that fails is a note, with what the server has instead.
func TestScrapeFails(t *testing.T) {
	srv := metricsServer(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	answer := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, c := range map[string]struct{ url, series, want string }{
		"closed": {gone.URL, "", "2 of 2 scrapes of " + gone.URL + "/metrics failed; the first: "},
		"secret": {strings.Replace(gone.URL, "http://", "http://me:s3cret@", 1) + "/m?token=s3cret", "", "2 of 2 scrapes of " + gone.URL + "/m failed"},
		"status": {answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }), "", "HTTP status 403"},
		"a page": {answer(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\n<p>") }), "", "not in the text format of Prometheus"},
		"endless": {answer(func(w http.ResponseWriter, _ *http.Request) {
			for chunk := []byte(strings.Repeat("# a line of a comment\n", 1<<12)); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}), "", "longer than 16 MiB"},
		"unknown":         {srv.URL, "http_requests", "has no series http_requests. It has http_requests_total."},
		"unknown label":   {srv.URL, `sessions{kind="x"}`, `has no series sessions{kind="x"}`},
		"none like it":    {srv.URL, "zzz", "has no series zzz."},
		"bucket of a sum": {srv.URL, "db_seconds_bucket", "has no series db_seconds_bucket. It has db_seconds."},
	} {
		var names []string
		if c.series != "" {
			names = []string{c.series}
		}
		_, notes := scraped(t, c.url, 2, names...).result(Window{})
		if text := strings.Join(notes, " "); !strings.Contains(text, c.want) || strings.Contains(text, "s3cret") {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

// TestTooManySeries: the first are kept, and a note says how to choose.
func TestTooManySeries(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 50 {
			fmt.Fprintf(w, "many{n=\"%d\"} 1\n", i)
		}
	}))
	defer srv.Close()
	out, notes := scraped(t, srv.URL, 2, "many").result(Window{})
	if len(out) != maxSeries || len(notes) != 1 || !strings.Contains(notes[0], "choose by labels") {
		t.Errorf("%d series, %v", len(out), notes)
	}
}

// TestBadScrape: a text that is no URL or no series is refused before the run.
func TestBadScrape(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:9090", "ftp://a/", "http://", "http://a b/"} {
		if _, err := newScrape(url, nil, http.DefaultClient); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
	for _, name := range []string{"", "a b", "a{", `a{b=c}`, "a 1", "a 1 2", "# a", "a\nb", `{b="c"}`} {
		if err := CheckSeries(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}

// TestScrapeWhileRunning: a Watch scrapes by itself, and its result has the readings.
func TestScrapeWhileRunning(t *testing.T) {
	asked := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "sessions 3")
		asked <- struct{}{}
	}))
	defer srv.Close()
	w := &Watch{}
	if err := w.AddScrape(srv.URL, []string{"sessions"}, srv.Client()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	w.Start()
	<-asked
	<-asked
	w.Stop()
	got := w.Result(Window{Start: start, End: time.Now()})
	if len(got.Series) != 1 || len(got.Series[0].Points) == 0 || len(got.Notes) > 0 {
		t.Errorf("%+v", got)
	}
}
