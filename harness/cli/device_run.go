package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

func syncCommand(s *streams, f *deviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "sync [DEVICE...]",
		Short: "Hold a session with each device, or those that are named",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			b, err := f.open(s, nil)
			if err != nil {
				return err
			}
			defer b.close()
			rows, err := b.choose(args)
			if err != nil {
				return err
			}
			all := numbers(rows)
			step := b.progress("synced", len(all))
			failed := b.fleet.Each(ctx, all, func(_ int, d *dmclient.Device) error {
				defer step()
				session, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginUser})
				b.held(d, session, err)
				if err == nil && len(all) <= 20 && !b.f.verbose {
					b.print.line("%-16s %s, %s", d.Identity().Name, plural(len(session.Commands), "command"), session.End)
				}
				return err
			})
			if err := b.save(all); err != nil {
				return err
			}
			b.print.line("%s synced", plural(len(all)-len(failed), "device"))
			return b.outcome(ctx, len(all), failed, "sync")
		},
	}
}

type runFlags struct {
	mode, listen, proxy string
	pfn, sid            string
	caDir               string
	duration            time.Duration
}

func runCommand(s *streams, f *deviceFlags) *cobra.Command {
	var r runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Poll and answer pushes with all devices, until interrupted",
		Long: `Runs all devices: they poll as their schedules say and answer pushes. A fake WNS
is up meanwhile, reached as with dmwake test: by proxy (default), by hosts, or
directly; what the server needs for that is printed. Every device registers its
PFN anew and holds a session, so that the server learns its channel URI.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDevices(c.Context(), s, f, &r) },
	}
	fl := c.Flags()
	fl.StringVar(&r.mode, "wns", "", "how the server reaches the fake WNS: proxy, hosts or direct")
	fl.StringVar(&r.listen, "wns-listen", "", "address of the fake WNS (default 127.0.0.1:7443)")
	fl.StringVar(&r.proxy, "proxy", "", "address of its proxy (default 127.0.0.1:7080)")
	fl.StringVar(&r.caDir, "ca-dir", "", "folder of the lab's CA (default .dmwake)")
	fl.StringVar(&r.pfn, "pfn", "", "package family name of the server's app")
	fl.StringVar(&r.sid, "sid", "", "its Package SID; the secret is in DMWAKE_WNS_SECRET")
	fl.DurationVar(&r.duration, "duration", 0, "end after this long; 0 runs until interrupted")
	return c
}

func (r *runFlags) apply(w *target.WNS) {
	for _, v := range []struct {
		flag string
		to   *string
	}{{r.mode, &w.Mode}, {r.listen, &w.Listen}, {r.proxy, &w.Proxy}, {r.caDir, &w.CADir}, {r.pfn, &w.App.PFN}, {r.sid, &w.App.SID}} {
		if v.flag != "" {
			*v.to = v.flag
		}
	}
	if secret := os.Getenv("DMWAKE_WNS_SECRET"); secret != "" {
		w.App.Secret = target.NewSecret(secret)
	}
}

func runDevices(ctx context.Context, s *streams, f *deviceFlags, r *runFlags) error {
	cfg, err := f.target()
	if err != nil {
		return usage(err)
	}
	r.apply(&cfg.WNS)
	switch cfg.WNS.Mode {
	case "proxy", "hosts", "direct":
	default:
		return usage(fmt.Errorf("--wns %q is none of proxy, hosts, direct", cfg.WNS.Mode))
	}
	l, err := lab.Start(cfg, lab.Options{})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	b, err := f.open(s, func(dev *dmclient.Config) { dev.WNS, dev.NoRetry = l.WNS, false })
	if err != nil {
		return err
	}
	defer b.close()
	rows, err := b.choose(nil)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, lab.Environment(&l.Config, l.CA.CertFile))
	if r.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.duration)
		defer cancel()
	}
	return b.run(ctx, rows, l.WNS)
}

// run holds the devices' sessions until ctx ends, and keeps them then.
func (b *bench) run(ctx context.Context, rows []row, wns *fakewns.Server) error {
	all := numbers(rows)
	step := b.progress("connected", len(all))
	failed := b.fleet.Each(ctx, all, func(_ int, d *dmclient.Device) error {
		defer step()
		if d.State() != dmclient.Enrolled {
			return nil
		}
		if err := d.Reconnect(ctx); err != nil {
			b.print.line("%-16s its PFN %s is not registered: %v", d.Identity().Name, d.PFN(), err)
		}
		session, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginCSP, NoRetry: true})
		b.held(d, session, err)
		return err
	})
	for _, err := range failed {
		if ctx.Err() == nil {
			b.print.line("%d of %d devices could not sync: %v", len(failed), len(all), err)
		}
		break
	}
	b.print.line("%s running; Ctrl-C ends it", plural(len(all), "device"))
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		b.watch(ctx, wns)
	}()
	err := b.fleet.Run(ctx)
	<-watching
	if saveErr := b.save(all); saveErr != nil {
		return saveErr
	}
	b.print.line("%s", b.status())
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil // that is how it ends
	}
	return err
}

func (b *bench) status() string {
	st := b.fleet.Stats()
	return fmt.Sprintf("%d of %d enrolled, %d sessions (%d polls, %d pushes), %d failed", st.Enrolled, st.Devices, st.Sessions, st.Polls, st.Pushes, st.Failed)
}

// watch shows how things go: a line that changes on a terminal, a line where
// something changed elsewhere.
func (b *bench) watch(ctx context.Context, _ *fakewns.Server) {
	every, format := 10*time.Second, "%s\n"
	if color(b.s.err) && !b.f.verbose {
		every, format = 500*time.Millisecond, "\r\x1b[K%s"
		defer fmt.Fprint(b.s.err, "\r\x1b[K")
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if now := b.status(); now != last {
				fmt.Fprintf(b.s.err, format, now)
				last = now
			}
		}
	}
}
