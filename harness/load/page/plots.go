package page

import (
	"html/template"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/dmwake/dmwake/harness/load/result"
)

// The legends of the plots.
var (
	byTime    = []key{{"p50", "blue"}, {"p99", "bad"}}
	byOutcome = []key{{"started", "blue"}, {"done", "good"}}
	byTrouble = []key{{"failed", "bad"}, {"lost", "blue"}}
)

// leastMillis stands for 0, which a logarithmic scale does not have.
const leastMillis = .001

func millis(us int64) float64 { return float64(us) / 1000 }

// overTime plots the whole against the time at which wake-ups were due.
func overTime(r *result.Result) (template.HTML, error) {
	line := func(k key, us func(*result.CoursePoint) int64) series {
		return course(r, k, func(c *result.CoursePoint) (float64, bool) { return max(millis(us(c)), leastMillis), c.P99 > 0 })
	}
	return lines("Latency over time", "whole, ms", true,
		line(byTime[0], func(c *result.CoursePoint) int64 { return c.P50 }), line(byTime[1], func(c *result.CoursePoint) int64 { return c.P99 }))
}

func throughput(r *result.Result) (template.HTML, error) {
	return lines("Wake-ups per second", "per second", false,
		rate(r, byOutcome[0], func(c *result.CoursePoint) int64 { return c.Started }), rate(r, byOutcome[1], func(c *result.CoursePoint) int64 { return c.Done }))
}

func troubles(r *result.Result) (template.HTML, error) {
	return lines("Errors per second", "per second", false,
		rate(r, byTrouble[0], func(c *result.CoursePoint) int64 { return c.Failed }), rate(r, byTrouble[1], func(c *result.CoursePoint) int64 { return c.Lost }))
}

// rate is the number per second in each step of the course.
func rate(r *result.Result, k key, count func(*result.CoursePoint) int64) series {
	return course(r, k, func(c *result.CoursePoint) (float64, bool) {
		return float64(count(c)) / max(c.Step, 1), true // a step lasts a second or more
	})
}

// course is a line from the start of the first step to the end of the last. It
// leaves out steps without a value.
func course(r *result.Result, k key, value func(*result.CoursePoint) (v float64, ok bool)) series {
	s := series{key: k}
	for i := range r.Course {
		c := &r.Course[i]
		v, ok := value(c)
		if !ok {
			continue
		}
		s.points = append(s.points, plotter.XY{X: c.At, Y: v})
		if i == len(r.Course)-1 {
			s.points = append(s.points, plotter.XY{X: c.At + c.Step, Y: v})
		}
	}
	return s
}

func percentiles(r *result.Result) (template.HTML, error) {
	whole := r.Stages[result.Whole]
	h, err := whole.Histogram()
	if err != nil {
		return "", err
	}
	var points plotter.XYs
	for _, b := range h.CumulativeDistributionWithTicks(10) {
		// Beyond the last wake-up there are percentiles of less than one.
		if b.Quantile < 100 && (1-b.Quantile/100)*float64(whole.Count) >= 1 {
			points = append(points, plotter.XY{X: nines(b.Quantile), Y: max(millis(b.ValueAt), leastMillis)})
		}
	}
	p := newPlot("share of wake-ups", "whole, ms")
	if len(points) == 0 {
		return svg(p, "Percentile curve: no measurements")
	}
	if err := addLines(p, true, series{byTime[0], points}); err != nil {
		return "", err
	}
	p.X.Tick.Marker = percentTicks{}
	return svg(p, "Percentile curve")
}

// stages plots p50 and p99 of each stage side by side.
func stages(r *result.Result) (template.HTML, error) {
	p := newPlot("", "ms")
	var names []string
	var p50, p99 plotter.Values
	for _, s := range result.Stages() {
		if h := r.Stages[s]; h.Count > 0 && s != result.Whole && s != result.Polled && s != result.Out {
			names = append(names, string(s))
			p50, p99 = append(p50, millis(h.At["p50"])), append(p99, millis(h.At["p99"]))
		}
	}
	if len(names) == 0 {
		return svg(p, "Stages: no measurements")
	}
	const width = 14
	for i, values := range []plotter.Values{p50, p99} {
		bars, err := plotter.NewBarChart(values, vg.Points(width))
		if err != nil {
			return "", err
		}
		bars.Color, bars.LineStyle.Width, bars.Offset = colors[byTime[i].Class], 0, vg.Points(width*(float64(i)-.5))
		p.Add(bars)
	}
	p.NominalX(names...)
	p.Y.Tick.Marker = plainTicks{}
	return svg(p, "Stages")
}
