package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

func syncCommand(s *streams, f *deviceFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "sync [DEVICE...]",
		Short: "Run a session of each device, or of the named ones",
		RunE: func(c *cobra.Command, args []string) error {
			return f.ask(c, s, errand{Command: "sync", Devices: args})
		},
	}
	f.sessionFlags(c)
	return c
}

// sync runs a session of each device that is asked for.
func (b *bench) sync(ctx context.Context, a errand) error {
	rows, err := b.choose(a.Devices)
	if err != nil {
		return err
	}
	step := b.progress("synced", len(rows))
	failed := b.fleet.Each(ctx, indexes(rows), func(_ int, d *dmclient.Device) error {
		defer step()
		if b.host != nil { // in its own process the devices have the faults already
			if err := addFaults(d, a.Faults); err != nil {
				return err
			}
		}
		session, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginUser})
		b.held(d, session, err)
		if err == nil && len(rows) <= 20 && !b.f.verbose && !b.f.quiet {
			b.print.line("%-16s %s, %s", d.Identity().Name, wording.Count(len(session.Commands), "command"), session.End)
		}
		if err == nil && len(rows) <= 20 {
			b.unmet(d, session)
		}
		if err == nil {
			err = b.syncLinked(ctx, d)
		}
		return err
	})
	b.print.line("%s synced", wording.Count(len(rows)-len(failed), "device"))
	if err := b.outcome(ctx, len(rows), failed, "sync"); err != nil {
		return err
	}
	return b.rest()
}

func addFaults(d *dmclient.Device, specs []string) error {
	for _, spec := range specs {
		k, err := faults.New(spec)
		if err != nil {
			return err
		}
		d.AddFault(k)
	}
	return nil
}

// unmet says which faults could not show in a session, because the server did not send
// what they wait for.
func (b *bench) unmet(d *dmclient.Device, s *dmclient.Session) {
	for _, spec := range b.f.faults {
		what := faults.Unmet(spec, s)
		if what == "" {
			continue
		}
		b.print.line("%-16s fault %s did not show: the server sent no %s in this session", d.Identity().Name, spec, article.ReplaceAllString(what, ""))
		for _, c := range repro.All() {
			if slices.Contains(c.Faults, spec) {
				b.print.line("%-16s to get there: %s; or see it with the embedded server: dmwake repro %s", "", c.Reach.How, c.Name)
			}
		}
	}
}

var article = regexp.MustCompile(`^(an?|any) `)

type runFlags struct {
	wns      wnsFlags
	link     string
	duration time.Duration
}

func runCommand(s *streams, f *deviceFlags) *cobra.Command {
	var r runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Poll and answer pushes with all devices, until interrupted",
		Long: `Runs all devices: they poll by their schedules and answer pushes. It also runs a
fake WNS, reached as with dmwake test: by proxy (default), by hosts, or directly;
it prints what the server needs for that. Every device registers its PFN again
and runs a session, so that the server learns its channel URI.

A terminal shows a table of what the devices do. Elsewhere there is a line for each push
and each session, at most 20 in 5 seconds; the rest is summed.

What a device acknowledges is in the file before the server gets the Status. Meanwhile
"device list", "show" and "sync" ask this process, by a socket beside the file.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDevices(c.Context(), s, f, &r) },
	}
	fl := c.Flags()
	r.wns.add(fl)
	fl.StringVar(&r.link, "link", "", "control API of a lab that runs elsewhere, such as http://127.0.0.1:7081: use its fake WNS")
	f.sessionFlags(c)
	fl.DurationVar(&r.duration, "duration", 0, "end after this long; 0 runs until interrupted")
	return c
}

func runDevices(ctx context.Context, s *streams, f *deviceFlags, r *runFlags) error {
	cfg, err := f.target()
	if err != nil {
		return usage(err)
	}
	r.wns.apply(&cfg.WNS)
	if err := cfg.WNS.Check(); err != nil {
		return usage(err)
	}
	var wns dmclient.WNS
	var lost lostChannels
	if r.link != "" {
		if err := wording.WebAddress(r.link); err != nil {
			return usage(fmt.Errorf("--link: %w", err))
		}
		c, err := link.Dial(ctx, strings.TrimSuffix(r.link, "/"), link.Options{Token: os.Getenv("DMWAKE_CONTROL_TOKEN"), Lost: lost.add})
		if err != nil {
			return usage(fmt.Errorf("--link %s: %w; is dmwake lab running there?", r.link, wording.NoAnswer(err)))
		}
		defer c.Close()
		wns = c
	} else {
		if err := f.found(); err != nil {
			return err
		}
		cfg.Target.Directory = target.Directory{} // the devices' own directory has the keys that the file keeps
		l, err := lab.Start(cfg, lab.Options{})
		if err != nil {
			return usage(err)
		}
		defer l.Close()
		trust, err := l.CA.WriteTrust()
		if err != nil {
			return usage(err)
		}
		fmt.Fprint(s.out, lab.Environment(&l.Config, trust))
		wns = l.WNS
	}
	lines := allEventLines
	switch {
	case f.quiet:
		lines = problemLines
	case screenOf(s.out) != nil && !f.verbose:
		lines = noLines
	}
	b, err := f.open(s, func(b *bench, dev *dmclient.Config) {
		b.activity = newActivity(b.print, lines)
		dev.WNS, dev.OnSend, dev.NoRetry = pushesOf{wns, b.activity}, b.activity.sent, false
	})
	if err != nil {
		return err
	}
	defer b.close()
	if _, err := b.choose(nil); err != nil {
		return err
	}
	b.activity.add(b.rows)
	b.syncs = true
	defer b.serve("dmwake device run")()
	if r.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.duration)
		defer cancel()
	}
	return b.run(ctx, &lost)
}

// lostChannels are channels that a lab no longer knows, because it restarted
// without its state.
type lostChannels struct {
	mu   sync.Mutex
	uris map[string]bool
}

func (l *lostChannels) add(uri string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uris == nil {
		l.uris = map[string]bool{}
	}
	l.uris[uri] = true
}

func (l *lostChannels) take() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	uris := l.uris
	l.uris = nil
	return uris
}

// connect registers the devices' PFNs and runs a session of each, so that the
// server learns their channels. of selects devices; nil means all.
func (b *bench) connect(ctx context.Context, devices []int, of func(*dmclient.Device) bool, step func()) {
	failed := b.fleet.Each(ctx, devices, func(_ int, d *dmclient.Device) error {
		defer step()
		if d.State() != dmclient.Enrolled || of != nil && !of(d) {
			return nil
		}
		if err := d.Reconnect(ctx); err != nil {
			b.print.line("%-16s cannot register its PFN %s: %s", d.Identity().Name, d.PFN(), wording.Error(err))
		}
		session, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginCSP, NoRetry: true})
		b.held(d, session, err)
		return err
	})
	for _, err := range failed {
		if ctx.Err() == nil {
			b.print.line("%d of %d devices could not sync: %s", len(failed), len(devices), wording.Error(err))
		}
		break
	}
}

// run runs the devices' sessions until ctx ends, and then stores the devices.
func (b *bench) run(ctx context.Context, lost *lostChannels) error {
	all := indexes(b.rows)
	b.connect(ctx, all, nil, b.progress("connected", len(all)))
	if !b.f.quiet {
		b.print.line("%s running; Ctrl-C ends it", wording.Count(len(all), "device"))
	}
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		b.watch(ctx, all, lost)
	}()
	err := b.fleet.Run(ctx)
	<-watching
	b.print.line("%s", b.status())
	if err := b.rest(); err != nil {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil // the normal end
	}
	return err
}

func (b *bench) status() string {
	st := b.fleet.Stats()
	return fmt.Sprintf("%d of %d enrolled, %s (%s, %s), %d failed", st.Enrolled, st.Devices,
		wording.Count(st.Sessions, "session"), wording.Count(st.Polls, "poll"), wording.Count(st.Pushes, "push"), st.Failed)
}

// watch shows what the devices do: on a terminal in a table, elsewhere in a line for each
// push and session.
func (b *bench) watch(ctx context.Context, all []int, lost *lostChannels) {
	table := screenOf(b.s.out)
	if b.activity.lines != noLines {
		table = nil
	}
	draw, sum := time.NewTicker(drawPeriod), time.NewTicker(sumPeriod)
	defer draw.Stop()
	defer sum.Stop()
	defer b.activity.period()
	defer table.Show()
	for {
		select {
		case <-ctx.Done():
			return
		case <-draw.C:
			if uris := lost.take(); len(uris) > 0 {
				b.print.line("the lab restarted: %s registered again", wording.Count(len(uris), "channel"))
				b.connect(ctx, all, func(d *dmclient.Device) bool { return uris[d.ChannelURI()] }, func() {})
			}
			if table != nil {
				columns, rows := table.Size()
				table.Show(append(b.activity.table(columns, rows, painter(color(b.s.out))), b.status())...)
			}
		case <-sum.C:
			b.activity.period()
		}
	}
}

// drawPeriod is how often the table is drawn again.
const drawPeriod = 500 * time.Millisecond
