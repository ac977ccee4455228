package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/doctor"
	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/entra"
)

func doctorCommand(s *streams) *cobra.Command {
	var config string
	var hooks []string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check a configuration step by step, and say what to fix",
		Long: `Checks dmwake.yaml against the server it describes, step by step: name, TLS,
discovery, enrollment of one device, its first sessions, PFN and channel, and each
hook, up to a push that wakes the device. It says how to fix the first problem,
and which scenarios need anything that is missing.

--hooks also tries hooks that it does not run unasked: restart restarts the server;
lock, unenroll and wipe act on a simulated device that doctor enrolls for each. It
says what it will do before it does it.

Exit codes: 0 no problem, 1 a real Windows would stop where the simulated device goes
on, 2 a problem with a hook or the WNS section, 3 the server cannot be reached or
enrolls no device.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), s, config, hooks) },
	}
	c.Flags().StringVar(&config, "config", "dmwake.yaml", "configuration file of the target")
	c.Flags().StringSliceVar(&hooks, "hooks", nil, "also try these hooks, which doctor does not run unasked: "+strings.Join(doctor.Severe(), ", "))
	complete(c, "hooks", doctor.Severe)
	return c
}

func runDoctor(ctx context.Context, s *streams, config string, hooks []string) error {
	cfg, err := target.Load(config)
	if err != nil {
		return usage(err)
	}
	if err := doctor.CheckHooks(&cfg.Target, hooks); err != nil {
		return usage(fmt.Errorf("--hooks: %w", err))
	}
	l, err := lab.Start(cfg, lab.Options{})
	if err != nil {
		return usage(err)
	}
	defer l.Close()
	say(s.out, "%-5s %-12s %s\n", "ok", "file", config)
	if d := l.Directory; d != nil {
		say(s.out, "%-5s %-12s tenant %s, issuer %s, audience %s, keys %s\n", "ok", "directory", d.Tenant(), d.Issuer(), d.Audience(), d.KeysURL())
		if iss, aud := d.Of(entra.V2); d.Version() != entra.V2 && cfg.Target.Directory.ClientID != "" {
			say(s.out, "%-5s %-12s v2.0 tokens: issuer %s, audience %s\n", "ok", "directory", iss, aud)
		}
	}
	var first error
	doctor.Examine(ctx, l, func(f doctor.Finding) {
		mark, code := string(f.State), 0
		switch {
		case f.State == doctor.Stops:
			mark, code = "FAIL", exitFailed
		case f.State == doctor.Bad && f.Reach:
			mark, code = "FAIL", exitUnreachable
		case f.State == doctor.Bad:
			mark, code = "FAIL", exitUsage
		}
		if code != 0 && (first == nil || f.State == doctor.Bad) { // what ends the examination decides
			first = &exitError{code, errSilent}
		}
		say(s.out, "%-5s %-12s %s\n", mark, f.Step, f.Saw)
		for _, line := range f.Hooks {
			say(s.out, "%-18s |  %s\n", "", line)
		}
		if f.Do != "" {
			say(s.out, "%-18s -> %s\n", "", withConfig(f.Do, config))
		}
		if code := shownCode(f); code != "" {
			say(s.out, "%-18s -> dmwake explain %s says more about the code\n", "", code)
		}
	}, hooks...)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted")}
	case first == nil:
		say(s.out, "\nNo problems found. Run: dmwake test --config %s\n", config)
	}
	return first
}

var aCode = regexp.MustCompile(`\b(?:0x8[0-9A-Fa-f]{7}|AADSTS[0-9]+)\b`)

// shownCode is the code in a finding that "dmwake explain" knows, if the finding does not
// say so itself.
func shownCode(f doctor.Finding) string {
	if f.State == doctor.OK || strings.Contains(f.Saw+f.Do, "dmwake explain") {
		return ""
	}
	for _, code := range aCode.FindAllString(f.Saw, -1) {
		if len(explain.Lookup("", code)) > 0 {
			return code
		}
	}
	return ""
}

// withConfig gives the commands of a hint the file that is examined: without it
// "dmwake test" tests the embedded server.
func withConfig(do, config string) string {
	do = strings.ReplaceAll(do, "dmwake test --config FILE ", "dmwake test ")
	return strings.ReplaceAll(do, "dmwake test --", "dmwake test --config "+lab.ShellQuote(config)+" --")
}
