package load

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the stages for a Prometheus, as native histograms, which can be
// added up over several machines.
type Metrics struct {
	reg    *prometheus.Registry
	stages *prometheus.HistogramVec
	counts *prometheus.GaugeVec

	mu     sync.Mutex
	looked bool
	looks  chan struct{} // closed by the next look
}

// NewMetrics makes them.
func NewMetrics() *Metrics {
	m := &Metrics{reg: prometheus.NewRegistry(),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dmwake_load_stage_seconds", Help: "Time of a stage from trigger to work done.",
			Buckets:                     []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 200}, []string{"stage"}),
		counts: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dmwake_load_wakeups", Help: "Wake-ups so far without those of the warm-up, by what became of them; open are those under way, lost is known at the end."}, []string{"state"}),
	}
	m.reg.MustRegister(m.stages, m.counts)
	return m
}

// Observe is Options.Observe.
func (m *Metrics) Observe(stage Stage, d time.Duration) {
	m.stages.WithLabelValues(string(stage)).Observe(d.Seconds())
}

// Progress is Options.Progress.
func (m *Metrics) Progress(p Progress) {
	m.count(p.Counts, p.Open)
}

// Done tells how the run ended. Where somebody has looked at the metrics before, it
// gives what is closed once that is looked at, too; otherwise nil.
func (m *Metrics) Done(r *Result) (looks <-chan struct{}) {
	m.count(r.Counts, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.looked {
		return nil
	}
	m.looks = make(chan struct{})
	return m.looks
}

func (m *Metrics) count(c Counts, open int64) {
	for state, n := range map[string]int64{"started": c.Started, "done": c.Done, "polled": c.Polled, "failed": c.Failed, "lost": c.Lost, "unfinished": c.Unfinished, "open": open} {
		m.counts.WithLabelValues(state).Set(float64(n))
	}
}

// Handler serves them at /metrics.
func (m *Metrics) Handler() http.Handler {
	inner, mux := promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{}), http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, req *http.Request) {
		m.mu.Lock()
		m.looked = true
		looks := m.looks // what comes from here on has how the run ended
		m.mu.Unlock()
		inner.ServeHTTP(w, req)
		m.mu.Lock()
		defer m.mu.Unlock()
		if looks != nil && m.looks == looks {
			close(looks)
			m.looks = nil
		}
	})
	return mux
}
