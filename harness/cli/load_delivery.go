package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/delivery"
	"github.com/dmwake/dmwake/harness/load/page"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/server"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
)

type deliveryFlags struct {
	config, ddf          string
	devices              int
	work                 string
	workRate             float64
	fast, slow           time.Duration
	hours, speed         float64
	drain                time.Duration
	sender, profile, key string
	pool, workers        int
	seed                 uint64
	json, html, markdown string
	quiet                bool
	server               serverFlags
}

func loadDeliveryCommand(s *streams) *cobra.Command {
	var f deliveryFlags
	c := &cobra.Command{
		Use:   "compare-delivery",
		Short: "Compare what polling and push cost your server for the same work",
		Long: `Delivers the same work to the same number of devices in three ways, one after the
other: by polls at the interval --fast, by push with polls at --slow, and by push with
polls at --fast. It prints per device and hour what each way cost: the server's
processor time (--pid or --container, without what the idle server uses), requests,
bytes and connections, and how long the work took to arrive.

Each way lasts --hours, run --speed times as fast: 8 hours at 60 take 8 minutes.

Exit codes: 0 compared, 1 a way delivered no work, 2 usage or configuration,
3 no device could be enrolled, 130 interrupted (the ways so far are still written).`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDelivery(c.Context(), s, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of your server (default: the embedded server)")
	ddfFlag(fl, &f.ddf)
	fl.IntVar(&f.devices, "devices", 200, "number of devices")
	fl.StringVar(&f.work, "work", "get", "what each piece of work is: get, or profile:N (N settings)")
	fl.Float64Var(&f.workRate, "work-rate", 0.5, "pieces of work per device and hour, at random moments")
	fl.DurationVar(&f.fast, "fast", time.Minute, "interval of frequent polls")
	fl.DurationVar(&f.slow, "slow", 8*time.Hour, "interval of polls beside push")
	fl.Float64Var(&f.hours, "hours", 8, "length of each way in hours")
	fl.Float64Var(&f.speed, "speed", 60, "how many times as fast the hours are run")
	fl.DurationVar(&f.drain, "drain", 15*time.Second, "how long to wait for unfinished work at the end of each way; the rest counts as lost")
	fl.StringVar(&f.sender, "sender", "", "who pushes: hook, own or wns, as for dmwake load")
	fl.StringVar(&f.profile, "profile", "win11", "Windows version of the devices")
	fl.StringVar(&f.key, "key", "ec", "keys of the devices: ec, or rsa like Windows")
	fl.IntVar(&f.pool, "key-pool", 16, "number of RSA keys, shared by the devices")
	fl.IntVar(&f.workers, "workers", 0, "concurrent sessions (default: 1,024, or what the limit of open files allows)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of identities and of the moments of work (default: random)")
	fl.StringVar(&f.json, "json", "", "write the comparison as JSON to this file (- for standard output)")
	fl.StringVar(&f.html, "html", "", "write the comparison as an HTML page with a plot to this file")
	fl.StringVar(&f.markdown, "markdown", "", "write the table in Markdown to this file, for a design document")
	f.server.processFlags(fl)
	quietFlag(fl, &f.quiet, "print only the comparison, no progress")
	return c
}

// deliveryFlagOf names the flags of compare-delivery that differ from those of load.
var deliveryFlagOf = map[load.Field]string{"Rate": "work-rate", "Duration": "hours", "Poll": "fast, --slow"}

// inDeliveryFlags writes an error about an option with the names of the flags.
func inDeliveryFlags(err error) error {
	e := (*load.OptionError)(nil)
	if !errors.As(err, &e) {
		return err
	}
	return errors.New(e.Named(func(f load.Field) string {
		if flag, ok := deliveryFlagOf[f]; ok {
			return "--" + flag
		}
		if flag, ok := flagOf[f]; ok {
			return "--" + flag
		}
		return string(f)
	}))
}

func runDelivery(ctx context.Context, s *streams, f *deliveryFlags) error {
	var cfg *target.Config
	var err error
	if f.config != "" {
		if cfg, err = target.Load(f.config); err != nil {
			return usage(err)
		}
	}
	if _, err := ddfFile(f.ddf, ""); err != nil {
		return usage(err)
	}
	if _, err := f.server.watch(ctx, cfg); err != nil {
		return usage(err)
	}
	work, err := load.ParseWork(f.work)
	if err != nil {
		return usage(inFlags(err))
	}
	out, err := openOutputs(s.out, f.json, "", f.html)
	if err != nil {
		return usage(err)
	}
	defer out.close()
	table, err := openOutput(f.markdown)
	if err != nil {
		return usage(err)
	}
	defer (&outputs{html: table}).close()
	seed := f.seed
	if seed == 0 {
		seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	l, err := lab.Start(cfg, lab.Options{Seed: seed, DDF: f.ddf})
	if l != nil {
		defer l.Close()
	}
	if err != nil {
		return usage(err)
	}
	w := s.out
	if f.json == "-" {
		w = s.err
	}
	d, failed := f.compare(ctx, w, l, cfg, work)
	if len(d.Ways) == 0 {
		return failed
	}
	unwritten := out.write(deliveryReport{d})
	if table != nil {
		if err := writeTable(table, d); err != nil {
			unwritten = errors.Join(unwritten, err)
		}
	}
	if err := tellDelivery(w, d); err != nil {
		return err
	}
	out.tell(w)
	table.tell(w)
	switch {
	case failed != nil:
		return failed
	case unwritten != nil:
		return usage(unwritten)
	case d.Aborted != "":
		return &exitError{exitInterrupted, errSilent}
	}
	for i := range d.Ways {
		if v := &d.Ways[i]; v.Delivery.Count == 0 {
			return &exitError{exitFailed, fmt.Errorf("%s: no work was delivered", v.Name)}
		}
	}
	return nil
}

// writeTable writes the table in Markdown.
func writeTable(to *output, d *result.Delivery) error {
	if err := d.WriteMarkdown(to.w); err != nil {
		return err
	}
	return to.finish()
}

// compare runs the ways.
func (f *deliveryFlags) compare(ctx context.Context, w io.Writer, l *lab.Lab, cfg *target.Config, work load.Work) (*result.Delivery, error) {
	line := &liveLine{w: w, screen: screenOf(w), quiet: f.quiet, said: time.Now()}
	o := &delivery.Options{WorkRate: f.workRate, Fast: f.fast, Slow: f.slow, Hours: f.hours, Speed: f.speed,
		Load: load.Options{Devices: f.devices, Profile: f.profile, Work: work, Sender: f.sender, Key: f.key, KeyPool: f.pool, Curve: "x25519", Workers: f.workers, Drain: f.drain, Seed: l.Seed,
			Progress: line.progress, Enrolled: line.enrolled(f.devices)},
		Watch: func(ctx context.Context) (*server.Watch, error) { return f.server.watch(ctx, cfg) },
		Begin: func(way string) {
			line.end()
			say(w, "%s\n", way)
		},
	}
	if f.server.any() {
		o.Idle = idleTime
	}
	undo := func() {}
	o.Ready = func(run *load.Options) {
		line.end()
		undo()
		undo = load.CollectLess(run.Peak())
	}
	defer func() { undo() }()
	if err := delivery.Check(l, o); err != nil {
		return &result.Delivery{}, usage(inDeliveryFlags(err)) // before the comparison says that it began
	}
	say(w, "dmwake load compare-delivery: %s against %s, three ways of %s each (seed %d)\n", wording.Count(f.devices, "device"), l.Config.Target.Name, lasts(f.hours, f.speed), l.Seed)
	d, err := delivery.Run(ctx, l, o)
	line.end()
	none := (*load.EnrollError)(nil)
	switch {
	case ctx.Err() != nil && len(d.Ways) == 0:
		return d, &exitError{exitInterrupted, errors.New("interrupted before the first way was measured")}
	case errors.As(err, &none):
		return d, &exitError{exitUnreachable, err}
	case err != nil:
		return d, usage(inDeliveryFlags(err))
	}
	return d, nil
}

// lasts is how long a way takes in real time.
func lasts(hours, speed float64) string {
	return fmt.Sprintf("%g hours (%s)", hours, result.Span(hours*3600/speed))
}

// tellDelivery prints the comparison.
func tellDelivery(w io.Writer, d *result.Delivery) error {
	say(w, "\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	head, rows := d.Rows()
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintf(t, "%-34s", row[0])
		for _, c := range row[1:] {
			fmt.Fprintf(t, "\t%s", c)
		}
		fmt.Fprintln(t, "\t")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	say(w, "\n")
	for _, c := range d.Conditions() {
		say(w, "%s\n", c)
	}
	for i := range d.Ways {
		v := &d.Ways[i]
		for _, kind := range mostFirst(v.Errors) {
			say(w, "%8d  %s: %s\n", v.Errors[kind], v.Name, kind)
		}
		for _, n := range v.Notes {
			say(w, "  - %s: %s\n", v.Name, n)
		}
	}
	for _, n := range d.Notes {
		say(w, "  - %s\n", n)
	}
	if d.Aborted != "" {
		say(w, "The comparison ended early: %s\n", d.Aborted)
	}
	return nil
}

// deliveryReport writes a comparison in the forms of outputs.
type deliveryReport struct{ *result.Delivery }

// WriteHTML implements written.
func (r deliveryReport) WriteHTML(w io.Writer) error { return page.WriteDelivery(w, r.Delivery) }
