package result

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// CoursePoint is one step of a run. It counts the wake-ups that were due in it.
type CoursePoint struct {
	At      float64 `json:"at"`   // seconds since the start
	Step    float64 `json:"step"` // length in seconds
	Started int64   `json:"started"`
	Done    int64   `json:"done"` // including polled
	Failed  int64   `json:"failed"`
	Lost    int64   `json:"lost"`
	P50     int64   `json:"p50"` // of Whole, in microseconds
	P99     int64   `json:"p99"`
	// Hist is the histogram of Whole, encoded as in Summary.
	Hist string `json:"hist,omitempty"`
}

// Course records a run step by step. Length is the length of a step.
type Course struct {
	Length time.Duration
	steps  []CourseStep
}

// CourseStep is a CoursePoint while the run goes on.
type CourseStep struct {
	Started, Done, Failed, Lost int64
	Whole                       Histogram
}

// Step returns the k-th step.
func (c *Course) Step(k int) *CourseStep {
	for len(c.steps) <= k {
		c.steps = append(c.steps, CourseStep{Whole: Histogram{hdrhistogram.New(lowest, highest, courseDigits)}})
	}
	return &c.steps[k]
}

// Points returns the course so far.
func (c *Course) Points() (out []CoursePoint) {
	for i := range c.steps {
		s := &c.steps[i]
		out = append(out, CoursePoint{At: (time.Duration(i) * c.Length).Seconds(), Step: c.Length.Seconds(), Started: s.Started, Done: s.Done, Failed: s.Failed, Lost: s.Lost,
			P50: s.Whole.ValueAtQuantile(50), P99: s.Whole.ValueAtQuantile(99), Hist: s.Whole.encode()})
	}
	return out
}

// parallel merges the courses of runs that went on at the same time, step by
// step.
func parallel(list []*Result) ([]CoursePoint, error) {
	var all Course
	var length float64
	for _, r := range list {
		for i, p := range r.Course {
			length = max(length, p.Step)
			s := all.Step(i)
			s.Started, s.Done, s.Failed, s.Lost = s.Started+p.Started, s.Done+p.Done, s.Failed+p.Failed, s.Lost+p.Lost
			h, err := decode(p.Hist)
			if err != nil {
				return nil, err
			}
			s.Whole.Merge(h.Histogram)
		}
	}
	all.Length = time.Duration(length * float64(time.Second))
	return all.Points(), nil
}

// sequential joins the courses of runs that followed each other. The course counts from
// zero.
func sequential(zero time.Time, list []*Result) (out []CoursePoint) {
	for _, r := range list {
		start := r.Started.Sub(zero).Seconds()
		for _, p := range r.Course {
			p.At += start
			out = append(out, p)
		}
	}
	return out
}
