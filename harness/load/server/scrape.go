package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/wording"
)

const (
	maxScrape     = 16 << 20 // bytes of one answer
	maxSeries     = 20       // of one URL
	scrapeTimeout = 5 * time.Second
)

// usual are the series that are taken if none is named: those that the client
// libraries of Prometheus have for every process.
var usual = []string{"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "go_goroutines"}

// scrape reads metrics from one URL.
type scrape struct {
	url, shown string // shown is without a password and without the query
	client     *http.Client
	chosen     []*choice
	given      bool // the user named the series

	mu             sync.Mutex
	series         map[string]*line
	order          []string
	tries, failed  int
	reason         error // of the first failure
	left           int   // series that are too many
	leftFor, known string
}

// line is a series while it is read. A counter and a mean grow; sum and n are their
// last values.
type line struct {
	result.Series
	points []reading
}

type reading struct {
	at     time.Time
	sum, n float64
}

func newScrape(text string, names []string, client *http.Client) (*scrape, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not a URL such as http://127.0.0.1:9090/metrics", shownURL(text, u))
	}
	if u.Path == "" {
		u.Path = "/metrics"
	}
	s := &scrape{url: u.String(), shown: shownURL(text, u), client: client, given: len(names) > 0, series: map[string]*line{}}
	if !s.given {
		names = usual
	}
	for _, n := range names {
		c, err := parseChoice(n)
		if err != nil {
			return nil, err
		}
		s.chosen = append(s.chosen, c)
	}
	return s, nil
}

// shownURL is a URL without what may be secret.
func shownURL(text string, u *url.URL) string {
	if u == nil || u.Host == "" {
		return text
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// take reads the metrics once. A failure is only counted.
func (s *scrape) take(ctx context.Context) {
	families, at, err := s.get(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && ctx.Err() != nil {
		return // the run is over
	}
	s.tries++
	if err != nil {
		s.failed++
		if s.reason == nil {
			s.reason = wording.NoAnswer(err)
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		for _, c := range s.chosen {
			s.note(c, families[name], at)
		}
	}
	if s.known == "" {
		s.known = strings.Join(slices.Sorted(maps.Keys(families)), " ")
	}
}

// get asks for the metrics in the text format of Prometheus.
func (s *scrape) get(ctx context.Context) (map[string]*dto.MetricFamily, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1")
	resp, err := s.client.Do(req)
	at := time.Now()
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // the URL may hold a secret
	}
	if err != nil {
		return nil, at, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, at, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxScrape+1))
	if err != nil {
		return nil, at, err
	}
	if len(raw) > maxScrape {
		return nil, at, fmt.Errorf("the answer is longer than %d MiB", maxScrape>>20)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(bytes.NewReader(raw))
	if err != nil {
		return nil, at, errors.New("the answer is not in the text format of Prometheus")
	}
	return all, at, nil
}

// note adds the values of a family that a choice is about.
func (s *scrape) note(c *choice, f *dto.MetricFamily, at time.Time) {
	part, ok := strings.CutPrefix(c.name, f.GetName())
	if !ok {
		return
	}
	for _, m := range f.GetMetric() {
		kind, sum, n, ok := value(f, m, part)
		if !ok || !c.has(m.GetLabel()) {
			continue
		}
		c.found = true
		name := c.name + labelText(m.GetLabel())
		l := s.series[name]
		if l == nil {
			if len(s.series) == maxSeries {
				s.left, s.leftFor = s.left+1, c.text
				continue
			}
			l = &line{Series: result.Series{URL: s.shown, Name: name, Kind: kind}}
			s.series[name] = l
			s.order = append(s.order, name)
		}
		if k := len(l.points); k == 0 || at.After(l.points[k-1].at) { // two choices may name it
			l.points = append(l.points, reading{at, sum, n})
		}
	}
}

// result returns the series, and notes on what is missing.
func (s *scrape) result(in Window) (out []result.Series, notes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.order {
		l := s.series[name]
		l.Points = l.course(in.Start)
		out = append(out, l.Series)
	}
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if s.failed > 0 {
		note("%d of %d scrapes of %s failed; the first: %s.", s.failed, s.tries, s.shown, s.reason)
	}
	if s.failed == s.tries {
		return out, notes
	}
	if !s.given && len(s.series) == 0 {
		note("%s has none of %s; choose series with --series.", s.shown, strings.Join(usual, ", "))
	}
	for _, c := range s.chosen {
		if s.given && !c.found {
			note("%s has no series %s.%s", s.shown, c.text, s.similar(c.name))
		}
	}
	if s.left > 0 {
		note("%s has more than %d of the chosen series, the rest of %s was left out; choose by labels: NAME{label=\"value\"}.", s.shown, maxSeries, s.leftFor)
	}
	return out, notes
}

// similar names the series of the server that share the most with a name.
func (s *scrape) similar(name string) string {
	var near []string
	for known := range strings.FieldsSeq(s.known) {
		if strings.Contains(known, name) || strings.Contains(name, known) {
			near = append(near, known)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return " It has " + strings.Join(near[:min(len(near), 5)], ", ") + "."
}

// course turns readings into the points of a plot. A counter that fell has begun
// again from 0, as Prometheus sees it, too.
func (l *line) course(start time.Time) (out []result.Sample) {
	per := (len(l.points) + mostPoints - 1) / mostPoints
	for i := 0; i < len(l.points); i += max(per, 1) {
		b := &l.points[i]
		at := b.at.Sub(start).Seconds()
		if l.Kind == result.Gauge {
			out = append(out, result.Sample{At: at, Value: b.sum})
			continue
		}
		if i == 0 {
			continue
		}
		a := &l.points[i-per]
		sum, n, took := grown(a.sum, b.sum), grown(a.n, b.n), b.at.Sub(a.at).Seconds()
		switch {
		case l.Kind == result.Rate && took > 0:
			out = append(out, result.Sample{At: at, Value: sum / took})
		case l.Kind == result.Mean && n > 0:
			out = append(out, result.Sample{At: at, Value: sum / n})
		}
	}
	return out
}

func grown(before, now float64) float64 {
	if now < before {
		return now
	}
	return now - before
}
