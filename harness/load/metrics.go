package load

import (
	"net/http"
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
}

// NewMetrics makes them.
func NewMetrics() *Metrics {
	m := &Metrics{reg: prometheus.NewRegistry(),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dmwake_load_stage_seconds", Help: "Time of a stage from trigger to work done.",
			Buckets:                     []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 200}, []string{"stage"}),
		counts: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dmwake_load_wakeups", Help: "Wake-ups so far, by what became of them."}, []string{"state"}),
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
	for state, n := range map[string]int64{"started": p.Started, "done": p.Done, "open": p.Open, "failed": p.Errors} {
		m.counts.WithLabelValues(state).Set(float64(n))
	}
}

// Handler serves them at /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{}))
	return mux
}
