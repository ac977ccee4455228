package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/target"
)

type loadFlags struct {
	config, state       string
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
	expect, mutants     []string
}

func loadCommand(s *streams) *cobra.Command {
	var f loadFlags
	c := &cobra.Command{
		Use:   "load",
		Short: "Measure push latency under load, stage by stage",
		Long: `Enrolls many simulated devices at your server (--config) or the embedded one, and
wakes them by push at a rate that does not wait for the server (open loop). Each
stage of the way has its own histogram: trigger to WNS, WNS to device, device to
package 1, the server's reply, the work, its acknowledgement, and the whole from
the time at which the wake-up was meant to start.

  --rate 200                 constant           --rate 50..500   a ramp
  --rate 50,100,200          steps              --rate 100+2000@30s/5s   a spike
  --storm                    all devices at once

Exit codes: 0 as expected, 1 an --expect was not met or not one wake-up was done,
2 usage or configuration, 3 no device could be enrolled, 130 interrupted (what was
measured is kept).`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runLoad(c.Context(), s, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of your server; without it the embedded one is measured")
	fl.StringVar(&f.state, "state", "", "file of devices that are enrolled already (dmwake device enroll), in place of new ones; --devices bounds how many")
	fl.IntVar(&f.devices, "devices", 100, "how many devices")
	fl.StringVar(&f.rate, "rate", "20", "wake-ups a second")
	fl.DurationVar(&f.duration, "duration", 30*time.Second, "how long wake-ups are started")
	fl.DurationVar(&f.warmup, "warmup", 0, "the first part of it, which is not counted")
	fl.DurationVar(&f.drain, "drain", 15*time.Second, "how long to wait at the end for what is under way; what is not done then is lost")
	fl.BoolVar(&f.poisson, "poisson", false, "draw the times between wake-ups, as independent users would")
	fl.BoolVar(&f.storm, "storm", false, "wake all devices at once, in place of a rate")
	fl.StringVar(&f.who, "who", "round", "who is woken: round (each in turn) or random")
	fl.StringVar(&f.sender, "sender", "", "who pushes: hook (default where there is one), own (the server, when something is queued), wns (dmwake in its place), none (polling only)")
	fl.StringVar(&f.work, "work", "none", "what each push is for: none, get, wipe, or profile:N (N settings)")
	fl.StringVar(&f.profile, "profile", "win11", "which Windows the devices are")
	fl.StringVar(&f.key, "key", "ec", "kind of key of the devices: ec, or rsa as Windows makes")
	fl.IntVar(&f.pool, "key-pool", 16, "RSA keys that the devices share")
	fl.StringVar(&f.curve, "curve", "x25519", "key exchange of TLS: x25519, or default for Go's, which costs a third more")
	fl.IntVar(&f.workers, "workers", 0, "sessions at a time (default: 1,024, or what the limit of open files allows)")
	fl.BoolVar(&f.resident, "resident", false, "keep devices and their connections between sessions: more memory, no handshake in a wake-up")
	fl.Float64Var(&f.offline, "offline", 0, "share of devices that have no network, such as 0.1")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of identities, draws and order; 0 draws one")
	fl.StringVar(&f.share, "share", "", "the part of devices and wake-ups that is this machine's, such as 2/3, with the same --seed on all; load merge adds them up")
	fl.StringVar(&f.start, "start", "", "when the first wake-up is started, such as 2030-01-31T12:00:00Z, so that machines begin together")
	fl.StringVar(&f.json, "json", "", "write the result as JSON to this file (- for standard output)")
	fl.StringVar(&f.html, "html", "", "write the result as one HTML page with plots to this file")
	fl.StringVar(&f.metrics, "metrics", "", "serve the stages for a Prometheus at this address, such as 127.0.0.1:9464")
	fl.StringArrayVar(&f.expect, "expect", nil, "what has to be so, or the exit code is 1: 'p99<2s', 'wake.p50<1ms', 'lost==0', 'rate>=190'; repeatable")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break the embedded server on purpose; repeatable")
	c.AddCommand(loadCompareCommand(s), loadMergeCommand(s), loadVerifyCommand(s))
	return c
}

// options turns the flags into those of a run.
func (f *loadFlags) options(l *lab.Lab) (*load.Options, error) {
	plan, err := load.ParsePlan(f.rate, f.duration, f.warmup)
	if err != nil {
		return nil, err
	}
	plan.Poisson = f.poisson
	if f.curve == "default" {
		f.curve = ""
	} else if f.curve != "x25519" {
		return nil, fmt.Errorf("--curve %q is neither x25519 nor default", f.curve)
	}
	if f.sender == "" {
		f.sender = load.DefaultSender(l)
	}
	work, err := load.ParseWork(f.work)
	if err != nil {
		return nil, fmt.Errorf("--work %w", err)
	}
	share, at, err := f.together()
	if err != nil {
		return nil, err
	}
	return &load.Options{Devices: f.devices, State: f.state, Profile: f.profile, Plan: plan, Storm: f.storm, Who: f.who, Sender: f.sender, Work: work, Offline: f.offline, Key: f.key,
		KeyPool: f.pool, Curve: f.curve, Workers: f.workers, Resident: f.resident, Drain: f.drain, Seed: l.Seed, Share: share, At: at}, nil
}

// together reads what machines that share a load have in common.
func (f *loadFlags) together() (share load.Share, at time.Time, err error) {
	if f.share != "" {
		if share, err = load.ParseShare(f.share); err != nil {
			return share, at, fmt.Errorf("--share %w", err)
		}
	}
	if f.start != "" {
		if at, err = time.Parse(time.RFC3339, f.start); err != nil {
			return share, at, fmt.Errorf("--start %q is no time such as %s", f.start, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		}
		if time.Until(at) <= 0 {
			return share, at, fmt.Errorf("--start %s is past", f.start)
		}
	}
	return share, at, nil
}

func runLoad(ctx context.Context, s *streams, f *loadFlags) error {
	var expected []*load.Expectation
	for _, text := range f.expect {
		e, err := load.ParseExpectation(text)
		if err != nil {
			return usage(fmt.Errorf("--expect %w", err))
		}
		expected = append(expected, e)
	}
	var cfg *target.Config
	var err error
	if f.config != "" {
		if len(f.mutants) > 0 {
			return usage(errors.New("--mutant breaks the embedded server; leave --config out"))
		}
		if cfg, err = target.Load(f.config); err != nil {
			return usage(err)
		}
	}
	out, err := openOutputs(s.out, f.json, "", f.html)
	if err != nil {
		return usage(err)
	}
	defer out.close()
	if f.share != "" && f.seed == 0 {
		return usage(errors.New("--share: give all machines the same --seed, which says whose each device is"))
	}
	if f.seed == 0 {
		f.seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	mutated, err := broken(f.mutants)
	if err != nil {
		return err
	}
	l, err := lab.Start(cfg, lab.Options{Seed: f.seed, Mutants: mutated})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	o, err := f.options(l)
	if err != nil {
		return usage(err)
	}
	w := s.out
	if f.json == "-" {
		w = s.err
	}
	line := &liveLine{w: w, live: color(w), said: time.Now()}
	o.Progress, o.Enrolled = line.progress, line.enrolled(int(o.Share.Count(int64(f.devices))))
	last, stop, err := f.serveMetrics(w, o)
	if err != nil {
		return usage(err)
	}
	defer stop()
	what := fmt.Sprintf("%s wake-ups a second for %s", f.rate, f.duration)
	if f.storm {
		what = "all woken at once"
	}
	fmt.Fprintf(w, "dmwake load: %d devices against %s, %s (seed %d)\n", f.devices, l.Config.Target.Name, what, l.Seed)
	run, err := load.Start(ctx, l, o)
	line.end()
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted while devices were enrolled; nothing was measured")}
	case err != nil && strings.HasPrefix(err.Error(), "none of "):
		return &exitError{exitUnreachable, err}
	case err != nil:
		return usage(err)
	}
	defer run.Close()
	peak := o.Plan.Peak()
	if o.Storm {
		peak = float64(o.Devices)
	}
	defer load.CollectLess(peak)()
	r, err := run.Go(ctx)
	line.end()
	if err != nil {
		return usage(err)
	}
	unwritten := out.write(r)
	tell(w, r)
	if unwritten != nil {
		return usage(unwritten)
	}
	verdict := judge(w, r, expected)
	last(ctx, r)
	return verdict
}

// serveMetrics serves /metrics where that is asked for. last tells it how the run
// ended, and lets the Prometheus that looked until then look once more.
func (f *loadFlags) serveMetrics(w io.Writer, o *load.Options) (last func(context.Context, *load.Result), stop func(), err error) {
	if f.metrics == "" {
		return func(context.Context, *load.Result) {}, func() {}, nil
	}
	ln, err := lab.Listen("--metrics", f.metrics)
	if err != nil {
		return nil, nil, err
	}
	m := load.NewMetrics()
	o.Observe = m.Observe
	tellLine := o.Progress
	o.Progress = func(p load.Progress) {
		m.Progress(p)
		tellLine(p)
	}
	srv := lab.NewHTTPServer(m.Handler())
	go srv.Serve(ln) //nolint:errcheck // ends with the command
	fmt.Fprintf(w, "metrics    http://%s/metrics\n", ln.Addr())
	return func(ctx context.Context, r *load.Result) {
			if looks := m.Done(r); looks != nil && ctx.Err() == nil {
				fmt.Fprintf(w, "metrics    waiting for Prometheus to look once more, up to %s; Ctrl-C ends it\n", lastLook)
				wait, cancel := context.WithTimeout(ctx, lastLook)
				defer cancel()
				select {
				case <-looks:
				case <-wait.Done():
				}
			}
		}, func() {
			// A look that is under way is finished.
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			srv.Shutdown(ctx) //nolint:errcheck // the process ends
		}, nil
}

// lastLook is how long a Prometheus that watched a run is waited for at its end: it
// looks once a minute by default.
const lastLook = time.Minute

// judge holds a result against what was expected.
func judge(w io.Writer, r *load.Result, expected []*load.Expectation) error {
	bad, none := 0, r.Counts.Started > 0 && r.Counts.Done+r.Counts.Polled == 0
	for _, e := range expected {
		none = none && e.Metric() != "done" // it may be what is expected
		ok, saw := e.Met(r)
		mark := "as expected"
		if !ok {
			mark = "NOT AS EXPECTED"
			bad++
		}
		fmt.Fprintf(w, "%-16s %s: it is %s\n", mark, e, saw)
	}
	switch {
	case r.Aborted != "":
		return &exitError{exitInterrupted, errSilent}
	case bad > 0:
		return &exitError{exitFailed, errSilent}
	case none:
		return &exitError{exitFailed, errors.New("not one wake-up was done")}
	}
	return nil
}
