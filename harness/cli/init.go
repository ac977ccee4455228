package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/target/presets"
)

type initFlags struct {
	file, preset string
	list, force  bool
	v            presets.Values
	noPassword   bool
	restart      string
	given        map[string]bool // flags that were set

	of    *presets.Preset
	known map[string]bool      // flags whose value the preset knows
	asked map[string]*answered // the server's answers, by what it was asked with
	notes []string             // what was noticed and did not stop
}

func initCommand(s *streams) *cobra.Command {
	f := initFlags{given: map[string]bool{}}
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a dmwake.yaml for your server",
		Long: `Writes dmwake.yaml for your server, from flags, and on a terminal from your answers
to a few questions about the rest. Each answer is checked at once: the server is asked
how it enrolls devices and which Windows it takes. Every question has a flag, so that a
script needs no terminal (with </dev/null nothing is asked).

--preset NAME knows the rest of a server that people run; --list-presets lists them.

It does not ask for passwords and secrets: the file names the environment variables that
hold them. "dmwake doctor" then checks the file against the server.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			c.Flags().Visit(func(fl *pflag.Flag) { f.given[fl.Name] = true })
			in := io.Reader(nil)
			if term.IsTerminal(int(os.Stdin.Fd())) { //nolint:gosec // a file descriptor is small
				in = os.Stdin
			}
			return runInit(c.Context(), s, &f, in)
		},
	}
	fl, v := c.Flags(), &f.v
	fl.StringVar(&f.file, "file", "dmwake.yaml", "file to write")
	fl.BoolVar(&f.force, "force", false, "replace an existing file")
	fl.StringVar(&f.preset, "preset", "", "a server that is known: one of --list-presets")
	fl.BoolVar(&f.list, "list-presets", false, "list the presets and write nothing")
	fl.StringVar(&v.Username, "username", "", "user who enrolls devices, an e-mail address")
	fl.StringVar(&v.Discovery, "discovery", "", "URL of the discovery service (default: from the user's domain)")
	fl.StringVar(&v.Server, "server", "", "https://HOST of the server, for presets that know its paths")
	fl.StringVar(&v.Admin, "admin", "", "URL of the admin API, for the preset reference")
	fl.StringVar(&v.CA, "ca", "", "PEM file of the CA that signed the server's certificate (default: the system's)")
	fl.StringVar(&v.Profile, "profile", "", "version of Windows to simulate (default: the newest that the server takes)")
	fl.BoolVar(&f.noPassword, "no-password", false, "the server's sign-in page asks for no password")
	fl.StringVar(&v.Cert, "cert", "", "PEM file of the certificate that enrolls devices (AuthPolicy Certificate)")
	fl.StringVar(&v.Key, "key", "", "PEM file of its key")
	fl.StringVar(&v.Directory, "directory", "127.0.0.1:7090", "address of the fake Entra, for the preset entra")
	fl.StringVar(&v.Tenant, "tenant", "", "its tenant id (default: a random one)")
	fl.StringVar(&v.Audience, "audience", "", "Application ID URI of the server's app (default: https:// and its host)")
	fl.StringVar(&v.ClientID, "client-id", "", "client id of the server's app, if it wants v2.0 tokens")
	fl.BoolVar(&v.NoPush, "no-push", false, "the server has no WNS push")
	fl.StringVar(&v.Queue, "queue-url", "", "URL of your server's API that queues a command for a device; {{.DeviceID}} stands for its id")
	fl.StringVar(&v.Work, "work-url", "", "URL that gives a device anything to do, for a server that queues no commands")
	fl.StringVar(&v.Push, "push-url", "", "URL of your server's API that pushes to a device; auto: it pushes by itself when work is queued")
	fl.StringVar(&v.Lookup, "lookup-url", "", "URL that answers with the server's own id of a device, if the others use {{.ServerID}}")
	fl.StringVar(&v.Enrolled, "enrolled-url", "", "URL to call after each enrollment")
	fl.StringVar(&v.Wipe, "wipe-url", "", "URL that wipes a device (default: the command is queued, if there is --queue-url)")
	fl.StringVar(&v.Unenroll, "unenroll-url", "", "URL that unenrolls a device")
	fl.StringVar(&v.Active, "active-url", "", "URL that answers with the DeviceIDs of all managed devices")
	fl.StringVar(&f.restart, "restart", "", "command that restarts the server, or a URL")
	fl.StringVar(&v.Mode, "wns", "proxy", "how the server reaches the fake WNS: proxy, hosts or direct")
	fl.StringVar(&v.Listen, "wns-listen", "", "address of the fake WNS (default 127.0.0.1:7443; hosts: 127.0.0.1:443), or auto")
	fl.StringVar(&v.Proxy, "proxy", "", "address of its proxy (default 127.0.0.1:7080), or auto")
	fl.StringVar(&v.PFN, "pfn", "", "package family name that your server sets (default: the lab's)")
	fl.StringVar(&v.SID, "sid", "", "Package SID of your server's app (default: the lab's)")
	return c
}

func runInit(ctx context.Context, s *streams, f *initFlags, in io.Reader) error {
	if f.list {
		listPresets(s.out)
		return nil
	}
	if _, err := os.Stat(f.file); err == nil && !f.force {
		return usage(fmt.Errorf("%s already exists; --force replaces it, --file names another", f.file))
	}
	if info, err := os.Stat(filepath.Dir(f.file)); err != nil || !info.IsDir() {
		return usage(fmt.Errorf("--file %s: there is no folder %s; create it first", f.file, filepath.Dir(f.file)))
	}
	d := newDialogue(ctx, s.out, in)
	err := f.choose(d)
	if err == nil {
		err = f.answer(ctx, d)
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted; nothing was written")}
	case err != nil:
		return usage(err)
	}
	text, err := f.of.Text(f.v)
	if err == nil {
		err = checkText(f.file, text)
	}
	if err == nil {
		err = os.WriteFile(f.file, []byte(text), 0o600)
	}
	if err != nil {
		return usage(err)
	}
	for _, n := range f.notes {
		fmt.Fprintln(s.out, redact.Text(n))
	}
	return f.next(s.out)
}

func listPresets(out io.Writer) {
	for _, p := range presets.All() {
		if p.Name != "" {
			say(out, "%-12s %s (%s)\n", p.Name, p.About, p.Tried)
		}
	}
	fmt.Fprintln(out, "What each needs: harness/docs/presets.md")
}

// choose finds the preset, and refuses flags that it does not use.
func (f *initFlags) choose(d *dialogue) (err error) {
	if d.asks() && f.preset == "" && !slices.ContainsFunc(presets.All()[0].Asks, func(name string) bool { return f.given[name] }) {
		var names []string
		for _, p := range presets.All()[1:] {
			names = append(names, p.Name)
		}
		if err := d.ask(question{name: "preset", text: fmt.Sprintf("Which server is it: %s (Enter: another one)", strings.Join(names, ", ")), to: &f.preset,
			check: func(v string) error { _, err := presets.Find(v); return err }}); err != nil {
			return err
		}
	}
	if f.of, err = presets.Find(f.preset); err != nil {
		return fmt.Errorf("--preset: %w", err)
	}
	var wrong []error
	for _, name := range allAsks() {
		if f.given[name] && !f.of.Uses(name) {
			wrong = append(wrong, f.unused(name))
		}
	}
	f.fill()
	return errors.Join(wrong...)
}

// allAsks are the flags that only some presets use.
func allAsks() (out []string) {
	for _, p := range presets.All() {
		for _, name := range p.Asks {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// unused is the error for a flag that does not belong to the preset.
func (f *initFlags) unused(name string) error {
	if f.preset != "" {
		return fmt.Errorf("--%s: the preset %s does not use it; it uses --%s", name, f.preset, strings.Join(f.of.Asks, ", --"))
	}
	var of []string
	for _, p := range presets.All() {
		if p.Uses(name) {
			of = append(of, p.Name)
		}
	}
	return fmt.Errorf("--%s needs --preset %s", name, strings.Join(of, " or "))
}

// fill takes the preset's values where no flag gives another.
func (f *initFlags) fill() {
	v, def := &f.v, &f.of.Defaults
	f.known = map[string]bool{}
	for name, values := range map[string][2]*string{"server": {&v.Server, &def.Server}, "admin": {&v.Admin, &def.Admin}, "username": {&v.Username, &def.Username}, "ca": {&v.CA, &def.CA}} {
		if !f.given[name] && *values[0] == "" && *values[1] != "" {
			*values[0] = *values[1]
			f.known[name] = true
		}
	}
}

// next says what to do with the file.
func (f *initFlags) next(out io.Writer) error {
	say(out, "Wrote %s. Next:\n", f.file)
	var steps [][2]string
	for _, e := range f.environment() {
		steps = append(steps, [2]string{"export " + e.Name + "=...", "# " + e.Means})
	}
	const needs = "# what your server needs in its environment"
	switch w := (&target.WNS{Mode: f.v.Mode, Listen: f.v.Listen, Proxy: f.v.Proxy}); {
	case f.pushless():
	case w.Fixed() != nil: // known while it runs
		steps = append(steps, [2]string{"dmwake lab --config " + f.file, needs})
	default:
		steps = append(steps, [2]string{"dmwake test --config " + f.file + " --print-env", needs})
	}
	steps = append(steps, [2]string{"dmwake doctor --config " + f.file, "# check it step by step"}, [2]string{"dmwake test --config " + f.file, "# the suite"})
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, s := range steps {
		put(w, "  %s\t%s\n", s[0], s[1]) // our own words: PASSWORD=... is no secret
	}
	return w.Flush()
}

// environment is what the file needs of it.
func (f *initFlags) environment() (out []presets.Variable) {
	for _, e := range f.of.Env {
		if e.Name == "MDM_PASSWORD" && (f.v.Password == presets.No || f.v.Cert != "") {
			continue
		}
		out = append(out, e)
	}
	if f.v.PFN != "" || f.v.SID != "" {
		out = append(out, presets.Variable{Name: "WNS_SECRET", Means: "the secret of your server's app"})
	}
	return out
}

// checkText rejects a text that could not be loaded again, except for secrets that
// are not set yet.
func checkText(file, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".dmwake-*.yaml") // paths in it are relative
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.WriteString(text); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	err = target.Check(tmp.Name())
	var c *target.ConfigError
	if errors.As(err, &c) {
		return &target.ConfigError{Where: file, What: c.What}
	}
	return err
}
