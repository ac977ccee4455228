package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/live"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/wording"
)

// tell prints a result.
func tell(w io.Writer, r *result.Result) {
	c := r.Counts
	unfinished := ""
	if c.Unfinished > 0 {
		unfinished = fmt.Sprintf(", %d unfinished when interrupted", c.Unfinished)
	}
	if len(r.Parts) == 0 {
		say(w, "\n%s: %d done by push, %d by polling, %d failed, %d lost%s; %.1f a second\n\n", wording.Count(c.Started, "wake-up"), c.Done, c.Polled, c.Failed, c.Lost, unfinished, r.Rate())
	}
	tellParts(w, r)
	if len(r.Parts) == 0 {
		tellStages(w, r.Stages)
	}
	if c := r.CPU; c != nil {
		say(w, "processors %.0f %% busy, %.0f %% by dmwake\n", 100*c.Busy, 100*c.Own)
	}
	for _, kind := range mostFirst(r.Errors) {
		say(w, "%8d  %s\n", r.Errors[kind], kind)
	}
	for _, why := range mostFirst(r.Excluded) {
		say(w, "%8d  devices excluded: %s\n", r.Excluded[why], why)
	}
	tellServer(w, r.Server)
	tellTraces(w, r.Traces)
	for _, n := range r.Notes {
		say(w, "  - %s\n", n)
	}
	if r.Aborted != "" {
		say(w, "The run ended early: %s\n", r.Aborted)
	}
}

// mostFirst returns the names with the greatest counts first; equal ones by name.
func mostFirst[K ~string, N cmp.Ordered](counts map[K]N) []K {
	return slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// liveLine shows progress: on a terminal in one line that is drawn again, elsewhere in a
// new line now and then.
type liveLine struct {
	w      io.Writer
	screen *live.Screen // nil: no terminal
	quiet  bool
	said   time.Time
	last   string // not written yet
}

func (l *liveLine) put(every time.Duration, format string, args ...any) {
	if l.quiet {
		return
	}
	l.last = fmt.Sprintf(format, args...)
	if l.screen != nil {
		text := l.last
		if columns, _ := l.screen.Size(); live.Width(text) >= columns {
			text = strings.Join(strings.Fields(text), " ")
		}
		l.screen.Show(text)
		return
	}
	if time.Since(l.said) >= every-every/10 { // ticks may come slightly early
		fmt.Fprintln(l.w, l.last)
		l.said, l.last = time.Now(), ""
	}
}

// end leaves the last line as text.
func (l *liveLine) end() {
	l.screen.Show()
	if l.last != "" {
		fmt.Fprintln(l.w, l.last)
	}
	l.said, l.last = time.Time{}, ""
}

// drop takes the line from the screen; a result says the same.
func (l *liveLine) drop() {
	l.last = ""
	l.end()
}

func (l *liveLine) enrolled(all int) func(done, failed int) {
	return func(done, failed int) {
		if l.screen != nil && done%10 != 0 && done != all {
			return
		}
		l.put(5*time.Second, "%s", enrolledText(done, failed, all))
	}
}

func enrolledText(done, failed, all int) string {
	text := fmt.Sprintf("%d of %d devices enrolled", done, all)
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	return text
}

func (l *liveLine) progress(p load.Progress) {
	at, c := p.Elapsed.Round(time.Second), p.Counts
	if p.Warming {
		l.put(5*time.Second, "%5s  warm-up: %6d started  %5.0f/s  %5d open", at, c.Warm, p.Rate, p.Open)
		return
	}
	l.put(5*time.Second, "%5s  %6d started  %6d done  %5.0f/s  %5d open  %5d failed  p50 %s  p99 %s", at, c.Started, c.Done+c.Polled, p.Rate, p.Open, c.Failed, result.Micros(p.P50), result.Micros(p.P99))
}
