package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"regexp"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed capacity.html
var capacityPage string

var capacityTemplate = template.Must(template.New("capacity").Parse(capacityPage))

// style is the style of a result's page; both look the same.
var style = template.HTML(regexp.MustCompile(`(?s)<style>.*</style>`).FindString(page)) //nolint:gosec // a file of this package

var byVerdict = []key{{string(result.StepHolds), "good"}, {string(result.StepFails), "bad"}, {string(result.StepUnsure), "blue"}}

// WriteCapacity writes the page of a search for the capacity.
func WriteCapacity(w io.Writer, c *result.Capacity) error {
	type step struct {
		result.CapacityStep
		P50, P99 string
	}
	v := struct {
		*result.Capacity
		Style  template.HTML
		Legend []key
		Plot   template.HTML
		Rows   []step
	}{Capacity: c, Style: style, Legend: byVerdict}
	for i := range c.Steps {
		s := step{CapacityStep: c.Steps[i]}
		if s.Result != nil {
			whole := s.Result.Stages[result.Whole]
			s.P50, s.P99 = result.Micros(whole.At["p50"]), result.Micros(whole.At["p99"])
		}
		v.Rows = append(v.Rows, s)
	}
	var err error
	if v.Plot, err = stepsPlot(c); err != nil {
		return fmt.Errorf("the HTML report: %w", err)
	}
	if err := capacityTemplate.Execute(printable.NewWriter(w, false), v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// stepsPlot has a point for each step: its p99 above its value.
func stepsPlot(c *result.Capacity) (template.HTML, error) {
	points := map[string]plotter.XYs{}
	var all plotter.XYs
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Result == nil || s.Result.Stages[result.Whole].Count == 0 {
			continue
		}
		xy := plotter.XY{X: s.Value, Y: max(millis(s.Result.Stages[result.Whole].At["p99"]), leastMillis)}
		points[string(s.Verdict)], all = append(points[string(s.Verdict)], xy), append(all, xy)
	}
	const title = "p99 of the whole at each step"
	p := newPlot(c.Of, "whole, ms")
	if len(all) == 0 {
		return svg(p, title+": no measurements")
	}
	if err := addLines(p, true, series{points: all}); err != nil { // for the scale; it has no colour
		return "", err
	}
	for _, k := range byVerdict {
		if len(points[k.Name]) == 0 {
			continue
		}
		s, err := plotter.NewScatter(points[k.Name])
		if err != nil {
			return "", err
		}
		s.Color, s.Radius, s.Shape = colors[k.Class], vg.Points(3), draw.CircleGlyph{}
		p.Add(s)
	}
	p.X.Min, p.X.Tick.Marker = 0, plainTicks{}
	return svg(p, title)
}
