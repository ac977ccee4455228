package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// workloadFlags are the flags of load that say what goes on beside the wake-ups.
type workloadFlags struct {
	poll  time.Duration
	speed float64
	rated bool // --rate was given
}

func (f *workloadFlags) add(fl *pflag.FlagSet) {
	fl.DurationVar(&f.poll, "poll", 0, "each device checks in at this interval, whatever schedule the server set; without --rate nothing else happens")
	fl.Float64Var(&f.speed, "speed", 1, "how many times as fast --duration, --warmup, --poll and --rate are run: with 60 a minute of them takes a second")
}

// tellParts prints what each part of a run did, and its sums.
func tellParts(w io.Writer, r *result.Result) {
	if len(r.Parts) == 0 {
		return
	}
	width := len("in all")
	for i := range r.Parts {
		width = max(width, len(r.Parts[i].Name))
	}
	row := func(name string, c result.Counts, rate float64, at result.Summary) {
		say(w, "%-*s %9d %9d %9d %9d %9d %9d %9.1f %10s %10s %10s\n", width, name, c.Started, c.Done, c.Polled, c.Failed, c.Lost, c.Unfinished, rate,
			result.Micros(at.At["p50"]), result.Micros(at.At["p99"]), result.Micros(at.Max))
	}
	say(w, "\n%-*s %9s %9s %9s %9s %9s %9s %9s %10s %10s %10s\n", width, "part", "started", "done", "polled", "failed", "lost", "unfinish.", "a second", "p50", "p99", "max")
	for i := range r.Parts {
		p := &r.Parts[i]
		at := p.Stages[result.Whole]
		if at.Count == 0 {
			at = p.Stages[result.Polled]
		}
		row(p.Name, p.Counts, p.Rate(), at)
	}
	if len(r.Parts) > 1 {
		row("in all", r.Counts, r.Rate(), r.Stages[result.Whole])
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		say(w, "\n%s: %s", p.Name, p.Kind)
		for _, more := range []string{p.Plan, p.Sender, p.Work} {
			if more != "" {
				say(w, ", %s", more)
			}
		}
		say(w, "\n")
		tellStages(w, p.Stages)
	}
	if len(r.Parts) > 1 {
		say(w, "\nin all\n")
	}
}

func tellStages(w io.Writer, stages map[result.Stage]result.Summary) {
	say(w, "%-9s %10s %10s %10s %10s %10s\n", "stage", "count", "p50", "p90", "p99", "max")
	for _, stage := range result.Stages() {
		if h := stages[stage]; h.Count > 0 {
			say(w, "%-9s %10d %10s %10s %10s %10s\n", stage, h.Count, result.Micros(h.At["p50"]), result.Micros(h.At["p90"]), result.Micros(h.At["p99"]), result.Micros(h.Max))
		}
	}
}

// plan is when devices are woken. Its errors are OptionErrors.
func (f *loadFlags) plan() (*load.Plan, error) {
	if f.workload.poll > 0 && !f.workload.rated && !f.storm {
		return load.Idle(f.duration, f.warmup)
	}
	plan, err := load.ParsePlan(f.rate, f.duration, f.warmup)
	if err != nil {
		return nil, err
	}
	plan.Poisson = f.poisson
	return plan, nil
}

// what says in a line what a run does.
func (f *loadFlags) what() string {
	var does []string
	switch {
	case f.storm:
		does = append(does, "all woken at once")
	case f.workload.rated || f.workload.poll == 0:
		does = append(does, f.rate+" wake-ups a second")
	}
	if f.workload.poll > 0 {
		does = append(does, fmt.Sprintf("each polls every %s", f.workload.poll))
	}
	out := strings.Join(does, ", ")
	if !f.storm {
		out += fmt.Sprintf(" for %s", f.duration)
	}
	if s := f.workload.speed; s != 1 {
		out += fmt.Sprintf(", %g times as fast", s)
	}
	return out
}
