package suite

import (
	"context"
	"io"
	"math"
	"sync"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
)

// Outcome is the outcome of a run.
type Outcome struct {
	// Results come in the order of the list. Scenarios that were run in addition come
	// before the one they were run for.
	Results []report.Result
	Hooks   []string // failures of hooks, each text once
	Notes   []string // crashes of the target from which it recovered
	Down    error    // the target went away and did not come back
	Over    error    // the run's time limit was reached
}

// Collect runs the scenarios like RunAll, but not as Ginkgo specs: it can be called
// more than once in a process.
func Collect(ctx context.Context, l *lab.Lab, list []Scenario, o Options) Outcome {
	if o.Progress == nil {
		o.Progress = func(*report.Result) {}
	}
	r := newRunner(l, list, o)
	r.run(ctx)
	return r.outcome(map[string]report.Result{})
}

// specs implements what RunSpecs needs from a *testing.T.
type specs struct{ failed bool }

func (s *specs) Fail() { s.failed = true }

// RunAll runs the scenarios as Ginkgo specs in this process, in an order drawn from
// the lab's seed, and reports them in the order of the list. It can run only once
// in a process, as Ginkgo does. The run ends early if ctx ends, its time is up, or
// the target goes away for good; the remaining scenarios are skipped.
func RunAll(ctx context.Context, l *lab.Lab, list []Scenario, o Options) (out Outcome) {
	if o.Progress == nil {
		o.Progress = func(*report.Result) {}
	}
	r := newRunner(l, list, o)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.run(ctx)
	}()
	told := map[string]report.Result{}
	// After a signal Ginkgo returns while bodies are still running.
	var running sync.WaitGroup
	ginkgo.Describe("dmwake", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		for i := range list {
			s := &list[i]
			ginkgo.It(s.ID+" "+s.Title, Labels(s), func() {
				running.Add(1)
				defer running.Done()
				for _, v := range r.await(context.Background(), s.ID) { // every scenario gets its verdict, at the latest when ctx ends
					told[v.result.ID] = v.result
					o.Progress(&v.result)
				}
				spec(&r.verdict(s.ID).result)
			})
		}
	})
	suiteConfig, reporterConfig := ginkgo.GinkgoConfiguration()
	suiteConfig.RandomSeed = int64(l.Seed & math.MaxInt32)
	suiteConfig.Timeout = 0
	reporterConfig.Succinct, reporterConfig.NoColor = true, true
	// Ginkgo's own reporter is silent: progress and summary are ours.
	stdout := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	defer func() { formatter.ColorableStdOut = stdout }()
	ginkgo.RunSpecs(&specs{}, "dmwake", suiteConfig, reporterConfig)
	<-ended
	running.Wait()
	return r.outcome(told)
}

// outcome returns the outcome of the run. It reports results that changed after they
// were reported, or were not reported yet.
func (r *runner) outcome(told map[string]report.Result) (out Outcome) {
	hooks, done := map[string]bool{}, map[string]bool{}
	for i := range r.list {
		id := r.list[i].ID
		for _, v := range r.await(context.Background(), id) {
			if done[v.result.ID] {
				continue
			}
			done[v.result.ID] = true
			if was, ok := told[v.result.ID]; !ok || was.Outcome != v.result.Outcome {
				r.Progress(&v.result)
			}
			if v.hook != nil && !hooks[v.hook.Error()] {
				hooks[v.hook.Error()] = true
				out.Hooks = append(out.Hooks, target.Tell(v.hook))
			}
			out.Results = append(out.Results, v.result)
		}
	}
	out.Notes, out.Down, out.Over = r.watch.notes, r.watch.down, r.over
	return out
}

// Labels returns the labels of a scenario's spec: area, level, and each need.
func Labels(s *Scenario) ginkgo.Labels {
	labels := ginkgo.Labels{"area:" + s.Area(), "level:" + s.Level}
	for _, n := range s.Needs {
		labels = append(labels, "need:"+string(n))
	}
	return labels
}

// spec ends a Ginkgo spec according to its result. A warning goes to the report and
// does not fail the spec.
func spec(res *report.Result) {
	switch res.Outcome {
	case report.Passed:
	case report.Failed, report.Errored:
		ginkgo.Fail(Text(res))
	case report.Warned:
		ginkgo.AddReportEntry("warned", Text(res))
	default:
		ginkgo.Skip(Text(res))
	}
}

// Text describes a result that did not pass in a few lines, fit for the log of a test.
func Text(res *report.Result) string { return printable.Text(describe(res)) }

func describe(res *report.Result) string {
	if res.Broken() {
		text := res.Rule + "\nexpected: " + res.Expected + "\nsaw: " + res.Saw + "\nsource: " + res.Source
		if res.Fix != "" {
			text += "\n" + report.LabelFix + ": " + res.Fix
		}
		for _, line := range res.Evidence {
			text += "\n  " + line
		}
		return text
	}
	if res.BlockedBy != "" {
		return "blocked by " + res.BlockedBy + ": " + res.Reason
	}
	return string(res.Outcome) + ": " + res.Reason
}
