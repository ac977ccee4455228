package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

type replayFlags struct {
	config  string
	session int
	mutants []string
	verbose bool
}

func replayCommand(s *streams) *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Replay the device's side of a recorded session, and show the differences",
		Long: `Reads the sessions in a file ("-": standard input): one that "dmwake test --trace DIR" or
"dmwake mdm --record DIR" wrote, or any text with SyncML messages in it, such as a log that a
user pasted, in all forms that "dmwake read" takes. A new device enrolls at your server (--config) or the embedded one
and sends the recorded messages, with its own name and with answers to the server's
current commands. For each message it shows how the server's answer differs from the
recorded one.

Exit codes: 0 all answers are the same, 1 some differ, 2 usage or configuration,
3 the server could not be reached or enrolls no device.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("dmwake replay takes one file, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runReplay(c.Context(), s, &f, args[0]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of your server; without it the embedded one is used")
	fl.IntVar(&f.session, "session", 0, "replay only this session of the file, counted from 1; 0 replays all")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break the embedded server on purpose; repeatable")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "print every new answer")
	return c
}

func runReplay(ctx context.Context, s *streams, f *replayFlags, file string) error {
	list, notes, err := trace.Read(file, os.Stdin)
	if err != nil {
		return usage(err)
	}
	for _, n := range notes {
		say(s.err, "dmwake: note: %s\n", n)
	}
	if f.session < 0 || f.session > len(list) {
		return usage(fmt.Errorf("--session %d: the file has %s", f.session, wording.Count(len(list), "session")))
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
	mutated, err := broken(f.mutants)
	if err != nil {
		return err
	}
	l, err := lab.Start(cfg, lab.Options{Mutants: mutated})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	differ := 0
	devices := map[string]*dmclient.Device{} // by recorded device
	for i := range list {
		if f.session > 0 && i != f.session-1 {
			continue
		}
		r := &list[i]
		if devices[r.Device] == nil {
			if devices[r.Device], err = newcomer(ctx, l); err != nil {
				return &exitError{exitUnreachable, err}
			}
		}
		d := devices[r.Device]
		say(s.out, "session %d of %d: SessionID %s of device %s, %s; replayed by %s\n", i+1, len(list), r.Session, r.Device, wording.Count(len(r.Sent), "message"), d.Identity().DeviceID)
		channel, _, err := l.WNS.OpenChannel(ctx, d.Identity().DeviceID, l.Config.WNS.App.PFN, func([]byte) {})
		if err != nil {
			channel = ""
		}
		trace.Play(ctx, d, r, trace.Options{Channel: channel}, func(step trace.Step) {
			if !step.Same() {
				differ++
			}
			s.step(&step, f.verbose)
		})
		if ctx.Err() != nil {
			return &exitError{exitInterrupted, errors.New("interrupted")}
		}
	}
	if differ > 0 {
		say(s.out, "%s not as recorded\n", wording.Count(differ, "message"))
		return &exitError{exitFailed, errSilent}
	}
	fmt.Fprintln(s.out, "all answers are as recorded")
	return nil
}

// newcomer returns a newly enrolled device without a session.
func newcomer(ctx context.Context, l *lab.Lab) (*dmclient.Device, error) {
	if l.Config.Target.Shared() {
		return l.Shared(ctx)
	}
	p, err := l.Config.Target.Profile(l.Config.Target.Profiles[len(l.Config.Target.Profiles)-1])
	if err != nil {
		return nil, err
	}
	d, err := l.NewDevice(p)
	if err != nil {
		return nil, err
	}
	return d, l.Enroll(ctx, d)
}

// step prints the outcome of one message of a replay.
func (s *streams) step(step *trace.Step, verbose bool) {
	text := "as recorded"
	switch {
	case step.Problem != "":
		text = step.Problem
	case step.Diff != "":
		text = "a different answer"
	case len(step.Notes) > 0:
		text = "the same answer, to a different message"
	}
	say(s.out, "  message %d: %s\n", step.Message, redact.Text(text))
	for _, n := range step.Notes {
		say(s.out, "    %s\n", n)
	}
	for _, line := range strings.Split(redact.Text(step.Diff), "\n") {
		// The head of a diff names files that do not exist.
		if line != "" && !strings.HasPrefix(line, "diff ") {
			say(s.out, "    %s\n", line)
		}
	}
	if verbose && step.Response != "" {
		fmt.Fprintf(s.out, "%s\n", report.Pretty([]byte(step.Response)))
	}
}
