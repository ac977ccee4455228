package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// tell prints a result.
func tell(w io.Writer, r *result.Result) {
	c := r.Counts
	unfinished := ""
	if c.Unfinished > 0 {
		unfinished = fmt.Sprintf(", %d unfinished when interrupted", c.Unfinished)
	}
	say(w, "\n%d wake-ups: %d done by push, %d by polling, %d failed, %d lost%s; %.1f a second\n\n", c.Started, c.Done, c.Polled, c.Failed, c.Lost, unfinished, r.Rate())
	say(w, "%-9s %10s %10s %10s %10s %10s\n", "stage", "count", "p50", "p90", "p99", "max")
	for _, stage := range result.Stages() {
		if h := r.Stages[stage]; h.Count > 0 {
			say(w, "%-9s %10d %10s %10s %10s %10s\n", stage, h.Count, result.Micros(h.At["p50"]), result.Micros(h.At["p90"]), result.Micros(h.At["p99"]), result.Micros(h.Max))
		}
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
	for _, n := range r.Notes {
		say(w, "  - %s\n", n)
	}
	if r.Aborted != "" {
		say(w, "The run ended early: %s\n", r.Aborted)
	}
}

// mostFirst returns the names with the greatest counts first; equal ones by name.
func mostFirst[N cmp.Ordered](counts map[string]N) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// liveLine shows progress: on a terminal in one line that it overwrites, elsewhere
// in a new line now and then.
type liveLine struct {
	w     io.Writer
	live  bool
	said  time.Time
	dirty bool
	last  string // not written yet
}

func (l *liveLine) put(every time.Duration, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.live {
		fmt.Fprintf(l.w, "\r\x1b[K%s", fit(text, columns(l.w)))
		l.dirty = true
		return
	}
	l.last = text
	if time.Since(l.said) >= every-every/10 { // ticks may come slightly early
		l.said, l.last = time.Now(), ""
		fmt.Fprintln(l.w, text)
	}
}

// columns is the width of a terminal; 80 if it does not tell.
func columns(w io.Writer) int {
	if f := file(w); f != nil {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// fit shortens a line so that it does not wrap: of a wrapped line only the last row
// would be overwritten.
func fit(text string, columns int) string {
	if utf8.RuneCountInString(text) >= columns {
		text = strings.Join(strings.Fields(text), " ")
	}
	if r := []rune(text); len(r) >= columns {
		return string(r[:max(columns-1, 0)])
	}
	return text
}

func (l *liveLine) end() {
	if l.dirty || l.last != "" {
		fmt.Fprintln(l.w, l.last)
	}
	l.dirty, l.said, l.last = false, time.Time{}, ""
}

func (l *liveLine) enrolled(all int) func(done, failed int) {
	return func(done, failed int) {
		if l.live && done%10 != 0 && done != all {
			return
		}
		text := fmt.Sprintf("%d of %d devices enrolled", done, all)
		if failed > 0 {
			text += fmt.Sprintf(", %d failed", failed)
		}
		l.put(5*time.Second, "%s", text)
	}
}

func (l *liveLine) progress(p load.Progress) {
	at, c := p.Elapsed.Round(time.Second), p.Counts
	if p.Warming {
		l.put(5*time.Second, "%5s  warm-up: %6d started  %5.0f/s  %5d open", at, c.Warm, p.Rate, p.Open)
		return
	}
	l.put(5*time.Second, "%5s  %6d started  %6d done  %5.0f/s  %5d open  %5d failed  p50 %s  p99 %s", at, c.Started, c.Done+c.Polled, p.Rate, p.Open, c.Failed, result.Micros(p.P50), result.Micros(p.P99))
}
