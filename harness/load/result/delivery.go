package result

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/wording"
)

// KindDelivery is Delivery.Kind.
const KindDelivery = "load-delivery"

// Delivery compares ways to deliver the same work to devices.
type Delivery struct {
	Dmwake  string        `json:"dmwake"`
	Kind    string        `json:"kind"` // KindDelivery
	Started time.Time     `json:"started"`
	Target  report.Target `json:"target"`
	Machine Machine       `json:"machine"`
	Devices int           `json:"devices"`
	// Hours is the length of each way in the time of the plan, which was run Speed times
	// as fast.
	Hours    float64  `json:"hours"`
	Speed    float64  `json:"speed"`
	Work     string   `json:"work"`
	WorkRate float64  `json:"workRate"` // pieces of work per device and hour
	Sender   string   `json:"sender"`
	Seed     uint64   `json:"seed"`
	Ways     []Way    `json:"ways"`
	Notes    []string `json:"notes,omitempty"`
	// Aborted says why the comparison ended early.
	Aborted string `json:"aborted,omitempty"`
}

// Way is one way of delivery: polls at an interval, with or without push.
type Way struct {
	Name string  `json:"name"`
	Poll float64 `json:"pollSeconds"`
	Push bool    `json:"push"`
	// DeviceHours is what the figures are divided by to be per device and hour.
	DeviceHours float64 `json:"deviceHours"`
	// Counts are the pieces of work. Polls are the sessions that devices began by
	// themselves.
	Counts Counts `json:"counts"`
	Polls  int64  `json:"polls"`
	// Requests, Bytes (both ways, as on the wire, TLS included) and Connections are those
	// of the devices with the server.
	Requests    int64 `json:"requests"`
	Bytes       int64 `json:"bytes"`
	Connections int64 `json:"connections"`
	// ServerCPU is the processor time of the server without what it uses when idle, in
	// seconds; absent if the server was not watched.
	ServerCPU *float64 `json:"serverCPU,omitempty"`
	// Delivery is how long the work took from the moment it was queued until the session
	// that delivered it ended, in seconds of the plan.
	Delivery Times            `json:"delivery"`
	Errors   map[string]int64 `json:"errors,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	// Load is the result that the figures are from.
	Load *Result `json:"load,omitempty"`
}

// Times are quantiles in seconds.
type Times struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Measure is a row of the comparison.
type Measure struct {
	Name, Unit string
	// Of is the value of a way; ok is false if it was not measured.
	Of   func(*Way) (v float64, ok bool)
	Text func(float64) string
}

// Measures are the rows of the comparison, in their order.
func Measures() []Measure {
	per := func(n func(*Way) float64) func(*Way) (float64, bool) {
		return func(w *Way) (float64, bool) {
			if w.DeviceHours <= 0 {
				return 0, false
			}
			return n(w) / w.DeviceHours, true
		}
	}
	at := func(v func(*Times) float64) func(*Way) (float64, bool) {
		return func(w *Way) (float64, bool) { return v(&w.Delivery), w.Delivery.Count > 0 }
	}
	cpu := func(w *Way) (float64, bool) {
		if w.ServerCPU == nil || w.DeviceHours <= 0 {
			return 0, false
		}
		return 1000 * *w.ServerCPU / w.DeviceHours, true
	}
	return []Measure{
		{"server CPU", "ms per device-hour", cpu, figure},
		{"requests", "per device-hour", per(func(w *Way) float64 { return float64(w.Requests) }), figure},
		{"bytes", "kB per device-hour", per(func(w *Way) float64 { return float64(w.Bytes) / 1000 }), figure},
		{"connections", "per device-hour", per(func(w *Way) float64 { return float64(w.Connections) }), figure},
		{"delivery p50", "", at(func(t *Times) float64 { return t.P50 }), Span},
		{"delivery p95", "", at(func(t *Times) float64 { return t.P95 }), Span},
		{"delivery p99", "", at(func(t *Times) float64 { return t.P99 }), Span},
		{"delivery max", "", at(func(t *Times) float64 { return t.Max }), Span},
	}
}

// figure formats a number with about three digits.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= .1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// Span formats seconds for people: 6.4 ms, 31 s, 4 h 2 min.
func Span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return figure(seconds*1000) + " ms"
	case d < 2*time.Minute:
		return figure(seconds) + " s"
	case d < 2*time.Hour:
		return figure(d.Minutes()) + " min"
	}
	return figure(d.Hours()) + " h"
}

// Rows are the cells of the comparison: a head, and a row for each measure and one for
// the pieces of work.
func (d *Delivery) Rows() (head []string, rows [][]string) {
	head = []string{""}
	for i := range d.Ways {
		head = append(head, d.Ways[i].Name)
	}
	for _, m := range Measures() {
		name := m.Name
		if m.Unit != "" {
			name += ", " + m.Unit
		}
		row := []string{name}
		for i := range d.Ways {
			text := "-"
			if v, ok := m.Of(&d.Ways[i]); ok {
				text = m.Text(v)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	row := []string{"work delivered"}
	for i := range d.Ways {
		c := &d.Ways[i].Counts
		row = append(row, fmt.Sprintf("%d of %d", c.Done+c.Polled, c.Started))
	}
	return head, append(rows, row)
}

// Conditions say in a sentence what was compared, and what is compressed and what not.
func (d *Delivery) Conditions() []string {
	out := []string{fmt.Sprintf("%s for %g hours, %g pieces of work (%s) per device and hour at random moments.", wording.Count(d.Devices, "device"), d.Hours, d.WorkRate, d.Work)}
	if d.Speed != 1 {
		out = append(out, fmt.Sprintf("The hours ran %g times as fast, with as many more sessions a second. The wait until a poll is due is multiplied by %g again; the times of sessions and pushes and the processor time are as measured.", d.Speed, d.Speed))
	}
	return out
}

// WriteJSON writes the comparison.
func (d *Delivery) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(printable.NewWriter(w, false))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

// WriteMarkdown writes the table for a document.
func (d *Delivery) WriteMarkdown(to io.Writer) error {
	w := printable.NewWriter(to, false)
	head, rows := d.Rows()
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(w, "| %s ", c)
		}
		fmt.Fprintln(w, "|")
	}
	line(head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	line(rule)
	for _, r := range rows {
		line(r)
	}
	fmt.Fprintln(w)
	for _, c := range d.Conditions() {
		fmt.Fprintln(w, c)
	}
	_, err := fmt.Fprintln(w)
	return err
}
