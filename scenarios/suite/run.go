package suite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// verdict is the outcome of one scenario's run.
type verdict struct {
	result     report.Result
	by         []string // what may have blocked it
	hook       error    // the hook failure that made it skip
	devices    []*dmclient.Device
	began, end time.Time
}

// errOver is the cause of a run's context when its time is up.
type errOver struct{ budget time.Duration }

func (e *errOver) Error() string {
	return fmt.Sprintf("the run's time limit of %s was reached (timeouts.run, --budget)", e.budget)
}

// InTime limits ctx to the time of a run and sets the cause; 0 is no limit. Steps
// before the run, such as the first enrollment, count as well.
func InTime(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	if budget <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, budget, &errOver{budget})
}

// NotRun returns results for scenarios that were not run, with the reason.
func NotRun(list []Scenario, reason string) []report.Result {
	out := make([]report.Result, len(list))
	for i := range list {
		out[i] = list[i].result("")
		out[i].Outcome, out[i].Reason = report.Skipped, reason
	}
	return out
}

// whyEnded says why a run's context ended.
func whyEnded(ctx context.Context) string {
	var over *errOver
	if errors.As(context.Cause(ctx), &over) {
		return over.Error()
	}
	return "the run was interrupted"
}

// Run runs a single scenario in a lab and returns its result. A blocked result does
// not say by which scenario: there are no other results.
func Run(ctx context.Context, l *lab.Lab, s *Scenario) (report.Result, error) {
	v := run(ctx, l, s, nil, newEars([]Scenario{*s}, polls(&l.Config.Target), l.DDF()))
	return v.result, v.hook
}

// run runs a body and makes a verdict of its result.
func run(ctx context.Context, l *lab.Lab, s *Scenario, place *slot, e *ears) (v *verdict) {
	cfg := &l.Config.Target
	v = &verdict{result: s.result(""), began: time.Now()}
	res := &v.result
	defer func() {
		v.end = time.Now()
		res.DurationMs = v.end.Sub(v.began).Milliseconds()
	}()
	if outcome, reason, settings := s.missing(cfg); outcome != "" {
		res.Outcome, res.Reason, res.DecidedBy = outcome, reason, settings
		return v
	}
	name, _ := s.profile(cfg)
	*res = s.result(name)
	l, release, err := at(l, s)
	if err != nil {
		res.Outcome, res.Reason = report.Errored, err.Error()
		return v
	}
	defer release()
	profile, err := l.Config.Target.Profile(name)
	if err != nil {
		res.Outcome, res.Reason = report.Errored, err.Error()
		return v
	}
	t := &T{Lab: l, ctx: ctx, s: s, result: res, profile: profile, began: v.began, mark: l.WNS.Journal().Mark(), slot: place, ears: e}
	var before lab.Snapshot
	if s.Reach != Shared {
		before = l.Snapshot()
	}
	t.body()
	t.judge(ctx)
	if s.Reach != Shared && ctx.Err() == nil {
		if left := before.Diff(l.Snapshot()); len(left) > 0 {
			res.Outcome, res.Reason = report.Errored, "the scenario left the lab changed, which is a bug in dmwake: "+strings.Join(left, "; ")
		}
	}
	v.devices = append(v.devices, t.held()...)
	e.listen(s.ID, v.devices...)
	v.by, v.hook = t.by, t.hookErr
	return v
}

// at returns the lab in which a scenario runs: with the setup that it needs, and a
// separate lab if it needs one for itself and the server is embedded.
func at(l *lab.Lab, s *Scenario) (*lab.Lab, func(), error) {
	if s.Reach != Shared && l.Embedded() {
		return l.Alone(s.On)
	}
	l, err := l.As(s.On)
	return l, func() {}, err
}

// body runs the scenario's body and undoes its changes to the lab.
func (t *T) body() {
	defer func() {
		for i := len(t.ends) - 1; i >= 0; i-- {
			t.ends[i]()
		}
	}()
	defer func() {
		switch r := recover(); r.(type) {
		case nil, stop:
		default:
			// A bug in the suite is not the server's fault.
			t.result.Outcome = report.Errored
			t.result.Reason = fmt.Sprintf("the scenario itself crashed, which is a bug in dmwake: %v", r)
			t.result.Evidence = append(t.result.Evidence, string(debug.Stack()))
		}
	}()
	t.s.Run(t)
	if t.s.Hears != nil {
		t.overheard()
	}
}

// judge completes the result.
func (t *T) judge(ctx context.Context) {
	res := t.result
	if res.Outcome == "" && len(t.tries) > 0 {
		t.sum()
	}
	for _, d := range t.devices {
		if d.hookErr != nil { // the server did not manage this device
			t.hookErr, res.Outcome, res.Reason = d.hookErr, report.Skipped, d.hookErr.Error()
			res.Expected, res.Saw, res.Cause = "", "", ""
		}
	}
	switch {
	case ctx.Err() != nil && res.Outcome != report.Passed:
		res.Outcome, res.Expected, res.Saw, res.Cause = report.Skipped, "", "", ""
		res.Reason = fmt.Sprintf("%s; the scenario had been running for %s", whyEnded(ctx), time.Since(t.began).Round(time.Second))
	case res.Outcome == "":
		res.Outcome = report.Passed
	}
	switch {
	case res.Outcome == report.Passed:
		res.Evidence = []string{}
	case res.Broken():
		res.Fix = t.s.Fix
		t.attach()
	}
	res.Evidence = once(append(res.Evidence, t.remarks...))
	if t.hookErr != nil && res.Outcome != report.Skipped {
		t.hookErr = nil
	}
	hideSecrets(res)
}

// once keeps one of each set of equal lines, with their number.
func once(lines []string) []string {
	out, times := []string{}, map[string]int{}
	for _, line := range lines {
		if times[line]++; times[line] == 1 {
			out = append(out, line)
		}
	}
	for i, line := range out {
		if n := times[line]; n > 1 {
			out[i] = fmt.Sprintf("%s (%d times)", line, n)
		}
	}
	return out
}

// hideSecrets hides secrets in all texts of a result.
func hideSecrets(r *report.Result) {
	for _, s := range []*string{&r.Reason, &r.Expected, &r.Saw, &r.Cause} {
		*s = redact.Text(*s)
	}
	for i, line := range r.Evidence {
		r.Evidence[i] = redact.Text(line)
	}
}
