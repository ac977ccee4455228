package console

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Load is a load test under way.
type Load interface {
	Mark() uint64 // changes with the figures
	Figures() result.Recent
}

// loadStage is a row of the stages.
type loadStage struct {
	ID, Stage          string
	Count              int64
	P50, P90, P99, Max string
}

// loadError is a row of the errors.
type loadError struct {
	ID, Kind string
	N        int64
}

// figure is one number of the page.
type figure struct{ Label, Value, Tone string }

// The size of the plot, in its own units.
const plotWidth, plotHeight = 600, 100

// loadPlot is the number of wake-ups that ended in each of the last seconds.
type loadPlot struct {
	Points  string // of a polyline
	Most    string
	Seconds int
}

func (c *console) load(r *http.Request) (*view, error) {
	if _, err := only(r.URL.Query(), "live"); err != nil {
		return nil, err
	}
	f := c.Load.Figures()
	var stages, errors []row
	for _, s := range f.Stages {
		id := "stage-" + string(s.Stage)
		stages = append(stages, row{id, loadStage{id, string(s.Stage), s.Count, result.Micros(s.P50), result.Micros(s.P90), result.Micros(s.P99), result.Micros(s.Max)}})
	}
	kinds := slices.SortedFunc(maps.Keys(f.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Errors[b], f.Errors[a]), cmp.Compare(a, b))
	})
	for i, k := range kinds {
		id := fmt.Sprintf("error-%d", i)
		errors = append(errors, row{id, loadError{id, k, f.Errors[k]}})
	}
	return &view{Title: "Load", Nav: "load", body: "load", parts: []part{
		block("doing", "load-doing", f.Doing), block("figures", "load-figures", loadFigures(&f)), block("plot", "load-plot", plotOf(f.Rates)),
		table("rows", "load-stage", stages), block("none", "load-none", len(stages)), table("errors", "load-error", errors), block("errors-none", "load-errors-none", len(errors)),
	}}, nil
}

func loadFigures(f *result.Recent) []figure {
	n := func(v int64) string { return fmt.Sprint(v) }
	bad := func(v int64) string {
		if v == 0 {
			return ""
		}
		return "bad"
	}
	rate := 0.0
	if k := len(f.Rates); k > 0 {
		rate = f.Rates[k-1]
	}
	state := "Running for"
	if f.Warming {
		state = "Warming up for"
	}
	c := &f.Counts
	return []figure{
		{state, f.Elapsed.Round(time.Second).String(), ""}, {"Started", n(c.Started), ""}, {"Done by push", n(c.Done), ""}, {"Done by polling", n(c.Polled), ""},
		{"Failed", n(c.Failed), bad(c.Failed)}, {"Lost", n(c.Lost), bad(c.Lost)}, {"Under way", n(f.Open), ""}, {"Ended in the last second", fmt.Sprintf("%.0f", rate), ""},
	}
}

func plotOf(rates []float64) (p loadPlot) {
	if len(rates) == 0 {
		return p
	}
	most := max(slices.Max(rates), 1)
	var b strings.Builder
	for i, v := range rates {
		x := 0.0
		if len(rates) > 1 {
			x = plotWidth * float64(i) / float64(len(rates)-1)
		}
		fmt.Fprintf(&b, "%.1f,%.1f ", x, plotHeight*(1-v/most))
	}
	return loadPlot{strings.TrimSpace(b.String()), fmt.Sprintf("%.0f", most), len(rates)}
}
