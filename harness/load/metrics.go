package load

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Metrics exposes a run to Prometheus. Stages are native histograms, which can be
// added up over several machines.
type Metrics struct {
	registry *prometheus.Registry
	stages   *prometheus.HistogramVec
	counts   *prometheus.GaugeVec

	mu      sync.Mutex
	scraped bool
	last    chan struct{} // closed by the next complete scrape
}

// NewMetrics returns Metrics for one run.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dmwake_load_stage_seconds", Help: "Duration of each stage from trigger to finished work.",
			Buckets:                     []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 200}, []string{"part", "stage"}),
		counts: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dmwake_load_wakeups", Help: "Wake-ups by state, without the warm-up. open: under way; lost: known at the end of the run."}, []string{"part", "state"}),
	}
	m.registry.MustRegister(m.stages, m.counts)
	return m
}

// Observe is Options.Observe.
func (m *Metrics) Observe(part string, stage result.Stage, d time.Duration) {
	m.stages.WithLabelValues(part, string(stage)).Observe(d.Seconds())
}

// Progress is Options.Progress.
func (m *Metrics) Progress(p Progress) {
	for _, part := range p.Parts {
		m.count(part.Name, part.Counts, part.Open)
	}
}

// Done sets the final counts. If Prometheus scraped during the run, the returned
// channel is closed after one more scrape; otherwise it is nil.
func (m *Metrics) Done(r *result.Result) (scraped <-chan struct{}) {
	for _, p := range r.All() {
		m.count(p.Name, p.Counts, 0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.scraped {
		return nil
	}
	m.last = make(chan struct{})
	return m.last
}

func (m *Metrics) count(part string, c result.Counts, open int64) {
	for state, n := range map[string]int64{"started": c.Started, "done": c.Done, "polled": c.Polled, "failed": c.Failed, "lost": c.Lost, "unfinished": c.Unfinished, "open": open} {
		m.counts.WithLabelValues(part, state).Set(float64(n))
	}
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	inner, mux := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}), http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, req *http.Request) {
		m.mu.Lock()
		m.scraped = true
		last := m.last // set: this scrape includes the final counts
		m.mu.Unlock()
		inner.ServeHTTP(w, req)
		m.mu.Lock()
		defer m.mu.Unlock()
		if last != nil && m.last == last {
			close(last)
			m.last = nil
		}
	})
	return mux
}
