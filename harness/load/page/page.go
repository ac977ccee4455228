// Package page shows a load result as one HTML page with plots. The page is
// self-contained: it needs no script, network or other file.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("load").Funcs(template.FuncMap{"percent": percent}).Parse(page))

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// abouts say where each stage begins and ends.
var abouts = map[result.Stage]string{
	result.Late:    "due, started: the delay of dmwake itself",
	result.Queue:   "started, the hook queued the work",
	result.Trigger: "triggered, notification at WNS: the server's sender",
	result.Wake:    "at WNS, at the device",
	result.Wait:    "part of open: at the device, its session begins",
	result.Open:    "at the device, package 1 leaves it",
	result.Out:     "at WNS, package 1 leaves the device: wake and open together",
	result.Reply:   "package 1, the server's first reply",
	result.Done:    "first reply, commands executed",
	result.Ack:     "commands executed, acknowledged by the server",
	result.Whole:   "due, session ended",
	result.Polled:  "due, a poll delivered the work instead of the push",
	result.Leave:   "the session with the unenrollment alert",
	result.Enroll:  "discovery, policies, certificate",
	result.Ready:   "enrolled, its first sessions are over and it has a channel",
}

type row struct {
	Stage                    result.Stage
	Count                    int64
	P50, P90, P99, P999, Max string
	About                    string
}

// times are the figures of a part that are shown.
type times struct {
	*result.LoadPart
	P50, P99, Max string
}

func timesOf(p *result.LoadPart) times {
	at := p.Stages[result.Whole]
	if at.Count == 0 {
		at = p.Stages[result.Polled]
	}
	return times{p, result.Micros(at.At["p50"]), result.Micros(at.At["p99"]), result.Micros(at.Max)}
}

type figure struct {
	Title  string
	Legend []key
	SVG    template.HTML
}

// drawing is a figure that is yet to be drawn.
type drawing struct {
	title  string
	legend []key
	draw   func(*result.Result) (template.HTML, error)
}

// Write writes the page of a result.
func Write(w io.Writer, r *result.Result) error {
	v := struct {
		*result.Result
		Plots           []figure
		Rows            []row
		Times           []times
		Processes       []process
		Slowest, Failed []traced
	}{Result: r, Processes: processes(r.Server)}
	for i := range r.Parts {
		v.Times = append(v.Times, timesOf(&r.Parts[i]))
	}
	if t := r.Traces; t != nil {
		v.Slowest, v.Failed = traces(t.Slowest), traces(t.Failed)
	}
	plots := []drawing{
		{"Latency over time", byTime, overTime}, {"Percentile curve", nil, percentiles}, {"Stages", byTime, stages},
		{"Wake-ups per second", byOutcome, throughput}, {"Errors per second", byTrouble, troubles},
	}
	for _, p := range append(plots, serverPlots(r.Server)...) {
		svg, err := p.draw(r)
		if err != nil {
			return fmt.Errorf("the HTML report: %w", err)
		}
		v.Plots = append(v.Plots, figure{p.title, p.legend, svg})
	}
	for _, s := range result.Stages() {
		if h := r.Stages[s]; h.Count > 0 {
			micros := func(name string) string { return result.Micros(h.At[name]) }
			v.Rows = append(v.Rows, row{s, h.Count, micros("p50"), micros("p90"), micros("p99"), micros("p999"), result.Micros(h.Max), abouts[s]})
		}
	}
	if err := pageTemplate.Execute(printable.NewWriter(w, false), v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}
