package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed delivery.html
var deliveryPage string

var deliveryTemplate = template.Must(template.New("delivery").Parse(deliveryPage))

// WriteDelivery writes the page of a comparison.
func WriteDelivery(w io.Writer, d *result.Delivery) error {
	head, rows := d.Rows()
	v := struct {
		*result.Delivery
		Head   []string
		Table  [][]string
		Legend []key
		SVG    template.HTML
		Says   []string
	}{Delivery: d, Head: head[1:], Table: rows, Says: d.Conditions()}
	for i := range d.Ways {
		v.Legend = append(v.Legend, key{d.Ways[i].Name, palette[i%len(palette)]})
	}
	var err error
	if v.SVG, err = deliveryPlot(d); err != nil {
		return fmt.Errorf("the HTML report: %w", err)
	}
	if err := deliveryTemplate.Execute(printable.NewWriter(w, false), v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// base is where the bars begin: a little below 1, so that the best way shows, too.
const base = .8

// deliveryPlot draws each measure as a multiple of the best way's: the measures have
// different units, and differ by factors of thousands.
func deliveryPlot(d *result.Delivery) (template.HTML, error) {
	p := newPlot("", "times the best way")
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Transparent, faint
	p.Add(grid)
	var names []string
	most := 1.0
	for _, m := range result.Measures() {
		least := math.Inf(1)
		for i := range d.Ways {
			if v, ok := m.Of(&d.Ways[i]); ok && v > 0 {
				least = min(least, v)
			}
		}
		if math.IsInf(least, 1) {
			continue // nobody measured it
		}
		for i := range d.Ways {
			v, ok := m.Of(&d.Ways[i])
			if !ok || v <= 0 {
				continue
			}
			x := float64(len(names)) + .22*(float64(i)-float64(len(d.Ways)-1)/2)
			bar, err := plotter.NewLine(plotter.XYs{{X: x, Y: base}, {X: x, Y: v / least}})
			if err != nil {
				return "", err
			}
			bar.Color, bar.Width = colors[palette[i%len(palette)]], vg.Points(9)
			p.Add(bar)
			most = max(most, v/least)
		}
		names = append(names, m.Name)
	}
	if len(names) == 0 {
		return svg(p, "Ways of delivery: no measurements")
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -.5, float64(len(names))-.5
	p.Y.Min, p.Y.Max = base, above(most)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, timesTicks{}
	return svg(p, "Ways of delivery, each as a multiple of the best")
}

// timesTicks label a scale that begins at 1.
type timesTicks struct{}

// Ticks implements plot.Ticker.
func (timesTicks) Ticks(_, most float64) (out []plot.Tick) {
	all := most <= 1000
	for v := 1.0; v <= most*1.000001; v = above(v * 1.000001) {
		t := plot.Tick{Value: v}
		if decade := math.Log10(v); all || math.Abs(decade-math.Round(decade)) < 1e-9 {
			t.Label = strconv.FormatFloat(v, 'f', -1, 64)
		}
		out = append(out, t)
	}
	return out
}
