package scenarios

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Run runs one scenario in a lab and gives its result. hookErr is the failure
// of a hook that made it skip.
func Run(ctx context.Context, l *lab.Lab, s *Scenario) (report.Result, error) {
	res, _, err := run(ctx, l, s)
	return res, err
}

// run is Run that gives the devices, too.
func run(ctx context.Context, l *lab.Lab, s *Scenario) (res report.Result, devices []*dmclient.Device, hookErr error) {
	cfg := &l.Config.Target
	res = report.Result{ID: s.ID, Area: s.Area(), Level: s.Level, Title: s.Title, Rule: s.Rule, Source: s.Source, Evidence: []string{}}
	start := time.Now()
	defer func() { res.DurationMs = time.Since(start).Milliseconds() }()
	if outcome, reason := s.missing(cfg); outcome != "" {
		res.Outcome, res.Reason = outcome, reason
		return res, nil, nil
	}
	l, err := l.As(s.On)
	if err != nil {
		res.Outcome, res.Reason = report.NotApplicable, err.Error()
		return res, nil, nil
	}
	name, _ := s.profile(cfg)
	profile, err := dmclient.ProfileByName(name)
	if err != nil {
		res.Outcome, res.Reason = report.NotApplicable, err.Error()
		return res, nil, nil
	}
	res.Profile, res.Level = name, s.levelOn(name)
	t := &T{Lab: l, ctx: ctx, result: &res, profile: profile, mark: l.WNS.Journal().Mark(), pushed: slices.Contains(s.Needs, NeedPush)}
	func() {
		defer func() {
			for _, f := range t.ends {
				f()
			}
		}()
		defer func() {
			switch r := recover(); r.(type) {
			case nil, stop:
			default:
				// A bug of the suite is not the server's: it is told apart.
				res.Outcome = report.NotApplicable
				res.Reason = fmt.Sprintf("the scenario itself crashed, which is a bug of dmwake: %v", r)
				res.Evidence = append(res.Evidence, string(debug.Stack()))
			}
		}()
		s.Run(t)
	}()
	switch {
	case ctx.Err() != nil && res.Outcome != report.Passed:
		res.Outcome, res.Reason = report.NotApplicable, "the run was interrupted"
	case res.Outcome == "":
		res.Outcome = report.Passed
	}
	switch res.Outcome {
	case report.Passed:
		res.Evidence = []string{}
	case report.Failed:
		res.Fix = fixes[s.ID]
		t.attach()
	}
	redact(&res)
	for _, d := range t.devices {
		devices = append(devices, d.Device)
	}
	return res, devices, t.hookErr
}
