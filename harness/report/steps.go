package report

import (
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/page"
)

// Step is one message from one party to another.
type Step struct {
	At   time.Time `json:"at"`
	From string    `json:"from"` // device, server or WNS
	To   string    `json:"to"`
	Text string    `json:"text"`
	// Exchange is the number of the exchange that it is the request or the reply of,
	// from 1, if the report has that.
	Exchange int `json:"exchange,omitempty"`
}

// The parties of a Step.
const (
	Device = "device"
	Server = "server"
	WNS    = "WNS"
)

// Enrolling begins the text of a step that belongs to an enrollment; TokenRequest is the
// text of one.
const (
	Enrolling    = "enrollment: "
	TokenRequest = "token request"
)

// longestStep is how much of a step's text the diagram shows, in characters.
const longestStep = 160

// diagram draws the steps of a result. Enrollments are folded in scenarios that are not
// about them.
func diagram(s *Result, c culprit) page.Diagram {
	d := page.Diagram{ID: s.ID, Lanes: []string{Device, Server, WNS}}
	fold := ""
	for i, step := range s.Steps {
		text, enrolling := strings.CutPrefix(step.Text, Enrolling)
		switch {
		case s.Area == "ENR" || s.Area == "AAD":
			fold = ""
		case enrolling:
			fold = "enrollment"
		case !(step.From == Server && step.To == Device && i > 0 && s.Steps[i-1].From == Device):
			fold = ""
		}
		a := page.Arrow{From: step.From, To: step.To, Text: clip(text, longestStep), Fold: fold}
		if n := step.Exchange; n > 0 && n <= len(s.Exchanges) {
			a.Href = "#" + messageID(s, n-1)
		}
		if i == c.step {
			a.Culprit = c.why
		}
		d.Arrows = append(d.Arrows, a)
	}
	return d
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
