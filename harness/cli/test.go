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

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

type testFlags struct {
	config     string
	ddf        string
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
	failOn     []string
	passive    bool
	budget     time.Duration
	trace      string
	reveal     bool
	annotate   bool
	quiet      bool
	verbose    bool
}

func testCommand(s *streams) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test",
		Short: "Run the conformance suite against an MDM server",
		Long: `Runs the conformance suite. Without --config the target is the embedded
reference MDM server; with it, the server that the file describes.

Exit codes: 0 all passed, 1 a MUST failed (or what --fail-on names), 2 usage,
configuration or limits of this machine, 3 the target could not be reached or no
device could enroll, 4 dmwake itself failed, 130 interrupted. If several apply,
130 comes before 4, 4 before 3, 3 before 1.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runTest(c.Context(), s, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of the target")
	fl.StringSliceVar(&f.only, "only", nil, "run only these scenarios, by id: SES-09,PFN-01")
	fl.StringSliceVar(&f.area, "area", nil, "run only these areas: SES,PFN")
	fl.BoolVar(&f.strict, "strict", false, "a broken SHOULD fails the run, too")
	fl.BoolVar(&f.annotate, "annotations", os.Getenv("GITHUB_ACTIONS") == "true", "also print failures as annotations of a GitHub workflow")
	fl.BoolVar(&f.reveal, "reveal", false, "with --trace: write secrets, too")
	fl.StringVar(&f.trace, "trace", "", "write the sessions of each scenario to a file in this folder, for dmwake replay")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "what fails the run, a list of: must, should (as --strict), partial (an undecided MUST); or nothing, which only reports (default must)")
	fl.BoolVar(&f.passive, "only-passive", false, "run only scenarios that need no hook: they just enroll and sync")
	fl.DurationVar(&f.budget, "budget", 0, "end the run after this time; the remaining scenarios are skipped (timeouts.run)")
	fl.BoolVar(&f.list, "list", false, "list the scenarios and run nothing")
	fl.StringVar(&f.json, "json", "", "write the result as JSON to this file (- for standard output)")
	fl.StringVar(&f.junit, "junit", "", "write the result as JUnit XML to this file")
	fl.StringVar(&f.html, "html", "", "write the report as one HTML page to this file")
	fl.StringVar(&f.baseline, "baseline", "", "file with the ids of known failures, one per line: they do not fail the run")
	fl.StringVar(&f.keep, "write-baseline", "", "write the ids of failures to this file")
	fl.IntVar(&f.parallel, "parallel", 0, "number of scenarios at a time; those that need the lab to themselves run alone (default: 4 against the embedded server, 1 against yours)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed for device identities and tokens; 0 picks one")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break the embedded server on purpose; repeatable, dmwake mdm --list-mutants shows the names")
	fl.BoolVar(&f.printEnv, "print-env", false, "print what the server under test needs in its environment, and run nothing")
	ddfFlag(fl, &f.ddf)
	quietFlag(fl, &f.quiet, "while the suite runs, print only failures")
	verboseFlag(fl, &f.verbose, "also print how long each scenario took, and each reason")
	oneLoudness(c)
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
	fails, err := f.fails()
	if err != nil {
		return usage(fmt.Errorf("--fail-on: %w", err))
	}
	if len(list) == 0 {
		return usage(errors.New("no scenario is left to run: all that --only and --area select need hooks, and --only-passive leaves them out"))
	}
	if f.list {
		for _, sc := range list {
			needs := ""
			if len(sc.Needs) > 0 {
				needs = fmt.Sprintf("  needs %v", sc.Needs)
			}
			say(s.out, "%-7s %-6s %s%s\n", sc.ID, sc.Level, sc.Title, needs)
		}
		return nil
	}
	var cfg *target.Config
	switch {
	case f.budget < 0:
		return usage(fmt.Errorf("--budget %s is negative; give a time such as 10m, or 0 for no limit", f.budget))
	case f.parallel < 0 || f.parallel > 64:
		return usage(fmt.Errorf("--parallel %d is not between 1 and 64", f.parallel))
	case f.parallel == 0 && f.config == "":
		f.parallel = 4
	case f.parallel == 0:
		f.parallel = 1
	}
	if f.config != "" {
		if len(f.mutants) > 0 {
			return usage(errors.New("--mutant breaks the embedded server; leave --config out, or start \"dmwake mdm --mutant\" as the target"))
		}
		load := target.Load
		if f.printEnv { // the server may make target.ca once it starts, and it starts with this
			load = target.LoadWNS
		}
		if cfg, err = load(f.config); err != nil {
			return usage(err)
		}
	}
	if f.printEnv {
		return printEnv(s, cfg)
	}
	if _, err := ddfFile(f.ddf, ""); err != nil {
		return usage(err)
	}
	if err := lab.Limits(cfg, f.parallel); err != nil {
		return usage(err)
	}
	known, err := readBaseline(f.baseline)
	if err != nil {
		return usage(err)
	}
	// Find out now if a report cannot be written, not at the end.
	outputs, err := openOutputs(s.out, f.json, f.junit, f.html)
	if err != nil {
		return usage(err)
	}
	defer outputs.close()
	switch {
	case f.trace == "" && f.reveal:
		return usage(errors.New("--reveal is about the sessions of --trace DIR: it needs that"))
	case f.trace != "":
		if err := os.MkdirAll(f.trace, 0o750); err != nil {
			return usage(fmt.Errorf("--trace: %w", err))
		}
	}
	mutated, err := broken(f.mutants)
	if err != nil {
		return err
	}
	l, err := lab.Start(cfg, lab.Options{Mutants: mutated, Seed: f.seed, DDF: f.ddf})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	if f.budget > 0 {
		l.Config.Timeouts.Run = f.budget
	}
	return conduct(ctx, s, f, l, list, known, fails, outputs)
}

// fails says what fails the run.
func (f *testFlags) fails() (report.FailOn, error) {
	words := f.failOn
	if f.strict {
		words = append(words, report.OnShould)
	}
	return report.ParseFailOn(words)
}

// tracer writes sessions to --trace, and stores the first error in failed.
func (f *testFlags) tracer(failed *error) func(string, ...*dmclient.Device) {
	if f.trace == "" {
		return nil
	}
	text := trace.Session
	if f.reveal {
		text = trace.Revealed
	}
	var mu sync.Mutex
	return func(id string, devices ...*dmclient.Device) {
		err := trace.Keep(f.trace, id, text, devices...)
		mu.Lock()
		defer mu.Unlock()
		if err != nil && *failed == nil {
			*failed = err
		}
	}
}

// again returns the command without its selection.
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

// printEnv prints the environment that the server under test needs.
func printEnv(s *streams, cfg *target.Config) error {
	if cfg == nil {
		return usage(errors.New("--print-env needs --config: the embedded server needs no environment"))
	}
	ca, err := cfg.WNS.CA()
	if err != nil {
		return usage(err)
	}
	if err := lab.FixPorts(&cfg.WNS); err != nil {
		return usage(fmt.Errorf("--print-env: %w", err))
	}
	trust, err := ca.WriteTrust()
	if err != nil {
		return usage(err)
	}
	fmt.Fprint(s.out, lab.Environment(cfg, trust))
	return nil
}
