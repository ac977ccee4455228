package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/workload"
	"github.com/dmwake/dmwake/harness/wording"
)

// workloadFlags are the flags of load that say what goes on beside the wake-ups.
type workloadFlags struct {
	file          string
	poll          time.Duration
	speed         float64
	enroll, login string
	storm         time.Duration
	dryRun        bool
	given         func(flag string) bool
	plan          *workload.Plan // of file
}

func (f *workloadFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.file, "plan", "", "file (YAML) with the parts of the load, each with its own schedule: pushes, polls, storms, logins, enrollments, churn")
	fl.BoolVar(&f.dryRun, "dry-run", false, "print what would start when, and run nothing")
	fl.DurationVar(&f.poll, "poll", 0, "each device checks in at this interval, whatever schedule the server set; without --rate there are no wake-ups")
	fl.StringVar(&f.enroll, "enroll-rate", "", "new devices that enroll a second, such as 0.5 or 0..2; without --rate there are no wake-ups")
	fl.StringVar(&f.login, "login-rate", "", "logins of users a second; without --rate there are no wake-ups")
	fl.DurationVar(&f.storm, "checkin-storm", 0, "all devices check in at once, this long after the start, as after an outage; without --rate there are no wake-ups")
	fl.Float64Var(&f.speed, "speed", 1, "how many times as fast the plan is run: with 60 a minute of its durations, intervals and rates takes a second")
	f.given = func(string) bool { return false }
}

// inPlan are flags that a plan file stands for.
var inPlan = []string{"rate", "duration", "warmup", "poisson", "storm", "who", "work", "poll", "enroll-rate", "login-rate", "checkin-storm"}

// readPlan reads the file of --plan, if any. Flags that are given win over it.
func (f *loadFlags) readPlan() (err error) {
	w := &f.workload
	if w.file == "" {
		return nil
	}
	for _, flag := range inPlan {
		if w.given(flag) {
			return fmt.Errorf("--%s: the plan says it; leave --%s or --plan out", flag, flag)
		}
	}
	p, err := workload.Read(w.file)
	if err != nil {
		return err
	}
	if w.given("speed") { // what a part can be depends on it
		p.Speed = w.speed
	}
	if p.Devices > 0 && !w.given("devices") {
		f.devices = p.Devices
	}
	if p.Seed != 0 && f.seed == 0 {
		f.seed = p.Seed
	}
	w.speed, w.plan, f.duration, f.warmup = p.Speed, p, p.Duration, p.Warmup
	return nil
}

// workloadOf sets what a run does. Its errors are OptionErrors.
func (f *loadFlags) workloadOf(o *load.Options) (err error) {
	w := &f.workload
	if w.speed <= 0 || w.speed > load.MaxSpeed || math.IsNaN(w.speed) {
		return fmt.Errorf("--speed: %g is not above 0 and up to %d", w.speed, load.MaxSpeed)
	}
	if w.plan != nil {
		o.Parts = w.plan.Parts
		o.Plan, err = load.Idle(w.plan.Duration, w.plan.Warmup)
		return err
	}
	mix, err := load.ParseMix(f.work)
	if err != nil {
		return err
	}
	o.Poll, o.Work = w.poll, mix[0].Work
	beside := w.enroll != "" || w.login != "" || w.given("checkin-storm")
	pushes := w.given("rate") || f.storm || w.poll == 0 && !beside
	if pushes {
		o.Plan, err = load.ParsePlan(f.rate, f.duration, f.warmup)
	} else {
		o.Plan, err = load.Idle(f.duration, f.warmup)
	}
	if err != nil || !beside && len(mix) == 1 {
		if o.Plan != nil {
			o.Plan.Poisson = f.poisson
		}
		return err
	}
	o.Plan.Poisson = f.poisson
	return f.partsOf(o, mix, pushes)
}

// partsOf makes parts of the flags.
func (f *loadFlags) partsOf(o *load.Options, mix load.Mix, pushes bool) error {
	w := &f.workload
	if pushes {
		o.Parts = append(o.Parts, &load.Part{Name: "pushes", Kind: load.KindPush, Plan: o.Plan, Mix: mix, Storm: f.storm})
	}
	idle, err := load.Idle(f.duration, f.warmup)
	if err != nil {
		return err
	}
	if w.poll > 0 {
		o.Parts = append(o.Parts, &load.Part{Name: "polls", Kind: load.KindPoll, Plan: idle, Every: w.poll})
	}
	if w.given("checkin-storm") {
		if w.storm < f.warmup || w.storm > f.duration {
			return fmt.Errorf("--checkin-storm: %s is not between the end of the warm-up (%s) and of the run (%s)", w.storm, f.warmup, f.duration)
		}
		o.Parts = append(o.Parts, &load.Part{Name: "storm", Kind: load.KindStorm, Plan: idle, At: w.storm})
	}
	for _, more := range []struct {
		flag, rate, name string
		kind             load.Kind
	}{{"enroll-rate", w.enroll, "enrollments", load.KindEnroll}, {"login-rate", w.login, "logins", load.KindLogin}} {
		if more.rate == "" {
			continue
		}
		plan, err := load.ParsePlan(more.rate, f.duration, f.warmup)
		if err != nil {
			return errors.New(strings.Replace(inFlags(err).Error(), "--rate", "--"+more.flag, 1))
		}
		o.Parts = append(o.Parts, &load.Part{Name: more.name, Kind: more.kind, Plan: plan})
	}
	return nil
}

// what says in a line what a run does.
func (f *loadFlags) what(o *load.Options) string {
	var does []string
	switch {
	case len(o.Parts) > 0:
		for _, p := range o.Parts {
			does = append(does, p.Name)
		}
	case f.storm:
		does = append(does, "all woken at once")
	case o.Plan.Total() > 0:
		does = append(does, f.rate+" wake-ups a second")
	}
	if len(o.Parts) == 0 && o.Poll > 0 {
		does = append(does, "each polls every "+load.Short(o.Poll))
	}
	out := strings.Join(does, ", ")
	if len(o.Parts) > 0 || !f.storm {
		out += " for " + load.Short(o.Plan.Duration)
	}
	if s := o.Speed; s != 1 {
		out += fmt.Sprintf(", %g times as fast", s)
	}
	return out
}

// about formats a moment of a plan.
func about(at time.Duration) string {
	unit := time.Second
	if at < time.Minute {
		unit = time.Millisecond
	}
	return load.Short(at.Round(unit))
}

// previewSteps is how many rows the table of a dry run has.
const previewSteps = 12

// tellPlan prints what would start when.
func (f *loadFlags) tellPlan(w io.Writer) error {
	o, err := f.options(max(f.seed, 1))
	if err != nil {
		return usage(err)
	}
	parts, err := o.Preview(previewSteps)
	if err != nil {
		return usage(inFlags(err))
	}
	say(w, "%s first. Then the plan takes %s", wording.Counted(o.Devices, "device enrolls", "devices enroll"), load.Short(o.Plan.Duration))
	if o.Speed != 1 {
		say(w, ", which is %s at speed %g; all times and rates below are those of the plan", about(time.Duration(float64(o.Plan.Duration)/o.Speed)), o.Speed)
	}
	say(w, ".\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "part\tkind\twhen\titems\tfirst\tlast\tmost a second\twork")
	head, all := "from", int64(0)
	for _, p := range parts {
		n := strconv.FormatInt(p.Items, 10)
		if p.Random {
			n = "about " + n
		}
		if p.Warm > 0 {
			n += fmt.Sprintf(" (+%d warm-up)", p.Warm)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%.4g\t%s\n", p.Name, p.Kind, p.Text, n, about(p.First), about(p.Last), p.Peak, p.Mix.Text())
		head += "\t" + p.Name
		all += p.Items
	}
	fmt.Fprintf(t, "in all\t\t\t%d\t\t\t\t\n", all)
	if err := t.Flush(); err != nil {
		return err
	}
	say(w, "\n")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, head+"\t")
	for k := range previewSteps {
		at := time.Duration(float64(o.Plan.Duration) * float64(k) / previewSteps)
		fmt.Fprint(t, about(at))
		for _, p := range parts {
			fmt.Fprintf(t, "\t%d", p.Steps[k])
		}
		fmt.Fprintln(t, "\t")
	}
	return t.Flush()
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
	say(w, "\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-*s\tstarted\tdone\tpolled\tfailed\tlost\t", width, "part")
	if r.Counts.Unfinished > 0 {
		fmt.Fprint(t, "unfinished\t")
	}
	fmt.Fprintln(t, "a second\tp50\tp99\tmax\t")
	row := func(name string, c result.Counts, rate float64, at result.Summary) {
		fmt.Fprintf(t, "%-*s\t%d\t%d\t%d\t%d\t%d\t", width, name, c.Started, c.Done, c.Polled, c.Failed, c.Lost)
		if r.Counts.Unfinished > 0 {
			fmt.Fprintf(t, "%d\t", c.Unfinished)
		}
		fmt.Fprintf(t, "%.1f\t%s\t%s\t%s\t\n", rate, result.Micros(at.At["p50"]), result.Micros(at.At["p99"]), result.Micros(at.Max))
	}
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
	if err := t.Flush(); err != nil {
		return // as with all that is printed
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
	say(w, "\n")
}

func tellStages(w io.Writer, stages map[result.Stage]result.Summary) {
	say(w, "%-9s %10s %10s %10s %10s %10s\n", "stage", "count", "p50", "p90", "p99", "max")
	for _, stage := range result.Stages() {
		if h := stages[stage]; h.Count > 0 {
			say(w, "%-9s %10d %10s %10s %10s %10s\n", stage, h.Count, result.Micros(h.At["p50"]), result.Micros(h.At["p90"]), result.Micros(h.At["p99"]), result.Micros(h.Max))
		}
	}
}
