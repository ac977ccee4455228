package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/console"
	"github.com/dmwake/dmwake/harness/lab"
)

// sampleDevice is the lab's own device, so that there is a device to push to
// from the start.
const sampleDevice = "sample"

type labFlags struct {
	config, ddf    string
	wns            wnsFlags
	control, state string
	allow, faults  []string
	seed           uint64
	appRate        float64
	channelRate    float64
	quiet, verbose bool
	ready          readyFile
	listFaults     bool
}

func labCommand(s *streams) *cobra.Command {
	var f labFlags
	c := &cobra.Command{
		Use:   "lab [-- COMMAND...]",
		Short: "Run a fake WNS for your server, until interrupted",
		Long: `Starts a fake WNS, a route to it for an unmodified server, and a control API. It
prints the environment that the server needs, and then every request with a verdict:
ok, BROKEN (it broke a rule of WNS), refused, injected (a fault decided the answer), or
no request (a connection that brought none). It ends with a summary.

With a COMMAND it starts the server in that environment, and ends with it. With
--wns hosts WNS's names resolve to the lab for the command, in a private mount
namespace (Linux, root).

The control API (--control) shows and changes apps, channels, faults, the journal
and the clock, and holds devices that tests create, enroll and wait for (v1/devices);
openapi.yaml there describes it. The target of --config is the devices' default. Where
it is not on loopback it needs a token in DMWAKE_CONTROL_TOKEN. Devices of other
processes connect to it: dmwake device run --link http://127.0.0.1:7081. All of it is
also in a browser, at /console/ there.`,
		Args: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); len(args) > 0 && n != 0 {
				return usage(fmt.Errorf("unexpected argument %q; dmwake lab takes only a command after --", args[0]))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runLab(c.Context(), s, &f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file: its wns section, and its target for devices by API")
	f.wns.add(fl)
	ddfFlag(fl, &f.ddf)
	fl.StringVar(&f.control, "control", "127.0.0.1:7081", "address of the control API, or auto")
	fl.StringVar(&f.state, "state", "", "file that keeps apps, channels, accepted notifications until their devices have them, and the journal, across restarts; the devices by API are beside it, in FILE.devices")
	fl.StringArrayVar(&f.allow, "allow", nil, "let the proxy connect to this host, HOST or HOST:PORT; repeatable")
	fl.StringArrayVar(&f.faults, "fault", nil, "misbehave: \"status=503,Retry-After=5 times=3\", a value with spaces in quotes; repeatable, --list-faults shows all")
	fl.Float64Var(&f.appRate, "app-rate", 0, "answer 406 over so many notifications a second of an app; 0 never")
	fl.Float64Var(&f.channelRate, "channel-rate", 0, "answer channelthrottled over so many a second to a channel; 0 never")
	fl.BoolVar(&f.listFaults, "list-faults", false, "list the faults and exit")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of channel tokens and fault draws; 0 draws one")
	f.ready.flag(fl)
	quietFlag(fl, &f.quiet, "do not print the requests")
	verboseFlag(fl, &f.verbose, "also print headers and body of each request, without secrets")
	oneLoudness(c)
	complete(c, "fault", func() (out []string) {
		for _, k := range faults.All() {
			out = append(out, k.Name+"\t"+k.Does)
		}
		return out
	})
	return c
}

func runLab(ctx context.Context, s *streams, f *labFlags, argv []string) error {
	if f.listFaults {
		for _, k := range faults.All() {
			name := k.Name
			if k.Arg != "" {
				name += "=" + k.Arg
			}
			say(s.out, "%-32s %-13s %s\n", name, k.On, k.Does)
		}
		say(s.out, "\nwords after each of them: on=token or notification, app=PFN, channel=ID, device=ID, header=NAME, times=N, probability=0.1, for=5m\n")
		return nil
	}
	if err := f.ready.clear(); err != nil {
		return usage(err)
	}
	token := os.Getenv("DMWAKE_CONTROL_TOKEN")
	if !loopback(f.control) && token == "" {
		return usage(fmt.Errorf("the control API at %s is not on loopback: set DMWAKE_CONTROL_TOKEN", f.control))
	}
	cfg, lacks, err := f.target()
	if err != nil {
		return usage(err)
	}
	if cfg.CSP.DDF, err = ddfFile(f.ddf, cfg.CSP.DDF); err != nil {
		return usage(err)
	}
	f.wns.apply(&cfg.WNS)
	cfg.WNS.Allow = append(cfg.WNS.Allow, f.allow...)
	cfg.WNS.Faults = append(cfg.WNS.Faults, f.faults...)
	if f.appRate != 0 {
		cfg.WNS.AppRate = f.appRate
	}
	if f.channelRate != 0 {
		cfg.WNS.ChannelRate = f.channelRate
	}
	cfg.Defaults()
	if err := cfg.WNS.Check(); err != nil {
		return usage(err)
	}
	if len(argv) > 0 {
		if _, err := exec.LookPath(argv[0]); err != nil {
			return usage(fmt.Errorf("command %s not found: %w", argv[0], err))
		}
		if cfg.WNS.Mode == "hosts" {
			if err := intercept.Supported(ctx); err != nil {
				return usage(fmt.Errorf("--wns hosts with a command: %w; use --wns proxy", err))
			}
		}
	}
	warn := &warner{printer{w: s.err}, color(s.err)}
	if lacks != nil {
		warn.line("devices by API have no server, user and CA of %s: %v", f.config, lacks)
	}
	held := labDevices{token: token, state: f.state}
	l, err := lab.Start(cfg, lab.Options{Seed: f.seed, State: f.state, StateChanged: warn.state, Control: f.control, ControlToken: token, Parts: held.parts})
	if err != nil {
		held.close()
		return usage(err)
	}
	if n := l.StateNotice(); n != "" {
		warn.red(n)
	}
	if held.store != nil && held.store.Notice() != "" {
		warn.red(held.store.Notice())
	}
	watch := newJournalWatch(s, f, l)
	return endLab(ctx, l, &held, f.state, warn, watch, serveLab(ctx, s, f, l, token, argv, watch))
}

// serveLab runs the lab until ctx or its command ends.
func serveLab(ctx context.Context, s *streams, f *labFlags, l *lab.Lab, token string, argv []string, watch *journalWatch) error {
	trust, err := l.CA.WriteTrust()
	if err != nil {
		return usage(err)
	}
	introduce(ctx, s, l, trust, token)
	watch.start()
	if err := f.ready.write(s.out, labReady(l, trust)); err != nil {
		return usage(err)
	}
	if len(argv) > 0 {
		return runCommandInLab(ctx, s, l, trust, argv)
	}
	fmt.Fprintln(s.out, "ready; Ctrl-C ends it")
	<-ctx.Done()
	return nil
}

// introduce prints the addresses and how to use them.
func introduce(ctx context.Context, s *streams, l *lab.Lab, trust *intercept.Trust, token string) {
	w := &l.Config.WNS
	say(s.out, "fake WNS     https://%s\n", w.Listen)
	if w.Mode == "proxy" {
		say(s.out, "proxy        http://%s\n", w.Proxy)
	}
	with := ""
	if token != "" {
		with = ", with the token of DMWAKE_CONTROL_TOKEN"
	}
	say(s.out, "control API  http://%s (openapi.yaml, v1/devices, v1/journal, metrics)%s\n", l.ControlAddr, with)
	say(s.out, "console      http://%s%s\nCA           %s\nseed         %d\n", l.ControlAddr, console.Prefix, trust.CA, l.Seed)
	if l.CA.Note != "" {
		say(s.out, "note         %s\n", l.CA.Note)
	}
	for _, f := range l.WNS.Faults() {
		say(s.out, "fault        %s\n", f)
	}
	fmt.Fprintf(s.out, "\n%s", lab.Environment(&l.Config, trust))
	uri, err := sampleChannel(ctx, l)
	if err != nil {
		say(s.out, "# no sample device: %v\n", err)
		return
	}
	fmt.Fprintf(s.out, "\n# Try it, on a device of the lab's own (%q):\n%s\n", sampleDevice, sampleCurl(l, trust, uri))
}

// sampleChannel is the sample device's channel, from the state file or new.
func sampleChannel(ctx context.Context, l *lab.Lab) (string, error) {
	r := sample{}
	for _, c := range l.WNS.Channels(sampleDevice) {
		if l.WNS.Attach(c.URI, r) {
			return c.URI, nil
		}
	}
	uri, _, err := l.WNS.OpenChannelFor(ctx, sampleDevice, l.WNS.Apps()[0].PFN, r)
	return uri, err
}

// sample is a device that is always connected and ignores pushes.
type sample struct{}

func (sample) Connection() fakewns.Connection { return fakewns.Connected }
func (sample) Wake([]byte)                    {}

// sampleCurl shows what a sender does, as two curl commands.
func sampleCurl(l *lab.Lab, trust *intercept.Trust, uri string) string {
	a := l.WNS.Apps()[0]
	w := &l.Config.WNS
	curl := "curl -sS --cacert " + lab.ShellQuote(trust.CA)
	switch w.Mode {
	case "proxy":
		curl += " --proxy http://" + w.Proxy
	case "hosts":
		curl += " --connect-to ::" + w.Listen
	}
	secret := lab.ShellQuote(a.Secret)
	if a.Secret != fakewns.DefaultApp.Secret {
		secret = `"$DMWAKE_WNS_SECRET"`
	}
	id, scope := a.PackageSID, "notify.windows.com"
	if a.Kind == fakewns.Entra {
		id, scope = a.ClientID, "https://wns.windows.com/.default"
	}
	return fmt.Sprintf(`TOKEN=$(%s %s -d grant_type=client_credentials -d scope=%s --data-urlencode client_id=%s --data-urlencode client_secret=%s | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
%s -i %s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' -H 'X-WNS-Type: wns/raw' -H 'X-WNS-Cache-Policy: cache' --data-binary 'wake up'`,
		curl, lab.TokenURL(&l.Config), scope, id, secret, curl, lab.ShellQuote(uri))
}

// runCommandInLab runs a server with the environment to reach the lab, and ends
// with it.
func runCommandInLab(ctx context.Context, s *streams, l *lab.Lab, trust *intercept.Trust, argv []string) error {
	w := &l.Config.WNS
	proxy := ""
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user's own command
	switch w.Mode {
	case "proxy":
		proxy = w.Proxy
	case "hosts":
		dir, err := os.MkdirTemp("", "dmwake-hosts")
		if err != nil {
			return usage(err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
		hosts := filepath.Join(dir, "hosts")
		own, err := os.ReadFile("/etc/hosts")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return usage(err)
		}
		if err := os.WriteFile(hosts, []byte(lab.HostLines(&l.Config)+string(own)), 0o644); err != nil { //nolint:gosec // as /etc/hosts
			return usage(err)
		}
		cmd = intercept.InHosts(ctx, hosts, argv...)
	}
	cmd.Env = append(os.Environ(), trust.Env(proxy)...)
	cmd.Env = append(cmd.Env, healthEnv+"=") // the file is this lab's, also if its command is a dmwake
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, plain(s.out), plain(s.err)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	say(s.out, "starting %s\n", strings.Join(argv, " "))
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.As(err, &ended) && ended.ExitCode() > 0:
		return &exitError{ended.ExitCode(), fmt.Errorf("%s ended with exit code %d", argv[0], ended.ExitCode())}
	}
	return &exitError{exitFailed, fmt.Errorf("%s: %w", argv[0], err)}
}
