package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("load").Funcs(template.FuncMap{"percent": percent}).Parse(page))

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// abouts say from when to when a stage is.
var abouts = map[Stage]string{
	Late: "meant to start, started: dmwake's own delay", Queue: "started, the work queued by the hook", Trigger: "triggered, the notification at WNS: the server's sender",
	Wake: "at WNS, at the device", Wait: "of open: at the device, its session begins", Open: "at the device, package 1 leaves it", Reply: "package 1, the server's first reply", Done: "the reply, its commands done",
	Out: "at WNS, package 1 leaves the device: wake and open together",
	Ack: "done, acknowledged by the server", Whole: "meant to start, the session ended", Polled: "meant to start, a poll brought what the push did not",
}

type row struct {
	Stage                    Stage
	Count                    int64
	P50, P90, P99, P999, Max string
	About                    string
}

type figure struct {
	Title  string
	Legend []key
	SVG    template.HTML
}

// WriteHTML writes the result as one page that needs nothing else.
func (r *Result) WriteHTML(w io.Writer) error {
	v := struct {
		*Result
		Plots []figure
		Rows  []row
	}{Result: r}
	for _, p := range []struct {
		title  string
		legend []key
		draw   func() (template.HTML, error)
	}{{"Latency over time", byTime, r.overTime}, {"Percentile curve", nil, r.percentiles}, {"Stages", byTime, r.breakdown}, {"Wake-ups a second", byOutcome, r.throughput}, {"Errors a second", byTrouble, r.troubles}} {
		text, err := p.draw()
		if err != nil {
			return fmt.Errorf("the HTML report: %w", err)
		}
		v.Plots = append(v.Plots, figure{p.title, p.legend, text})
	}
	for _, s := range Stages() {
		if h := r.Stages[s]; h.Count > 0 {
			v.Rows = append(v.Rows, row{s, h.Count, Micros(h.At["p50"]), Micros(h.At["p90"]), Micros(h.At["p99"]), Micros(h.At["p999"]), Micros(h.Max), abouts[s]})
		}
	}
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}
