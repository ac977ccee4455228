// Package dmwake is the k6 extension "k6/x/dmwake". A k6 process enrolls simulated
// Windows devices, wakes them by push and lets them poll, as its part of a load that
// several processes share. It reports k6 metrics, and a result for "dmwake load verify".
package dmwake

import (
	"sync"
	"time"

	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/metrics"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

func init() { modules.Register("k6/x/dmwake", &process{}) }

// process holds the devices, which all VUs of a k6 process share.
type process struct {
	mu   sync.Mutex
	pool *pool
}

// NewModuleInstance implements modules.Module. It starts nothing: k6 calls it for
// every VU, and also in k6 inspect and k6 archive.
func (p *process) NewModuleInstance(vu modules.VU) modules.Instance {
	m, err := register(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	return &instance{vu: vu, process: p, metrics: m}
}

// instance is the module in one VU.
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

// stageMetrics are the metrics of the extension.
type stageMetrics struct {
	stage *metrics.Metric // dmwake_stage: a Trend, tagged with stage
	// dmwake_started, _done, _polled, _failed and _lost: Counters of wake-ups, and of
	// polls that go on beside them.
	counts [5]*metrics.Metric
}

// countNames are the names of stageMetrics.counts.
var countNames = [5]string{"started", "done", "polled", "failed", "lost"}

func countsOf(c result.Counts) [5]int64 {
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

// recorder collects samples of one part with the tags of one VU, and passes them to k6
// in batches. It must not block, because observe runs under the lock of the run.
type recorder struct {
	vu      modules.VU
	metrics *stageMetrics
	stages  map[result.Stage]metrics.TimeSeries
	counts  [5]metrics.TimeSeries

	mu      sync.Mutex
	samples metrics.Samples
	passed  [5]int64 // counts so far
}

// recorder tags samples with their part. Without one the series are those of a script
// that never polls.
func (i *instance) recorder(part load.Kind) *recorder {
	tags := i.vu.State().Tags.GetCurrentValues().Tags
	if part != "" {
		tags = tags.With("part", string(part))
	}
	r := &recorder{vu: i.vu, metrics: i.metrics, stages: map[result.Stage]metrics.TimeSeries{}}
	for _, s := range result.Stages() {
		r.stages[s] = metrics.TimeSeries{Metric: i.metrics.stage, Tags: tags.With("stage", string(s))}
	}
	for k, m := range i.metrics.counts {
		r.counts[k] = metrics.TimeSeries{Metric: m, Tags: tags}
	}
	return r
}

// observe is load.Batch.Observe.
func (r *recorder) observe(s result.Stage, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, metrics.Sample{TimeSeries: r.stages[s], Time: time.Now(), Value: metrics.D(max(d, 0))})
}

// count adds samples for the increase of the counts.
func (r *recorder) count(c result.Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for k, n := range countsOf(c) {
		if more := n - r.passed[k]; more > 0 {
			r.samples = append(r.samples, metrics.Sample{TimeSeries: r.counts[k], Time: now, Value: float64(more)})
			r.passed[k] = n
		}
	}
}

// flush passes the collected samples to k6.
func (r *recorder) flush() {
	r.mu.Lock()
	batch := r.samples
	r.samples = nil
	r.mu.Unlock()
	if len(batch) > 0 {
		metrics.PushIfNotDone(r.vu.Context(), r.vu.State().Samples, batch)
	}
}
