package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// T gives a scenario body the lab and a vocabulary, and takes its verdict. A body
// ends at its first failure, except inside Try.
type T struct {
	Lab     *lab.Lab
	ctx     context.Context //nolint:containedctx // T lives as long as one body
	s       *Scenario
	result  *report.Result
	profile dmclient.Profile
	hookErr error
	devices []*Device
	ends    []func()
	began   time.Time
	mark    uint64 // of the journal, when the body started
	slot    *slot
	by      []string // what may have blocked it: premises, ids or areas
	tries   []try
	trying  bool
	posts   []post
	failing []*Device // of inputs that did not pass
	ears    *ears     // what listens in this run
	remarks []string  // evidence that a result keeps, whatever it is
}

// Context ends with the run, or when the run's time is up.
func (t *T) Context() context.Context { return t.ctx }

// Profile is the profile of the scenario's devices.
func (t *T) Profile() dmclient.Profile { return t.profile }

// Devices are the devices the scenario made, in order.
func (t *T) Devices() []*Device { return t.devices }

// After calls f when the body has ended, in whatever way; last registered, first
// called.
func (t *T) After(f func()) { t.ends = append(t.ends, f) }

// stop ends a body from within; the runner recovers it.
type stop struct{}

func (t *T) end(o report.Outcome) {
	t.result.Outcome = o
	panic(stop{})
}

// Fail ends the body as failed: what was expected and what was seen instead.
func (t *T) Fail(expected, saw string) {
	t.result.Expected, t.result.Saw = expected, saw
	if t.result.Cause == "" {
		t.result.Cause = t.crash(saw)
	}
	t.end(broken(t.result.Level))
}

// broken returns the outcome for a broken rule of a level.
func broken(level string) report.Outcome {
	if level == report.Must {
		return report.Failed
	}
	return report.Warned
}

// FailBy is Fail with the cause as a sentence: failures with the same sentence are
// reported as one.
func (t *T) FailBy(cause, expected, saw string) {
	t.result.Cause = cause
	t.Fail(expected, saw)
}

// NotApplicable ends a body whose rule has no meaning for this server. The text
// says which observation or setting makes it so. If something is missing that
// another scenario requires, use Blocked.
func (t *T) NotApplicable(text string, args ...any) {
	t.result.Reason = fmt.Sprintf(text, args...)
	t.end(report.NotApplicable)
}

// Blocked ends a body that could not judge because of what other scenarios report.
// by names those, by premise, id or area. If none of them has failed or warned, the
// runner makes the result an error.
func (t *T) Blocked(by []string, text string, args ...any) {
	t.by = append(t.by, by...)
	t.result.Reason = fmt.Sprintf(text, args...)
	t.end(report.Blocked)
}

// By lists what may have blocked a scenario.
func By[S ~string](by ...S) []string {
	out := make([]string, len(by))
	for i, b := range by {
		out[i] = string(b)
	}
	return out
}

// Skip ends a body that needs more configuration; the text says what to set.
func (t *T) Skip(text string, args ...any) {
	t.result.Reason = fmt.Sprintf(text, args...)
	t.end(report.Skipped)
}

// Error ends a body that dmwake itself could not carry out.
func (t *T) Error(text string, args ...any) {
	t.result.Reason = fmt.Sprintf(text, args...)
	t.end(report.Errored)
}

// Evidence adds a line that helps to understand a failure. Secrets are redacted
// when the body has ended.
func (t *T) Evidence(text string, args ...any) {
	t.result.Evidence = append(t.result.Evidence, fmt.Sprintf(text, args...))
}

// Hook ends the body as skipped if a hook failed; the run reports the failure.
func (t *T) Hook(err error) {
	var h *target.HookError
	switch {
	case err == nil:
	case errors.As(err, &h), errors.Is(err, lab.ErrNoHook):
		t.hookErr = err
		t.Skip("%v", err)
	case t.ctx.Err() != nil:
		t.end("") // the runner says why
	default:
		t.Error("%v", err)
	}
}

// try is one of several inputs of a scenario, and how it ended.
type try struct {
	what   string
	result report.Result
	by     []string
}

// Try tries one of several inputs. A failure in it does not end the body: all
// inputs are tried, and each failing one is listed.
func (t *T) Try(what string, f func()) {
	if t.trying {
		t.Error("the scenario tries %q inside another input, which is a bug of dmwake", what)
	}
	saved, by, made := *t.result, t.by, len(t.devices)
	t.by = nil
	t.trying = true
	func() {
		defer func() {
			t.trying = false
			if r := recover(); r != nil {
				if _, ok := r.(stop); !ok {
					panic(r)
				}
			}
		}()
		f()
	}()
	one := *t.result
	if one.Outcome == "" && t.ctx.Err() == nil {
		one.Outcome = report.Passed
	}
	if t.hookErr != nil || one.Outcome == report.Errored || t.ctx.Err() != nil {
		panic(stop{}) // as it is
	}
	if one.Outcome != report.Passed {
		t.failing = append(t.failing, t.devices[made:]...)
		t.tries = append(t.tries, try{what, one, t.by})
	} else {
		t.tries = append(t.tries, try{what: what, result: one})
	}
	evidence := one.Evidence
	*t.result, t.by = saved, by
	t.result.Evidence = evidence
}

// sum is the verdict over all inputs: failed if one failed; else blocked if one was
// blocked; not applicable if no input applied.
func (t *T) sum() {
	of := map[report.Outcome][]try{}
	for _, x := range t.tries {
		of[x.result.Outcome] = append(of[x.result.Outcome], x)
	}
	total := len(t.tries)
	for _, o := range []report.Outcome{report.Failed, report.Warned} {
		if bad := of[o]; len(bad) > 0 {
			r := bad[0].result
			t.result.Outcome, t.result.Expected, t.result.Saw = o, r.Expected, listed(bad, func(r *report.Result) string { return r.Saw })
			if i := slices.IndexFunc(bad, func(x try) bool { return x.result.Cause != "" }); i >= 0 {
				t.result.Cause = bad[i].result.Cause
			}
			if total > 1 {
				t.result.Saw = fmt.Sprintf("%d of %d: %s", len(bad), total, t.result.Saw)
			}
			return
		}
	}
	for _, o := range []report.Outcome{report.Blocked, report.Skipped} {
		if open := of[o]; len(open) > 0 {
			t.result.Outcome, t.result.Reason = o, listed(open, func(r *report.Result) string { return r.Reason })
			t.result.DecidedBy = open[0].result.DecidedBy
			for _, x := range open {
				t.by = append(t.by, x.by...)
			}
			return
		}
	}
	if na := of[report.NotApplicable]; len(na) > 0 && len(na) == total {
		t.result.Outcome, t.result.Reason = report.NotApplicable, listed(na, func(r *report.Result) string { return r.Reason })
	}
}

// listed lists inputs with a text for each; inputs with the same text are joined.
func listed(list []try, said func(*report.Result) string) string {
	var order []string
	inputs := map[string][]string{}
	for i := range list {
		text := said(&list[i].result)
		if inputs[text] == nil {
			order = append(order, text)
		}
		inputs[text] = append(inputs[text], list[i].what)
	}
	parts := make([]string, len(order))
	for i, text := range order {
		parts[i] = strings.Join(inputs[text], ", ") + ": " + text
	}
	return strings.Join(parts, "; ")
}
