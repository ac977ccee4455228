// Package cli is the command line. Only this package prints, and decides how the
// process exits.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// Exit codes; a contract.
const (
	exitOK          = 0
	exitFailed      = 1 // a MUST failed, or what --fail-on names
	exitUsage       = 2 // usage, configuration, limits of this machine
	exitUnreachable = 3 // the target could not be reached, or no device could enroll
	exitSuite       = 4 // dmwake itself failed
	exitInterrupted = 130
)

// exitError carries an exit code; its text is for the user.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

// errSilent ends a command whose output already says everything.
var errSilent = errors.New("")

// streams are where a command writes.
type streams struct{ out, err io.Writer }

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := endedBySignals()
	defer stop()
	return mainUntil(ctx, args, stdout, stderr)
}

// mainUntil is Main, with the context whose end is the user's Ctrl-C.
func mainUntil(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checked{w: stdout}
	onOut, onErr := onScreens(out, stderr)
	stderr = guarded(onErr)
	root := rootCommand(&streams{out: guarded(onOut), err: stderr})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	screenOf(onOut).End()
	screenOf(onErr).End()
	var e *exitError
	switch {
	case err == nil:
		e = &exitError{exitOK, errSilent}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		e = &exitError{exitInterrupted, errors.New("interrupted")}
	case errors.As(err, &e):
	default:
		e = &exitError{exitUsage, err}
	}
	if lost := out.failure(); lost != nil {
		fmt.Fprintf(stderr, "dmwake: standard output cannot be written: %v\n", lost)
		if e.code == exitOK {
			e.code = exitUsage
		}
		if strings.Contains(e.Error(), lost.Error()) {
			e.err = errSilent // it is told
		}
	}
	if !errors.Is(e.err, errSilent) {
		fmt.Fprintln(stderr, "dmwake: "+redact.Text(strings.TrimSpace(wording.Error(e.err))))
	}
	return e.code
}

// endedBySignals is a context that ends with a signal that ends a command and keeps its
// results: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed), unless the
// process was started to outlive its terminal (nohup). A second Ctrl-C kills the
// process. A second SIGHUP does not: whoever closes a terminal sends it from the system
// and from the shell.
func endedBySignals() (ctx context.Context, stop func()) {
	ctx, first := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	stop = first
	if !signal.Ignored(syscall.SIGHUP) {
		// For good: one that comes as the process ends must not change its exit code.
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		hungUp, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-hangups:
			case <-hungUp.Done():
			}
			cancel()
		}()
		ctx, stop = hungUp, func() { first(); cancel() }
	}
	context.AfterFunc(ctx, first)
	return ctx, stop
}

// rootCommand returns the whole command line.
func rootCommand(s *streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "dmwake",
		Short: "Tests the push path of Windows MDM servers, without Windows and without Microsoft",
		Long: `dmwake simulates Windows devices and Microsoft's push service (WNS), so you can
test the push path of any Windows MDM server on a laptop or in CI.

  dmwake test          run the suite against the embedded reference server
  dmwake test --config dmwake.yaml
                       run it against your own server
  dmwake init          write dmwake.yaml for your server
  dmwake doctor        check it step by step, and say what to fix
  dmwake mdm           run the reference server alone
  dmwake lab           run a fake WNS, and start your server with the environment for it
  dmwake device        enroll and run simulated devices against any server
  dmwake push          send a notification as a server would, and explain the answer
  dmwake explain 418   what a code on this path means, its causes, what to do
  dmwake csp PATH      what a node of Windows takes; csp check FILE checks commands
  dmwake load          measure push latency under load, stage by stage
  dmwake read          say what a pasted log tells, without any server
  dmwake replay        replay a recorded session, and show what differs
  dmwake repro         reproduce a reported bug, for as long as you debug
  dmwake report        compare the reports of two runs, or join the parts of one`,
		SilenceUsage: true, SilenceErrors: true, Version: report.Version,
	}
	commandsOnly(root)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(usageOf)
	root.AddCommand(healthyWhileRunning(testCommand(s)), mdmCommand(s), labCommand(s), deviceCommand(s), pushCommand(s), explainCommand(s), cspCommand(s), reproCommand(s), reportCommand(s),
		initCommand(s), doctorCommand(s), readCommand(s), replayCommand(s), healthyWhileRunning(loadCommand(s)), healthCommand(s), manCommand(s), versionCommand(s))
	strictHelp(root)
	completeNames(root)
	addSamples(root)
	groupFlags(root)
	return root
}

// color reports whether w is a terminal on which colour is wanted (no-color.org).
func color(w io.Writer) bool { return screenOf(w) != nil && os.Getenv("NO_COLOR") == "" }

// noArgs rejects arguments with an error text of our own.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("%s takes no arguments, but got %q; %s --help lists its flags", c.CommandPath(), args[0], c.CommandPath()))
	}
	return nil
}

// broken gives the mutants of --mutant.
func broken(names []string) ([]*mutants.Mutant, error) {
	list, err := mutants.Find(names...)
	if err != nil {
		return nil, usage(fmt.Errorf("--mutant: %w", err))
	}
	return list, nil
}
