package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/load"
	loadfind "github.com/dmwake/dmwake/harness/load/find"
	"github.com/dmwake/dmwake/harness/load/page"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/server"
)

// findFlags are the flags of a search for the server's capacity.
type findFlags struct {
	conditions  []string
	devices     bool
	polls       bool // devices check in by themselves, once in every
	every, step time.Duration
	from, to    float64
	expected    []*result.Expectation // the conditions
}

// Where a search begins if --find-from does not say.
const (
	firstRate    = 10
	firstDevices = 100
)

// addFindFlags adds the flags, and checks them before the command runs.
func addFindFlags(c *cobra.Command, f *loadFlags) {
	fl, k := c.Flags(), &f.find
	fl.StringArrayVar(&k.conditions, "find", nil, "search the highest rate at which this holds: 'p99<2s', 'lost==0'; repeatable; conditions as for --expect")
	fl.BoolVar(&k.devices, "find-devices", false, "search the highest number of devices instead, each woken once in --every, or checking in once in --poll")
	fl.DurationVar(&k.every, "every", 0, "with --find-devices: how often each device is woken, such as 8h or 1m")
	fl.Float64Var(&k.from, "find-from", 0, "rate or number of devices to begin with (default: 10 wake-ups a second, or 100 devices)")
	fl.Float64Var(&k.to, "find-to", 0, "highest rate or number of devices to try (default: no limit)")
	fl.DurationVar(&k.step, "step", 10*time.Second, "length of a step of the search; the confirmation takes three times as long")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := k.check(f, c.Flags().Changed); err != nil {
			return usage(err)
		}
		return nil
	}
}

// on tells whether a search is wanted.
func (k *findFlags) on() bool { return len(k.conditions) > 0 }

// check checks the flags, and sets those of the run that a search decides on.
func (k *findFlags) check(f *loadFlags, given func(flag string) bool) error {
	if !k.on() {
		for _, name := range []string{"find-devices", "every", "find-from", "find-to", "step"} {
			if given(name) {
				return fmt.Errorf("--%s: goes with --find, which says what must hold, such as --find 'p99<2s'", name)
			}
		}
		return nil
	}
	for _, name := range []string{"rate", "duration", "warmup", "storm", "share", "start", "speed", "plan", "dry-run", "enroll-rate", "login-rate", "checkin-storm"} {
		if given(name) {
			return fmt.Errorf("--%s: --find decides on rates and times itself (--find-from, --find-to, --step); leave --%s out", name, name)
		}
	}
	for _, text := range k.conditions {
		e, err := result.ParseExpectation(text)
		if err != nil {
			return fmt.Errorf("--find: %w", err)
		}
		k.expected = append(k.expected, e)
	}
	k.expected = loadfind.Assumed(k.expected)
	k.polls = f.workload.poll > 0
	switch {
	case k.polls && !k.devices:
		return errors.New("--poll: the interval decides on the rate; search the number of devices instead, with --find-devices")
	case k.polls && k.every > 0:
		return errors.New("--every: with --poll devices check in by themselves; leave one of the two out")
	case k.polls:
		k.every = f.workload.poll
	}
	if err := k.checkSpan(); err != nil {
		return err
	}
	switch {
	case f.sender == load.SenderNone:
		return errors.New("--sender: with none nobody wakes the devices, and --find has no rate to search; choose another sender")
	case f.work == "wipe":
		return errors.New("--work: a wiped device cannot be woken again; choose other work with --find")
	case strings.ContainsAny(f.work, "=,"):
		return errors.New("--work: --find takes one kind of work, not a mix")
	case k.devices && (given("devices") || f.state != ""):
		return errors.New("--find-devices: it enrolls new devices as it goes; leave --devices and --state out, and say with --find-from how many to begin with")
	case k.devices:
		f.devices = int(k.from)
	}
	f.rate, f.duration = "1", k.step // of the options; each step has its own plan
	return nil
}

func (k *findFlags) checkSpan() error {
	if k.from == 0 {
		if k.from = firstRate; k.devices {
			k.from = firstDevices
		}
		if k.to > 0 {
			k.from = min(k.from, k.to)
		}
	}
	most := float64(load.MaxRate)
	if k.devices {
		most = load.MaxDevices
	}
	switch {
	case k.step < time.Second || k.step > time.Hour:
		return fmt.Errorf("--step: %s is not from 1s to 1h", k.step)
	case k.from <= 0 || k.from > most:
		return fmt.Errorf("--find-from: %g is not from more than 0 to %.0f", k.from, most)
	case k.to < 0 || k.to > most:
		return fmt.Errorf("--find-to: %g is not from more than 0 to %.0f", k.to, most)
	case k.to > 0 && k.to < k.from:
		return fmt.Errorf("--find-to: %g is below the first value, %g (--find-from)", k.to, k.from)
	case k.devices && (k.from != float64(int(k.from)) || k.to != float64(int(k.to))):
		return errors.New("--find-devices: give whole numbers with --find-from and --find-to")
	case k.devices && k.every < time.Second:
		return errors.New("--find-devices: say how often each device is woken (--every 8h) or checks in (--poll 8h), 1s or more")
	case !k.devices && k.every > 0:
		return errors.New("--every: goes with --find-devices; without it the rate is searched")
	}
	return nil
}

// what says what is searched.
func (k *findFlags) what() string {
	switch {
	case k.polls:
		return fmt.Sprintf("each checking in every %s: searching how many devices hold %s", result.Short(k.every), k.text())
	case k.devices:
		return fmt.Sprintf("each woken every %s: searching how many devices hold %s", result.Short(k.every), k.text())
	}
	return "searching the highest rate that holds " + k.text()
}

// text are the conditions.
func (k *findFlags) text() string {
	var list []string
	for _, e := range k.expected {
		list = append(list, e.String())
	}
	return strings.Join(list, ", ")
}

// search is what a search needs beside its flags.
type search struct {
	w        io.Writer
	run      *load.Run
	o        *load.Options
	out      *outputs
	line     *liveLine
	watch    *server.Watch
	pages    *loadConsole
	expected []*result.Expectation
}

// search searches, writes and prints the answer, and judges it. It returns the result of
// the step that the answer rests on.
func (k *findFlags) search(ctx context.Context, s *search) (*result.Result, error) {
	w, o, line, watch := s.w, s.o, s.line, s.watch
	line.quiet = line.quiet || line.screen == nil // a line for each step is enough
	p := &stepPrinter{w: w, of: result.OfRate}
	c := &loadfind.Config{Conditions: k.expected, From: k.from, To: k.to, Step: k.step, Poisson: o.Plan.Poisson, Progress: o.Progress, Observe: func(stage result.Stage, d time.Duration) { observed(o, stage, d) }, Words: func(err error) string { return inFlags(err).Error() }}
	if k.devices {
		c.Every, c.Polls, p.of = k.every, k.polls, result.OfDevices
	}
	var undo []func()
	defer func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}()
	c.Begin = func(value, rate float64, length time.Duration) {
		line.end()
		p.begin(value, length, length > 2*k.step)
		s.pages.doing(fmt.Sprintf("%s: now %s for %s", k.what(), digits(value), result.Short(length)))
		undo = append(undo, load.CollectLess(rate))
	}
	c.Tell = func(step *result.CapacityStep) {
		line.drop()
		p.step(step)
	}
	defer watch.Stop()
	if !watch.Empty() {
		c.Server = stepWatch(watch)
	}
	p.head()
	answer, failed := loadfind.Run(ctx, s.run, c)
	line.drop()
	unwritten := s.out.write(capacityReport{answer})
	tellCapacity(w, answer, k)
	s.out.tell(w)
	switch {
	case unwritten != nil:
		return answer.Found(), usage(unwritten)
	case failed != nil:
		return answer.Found(), usage(inFlags(failed))
	}
	return answer.Found(), judgeCapacity(w, answer, s.expected)
}

// observed is for options without an observer, too. A search has one part.
func observed(o *load.Options, stage result.Stage, d time.Duration) {
	part := "pushes"
	if o.Poll > 0 {
		part = "polls"
	}
	if o.Observe != nil {
		o.Observe(part, stage, d)
	}
}

// stepWatch adds to the result of each step what was seen of the server. It was idle
// before the first step only.
func stepWatch(w *server.Watch) func(*result.Result) {
	var idle []*float64
	return func(r *result.Result) {
		warmup, _ := time.ParseDuration(r.Config.Warmup)
		wakes := r.Counts.Done + r.Counts.Polled
		r.Server = w.Result(server.Window{Start: r.Started, Counted: r.Started.Add(warmup), End: r.Ended, Wakes: wakes})
		for i := range r.Server.Processes {
			p := &r.Server.Processes[i]
			if i == len(idle) {
				idle = append(idle, p.IdleCPU)
			}
			if p.IdleCPU = idle[i]; wakes > 0 {
				p.CPUPerWake = p.NetCPU() / float64(wakes)
			}
		}
	}
}

// judgeCapacity decides on the exit code. Expectations are about the confirmation.
func judgeCapacity(w io.Writer, c *result.Capacity, expected []*result.Expectation) error {
	found := c.Found()
	switch {
	case c.Aborted != "":
		return &exitError{exitInterrupted, errSilent}
	case c.Limit.Kind == result.LimitOwn && (len(expected) == 0 || found == nil):
		return usage(errSilent)
	case found == nil:
		return &exitError{exitFailed, errSilent}
	}
	return judge(w, found, expected)
}

// capacityReport writes an answer in the forms of outputs.
type capacityReport struct{ *result.Capacity }

// WriteHTML implements written.
func (r capacityReport) WriteHTML(w io.Writer) error { return page.WriteCapacity(w, r.Capacity) }
