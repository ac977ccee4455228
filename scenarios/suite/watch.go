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

// watch checks that the target is up while scenarios run. It waits for a target
// that crashed; a target that is gone for good ends the run.
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

// outside reports whether the target was down while a scenario ran: then another
// scenario may be to blame for its failure.
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

// look checks that the target is still up after a scenario that did not pass, and
// waits for it if not.
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
		return "the target no longer answers"
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
		return "after this scenario " + err.Error()
	case err != nil:
		return ""
	}
	w.away = append(w.away, span{v.began, time.Now()})
	note = fmt.Sprintf("after this scenario the target was down for %s: %v", time.Since(start).Round(100*time.Millisecond), first)
	w.notes = append(w.notes, "After "+id+" the target stopped answering, and dmwake waited for it: "+first.Error())
	return note
}
