package result

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Recent is a run while it goes on.
type Recent struct {
	Doing   string // in a few words, such as "enrolling"
	Elapsed time.Duration
	Warming bool          // the warm-up is not over
	Counts  Counts        // so far; lost ones are known at the end only
	Open    int64         // under way
	Rates   []float64     // ended in each of the last seconds, the newest last
	Stages  []RecentStage // of the last minute
	Errors  map[string]int64
}

// RecentStage is a stage in the last minute, in microseconds.
type RecentStage struct {
	Stage              Stage
	Count              int64
	P50, P90, P99, Max int64
}

// NewCoarseHistogram returns an empty histogram of two digits, for when there are many.
func NewCoarseHistogram() Histogram {
	return Histogram{hdrhistogram.New(lowest, highest, courseDigits)}
}
