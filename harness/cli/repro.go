package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

type reproFlags struct {
	config  string
	once    bool
	verbose bool
}

func reproCommand(s *streams) *cobra.Command {
	var f reproFlags
	c := &cobra.Command{
		Use:   "repro [NAME]",
		Short: "Reproduce a reported bug, for as long as you debug",
		Long: `Without a name: lists the reproductions. With one: enrolls a device that
misbehaves in that way, or makes WNS misbehave towards it, against your server
(--config) or the embedded one. It shows the traffic, and goes on until it is
interrupted. With --once it ends when it has seen the symptom, with exit code 0,
or 1 if it did not see it.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Errorf("dmwake repro takes one name, but got %q, too", args[1]))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) (out []string, _ cobra.ShellCompDirective) {
			for _, c := range repro.All() {
				out = append(out, c.Name+"\t"+c.Shows)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, c := range repro.All() {
					fmt.Fprintf(s.out, "%-21s %s (%s)\n", c.Name, c.Shows, c.Reported)
				}
				return nil
			}
			return runRepro(c.Context(), s, &f, args[0])
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of your server; without it the embedded one is used")
	fl.BoolVar(&f.once, "once", false, "end when the symptom has been seen")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "print every message")
	return c
}

func runRepro(ctx context.Context, s *streams, f *reproFlags, name string) error {
	c, err := repro.ByName(name)
	if err != nil {
		return usage(err)
	}
	var cfg *target.Config
	opts := lab.Options{}
	if f.config != "" {
		if cfg, err = target.Load(f.config); err != nil {
			return usage(err)
		}
	} else {
		if c.Mutant != nil {
			opts.Mutants = []*mutants.Mutant{c.Mutant}
		}
		opts.Setup = c.Setup
	}
	l, err := lab.Start(cfg, opts)
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	fmt.Fprintf(s.out, "%s: %s\nreported   %s\nlook at    %s\n", c.Name, c.Shows, c.Reported, c.LookAt)
	if c.Explain != "" {
		fmt.Fprintf(s.out, "more       dmwake explain %s\n", c.Explain)
	}
	fmt.Fprintf(s.out, "server     %s\n\n", l.Config.Target.Name)
	mark := l.WNS.Journal().Mark()
	r, err := repro.Start(ctx, l, c)
	if err != nil {
		return &exitError{exitUnreachable, err}
	}
	w := &watcher{p: &printer{w: s.out, verbose: f.verbose}, r: r, journal: mark}
	w.show()
	if c.Pushes {
		if err := r.Push(ctx); errors.Is(err, lab.ErrNoHook) {
			fmt.Fprintf(s.out, "now make your server push to device %s (or set target.hooks.push)\n", r.Device.Identity().DeviceID)
		}
	}
	return w.watch(ctx, f.once)
}

// watcher prints what happens in a reproduction.
type watcher struct {
	p        *printer
	r        *repro.Run
	sessions int
	journal  uint64
	told     bool
}

// watch goes on until ctx ends; with once, until the symptom was seen or the time
// is up.
func (w *watcher) watch(ctx context.Context, once bool) error {
	deadline := time.Now().Add(2 * w.r.Lab.Config.Timeouts.Push)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w.show()
		switch {
		case w.told && once:
			return nil
		case once && time.Now().After(deadline):
			w.p.line("not seen: %s", w.r.Case.Shows)
			return &exitError{exitFailed, errSilent}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// show prints what is new.
func (w *watcher) show() {
	list := w.r.Device.Sessions()
	for ; w.sessions < len(list); w.sessions++ {
		w.session(list[w.sessions])
	}
	for _, e := range w.r.Lab.WNS.Journal().Since(w.journal, nil) {
		w.p.line("WNS      %s", e)
		w.journal = e.Seq + 1
	}
	if !w.told && w.r.Showed() {
		w.told = true
		w.p.line("==> seen: %s", w.r.Case.Shows)
	}
}

func (w *watcher) session(s *dmclient.Session) {
	if w.p.verbose {
		w.p.line("%s", trace.Session(w.r.Device, s))
		return
	}
	w.p.line("session %s, %s", s.ID, trace.Origins[s.Origin])
	for _, c := range s.Commands {
		w.p.line("  %-8s %-60s -> %d", c.Verb, c.LocURI, c.Code)
	}
	w.p.line("  ends: %s", s.End)
}
