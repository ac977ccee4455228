package scenarios

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// verdict is what one scenario gave.
type verdict struct {
	result report.Result
	hook   error // the failure of a hook that made it skip
}

// watch looks after the target while scenarios run against it: one that
// crashed is waited for, one that is gone for good ends the run.
type watch struct {
	lab  *lab.Lab
	lone sync.RWMutex // held alone by scenarios that are
	// trace is Options.Trace.
	trace func(id string, devices ...*dmclient.Device)

	mu    sync.Mutex
	notes []string
	down  error
	until time.Time // the end of the budget; zero: none
}

// start runs scenarios in the background, in their order and at most n at a
// time; one that is Alone has the lab to itself. Each gives its verdict on its
// channel, which is closed without one where the run ended before its turn.
// ended is closed once nothing runs any more.
func start(ctx context.Context, w *watch, list []Scenario, n int) (verdicts []chan verdict, ended chan struct{}) {
	if b := w.lab.Config.Timeouts.Run; b > 0 {
		w.until = time.Now().Add(b)
	}
	verdicts = make([]chan verdict, len(list))
	turns := make(chan int, len(list))
	for i := range list {
		verdicts[i] = make(chan verdict, 1)
		turns <- i
	}
	close(turns)
	var workers sync.WaitGroup
	for range max(n, 1) {
		workers.Go(func() {
			for i := range turns {
				if ctx.Err() == nil && w.up() {
					verdicts[i] <- w.one(ctx, &list[i])
				}
				close(verdicts[i])
			}
		})
	}
	ended = make(chan struct{})
	go func() {
		workers.Wait()
		close(ended)
	}()
	return verdicts, ended
}

func (w *watch) up() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down == nil
}

func (w *watch) one(ctx context.Context, s *Scenario) verdict {
	if !w.until.IsZero() && time.Now().After(w.until) {
		return verdict{result: report.Result{ID: s.ID, Area: s.Area(), Level: s.Level, Title: s.Title, Rule: s.Rule, Source: s.Source, Evidence: []string{},
			Outcome: report.NotApplicable, Reason: fmt.Sprintf("the time of the run, %s, was over (timeouts.run, --budget)", w.lab.Config.Timeouts.Run)}}
	}
	if s.Alone {
		w.lone.Lock()
		defer w.lone.Unlock()
	} else {
		w.lone.RLock()
		defer w.lone.RUnlock()
	}
	res, devices, err := run(ctx, w.lab, s)
	if w.trace != nil {
		w.trace(s.ID, devices...)
	}
	if res.Outcome != report.Passed && ctx.Err() == nil {
		if note := w.look(ctx, s); note != "" {
			res.Evidence = append(res.Evidence, note)
		}
	}
	return verdict{res, err}
}

// look asks whether the target is still there after a scenario that did not
// pass, and waits for it where it is not.
func (w *watch) look(ctx context.Context, s *Scenario) (note string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return "the target does not answer any more"
	}
	first := w.lab.Healthy(ctx)
	if first == nil || ctx.Err() != nil {
		return ""
	}
	start := time.Now()
	err := w.lab.AwaitHealth(ctx)
	var gone *lab.DownError
	switch {
	case errors.As(err, &gone):
		w.down = fmt.Errorf("after %s: %w", s.ID, err)
		return "after it " + err.Error()
	case err != nil:
		return ""
	}
	note = fmt.Sprintf("after it the target was away for %s: %v", time.Since(start).Round(100*time.Millisecond), first)
	w.notes = append(w.notes, "After "+s.ID+" the target did not answer, and was waited for: "+first.Error())
	return note
}
