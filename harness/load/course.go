package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// CoursePoint is one step of a run's course; its wake-ups are those that were
// meant to start in it.
type CoursePoint struct {
	At      float64 `json:"at"`   // seconds
	Step    float64 `json:"step"` // how long it is, in seconds
	Started int64   `json:"started"`
	Done    int64   `json:"done"` // by polling, too
	Failed  int64   `json:"failed"`
	Lost    int64   `json:"lost"`
	P50     int64   `json:"p50"` // of Whole, microseconds
	P99     int64   `json:"p99"`
	// Hist is the histogram of Whole, as Summary has it.
	Hist string `json:"hist,omitempty"`
}

// point is a CoursePoint while the run goes on.
type point struct {
	started, done, failed, lost int64

	whole *hdrhistogram.Histogram
}

// points is how many points a course has, about.
const points = 300

// newPoint has a histogram to two digits: there are many, and they are for a plot.
func newPoint() point { return point{whole: hdrhistogram.New(lowest, highest, 2)} }

// at is the point of the course at a time.
func (t *tally) at(when time.Duration) *point {
	if when -= t.base; t.lasts > 0 {
		when = min(when, t.lasts-1) // the last one may start as the plan ends
	}
	k := min(max(int(when/t.step), 0), 4*points)
	for len(t.course) <= k {
		t.course = append(t.course, newPoint())
	}
	return &t.course[k]
}

// view is the course so far, as the result has it.
func (t *tally) view() (out []CoursePoint) {
	for i := range t.course {
		out = append(out, t.course[i].view(time.Duration(i)*t.step, t.step))
	}
	return out
}

func (p *point) view(at, step time.Duration) CoursePoint {
	return CoursePoint{At: at.Seconds(), Step: step.Seconds(), Started: p.started, Done: p.done, Failed: p.failed, Lost: p.lost,
		P50: p.whole.ValueAtQuantile(50), P99: p.whole.ValueAtQuantile(99), Hist: encode(p.whole)}
}

// beside is the course of runs of one plan that went on at the same time, step by
// step from their begin.
func beside(list []*Result) ([]CoursePoint, error) {
	t := &tally{}
	var step float64
	for _, r := range list {
		for i, c := range r.Course {
			if step = max(step, c.Step); i >= len(t.course) {
				t.course = append(t.course, newPoint())
			}
			p := &t.course[i]
			p.started, p.done, p.failed, p.lost = p.started+c.Started, p.done+c.Done, p.failed+c.Failed, p.lost+c.Lost
			h, err := decode(c.Hist)
			if err != nil {
				return nil, err
			}
			p.whole.Merge(h)
		}
	}
	t.step = time.Duration(step * float64(time.Second))
	return t.view(), nil
}

// after is the course of runs that went on one after the other.
func after(list []*Result) (out []CoursePoint) {
	for _, r := range list {
		begin := r.Started.Sub(list[0].Started).Seconds()
		for _, c := range r.Course {
			c.At += begin
			out = append(out, c)
		}
	}
	return out
}
