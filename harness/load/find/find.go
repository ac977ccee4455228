package find

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/report"
)

// Load is a run that steps are driven on: *load.Run.
type Load interface {
	Drive(ctx context.Context, list ...*load.Batch) (*result.Result, error)
	Grow(ctx context.Context, more int) (failed int, reason string, err error)
	Idle(ctx context.Context, most time.Duration) bool
	Len() int
	Merged() int64
	Waited() int64
}

// Config says what to search.
type Config struct {
	Conditions []*result.Expectation
	From, To   float64       // the first value to try, and the highest; To 0: no limit
	Step       time.Duration // length of a step
	// Every searches the number of devices instead of the rate: each device is
	// woken once in this time or, with Polls, checks in by itself.
	Every   time.Duration
	Polls   bool
	Poisson bool
	// Server adds to the result of a step what the server used meanwhile; nil: nobody
	// knows.
	Server func(*result.Result)
	// Begin is called before a step, Tell after it.
	Begin    func(value, rate float64, length time.Duration)
	Tell     func(*result.CapacityStep)
	Progress func(load.Progress)
	Observe  func(stage result.Stage, d time.Duration)
	// Words is the text of an error; nil: its own.
	Words func(error) string
}

const (
	// confirmTimes is how many times longer the confirmation is than a step.
	confirmTimes = 3
	// A step begins with a part that does not count, for caches and connections.
	warmupShare = 5 // a fifth of the step
	maxWarmup   = 5 * time.Second
	// leastWakeups is how few wake-ups a step may have.
	leastWakeups = 10
	// idleMost is how long to wait for the server to become idle between steps.
	idleMost = time.Minute
)

// Assumed completes conditions: without one on failed or lost wake-ups, none may
// fail or be lost. A server that answers only half of all sessions may be fast.
func Assumed(conditions []*result.Expectation) []*result.Expectation {
	has := map[string]bool{}
	for _, c := range conditions {
		has[c.Metric()] = true
	}
	for _, text := range []string{"failed==0", "lost==0"} {
		e, err := result.ParseExpectation(text)
		if err != nil || has[e.Metric()] || e.Metric() == "failed" && has["errors"] {
			continue // the text is right: a test parses it
		}
		conditions = append(conditions, e)
	}
	return conditions
}

// driver runs the steps of a search.
type driver struct {
	*Config
	load Load
	out  *result.Capacity
}

// Run searches. An error means that a step could not be run; the answer then has the
// steps before. If ctx ends, the answer has Aborted, and there is no error.
func Run(ctx context.Context, on Load, c *Config) (*result.Capacity, error) {
	d := &driver{Config: c, load: on, out: &result.Capacity{Dmwake: report.Version, Kind: result.KindCapacity, Started: time.Now(), Of: result.OfRate,
		Machine: result.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()}}}
	s := span{from: c.From, to: c.To, least: leastWakeups / c.Step.Seconds()}
	if c.Every > 0 {
		d.out.Of, d.out.Every, s.whole, s.least = result.OfDevices, result.Short(c.Every), true, max(1, math.Ceil(s.least*c.Every.Seconds()))
	}
	d.out.Polls = c.Polls
	for _, e := range c.Conditions {
		d.out.Conditions = append(d.out.Conditions, e.String())
	}
	b, err := s.search(func(t trial) (verdict, error) { return d.try(ctx, t) })
	d.out.Ended = time.Now()
	d.out.Holds, d.out.Fails, d.out.Confirmed = b.holds, b.fails, b.confirmed
	if ctx.Err() != nil {
		d.out.Aborted, err = "interrupted", nil
	}
	switch {
	case d.out.Aborted != "" || err != nil:
		d.out.Limit = result.Limit{Kind: result.LimitUnknown, Text: "the search ended before a limit was found"}
	default:
		d.out.Limit = limitOf(b, d.out.Steps, c.To)
	}
	d.out.AtLeast = d.out.Limit.Kind == result.LimitOwn || d.out.Limit.Kind == result.LimitRange || d.out.Aborted != ""
	return d.out, err
}

// errInterrupted ends a search whose context ended.
var errInterrupted = errors.New("interrupted")

// try runs a step and judges it.
func (d *driver) try(ctx context.Context, t trial) (verdict, error) {
	s := result.CapacityStep{Value: t.value, Rate: t.value, Confirmation: t.confirm}
	length := d.Step
	if t.confirm {
		length *= confirmTimes
	}
	batch := &load.Batch{Progress: d.Progress, Observe: d.Observe}
	var seen observed
	if d.Every > 0 {
		s.Rate = t.value / d.Every.Seconds()
		if batch.Among = int(t.value); d.Polls {
			batch.Every = d.Every
		}
		stop, err := d.grow(ctx, &s, &seen)
		if stop || err != nil {
			return hopeless, err
		}
	}
	warmup := min(length/warmupShare, maxWarmup)
	var err error
	if batch.Plan, err = load.ParsePlan(strconv.FormatFloat(s.Rate, 'f', -1, 64), length+warmup, warmup); err != nil {
		return fails, err
	}
	batch.Plan.Poisson = d.Poisson
	d.Begin(s.Value, s.Rate, length+warmup)
	if !d.load.Idle(ctx, idleMost) && ctx.Err() == nil {
		seen.busy = fmt.Sprintf("%s after the step before, sessions were still under way", idleMost)
	}
	then := d.mark()
	if s.Result, err = d.load.Drive(ctx, batch); err != nil {
		return fails, err
	}
	if ctx.Err() != nil || s.Result.Aborted != "" {
		return fails, errInterrupted
	}
	d.observe(then, &s, &seen)
	var before *result.Result
	if f := fastest(d.out.Steps); f != nil {
		before = f.Result
	}
	judge(d.Conditions, &s, &seen, before)
	d.keep(&s)
	return s.Verdict, nil
}

// keep adds a step to the answer and tells it.
func (d *driver) keep(s *result.CapacityStep) {
	d.out.Steps = append(d.out.Steps, *s)
	if s.Result != nil {
		d.out.Target = s.Result.Target
	}
	d.Tell(s)
}

// grow enrolls the devices that a step lacks. stop tells that the step ends with it:
// this machine cannot have so many devices.
func (d *driver) grow(ctx context.Context, s *result.CapacityStep, seen *observed) (stop bool, err error) {
	lack := int(s.Value) - d.load.Len()
	if lack <= 0 {
		return false, nil
	}
	failed, reason, err := d.load.Grow(ctx, lack)
	limit := (*load.OptionError)(nil)
	switch {
	case errors.As(err, &limit):
		s.Verdict, s.Own = unsure, []string{d.words(limit)}
		d.keep(s)
		return true, nil
	case err != nil:
		return true, err
	case failed > 0:
		seen.excluded = fmt.Sprintf("%d of %d more devices could not be enrolled: %s", failed, lack, reason)
	}
	return false, nil
}

func (d *driver) words(err error) string {
	if d.Words == nil {
		return err.Error()
	}
	return d.Words(err)
}

// mark is what was counted before a step.
type mark struct {
	merged, waited int64
}

func (d *driver) mark() mark { return mark{d.load.Merged(), d.load.Waited()} }

// observe notes what a step showed beside its result.
func (d *driver) observe(before mark, s *result.CapacityStep, seen *observed) {
	s.Merged = max(d.load.Merged()-before.merged, 0)
	seen.merged, seen.waited = s.Merged, d.load.Waited()-before.waited
	if d.Server != nil {
		d.Server(s.Result)
		s.ServerCPU = serverCPU(s.Result)
	}
}

// serverCPU is the share of this machine's processors that the server used; nil: unknown.
func serverCPU(r *result.Result) *float64 {
	if r.Server == nil || len(r.Server.Processes) == 0 || r.Machine.CPUs == 0 {
		return nil
	}
	sum := 0.0
	for _, p := range r.Server.Processes {
		if p.Seconds > 0 {
			sum += p.CPUSeconds / p.Seconds
		}
	}
	sum /= float64(r.Machine.CPUs)
	return &sum
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
