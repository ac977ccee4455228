package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"time"
)

// Step is one message from one party to another.
type Step struct {
	At   time.Time `json:"at"`
	From string    `json:"from"` // device, server or WNS
	To   string    `json:"to"`
	Text string    `json:"text"`
}

// The parties of a Step.
const (
	Device = "device"
	Server = "server"
	WNS    = "WNS"
)

// Measures of a diagram, in pixels.
const (
	laneGap = 280
	margin  = 90
	rowGap  = 26
	head    = 34
)

var lanes = []string{Device, Server, WNS}

// diagram draws steps as a sequence of arrows; it is empty without steps.
func diagram(steps []Step) template.HTML {
	if len(steps) == 0 {
		return ""
	}
	at := map[string]int{}
	for i, name := range lanes {
		at[name] = margin + i*laneGap
	}
	width, height := 2*margin+laneGap*(len(lanes)-1), head+rowGap*len(steps)+16
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`, width, height, width, height, html.EscapeString(told(steps)))
	for _, name := range lanes {
		x := at[name]
		fmt.Fprintf(&b, `<text x="%d" y="16" text-anchor="middle">%s</text><line x1="%d" y1="24" x2="%d" y2="%d" stroke-dasharray="3 4"/>`, x, name, x, x, height-4)
	}
	for i, s := range steps {
		y, from, to := head+rowGap*(i+1)-4, at[s.From], at[s.To]
		tip := -7
		if from > to {
			tip = 7
		}
		fmt.Fprintf(&b, `<line class="arrow" x1="%d" y1="%d" x2="%d" y2="%d"/><path d="M%d %d l%d -4 v8 z"/>`, from, y, to, y, to, y, tip)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`, (from+to)/2, y-4, html.EscapeString(clip(s.Text, 2*46)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped above
}

// told describes the diagram in words, for screen readers.
func told(steps []Step) string {
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = s.From + " to " + s.To + ": " + s.Text
	}
	return "Sequence: " + strings.Join(lines, "; ")
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
