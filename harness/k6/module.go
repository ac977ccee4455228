// Package dmwake is the k6 extension "k6/x/dmwake": simulated Windows devices
// that one k6 process enrolls, and wakes by push, as its part of a load that
// several processes share. What is measured are k6 metrics, and results that
// "dmwake load verify" holds together.
package dmwake

import (
	"sync"
	"time"

	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/metrics"

	"github.com/dmwake/dmwake/harness/load"
)

func init() { modules.Register("k6/x/dmwake", &process{}) }

// process is what all VUs of a k6 process share: its devices.
type process struct {
	mu   sync.Mutex
	pool *pool
}

// NewModuleInstance implements modules.Module. It runs for every VU, and under k6
// inspect and archive, too: it starts nothing.
func (p *process) NewModuleInstance(vu modules.VU) modules.Instance {
	m, err := register(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	return &instance{vu: vu, process: p, metrics: m}
}

// instance is the module of one VU.
type instance struct {
	vu      modules.VU
	process *process
	metrics *stageMetrics
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	named := map[string]any{"open": i.open}
	return modules.Exports{Default: named, Named: named}
}

// stageMetrics are the metrics of all that is measured.
type stageMetrics struct {
	stage *metrics.Metric // dmwake_stage: a Trend, tagged with stage
	// dmwake_started, _done, _polled, _failed and _lost: Counters of wake-ups.
	counts [5]*metrics.Metric
}

// countNames are those of stageMetrics.counts.
var countNames = [5]string{"started", "done", "polled", "failed", "lost"}

func countsOf(c load.Counts) [5]int64 {
	return [5]int64{c.Started, c.Done, c.Polled, c.Failed, c.Lost}
}

func register(r *metrics.Registry) (*stageMetrics, error) {
	m := &stageMetrics{}
	var err error
	if m.stage, err = r.NewMetric("dmwake_stage", metrics.Trend, metrics.Time); err != nil {
		return nil, err
	}
	for k, name := range countNames {
		if m.counts[k], err = r.NewMetric("dmwake_"+name, metrics.Counter); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// recorder gathers samples for one VU, with its tags, and hands them to k6 in
// lots: what is measured is told while the run's own lock is held.
type recorder struct {
	vu      modules.VU
	metrics *stageMetrics
	stages  map[load.Stage]metrics.TimeSeries
	counts  [5]metrics.TimeSeries

	mu      sync.Mutex
	samples metrics.Samples
	told    [5]int64
}

func (i *instance) recorder() *recorder {
	tags := i.vu.State().Tags.GetCurrentValues().Tags
	r := &recorder{vu: i.vu, metrics: i.metrics, stages: map[load.Stage]metrics.TimeSeries{}}
	for _, s := range load.Stages() {
		r.stages[s] = metrics.TimeSeries{Metric: i.metrics.stage, Tags: tags.With("stage", string(s))}
	}
	for k, m := range i.metrics.counts {
		r.counts[k] = metrics.TimeSeries{Metric: m, Tags: tags}
	}
	return r
}

// observe is load.Batch.Observe.
func (r *recorder) observe(s load.Stage, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, metrics.Sample{TimeSeries: r.stages[s], Time: time.Now(), Value: metrics.D(max(d, 0))})
}

// count adds what the counts have more than was told.
func (r *recorder) count(c load.Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for k, n := range countsOf(c) {
		if more := n - r.told[k]; more > 0 {
			r.samples = append(r.samples, metrics.Sample{TimeSeries: r.counts[k], Time: now, Value: float64(more)})
			r.told[k] = n
		}
	}
}

// flush hands over what was gathered.
func (r *recorder) flush() {
	r.mu.Lock()
	lot := r.samples
	r.samples = nil
	r.mu.Unlock()
	if len(lot) > 0 {
		metrics.PushIfNotDone(r.vu.Context(), r.vu.State().Samples, lot)
	}
}
