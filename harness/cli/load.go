package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
)

type loadFlags struct {
	config, state, ddf  string
	devices             int
	rate                string
	duration, warmup    time.Duration
	drain               time.Duration
	poisson, storm      bool
	who, sender, work   string
	profile, key, curve string
	pool, workers       int
	resident            bool
	offline             float64
	seed                uint64
	share, start        string
	json, html, metrics string
	console             string
	expect, mutants     []string
	quiet               bool
	server              serverFlags
	workload            workloadFlags
	find                findFlags
}

func loadCommand(s *streams) *cobra.Command {
	var f loadFlags
	c := &cobra.Command{
		Use:   "load",
		Short: "Measure push latency under load, stage by stage",
		Long: `Enrolls many simulated devices at your server (--config) or the embedded one, and
wakes them by push at a rate that does not depend on the server (open loop). Each
stage has a histogram: trigger to WNS, WNS to device, device to package 1, the
server's reply, the work, its acknowledgement, and the whole, which counts from
the moment the wake-up was due.

  --rate 200                 constant           --rate 50..500   a ramp
  --rate 50,100,200          steps              --rate 100+2000@30s/5s   a spike
  --storm                    all devices at once
  --find 'p99<2s'            search the highest rate that holds this
  --find-devices --every 1m  search the highest number of devices instead

Exit codes: 0 as expected, 1 an --expect was not met or no wake-up was done, or
--find found no rate that holds, 2 usage or configuration, or dmwake or this machine
was the limit of --find and no --expect says what is enough, 3 no device could be
enrolled, 130 interrupted (the result is still written).`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.workload.given = c.Flags().Changed
			return runLoad(c.Context(), s, &f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of your server (default: the embedded server)")
	ddfFlag(fl, &f.ddf)
	fl.StringVar(&f.state, "state", "", "file of enrolled devices (dmwake device enroll) to use instead of new ones; --devices limits their number")
	fl.IntVar(&f.devices, "devices", 100, "number of devices")
	fl.StringVar(&f.rate, "rate", "20", "wake-ups a second")
	fl.DurationVar(&f.duration, "duration", 30*time.Second, "how long to start wake-ups")
	fl.DurationVar(&f.warmup, "warmup", 0, "first part of --duration, not counted")
	fl.DurationVar(&f.drain, "drain", 15*time.Second, "how long to wait for unfinished wake-ups at the end; the rest count as lost")
	fl.BoolVar(&f.poisson, "poisson", false, "random intervals between wake-ups, as with independent users")
	fl.BoolVar(&f.storm, "storm", false, "wake all devices at once instead of at a rate")
	fl.StringVar(&f.who, "who", "round", "order of the devices: round (each in turn) or random")
	fl.StringVar(&f.sender, "sender", "", "who pushes: hook (the server by its push hook, default if there is one), own (the server when work is queued), wns (dmwake), none (devices poll)")
	fl.StringVar(&f.work, "work", "none", "work of each push: none, get, wipe, app, profile:N (N settings), or several with weights: get=6,none=10")
	fl.StringVar(&f.profile, "profile", "win11", "Windows version of the devices")
	fl.StringVar(&f.key, "key", "ec", "keys of the devices: ec, or rsa like Windows")
	fl.IntVar(&f.pool, "key-pool", 16, "number of RSA keys, shared by the devices")
	fl.StringVar(&f.curve, "curve", "x25519", "key exchange of TLS: x25519, or default (Go's, a third more expensive)")
	fl.IntVar(&f.workers, "workers", 0, "concurrent sessions (default: 1,024, or what the limit of open files allows)")
	fl.BoolVar(&f.resident, "resident", false, "keep devices and their connections between sessions: more memory, no handshake per wake-up")
	fl.Float64Var(&f.offline, "offline", 0, "share of devices without a network, such as 0.1")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of identities and random choices (default: random)")
	fl.StringVar(&f.share, "share", "", "this machine's part of devices and wake-ups, such as 2/3; use the same --seed on all machines, and load merge afterwards")
	fl.StringVar(&f.start, "start", "", "when to start the first wake-up, such as 2030-01-31T12:00:00Z, so that several machines start together")
	fl.StringVar(&f.json, "json", "", "write the result as JSON to this file (- for standard output)")
	fl.StringVar(&f.html, "html", "", "write the result as an HTML page with plots to this file")
	fl.StringVar(&f.metrics, "metrics", "", "serve metrics for Prometheus at this address, such as 127.0.0.1:9464, or auto")
	fl.StringArrayVar(&f.expect, "expect", nil, "condition; if it is not met, the exit code is 1: 'p99<2s', 'wake.p50<1ms', 'lost==0', 'rate>=190'; repeatable")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break the embedded server on purpose; repeatable")
	f.server.flags(fl)
	quietFlag(fl, &f.quiet, "print only the result, no progress")
	f.workload.add(fl)
	addFindFlags(c, &f)
	consoleFlag(fl, &f.console)
	c.AddCommand(loadCompareCommand(s), loadDeliveryCommand(s), loadMergeCommand(s), loadVerifyCommand(s))
	return c
}

// options turns the flags into the options of a run. Its errors name flags.
func (f *loadFlags) options(seed uint64) (*load.Options, error) {
	curve, ok := map[string]string{"x25519": "x25519", "default": ""}[f.curve]
	if !ok {
		return nil, fmt.Errorf("--curve: %q is neither x25519 nor default", f.curve)
	}
	share, at, err := f.shared()
	if err != nil {
		return nil, err
	}
	o := &load.Options{Devices: f.devices, State: f.state, Profile: f.profile, Storm: f.storm, Who: f.who, Sender: f.sender, Offline: f.offline, Key: f.key,
		KeyPool: f.pool, Curve: curve, Workers: f.workers, Resident: f.resident, Drain: f.drain, Seed: seed, Share: share, At: at, Speed: f.workload.speed, TraceHeaders: f.server.traceHeaders}
	if err := f.workloadOf(o); err != nil {
		return nil, inFlags(err)
	}
	return o, nil
}

// shared reads the flags for machines that share a load.
func (f *loadFlags) shared() (share result.Share, at time.Time, err error) {
	if f.share != "" {
		if share, err = result.ParseShare(f.share); err != nil {
			return share, at, fmt.Errorf("--share: %w", err)
		}
	}
	if f.start != "" {
		if at, err = time.Parse(time.RFC3339, f.start); err != nil {
			return share, at, fmt.Errorf("--start: %q is not a time such as %s", f.start, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		}
		if time.Until(at) <= 0 {
			return share, at, fmt.Errorf("--start: %s is in the past", f.start)
		}
	}
	return share, at, nil
}

// flagOf names the flags of load by the options that they set.
var flagOf = map[load.Field]string{
	"Devices": "devices", "State": "state", "Rate": "rate", "Duration": "duration", "Warmup": "warmup", "Drain": "drain", "Storm": "storm", "Who": "who", "Sender": "sender",
	"Work": "work", "Profile": "profile", "Key": "key", "KeyPool": "key-pool", "Curve": "curve", "Workers": "workers", "Resident": "resident", "Offline": "offline", "Seed": "seed",
	"Share": "share", "At": "start", "Poll": "poll", "Speed": "speed", "TraceHeaders": "trace-headers", "Parts": "plan",
}

// inFlags writes an error about an option with the names of flags.
func inFlags(err error) error {
	e := (*load.OptionError)(nil)
	if !errors.As(err, &e) {
		return err
	}
	return errors.New(e.Named(func(f load.Field) string {
		if flag, ok := flagOf[f]; ok {
			return "--" + flag
		}
		return string(f)
	}))
}

func runLoad(ctx context.Context, s *streams, f *loadFlags) error {
	expected, err := parseExpectations(f.expect)
	if err != nil {
		return usage(err)
	}
	if err := f.readPlan(); err != nil {
		return usage(err)
	}
	if f.workload.dryRun {
		return f.tellPlan(s.out)
	}
	var cfg *target.Config
	if f.config != "" {
		if len(f.mutants) > 0 {
			return usage(errors.New("--mutant breaks the embedded server; leave --config out"))
		}
		if cfg, err = target.Load(f.config); err != nil {
			return usage(err)
		}
	}
	if _, err := ddfFile(f.ddf, ""); err != nil {
		return usage(err)
	}
	watch, err := f.server.watch(ctx, cfg)
	if err != nil {
		return usage(err)
	}
	out, err := openOutputs(s.out, f.json, "", f.html)
	if err != nil {
		return usage(err)
	}
	defer out.close()
	seed := f.seed
	switch {
	case seed == 0 && f.share != "":
		return usage(errors.New("--share: give all machines the same --seed, which decides on the owner of each device"))
	case seed == 0:
		seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	mutated, err := broken(f.mutants)
	if err != nil {
		return err
	}
	scraped, taken := f.listenMetrics()
	shown, notShown := listenConsole(f.console)
	l, err := lab.Start(cfg, lab.Options{Seed: seed, Mutants: mutated, DDF: f.ddf})
	if l != nil {
		defer l.Close()
	}
	if scraped != nil {
		defer scraped.Close()
	}
	if shown != nil {
		defer shown.Close()
	}
	if err := errors.Join(err, taken, notShown); err != nil {
		return usage(err) // all ports that are taken
	}
	o, err := f.options(l.Seed)
	if err != nil {
		return usage(err)
	}
	w := s.out
	if f.json == "-" {
		w = s.err
	}
	line := &liveLine{w: w, screen: screenOf(w), quiet: f.quiet, said: time.Now()}
	o.Progress, o.Enrolled = line.progress, line.enrolled(int(o.Share.Count(int64(f.devices))))
	metrics := serveMetrics(w, o, scraped)
	defer metrics.close()
	pages := serveConsole(w, l, o, shown)
	defer pages.close()
	what := f.what(o)
	if f.find.on() {
		what = f.find.what()
	}
	if err := load.Check(l, o); err != nil {
		return usage(inFlags(err)) // before the run says that it began
	}
	warnOfDrain(s.err, append(append([]*result.Expectation{}, expected...), f.find.expected...), o.Drain)
	say(w, "dmwake load: %s against %s, %s (seed %d)\n", wording.Count(f.devices, "device"), l.Config.Target.Name, what, l.Seed)
	run, err := startLoad(ctx, l, o)
	line.end()
	if err != nil {
		return err
	}
	defer run.Close()
	pages.doing(fmt.Sprintf("%s against %s, %s", wording.Count(len(run.Devices()), "device"), l.Config.Target.Name, what))
	if f.find.on() {
		beginWatch(ctx, w, watch, o.At)
		r, err := f.find.search(ctx, &search{w, run, o, out, line, watch, pages, expected})
		if r != nil {
			metrics.lastScrape(ctx, r)
		}
		return err
	}
	defer load.CollectLess(o.Peak())()
	beginWatch(ctx, w, watch, o.At)
	r, err := run.Go(ctx)
	endWatch(watch, r, o)
	line.end()
	if err != nil {
		return usage(inFlags(err))
	}
	unwritten := out.write(loadReport{r})
	tell(w, r)
	out.tell(w)
	if unwritten != nil {
		return usage(unwritten)
	}
	verdict := judge(w, r, expected)
	metrics.lastScrape(ctx, r)
	return verdict
}

// startLoad enrolls the devices.
func startLoad(ctx context.Context, l *lab.Lab, o *load.Options) (*load.Run, error) {
	undo := load.CollectLessEnrolling()
	run, err := load.Start(ctx, l, o)
	undo()
	none := (*load.EnrollError)(nil)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			run.Close()
		}
		return nil, &exitError{exitInterrupted, errors.New("interrupted during enrollment; nothing was measured")}
	case errors.As(err, &none):
		return nil, &exitError{exitUnreachable, err}
	case err != nil:
		return nil, usage(inFlags(err))
	}
	return run, nil
}

// warnOfDrain says which conditions a run cannot measure whole.
func warnOfDrain(w io.Writer, all []*result.Expectation, drain time.Duration) {
	for _, e := range all {
		if e.Beyond(drain) {
			say(w, "dmwake: %s allows more than --drain %s: what takes longer than that at the end of the run counts as lost; give --drain a longer time\n", e, load.Short(drain))
		}
	}
}

func parseExpectations(list []string) (out []*result.Expectation, err error) {
	for _, text := range list {
		e, err := result.ParseExpectation(text)
		if err != nil {
			return nil, fmt.Errorf("--expect: %w", err)
		}
		out = append(out, e)
	}
	return out, nil
}

// judge checks a result against the expectations.
func judge(w io.Writer, r *result.Result, expected []*result.Expectation) error {
	unmet, noneDone := 0, r.Counts.Started > 0 && r.Counts.Done+r.Counts.Polled == 0
	for _, e := range expected {
		noneDone = noneDone && e.Metric() != "done" // an expectation may allow it
		ok, saw := e.Met(r)
		mark := "as expected"
		if !ok {
			mark = "NOT AS EXPECTED"
			unmet++
		}
		say(w, "%-16s %s: saw %s\n", mark, e, saw)
	}
	switch {
	case r.Aborted != "":
		return &exitError{exitInterrupted, errSilent}
	case unmet > 0:
		return &exitError{exitFailed, errSilent}
	case noneDone:
		return &exitError{exitFailed, errors.New("no wake-up was done")}
	}
	return nil
}
