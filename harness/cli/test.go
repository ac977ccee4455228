package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

type testFlags struct {
	config     string
	only, area []string
	strict     bool
	list       bool
	json       string
	junit      string
	seed       uint64
	parallel   int
	baseline   string
	html       string
	keep       string
	mutants    []string
	printEnv   bool
	failOn     string
	passive    bool
	budget     time.Duration
	trace      string
	annotate   bool
}

func testCommand(s *streams) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test",
		Short: "Run the conformance suite against an MDM server",
		Long: `Runs the conformance suite. Without --config the target is the reference MDM
server, embedded in this process; with it, the server that the file describes.

Exit codes: 0 all passed, 1 a MUST failed (with --strict also a SHOULD),
2 usage or configuration, 3 the target could not be reached or enrolled.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runTest(c.Context(), s, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of the target")
	fl.StringSliceVar(&f.only, "only", nil, "run only these scenarios, by id: SES-09,PFN-01")
	fl.StringSliceVar(&f.area, "area", nil, "run only these areas: SES,PFN")
	fl.BoolVar(&f.strict, "strict", false, "a SHOULD that is not met fails the run too")
	fl.BoolVar(&f.annotate, "annotations", os.Getenv("GITHUB_ACTIONS") == "true", "print what failed as annotations of a GitHub workflow, too")
	fl.StringVar(&f.trace, "trace", "", "write the sessions of each scenario to a file of this folder, for dmwake replay")
	fl.StringVar(&f.failOn, "fail-on", "must", "what fails the run: must, should (as --strict), or nothing, which only reports")
	fl.BoolVar(&f.passive, "only-passive", false, "run only what needs no hook: enrolling and syncing is enough")
	fl.DurationVar(&f.budget, "budget", 0, "end the run after this time; what did not fit in is not applicable (timeouts.run)")
	fl.BoolVar(&f.list, "list", false, "list the scenarios and run nothing")
	fl.StringVar(&f.json, "json", "", "write the result as JSON to this file (- for standard output)")
	fl.StringVar(&f.junit, "junit", "", "write the result as JUnit XML to this file")
	fl.StringVar(&f.html, "html", "", "write the report as one HTML page to this file")
	fl.StringVar(&f.baseline, "baseline", "", "file with the ids of failures that are known, one on a line: they do not fail the run")
	fl.StringVar(&f.keep, "write-baseline", "", "write the ids of what fails to this file")
	fl.IntVar(&f.parallel, "parallel", 0, "scenarios at a time; those that need the lab to themselves run alone (default: 4 against the embedded server, 1 against yours)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of device identities and tokens; 0 draws one")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break the embedded server on purpose; repeatable, dmwake mdm --list-mutants shows the names")
	fl.BoolVar(&f.printEnv, "print-env", false, "print what the server under test needs in its environment, and run nothing")
	return c
}

func runTest(ctx context.Context, s *streams, f *testFlags) error {
	list, err := scenarios.Select(f.only, f.area)
	if err != nil {
		return usage(err)
	}
	if f.passive {
		list = slices.DeleteFunc(list, func(sc scenarios.Scenario) bool { return len(sc.Needs) > 0 })
	}
	switch f.failOn {
	case "must", "nothing":
	case "should":
		f.strict = true
	default:
		return usage(fmt.Errorf("--fail-on %q is none of must, should, nothing", f.failOn))
	}
	if len(list) == 0 {
		return usage(errors.New("no scenario is left to run: what --only and --area name needs hooks, and --only-passive leaves it out"))
	}
	if f.list {
		for _, sc := range list {
			needs := ""
			if len(sc.Needs) > 0 {
				needs = fmt.Sprintf("  needs %v", sc.Needs)
			}
			fmt.Fprintf(s.out, "%-7s %-6s %s%s\n", sc.ID, sc.Level, sc.Title, needs)
		}
		return nil
	}
	var cfg *target.Config
	switch {
	case f.parallel < 0 || f.parallel > 64:
		return usage(fmt.Errorf("--parallel %d is not from 1 to 64", f.parallel))
	case f.parallel == 0 && f.config == "":
		f.parallel = 4
	case f.parallel == 0:
		f.parallel = 1
	}
	if f.config != "" {
		if len(f.mutants) > 0 {
			return usage(errors.New("--mutant breaks the embedded server; leave --config out, or start \"dmwake mdm --mutant\" as the target"))
		}
		if cfg, err = target.Load(f.config); err != nil {
			return usage(err)
		}
	}
	if f.printEnv {
		return printEnv(s, cfg)
	}
	known, err := readBaseline(f.baseline)
	if err != nil {
		return usage(err)
	}
	// A report that cannot be written must not be found out at the end.
	outputs, err := openOutputs(s.out, f.json, f.junit, f.html)
	if err != nil {
		return usage(err)
	}
	defer outputs.close()
	if f.trace != "" {
		if err := os.MkdirAll(f.trace, 0o750); err != nil {
			return usage(fmt.Errorf("--trace: %w", err))
		}
	}
	l, err := lab.Start(cfg, lab.Options{Mutants: f.mutants, Seed: f.seed})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	if f.budget > 0 {
		l.Config.Timeouts.Run = f.budget
	}
	err = conduct(ctx, s, f, l, list, known, outputs)
	var e *exitError
	if f.failOn == "nothing" && errors.As(err, &e) && e.code == exitFailed {
		return nil
	}
	return err
}

// tracer writes sessions to --trace; the first error is left in failed.
func (f *testFlags) tracer(failed *error) func(string, ...*dmclient.Device) {
	if f.trace == "" {
		return nil
	}
	var mu sync.Mutex
	return func(id string, devices ...*dmclient.Device) {
		err := trace.Keep(f.trace, id, devices...)
		mu.Lock()
		defer mu.Unlock()
		if err != nil && *failed == nil {
			*failed = err
		}
	}
}

// fails is what fails the run.
func (f *testFlags) fails() report.FailOn {
	if f.strict {
		return report.FailOn{report.OnMust, report.OnShould}
	}
	return nil
}

// again is the command without its selection.
func (f *testFlags) again() string {
	again := "dmwake test"
	if f.config != "" {
		again += " --config " + f.config
	}
	for _, m := range f.mutants {
		again += " --mutant " + m
	}
	return again
}

// conduct runs the list in a lab that is up and reports.
func conduct(ctx context.Context, s *streams, f *testFlags, l *lab.Lab, list []scenarios.Scenario, known map[string]bool, outputs *outputs) error {
	t := l.Config.Target
	r := &report.Report{Started: time.Now(), Seed: l.Seed, FailOn: f.fails(), Again: f.again(),
		Target: report.Target{Name: t.Name, Discovery: t.Discovery, Push: t.Push, Profiles: t.Profiles, Mutants: f.mutants}}
	progress := s.out
	if f.json == "-" {
		progress = s.err // standard output is the JSON
	}
	term := &report.Terminal{W: progress, Color: color(progress), Strict: f.strict, Again: r.Again}
	enrollErr := l.Preflight(ctx)
	var reach *lab.UnreachableError
	if errors.As(enrollErr, &reach) {
		r.Aborted = enrollErr.Error()
		r.Finish()
		return errors.Join(outputs.write(r), &exitError{exitUnreachable, enrollErr})
	}
	term.Header(r.Target, len(list))
	var traced error
	out := suite.RunAll(ctx, l, list, suite.Options{Parallel: f.parallel, Catalogue: scenarios.All(), NoEnroll: enrollErr, Trace: f.tracer(&traced), Progress: func(res *report.Result) {
		res.Known = known[res.ID] && res.Broken()
		term.Progress(*res)
	}})
	if traced != nil {
		r.Notes = append(r.Notes, "Not all sessions were written down: "+traced.Error())
	}
	r.Scenarios, r.HookErrors, r.Notes = out.Results, out.Hooks, append(r.Notes, out.Notes...)
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; known[s.ID] && s.Outcome == report.Passed {
			r.Notes = append(r.Notes, s.ID+" passes now: take it out of "+f.baseline)
		}
	}
	finish(ctx, l, r, list, enrollErr, out.Down)
	term.Summary(r)
	if f.annotate {
		r.WriteAnnotations(progress)
	}
	if err := errors.Join(outputs.write(r), writeBaseline(f.keep, r)); err != nil {
		return usage(err)
	}
	return verdict(r, enrollErr, out.Down)
}

// finish completes a report after the run.
func finish(ctx context.Context, l *lab.Lab, r *report.Report, list []scenarios.Scenario, enrollErr, down error) {
	if ctx.Err() != nil || len(r.Scenarios) < len(list) {
		r.Aborted = "interrupted"
		why := "the run was interrupted"
		if down != nil {
			r.Aborted = "the target went away: " + down.Error()
			why = "the target was gone (it went away " + down.Error() + ")"
		}
		for _, sc := range list {
			if !slices.ContainsFunc(r.Scenarios, func(x report.Result) bool { return x.ID == sc.ID }) {
				r.Scenarios = append(r.Scenarios, report.Result{ID: sc.ID, Area: sc.Area(), Level: sc.Level, Title: sc.Title, Rule: sc.Rule, Source: sc.Source,
					Outcome: report.NotApplicable, Reason: why, Evidence: []string{}})
			}
		}
	}
	if enrollErr != nil {
		r.Notes = append(r.Notes, "No device could enroll: "+enrollErr.Error())
	}
	r.Notes = append(r.Notes, l.Notes()...)
	r.Finish()
}

func verdict(r *report.Report, enrollErr, down error) error {
	switch {
	case down != nil:
		return &exitError{exitUnreachable, fmt.Errorf("the target went away %w; the report has what was learned until then", down)}
	case r.Aborted != "":
		return &exitError{exitInterrupted, errSilent}
	case len(r.Failures()) > 0:
		return &exitError{exitFailed, errSilent}
	case enrollErr != nil:
		return &exitError{exitUnreachable, enrollErr}
	case len(r.HookErrors) > 0:
		return usage(fmt.Errorf("%s; fix target.hooks in the configuration", r.HookErrors[0]))
	}
	return nil
}

// printEnv tells what the environment of the server under test has to hold.
func printEnv(s *streams, cfg *target.Config) error {
	if cfg == nil {
		return usage(errors.New("--print-env needs --config: the embedded server needs no environment"))
	}
	ca, err := intercept.LoadCA(cfg.WNS.CADir)
	if err != nil {
		return usage(err)
	}
	trust, err := ca.WriteTrust()
	if err != nil {
		return usage(err)
	}
	fmt.Fprint(s.out, lab.Environment(cfg, trust))
	return nil
}
