package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// interrupted is Report.Aborted for a run that a signal ended.
const interrupted = "interrupted"

// conduct runs the list in a running lab and reports.
func conduct(ctx context.Context, s *streams, f *testFlags, l *lab.Lab, list []scenarios.Scenario, known map[string]bool, fails report.FailOn, outputs *outputs) error {
	t := l.Config.Target
	r := &report.Report{Started: time.Now(), Seed: l.Seed, FailOn: fails, Again: f.again(),
		Target: report.Target{Name: t.Name, Discovery: t.Discovery, Embedded: l.Embedded(), Push: t.Push, Profiles: t.Profiles, Mutants: f.mutants}}
	progress := s.out
	if f.json == "-" {
		progress = s.err // standard output is the JSON
	}
	term := &report.Terminal{W: progress, Color: color(progress), Quiet: f.quiet, Verbose: f.verbose, Strict: slices.Contains(fails, report.OnShould), Again: r.Again}
	if screen := screenOf(progress); screen != nil && !f.quiet {
		term.Status = screen.Show
	}
	timed, cancel := suite.InTime(ctx, l.Config.Timeouts.Run)
	defer cancel()
	enrollErr := l.Preflight(timed)
	r.Target.Profiles = l.Config.Target.Profiles // older ones if the server refuses the newest
	if enrollErr != nil && timed.Err() != nil && ctx.Err() == nil {
		enrollErr = &lab.UnreachableError{What: fmt.Sprintf("%s enrolled no device within the run's time limit of %s", t.Name, l.Config.Timeouts.Run),
			Do: "check that the server answers, or give the run more time (--budget, timeouts.run)", Err: enrollErr}
	}
	var reach *lab.UnreachableError
	if errors.As(enrollErr, &reach) && ctx.Err() == nil {
		r.Aborted = enrollErr.Error()
		r.Scenarios = suite.NotRun(list, "the target could not be tested: "+enrollErr.Error())
		r.Finish()
		unwritten := outputs.write(r)
		outputs.tell(progress)
		return errors.Join(unwritten, &exitError{exitUnreachable, enrollErr})
	}
	term.Header(r.Target, len(list))
	var traced error
	out := suite.RunAll(timed, l, list, suite.Options{Parallel: f.parallel, Catalogue: scenarios.All(), NoEnroll: enrollErr, Trace: f.tracer(&traced),
		Doing: func(p suite.Doing) { term.Doing(p.Done, p.Total, p.Running, p.Left) },
		Progress: func(res *report.Result) {
			res.Known = known[res.ID] && res.Broken()
			term.Progress(*res)
		}})
	r.Scenarios, r.HookErrors, r.Notes = out.Results, out.Hooks, out.Notes
	if traced != nil {
		r.Notes = append(r.Notes, "Not all sessions were recorded: "+traced.Error())
	}
	for i := range r.Scenarios {
		if sc := &r.Scenarios[i]; known[sc.ID] && sc.Outcome == report.Passed {
			r.Notes = append(r.Notes, sc.ID+" passes now: remove it from "+f.baseline)
		}
	}
	r.Notes = append(r.Notes, l.Notes()...)
	switch {
	case out.Down != nil:
		r.Aborted = "the target went away: " + out.Down.Error()
	case ctx.Err() != nil:
		r.Aborted = interrupted
	case out.Over != nil:
		r.Notes = append(r.Notes, "The run ended early: "+out.Over.Error()+".")
	}
	r.Finish()
	term.Summary(r)
	if f.annotate {
		r.WriteAnnotations(raw(progress))
	}
	err := errors.Join(outputs.write(r), writeBaseline(f.keep, r))
	outputs.tell(progress)
	if err != nil {
		return usage(err)
	}
	if f.keep != "" {
		wrote(progress, f.keep)
	}
	if f.trace != "" && traced == nil {
		say(progress, "wrote the sessions to %s\n", f.trace)
	}
	return verdict(r, enrollErr, out.Down)
}

// verdict returns how the process exits after a run. If several apply, the one that
// says most about how far to trust the report comes first.
func verdict(r *report.Report, enrollErr, down error) error {
	switch {
	case r.Aborted == interrupted:
		return &exitError{exitInterrupted, errSilent}
	case r.Summary.Error > 0:
		return &exitError{exitSuite, errSilent}
	case down != nil:
		return &exitError{exitUnreachable, fmt.Errorf("the target went away %w; the report covers the run so far", down)}
	case lab.Excuse(enrollErr) != nil:
		return &exitError{exitUnreachable, enrollErr}
	case enrollErr != nil:
		return &exitError{exitUnreachable, fmt.Errorf("no device can enroll: %w", enrollErr)}
	case len(r.Failures()) > 0, r.FailedPartly():
		return &exitError{exitFailed, errSilent}
	case len(r.HookErrors) > 0:
		first, _, _ := strings.Cut(r.HookErrors[0], "\n")
		return usage(fmt.Errorf("%s; fix target.hooks in the configuration", first))
	}
	return nil
}
