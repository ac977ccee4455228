package cli

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// stepPrinter prints the steps of a search as they go.
type stepPrinter struct {
	w  io.Writer
	of string // what is searched: result.OfRate or OfDevices
}

func (p *stepPrinter) head() {
	say(p.w, "%9s %9s %9s %9s %10s %10s  %s\n", p.of, "done", "failed", "lost", "p50", "p99", "verdict")
}

// begin says what only a terminal's progress line would say: that a long step begins.
func (p *stepPrinter) begin(value float64, length time.Duration, confirmation bool) {
	if confirmation {
		say(p.w, "confirming %s for %s\n", digits(value), result.Short(length))
	}
}

func (p *stepPrinter) step(s *result.CapacityStep) {
	say(p.w, "%9s ", digits(s.Value))
	if r := s.Result; r != nil {
		whole := r.Stages[result.Whole]
		say(p.w, "%9d %9d %9d %10s %10s  ", r.Counts.Done, r.Counts.Failed, r.Counts.Lost, result.Micros(whole.At["p50"]), result.Micros(whole.At["p99"]))
	} else {
		say(p.w, "%51s  ", "")
	}
	say(p.w, "%s\n", verdictText(s))
}

func verdictText(s *result.CapacityStep) string {
	text := string(s.Verdict)
	if len(s.Why) > 0 {
		text += ": " + strings.Join(s.Why, "; ")
	}
	if len(s.Own) > 0 {
		text += "; but perhaps not because of the server: " + strings.Join(s.Own, "; ")
	}
	return text
}

// tellCapacity prints the answer of a search.
func tellCapacity(w io.Writer, c *result.Capacity, k *findFlags) {
	unit, most := c.Unit(), ""
	if c.AtLeast {
		most = "at least "
	}
	say(w, "\n")
	switch {
	case c.Holds > 0 && c.Confirmed:
		say(w, "Capacity: %s%s %s\n", most, digits(c.Holds), unit)
	case c.Holds > 0:
		say(w, "Capacity: %s%s %s, not confirmed\n", most, digits(c.Holds), unit)
	case len(c.Steps) > 0 && c.Fails > 0:
		say(w, "Capacity: not found. The conditions did not hold at any value that was tried long enough; the lowest was %s %s\n", digits(c.Fails), unit)
	default:
		say(w, "Capacity: not found\n")
	}
	say(w, "  holds    %s\n", k.text())
	if c.Fails > 0 && c.Holds > 0 {
		say(w, "  not at   %s\n", digits(c.Fails))
	}
	say(w, "  limit    %s\n", c.Limit.Text)
	if c.Limit.Kind == result.LimitOwn {
		say(w, "The server may be able to do more.\n")
	}
	if c.Aborted != "" {
		say(w, "The search ended early: %s\n", c.Aborted)
	}
	if r := c.Found(); r != nil {
		say(w, "\nThe last step that held at %s:\n", digits(c.Holds))
		tell(w, r)
	}
}

func digits(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
