package page

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// nines places a percentile on its axis: 90 % is 1, 99 % is 2.
func nines(percent float64) float64 { return -math.Log10(1 - percent/100) }

// percentTicks label the axis of nines.
type percentTicks struct{}

// Ticks implements plot.Ticker.
func (percentTicks) Ticks(_, most float64) (out []plot.Tick) {
	for _, v := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999} {
		if x := nines(v); x <= most {
			out = append(out, plot.Tick{Value: x, Label: fmt.Sprintf("%g %%", v)})
		}
	}
	return out
}

// plainTicks label a linear scale at about five to ten round numbers.
type plainTicks struct{}

// Ticks implements plot.Ticker.
func (plainTicks) Ticks(least, most float64) (out []plot.Tick) {
	if !(most > least) {
		return nil
	}
	step := above((most - least) / 10)
	for k := int(math.Ceil(least/step - 1e-9)); float64(k)*step <= most+step*1e-9; k++ {
		v := float64(k) * step
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)})
	}
	return out
}

// logTicks label a logarithmic scale at 1, 2 and 5 of each decade. With more than
// three decades only the decades have labels.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(least, most float64) (out []plot.Tick) {
	all := math.Log10(most/least) <= 3
	for v := below(least); v <= most*1.000001; v = above(v * 1.000001) {
		t := plot.Tick{Value: v}
		if decade := math.Log10(v); all || math.Abs(decade-math.Round(decade)) < 1e-9 {
			t.Label = strconv.FormatFloat(v, 'g', 6, 64)
		}
		out = append(out, t)
	}
	return out
}

// steps divide a decade of a logarithmic scale.
var steps = []float64{1, 2, 5}

// below is the greatest step that is at most v.
func below(v float64) float64 {
	decade := math.Pow10(int(math.Floor(math.Log10(v))))
	out := decade
	for _, s := range steps {
		if s*decade <= v {
			out = s * decade
		}
	}
	return out
}

// above is the smallest step that is greater than v.
func above(v float64) float64 {
	decade := math.Pow10(int(math.Floor(math.Log10(v))))
	for _, s := range steps {
		if s*decade > v {
			return s * decade
		}
	}
	return 10 * decade
}
