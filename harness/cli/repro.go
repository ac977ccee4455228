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

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/dmclient"
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
or 1 if it did not see it. If your server does not get to where the symptom shows,
it says what the server has to send, and how to make it.`,
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
					say(s.out, "%-23s %s\n%-23s %s\n", c.Name, c.Shows, "", c.Sources[0])
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
		opts = c.Options()
	}
	l, err := lab.Start(cfg, opts)
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	describe(s.out, c)
	say(s.out, "server     %s\n", l.Config.Target.Name)
	if c.OfServer() && cfg != nil {
		fmt.Fprintln(s.out, "           the bug is one of the server: yours shows it only if it has it, the embedded one (without --config) always")
	}
	fmt.Fprintln(s.out)
	mark := l.WNS.Journal().Mark()
	r, err := repro.Start(ctx, l, c)
	if err != nil {
		return &exitError{exitUnreachable, err}
	}
	w := &watcher{p: &printer{w: s.out, verbose: f.verbose}, r: r, journal: mark}
	w.show()
	if c.Enrolls && r.Seen().Enrolled != nil {
		say(s.out, "%s\n", enrollmentFailed(r.Seen().Enrolled))
	}
	if c.Pushes {
		if err := r.Push(ctx); errors.Is(err, lab.ErrNoHook) {
			say(s.out, "now make your server push to device %s (or set target.hooks.push)\n", r.Device.Identity().DeviceID)
		}
	}
	return w.watch(ctx, f.once)
}

// describe prints what a reproduction is about.
func describe(w io.Writer, c *repro.Case) {
	say(w, "%s: %s\n", c.Name, c.Shows)
	if c.Reported != "" {
		say(w, "reported   %s\n", c.Reported)
	}
	for i, at := range c.Sources {
		say(w, "%-10s %s\n", []string{"source", ""}[min(i, 1)], at)
	}
	say(w, "look at    %s\n", c.LookAt)
	if ids := judges(c); len(ids) > 0 {
		say(w, "judged by  dmwake test --only %s\n", strings.Join(ids, ","))
	}
	if c.Explain != "" {
		say(w, "more       dmwake explain %s\n", c.Explain)
	}
}

// judges are the scenarios that judge what a server does in a reproduction: those that
// it names, and those that its mutant fails.
func judges(c *repro.Case) []string {
	ids := slices.Clone(c.Scenarios)
	for _, s := range scenarios.All() {
		if c.Mutant != nil && slices.Contains(s.Mutants, c.Mutant) && !slices.Contains(ids, s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// enrollmentFailed is how an enrollment ended, with the code that Windows shows.
func enrollmentFailed(err error) string {
	text := wording.Error(err)
	switch code := repro.Code(err); {
	case code == "":
		return fmt.Sprintf("enrollment fails: %s", text)
	case strings.Contains(err.Error(), code):
		return fmt.Sprintf("enrollment fails: %s (dmwake explain %s)", text, code)
	default:
		return fmt.Sprintf("enrollment fails: %s; Windows shows %s (dmwake explain %s)", text, code, code)
	}
}

// unreached says once what the server has not done yet, if the symptom needs it.
func (w *watcher) unreached() {
	c := w.r.Case
	if w.told || w.hinted || w.r.Reached() {
		return
	}
	w.hinted = true
	w.p.line("not reached: this shows with %s, and your server has sent none", c.Reach.Needs)
	w.p.line("to get there: %s", c.Reach.How)
	w.p.line("the device is %s; it goes on waiting", w.r.Device.Identity().DeviceID)
}

// watcher prints what happens in a reproduction.
type watcher struct {
	p        *printer
	r        *repro.Run
	sessions int
	journal  uint64
	told     bool
	hinted   bool // see unreached
}

// watch goes on until ctx ends; with once, until the symptom was seen or the time
// is up.
func (w *watcher) watch(ctx context.Context, once bool) error {
	begun := time.Now()
	deadline := begun.Add(2 * w.r.Lab.Config.Timeouts.Push)
	hint := begun
	if w.r.Case.Pushes {
		hint = begun.Add(w.r.Lab.Config.Timeouts.Push)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w.show()
		if time.Now().After(hint) {
			w.unreached()
		}
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
		w.p.messages(w.r.Device, s)
		return
	}
	w.p.line("session %s, %s", s.ID, trace.Origins[s.Origin])
	for _, c := range s.Commands {
		w.p.line("  %-8s %-60s -> %d", c.Verb, c.LocURI, c.Code)
	}
	w.p.line("  ends: %s", s.End)
}
