package page

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

// Plots are drawn in these colours, which variables then replaces by CSS
// variables of the page, so that plots follow the reader's light or dark theme.
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

// key is an entry of a legend. The page shows legends beside the plots, where
// they cover no line. Class is the CSS class of the colour.
type key struct{ Name, Class string }

var colors = map[string]color.Color{"blue": blue, "bad": red, "good": green}

// series is one line of a plot.
type series struct {
	key
	points plotter.XYs
}

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

var fontFamily = regexp.MustCompile(`font-family:[^;"]*;?(?:font-variant:[^;"]*;?)?`)

// svg draws a plot. The title is its name for screen readers.
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
	// The font comes from the page.
	text = fontFamily.ReplaceAllString(text, "font-family:system-ui,sans-serif;")
	text = strings.Replace(text, "<svg ", `<svg role="img" aria-label="`+template.HTMLEscapeString(title)+`" `, 1)
	return template.HTML(text), nil //nolint:gosec // drawn here, from numbers
}

// lines plots against the seconds of the plan.
func lines(title, y string, log bool, list ...series) (template.HTML, error) {
	p := newPlot("seconds", y)
	if err := addLines(p, log, list...); err != nil {
		return "", err
	}
	return svg(p, title)
}

// addLines adds lines and a matching scale: linear from zero, or logarithmic.
func addLines(p *plot.Plot, log bool, list ...series) error {
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
	case most == 0: // no values, or only zeros
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
