package load

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// tally counts what became of the wake-ups of a batch.
type tally struct {
	stages map[Stage]*hdrhistogram.Histogram
	base   time.Duration // of the plan
	// Of the counted ones: started, done by push, done by a poll, and so on.
	started, done, polled, failures, lost, unfinished int64

	empty  int64         // of done: nothing of their work came
	warm   int64         // started in the warm-up
	over   int64         // of all, those that ended in one way or another
	latest time.Duration // when the last of them did so well
	errors map[string]int64
	course []point
	step   time.Duration
	lasts  time.Duration // the plan
}

func (t *tally) init(b *batch) {
	t.errors, t.base, t.step = map[string]int64{}, b.base, time.Second
	if b.Plan != nil {
		t.lasts = b.Plan.Duration
		t.step = max(time.Second, (b.Plan.Duration / points).Round(time.Second))
	}
	t.stages = map[Stage]*hdrhistogram.Histogram{}
	for _, s := range Stages() {
		t.stages[s] = newHistogram()
	}
}

func (t *tally) start(w *wakeup) {
	t.at(w.intended).started++
	if w.counted {
		t.started++
	} else {
		t.warm++
	}
}

// finished counts a wake-up by when it was meant to start, so that a stall
// shows where it was.
func (t *tally) finished(w *wakeup, whole time.Duration) {
	t.over++
	t.latest = max(t.latest, w.intended+whole)
	p := t.at(w.intended)
	p.done++
	record(p.whole, whole)
	if w.counted {
		t.done++
	}
}

func (t *tally) late(w *wakeup, whole time.Duration) {
	t.over++
	t.at(w.intended).done++
	if w.counted {
		t.polled++
		record(t.stages[Polled], whole)
	}
}

// maxKinds bounds how many kinds of errors are told apart.
const maxKinds = 40

func (t *tally) failed(w *wakeup, kind string) {
	t.over++
	t.at(w.intended).failed++
	if !w.counted {
		return
	}
	t.failures++
	if _, known := t.errors[kind]; !known && len(t.errors) >= maxKinds {
		kind = "others"
	}
	t.errors[kind]++
}

// counts are those of the result so far.
func (t *tally) counts() Counts {
	return Counts{Started: t.started, Done: t.done, Polled: t.polled, Failed: t.failures, Lost: t.lost, Unfinished: t.unfinished, Empty: t.empty, Warm: t.warm}
}

// open is how many wake-ups are under way.
func (t *tally) open() int64 { return t.started + t.warm - t.over }

// noPort is the kind where the kernel had no port for a connection.
const noPort = "no free port"

// kindOf puts an error into few words, the same ones for the same cause.
func kindOf(err error) string {
	var e *enroll.Error
	var hook *target.HookError
	var netErr net.Error
	step := ""
	switch {
	case errors.As(err, &e):
		step = e.Step + ": "
	case errors.As(err, &hook):
		step = "the " + hook.Hook + " hook: "
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return step + "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return step + "connection reset"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return step + noPort
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return step + "too many open files"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return step + "no answer in time"
	case errors.Is(err, context.Canceled):
		return step + "interrupted"
	case e != nil && e.Status != 0:
		return step + "refused"
	}
	var u *url.Error
	switch {
	case hook != nil:
		err = hook.Err
	case e != nil:
		err = e.Err
	}
	if errors.As(err, &u) {
		err = u.Err // without the URL
	}
	text := err.Error()
	// What follows is mostly of one device.
	if i := strings.IndexAny(text, ":{(\""); i > 12 {
		text = text[:i]
	}
	return step + strings.TrimSpace(text)
}

// worst is the most frequent of some kinds of errors.
func worst(kinds map[string]int) string {
	most, text := 0, "for no reason that is known"
	names := make([]string, 0, len(kinds))
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		if kinds[k] > most {
			most, text = kinds[k], k
		}
	}
	return text
}
