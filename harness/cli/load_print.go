package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/dmwake/dmwake/harness/load"
)

// tell prints a result for a person.
func tell(w io.Writer, r *load.Result) {
	c := r.Counts
	unfinished := ""
	if c.Unfinished > 0 {
		unfinished = fmt.Sprintf(", %d under way when it was interrupted", c.Unfinished)
	}
	fmt.Fprintf(w, "\n%d wake-ups: %d done by push, %d by polling, %d failed, %d lost%s; %.1f a second\n\n", c.Started, c.Done, c.Polled, c.Failed, c.Lost, unfinished, r.Rate())
	fmt.Fprintf(w, "%-9s %10s %10s %10s %10s %10s\n", "stage", "count", "p50", "p90", "p99", "max")
	for _, stage := range load.Stages() {
		if h := r.Stages[stage]; h.Count > 0 {
			fmt.Fprintf(w, "%-9s %10d %10s %10s %10s %10s\n", stage, h.Count, load.Micros(h.At["p50"]), load.Micros(h.At["p90"]), load.Micros(h.At["p99"]), load.Micros(h.Max))
		}
	}
	if c := r.CPU; c != nil {
		fmt.Fprintf(w, "processors %.0f %% busy, %.0f %% by dmwake\n", 100*c.Busy, 100*c.Own)
	}
	for _, kind := range mostFirst(r.Errors) {
		fmt.Fprintf(w, "%8d  %s\n", r.Errors[kind], kind)
	}
	for _, why := range mostFirst(r.Excluded) {
		fmt.Fprintf(w, "%8d  devices left out: %s\n", r.Excluded[why], why)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  - %s\n", n)
	}
	if r.Aborted != "" {
		fmt.Fprintf(w, "The run ended early: %s\n", r.Aborted)
	}
}

// mostFirst are the names of what was counted, those of the same number by name.
func mostFirst[N cmp.Ordered](counts map[string]N) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// liveLine is one line that is written over on a terminal, and lines now and
// then elsewhere.
type liveLine struct {
	w     io.Writer
	live  bool
	said  time.Time
	dirty bool
	last  string // that was not written
}

func (l *liveLine) put(every time.Duration, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.live {
		fmt.Fprintf(l.w, "\r\x1b[K%s", fit(text, columns(l.w)))
		l.dirty = true
		return
	}
	l.last = text
	if time.Since(l.said) >= every-every/10 { // what comes each second comes a little early, too
		l.said, l.last = time.Now(), ""
		fmt.Fprintln(l.w, text)
	}
}

// columns is how wide a terminal is; 80 where it does not say.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// fit makes a line narrow enough that it does not wrap, since only the last row of
// one that does is written over.
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
			text += fmt.Sprintf(", %d not", failed)
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
	l.put(5*time.Second, "%5s  %6d started  %6d done  %5.0f/s  %5d open  %5d failed  p50 %s  p99 %s", at, c.Started, c.Done+c.Polled, p.Rate, p.Open, c.Failed, load.Micros(p.P50), load.Micros(p.P99))
}
