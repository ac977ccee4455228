package load

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The colours of the plots stand for variables of the page, so that they follow
// the reader's light or dark.
var (
	ink   = color.RGBA{1, 1, 1, 255}
	faint = color.RGBA{2, 2, 2, 255}
	blue  = color.RGBA{3, 3, 3, 255}
	red   = color.RGBA{4, 4, 4, 255}
	green = color.RGBA{5, 5, 5, 255}
)

var variables = strings.NewReplacer("#010101", "var(--fg)", "#020202", "var(--line)", "#030303", "var(--blue)", "#040404", "var(--bad)", "#050505", "var(--good)", "#000000", "var(--fg)")

const (
	plotWidth  = 16 * vg.Centimeter
	plotHeight = 6.5 * vg.Centimeter
)

// series is one line of a plot.
type series struct {
	key
	points plotter.XYs
}

// key is an entry of a plot's legend, which is the page's, so that it covers no
// line. Class is the colour's name in the page.
type key struct{ Name, Class string }

var colors = map[string]color.Color{"blue": blue, "bad": red, "good": green}

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.BackgroundColor = color.Transparent
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Label.TextStyle.Color, a.Tick.Color, a.Tick.Label.Color = ink, ink, ink, ink
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size = font.Length(9), font.Length(8)
	}
	return p
}

// svg draws a plot; title names it for those who do not see it.
func svg(p *plot.Plot, title string) (template.HTML, error) {
	c := vgsvg.New(plotWidth, plotHeight)
	p.Draw(draw.Crop(draw.New(c), 0, -vg.Points(14), 0, 0)) // room for half of the last label
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw %s: %w", title, err)
	}
	text := b.String()
	text = text[strings.Index(text, "<svg"):]
	text = variables.Replace(text)
	// Fonts are the page's, and the size is the screen's.
	text = fontFamily.ReplaceAllString(text, "font-family:system-ui,sans-serif;")
	text = strings.Replace(text, "<svg ", `<svg role="img" aria-label="`+template.HTMLEscapeString(title)+`" `, 1)
	return template.HTML(text), nil //nolint:gosec // drawn here, from numbers
}

var fontFamily = regexp.MustCompile(`font-family:[^;"]*;?(?:font-variant:[^;"]*;?)?`)

func lines(title, x, y string, log bool, list ...series) (template.HTML, error) {
	p := newPlot(x, y)
	if err := draws(p, log, list...); err != nil {
		return "", err
	}
	return svg(p, title)
}

// draws adds lines and the scale that they need: from zero, or a logarithmic one.
func draws(p *plot.Plot, log bool, list ...series) error {
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Transparent, faint
	p.Add(grid)
	least, most := math.Inf(1), 0.0
	for _, s := range list {
		if len(s.points) == 0 {
			continue
		}
		l, err := plotter.NewLine(s.points)
		if err != nil {
			return err
		}
		l.Color, l.Width = colors[s.Class], vg.Points(1.4)
		p.Add(l)
		_, _, low, high := plotter.XYRange(s.points)
		least, most = min(least, low), max(most, high)
	}
	switch {
	case most == 0: // nothing, or nothing but zeros
		p.Y.Min, p.Y.Max = 0, 1
	case log:
		p.Y.Min, p.Y.Max = below(least), above(most)
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	default:
		p.Y.Min, p.Y.Max = 0, most*1.05
		p.Y.Tick.Marker = plainTicks{}
	}
	p.X.Tick.Marker = plainTicks{}
	return nil
}

// The legends of the plots.
var (
	byTime    = []key{{"p50", "blue"}, {"p99", "bad"}}
	byOutcome = []key{{"started", "blue"}, {"done", "good"}}
	byTrouble = []key{{"failed", "bad"}, {"lost", "blue"}}
)

func millis(us int64) float64 { return float64(us) / 1000 }

// overTime is the whole by when it was meant to start.
func (r *Result) overTime() (template.HTML, error) {
	of := func(k key, us func(*CoursePoint) int64) series {
		return r.each(k, func(c *CoursePoint) (float64, bool) { return max(millis(us(c)), .001), c.P99 > 0 })
	}
	return lines("Latency over time", "seconds", "whole, ms", true, of(byTime[0], func(c *CoursePoint) int64 { return c.P50 }), of(byTime[1], func(c *CoursePoint) int64 { return c.P99 }))
}

func (r *Result) throughput() (template.HTML, error) {
	return lines("Wake-ups a second", "seconds", "a second", false, r.rate(byOutcome[0], func(c *CoursePoint) int64 { return c.Started }), r.rate(byOutcome[1], func(c *CoursePoint) int64 { return c.Done }))
}

func (r *Result) troubles() (template.HTML, error) {
	return lines("Errors a second", "seconds", "a second", false, r.rate(byTrouble[0], func(c *CoursePoint) int64 { return c.Failed }), r.rate(byTrouble[1], func(c *CoursePoint) int64 { return c.Lost }))
}

// rate is how many a second there were in each step.
func (r *Result) rate(k key, count func(*CoursePoint) int64) series {
	return r.each(k, func(c *CoursePoint) (float64, bool) { return float64(count(c)) / max(c.Step, 1), true }) // a step is a second or more
}

// each is a line over the course, from the begin of the first step to the end of the
// last. value gives false where a step has none.
func (r *Result) each(k key, value func(*CoursePoint) (float64, bool)) series {
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

func (r *Result) percentiles() (template.HTML, error) {
	whole := r.Stages[Whole]
	h, err := whole.Histogram()
	if err != nil {
		return "", err
	}
	var points plotter.XYs
	for _, b := range h.CumulativeDistributionWithTicks(10) {
		// The last ones are of less than one wake-up.
		if b.Quantile < 100 && (1-b.Quantile/100)*float64(whole.Count) >= 1 {
			points = append(points, plotter.XY{X: nines(b.Quantile), Y: max(millis(b.ValueAt), .001)})
		}
	}
	p := newPlot("wake-ups that took no longer", "whole, ms")
	if len(points) == 0 {
		return svg(p, "Percentile curve: nothing was measured")
	}
	if err := draws(p, true, series{byTime[0], points}); err != nil {
		return "", err
	}
	p.X.Tick.Marker = percentTicks{}
	return svg(p, "Percentile curve")
}

// breakdown are the medians of the stages beside each other, and their p99.
func (r *Result) breakdown() (template.HTML, error) {
	p := newPlot("", "ms")
	var names []string
	var p50, p99 plotter.Values
	for _, s := range Stages() {
		if h := r.Stages[s]; h.Count > 0 && s != Whole && s != Polled && s != Out {
			names = append(names, string(s))
			p50, p99 = append(p50, millis(h.At["p50"])), append(p99, millis(h.At["p99"]))
		}
	}
	if len(names) == 0 {
		return svg(p, "Stages: nothing was measured")
	}
	const wide = 14
	for i, values := range []plotter.Values{p50, p99} {
		bars, err := plotter.NewBarChart(values, vg.Points(wide))
		if err != nil {
			return "", err
		}
		bars.Color, bars.LineStyle.Width, bars.Offset = colors[byTime[i].Class], 0, vg.Points(wide*(float64(i)-.5))
		p.Add(bars)
	}
	p.NominalX(names...)
	p.Y.Tick.Marker = plainTicks{}
	return svg(p, "Stages")
}
