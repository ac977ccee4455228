package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
)

// watch looks after the target while scenarios run against it: one that
// crashed is waited for, one that is gone for good ends the run.
type watch struct {
	lab *lab.Lab

	mu    sync.Mutex
	notes []string
	down  error
	away  []span // when the target did not answer
}

type span struct{ from, to time.Time }

func (w *watch) up() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down == nil
}

// outside tells whether the target was away while a scenario ran that did not
// pass: then another one may be to blame.
func (w *watch) outside(v *verdict) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.away {
		if v.began.Before(a.to) && a.from.Before(v.end) {
			return true
		}
	}
	return false
}

// look asks whether the target is still there after a scenario that did not
// pass, and waits for it where it is not.
func (w *watch) look(ctx context.Context, v *verdict) {
	if v.result.Outcome == report.Passed || ctx.Err() != nil {
		return
	}
	if note := w.ask(ctx, v); note != "" {
		v.result.Evidence = append(v.result.Evidence, note)
	}
}

func (w *watch) ask(ctx context.Context, v *verdict) (note string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return "the target does not answer any more"
	}
	first := w.lab.Healthy(ctx)
	if first == nil || ctx.Err() != nil {
		return ""
	}
	start, id := time.Now(), v.result.ID
	err := w.lab.AwaitHealth(ctx)
	var gone *lab.DownError
	switch {
	case errors.As(err, &gone):
		w.down = fmt.Errorf("after %s: %w", id, err)
		return "after it " + err.Error()
	case err != nil:
		return ""
	}
	w.away = append(w.away, span{v.began, time.Now()})
	note = fmt.Sprintf("after it the target was away for %s: %v", time.Since(start).Round(100*time.Millisecond), first)
	w.notes = append(w.notes, "After "+id+" the target did not answer, and was waited for: "+first.Error())
	return note
}
