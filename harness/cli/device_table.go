package cli

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/live"
	"github.com/dmwake/dmwake/harness/printable"
)

// The table of "device run" fits into 80 columns. Of a wider terminal the last session
// gets the rest; one that is narrower than wholeTable lacks what is next.
const (
	nameColumn  = 15
	stateColumn = 10
	pushColumn  = 6
	busyColumn  = 14
	tableGap    = 2
	lastColumn  = 12 // at least
	wholeTable  = 76
)

// table is what devices do, as lines for a terminal of that size.
func (a *activity) table(columns, rows int, c painter) (lines []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rest := columns - 1 - nameColumn - stateColumn - pushColumn - 3*tableGap
	if columns >= wholeTable {
		rest -= busyColumn + tableGap
	}
	last := max(lastColumn, rest)
	line := func(name, state, session, pushes, busy string) string {
		gap := fmt.Sprintf("%*s", tableGap, "")
		text := live.Pad(name, nameColumn) + gap + live.Pad(state, stateColumn) + gap + live.Pad(session, last) + gap + fmt.Sprintf("%*s", pushColumn, pushes)
		if columns < wholeTable {
			return text
		}
		return text + gap + live.Fit(busy, busyColumn)
	}
	lines = append(lines, c.paint(bold, line("device", "state", "last session", "pushes", "now")))
	shown := a.interesting(max(1, rows-4)) // heading, "and more", status, and the cursor's line
	for _, d := range shown {
		session := ""
		if d.last != "" {
			session = d.lastAt.Format(time.TimeOnly) + " " + printable.Line(d.last)
		}
		text, color := line(printable.Line(d.name), d.state, session, fmt.Sprint(d.pushes), printable.Line(d.busy())), ""
		switch {
		case d.failed:
			color = red
		case d.session != "":
			color = green
		}
		lines = append(lines, c.paint(color, text))
	}
	if n := len(a.devices) - len(shown); n > 0 {
		lines = append(lines, c.paint(gray, fmt.Sprintf("and %d more", n)))
	}
	return lines
}

// interesting are so many devices: first those with a session under way, then those whose
// last session failed, then those with the newest session. They come in the order of the
// list, so that rows move little.
func (a *activity) interesting(most int) []*doing {
	if len(a.devices) <= most {
		return a.devices
	}
	list := slices.Clone(a.devices)
	slices.SortStableFunc(list, func(x, y *doing) int {
		return cmp.Or(first(x.session != "", y.session != ""), first(x.failed, y.failed), y.lastAt.Compare(x.lastAt))
	})
	list = list[:most]
	slices.SortFunc(list, func(x, y *doing) int { return cmp.Compare(x.number, y.number) })
	return list
}

// first orders what is true before what is not.
func first(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}
