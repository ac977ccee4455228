package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/wording"
)

// journalWatch prints the lab's journal while it grows, and counts for the summary.
type journalWatch struct {
	*printer
	painter
	lab            *lab.Lab
	quiet, verbose bool

	next     uint64 // Seq of the next new entry
	told     map[intercept.Cause]bool
	counts   map[string]int // requests by verdict
	kinds    map[fakewns.Kind]int
	rules    map[fakewns.Rule]int
	attempts map[string]int // by what was seen
	last     *fakewns.Entry // the last attempt
	notified map[string]bool
	missed   uint64
	stop     context.CancelFunc
	ended    chan struct{}
}

func newJournalWatch(s *streams, f *labFlags, l *lab.Lab) *journalWatch {
	return &journalWatch{printer: &printer{w: s.out}, painter: painter(color(s.out)), lab: l, quiet: f.quiet, verbose: f.verbose, told: map[intercept.Cause]bool{},
		counts: map[string]int{}, kinds: map[fakewns.Kind]int{}, rules: map[fakewns.Rule]int{}, attempts: map[string]int{}, notified: map[string]bool{}}
}

// start begins with the entries to come.
func (w *journalWatch) start() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.ended = stop, make(chan struct{})
	j := w.lab.WNS.Journal()
	w.next = j.Mark()
	at := j.Changes()
	go func() {
		defer close(w.ended)
		j.Watch(ctx, at, w.changed) //nolint:errcheck // it ends with ctx
	}()
}

// end waits until all changes are printed. It reports whether the watch was started.
func (w *journalWatch) end() bool {
	if w.stop == nil {
		return false
	}
	w.stop()
	<-w.ended
	return true
}

// changed gets a new entry, or a later change of one.
func (w *journalWatch) changed(e *fakewns.Entry, missed uint64) error {
	if missed > 0 {
		w.missed += missed
		w.say("... %s not shown", wording.Count(missed, "change"))
	}
	switch {
	case e.Seq >= w.next:
		w.next = e.Seq + 1
		w.count(e)
		w.entry(e)
	case e.Status == http.StatusServiceUnavailable && e.Delivery == fakewns.NotDelivered && e.Fault == "":
		w.say("#%d "+w.word("refused")+"  it was accepted, and could not be kept: %s", e.Seq, e.Error)
	case e.Session != "":
		w.say("#%d led to session %s of %s", e.Seq, e.Session, e.Device)
	default:
		w.say("#%d is %s now", e.Seq, e.Delivery)
	}
	return nil
}

func (w *journalWatch) say(format string, args ...any) {
	if !w.quiet {
		w.line(format, args...)
	}
}

// verdictOf is how a request is judged, in a word. What an injected fault decided says
// nothing about the server, unless it broke a rule, too.
func verdictOf(e *fakewns.Entry) string {
	switch {
	case e.Kind == fakewns.Attempt:
		return "no request"
	case len(e.Violations) > 0:
		return "BROKEN"
	case e.Fault != "":
		return "injected"
	case e.Status >= http.StatusBadRequest:
		return "refused"
	}
	return "ok"
}

var verdictColors = map[string]string{"no request": red, "BROKEN": red, "injected": yellow, "refused": yellow, "ok": green}

// word is a verdict in its colour; most are of one width. It is part of a format: what a
// format is given loses its colours.
func (w *journalWatch) word(verdict string) string {
	return w.paint(verdictColors[verdict], fmt.Sprintf("%-8s", verdict))
}

// entry prints a request, and the cause of a connection that brought none with what to
// do: once for each cause.
func (w *journalWatch) entry(e *fakewns.Entry) {
	if w.quiet {
		return
	}
	text := strings.Replace(e.String(), e.At.Format("15:04:05.000"), e.At.Format(time.TimeOnly), 1)
	if e.Kind == fakewns.Attempt {
		text = strings.Replace(text, "no request: ", "", 1)
	}
	w.line("#%d "+w.word(verdictOf(e))+"  %s", e.Seq, text)
	if e.Kind == fakewns.Attempt && !w.told[e.Cause] {
		w.told[e.Cause] = true
		_, do := w.lab.Unreached([]*fakewns.Entry{e})
		w.line("    to do:  %s", do)
	}
	if w.verbose {
		w.whole(e)
	}
}

// whole prints a request's headers and body without secrets.
func (w *journalWatch) whole(e *fakewns.Entry) {
	headers := redact.Headers(e.Header)
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range headers[name] {
			w.line("      %s:  %s", name, value)
		}
	}
	contentType := e.Header.Get("Content-Type")
	switch {
	case len(e.Body) == 0:
	case e.Kind == fakewns.Token && len(e.Form) > 0:
		w.line("      %s", redact.Form(e.Form).Encode())
	case utf8.Valid(e.Body):
		w.line("      %s", redact.Body(contentType, e.Body))
	default:
		w.line("      %d bytes", len(e.Body))
	}
}

// count counts a new entry.
func (w *journalWatch) count(e *fakewns.Entry) {
	if e.Kind == fakewns.Attempt {
		w.attempts[e.What()]++
		w.last = e
		return
	}
	w.kinds[e.Kind]++
	w.counts[verdictOf(e)]++
	broken := map[fakewns.Rule]bool{}
	for _, v := range e.Violations {
		if !broken[v.Rule] { // a request can break a rule in two ways
			broken[v.Rule] = true
			w.rules[v.Rule]++
		}
	}
	if e.Kind == fakewns.Notification && e.Device != "" {
		w.notified[e.Device] = true
	}
}

// summary prints what the lab saw in all its time: requests, verdicts, broken rules, and
// what never came.
func (w *journalWatch) summary() {
	requests := w.kinds[fakewns.Token] + w.kinds[fakewns.Notification] + w.kinds[fakewns.Handshake]
	w.line("\nrequests    %d: %s, %s", requests, wording.Counted(w.kinds[fakewns.Token], "for a token", "for tokens"), wording.Count(w.kinds[fakewns.Notification], "notification"))
	if requests > 0 {
		var parts []string
		for _, v := range []string{"ok", "BROKEN", "refused", "injected"} {
			if n := w.counts[v]; n > 0 {
				parts = append(parts, w.paint(verdictColors[v], fmt.Sprintf("%d %s", n, v)))
			}
		}
		w.line("verdicts    " + strings.Join(parts, ", "))
	}
	if len(w.rules) > 0 {
		var parts []string
		for _, r := range mostFirst(w.rules) {
			parts = append(parts, fmt.Sprintf("%d × %s", w.rules[r], r))
		}
		w.line("rules       broken: %s", strings.Join(parts, ", "))
	}
	if w.missed > 0 {
		w.line("not seen    %s came too fast to be counted", wording.Count(w.missed, "change"))
	}
	w.absent(requests)
}

// absent prints what never came.
func (w *journalWatch) absent(requests int) {
	seen := mostFirst(w.attempts)
	for i, what := range seen {
		if i == maxCauses {
			w.line("no request  and %d more causes", len(seen)-i)
			break
		}
		w.line("no request  %d × %s", w.attempts[what], what)
	}
	if requests == 0 {
		var entries []*fakewns.Entry
		if w.last != nil {
			entries = append(entries, w.last)
		}
		saw, do := w.lab.Unreached(entries)
		w.line("never       a server reached the lab: %s", saw)
		w.line("to do       %s", do)
	}
	var never []string
	for _, c := range w.lab.WNS.Channels("") {
		if c.Device != sampleDevice && !c.Revoked && !w.notified[c.Device] && !slices.Contains(never, c.Device) {
			never = append(never, c.Device)
		}
	}
	if len(never) > 0 {
		slices.Sort(never)
		w.line("never       %s a notification: %s", wording.Counted(len(never), "device got", "devices got"), someNames(never))
	}
}

// maxCauses is how many causes a summary lists.
const maxCauses = 8

// someNames lists the first of many names.
func someNames(names []string) string {
	const shown = 4
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
