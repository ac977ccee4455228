package cli

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// deviceFlags are the flags of all device commands.
type deviceFlags struct {
	state, config       string
	discovery, username string
	ca, connect         string
	faults, quirks      []string
	acceptUnknown       bool
	ddf                 string
	allowHTTP           bool
	quiet, verbose      bool
	reveal              bool
	tokenKind           string             // of the directory's tokens; empty: good
	directory           *directoryFlags    // of an enrollment; nil: as the file remembers
	opened              func(*bench) error // before the devices are loaded; nil: nothing
	creates             bool               // the file, if it is not there
}

func deviceCommand(s *streams) *cobra.Command {
	var f deviceFlags
	c := &cobra.Command{
		Use:   "device",
		Short: "Simulated Windows devices, kept in a file",
		Long: `Simulated Windows devices for any MDM server. A state file (--state) keeps them with
their certificates, keys and management trees across restarts.

  dmwake device enroll --discovery https://mdm.example/EnrollmentServer/Discovery.svc \
      --username demo@mdm.example --ca ca.pem --count 10
  dmwake device run       polls and answers pushes, until interrupted
  dmwake device list
  dmwake device show DESKTOP-1A2B3C4
  dmwake device compare FILE  what a real Windows device does differently

Where the server is comes from flags or from --config, and is kept in the file; the
password from DMWAKE_PASSWORD or the configuration. A DEVICE is named by its DeviceID, the
beginning of one, its name, or its number in the list, which stays its own as long
as the file has it. While "run" has the file, list, show and sync ask that process.`,
	}
	commandsOnly(c)
	c.AddCommand(enrollCommand(s, &f), adoptCommand(s, &f), syncCommand(s, &f), healthyWhileRunning(runCommand(s, &f)), listCommand(s, &f), showCommand(s, &f),
		setCommand(s, &f), compareCommand(s, &f), unenrollCommand(s, &f), wipeCommand(s, &f), faultsCommand(s), quirksCommand(s))
	return c
}

// complete gives the shell the values of a flag.
func complete(c *cobra.Command, flag string, values func() []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // a flag of that name was not defined: found by any test
	}
}

// target is the server, from --config and the flags.
func (f *deviceFlags) target() (*target.Config, error) {
	cfg := &target.Config{}
	if f.config != "" {
		var err error
		if cfg, err = target.Load(f.config); err != nil {
			return nil, err
		}
	}
	for _, v := range []struct {
		flag string
		to   *string
	}{{f.discovery, &cfg.Target.Discovery}, {f.username, &cfg.Target.Username}, {f.ca, &cfg.Target.CA}, {f.connect, &cfg.Target.Connect}} {
		if v.flag != "" {
			*v.to = v.flag
		}
	}
	if p := os.Getenv("DMWAKE_PASSWORD"); p != "" {
		cfg.Target.Password = target.NewSecret(p)
	}
	cfg.Target.AllowHTTP = cfg.Target.AllowHTTP || f.allowHTTP
	var err error
	if cfg.CSP.DDF, err = ddfFile(f.ddf, cfg.CSP.DDF); err != nil {
		return nil, err
	}
	cfg.Defaults()
	if d := cfg.Target.Discovery; d != "" && !strings.HasPrefix(d, "https://") {
		return nil, fmt.Errorf("--discovery %q is not an https URL", d)
	}
	return cfg, nil
}

// bench is a device command's state: the file, and its devices in memory.
type bench struct {
	s     *streams
	f     *deviceFlags
	cfg   *target.Config
	store *fleet.Store
	fleet *fleet.Fleet
	print *printer
	dev   dmclient.Config // of all devices
	rows  []row
	// host is the bench of the process that was asked; nil in the process that has
	// the file.
	host *bench
	// syncs says that this process runs the devices' sessions, also for others.
	syncs bool
	// unstored is shared with those who ask this process.
	unstored *unstored
	// activity is what the devices of "run" do; nil in other commands.
	activity *activity
	// tokens says that devices have a directory; closing ends it.
	tokens  bool
	closing []func()
}

// row is a device of the file.
type row struct {
	i      int // in the fleet
	number int
	id     string
	name   string
	begun  bool // its enrollment began and did not end
	state  string
	due    dmclient.Due // what it does next
}

// open loads the file's devices into a fleet.
func (f *deviceFlags) open(s *streams, edit func(*bench, *dmclient.Config)) (*bench, error) {
	cfg, err := f.target()
	if err != nil {
		return nil, usage(err)
	}
	b := &bench{s: s, f: f, cfg: cfg, print: &printer{w: s.out, verbose: f.verbose, reveal: f.reveal}, unstored: &unstored{}}
	if err := f.found(); err != nil {
		return nil, err
	}
	if b.store, err = fleet.Open(f.state); err != nil {
		return nil, usage(f.taken(err))
	}
	if n := b.store.Notice(); n != "" {
		fmt.Fprintln(s.err, "dmwake: "+n)
	}
	if f.opened != nil {
		err = f.opened(b)
	}
	if err == nil {
		err = b.load(edit)
	}
	if err != nil {
		b.close()
		return nil, usage(err)
	}
	return b, nil
}

// found refuses a file that is not there to commands that add no device to it: a misspelt
// name must not become an empty file.
func (f *deviceFlags) found() error {
	if _, err := os.Stat(f.state); f.creates || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return usage(fmt.Errorf("%s is not there, so it has no devices; enroll some with dmwake device enroll, or name another file by --state", f.state))
}

func (b *bench) close() {
	for _, f := range b.closing {
		f()
	}
	b.store.Close() //nolint:errcheck // everything is on disk already
}

// reach is how the file's devices reach their server, so that commands need no
// flags for it.
type reach struct {
	Discovery, Username, Connect string
	CA                           []byte // PEM
}

// remember fills gaps in flags and configuration from the file, and stores what
// they say.
func (b *bench) remember() (*reach, error) {
	var r reach
	raw, err := b.store.Meta("reach")
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.f.state, err)
	}
	t := &b.cfg.Target
	for _, v := range []struct{ said, kept *string }{{&t.Discovery, &r.Discovery}, {&t.Username, &r.Username}, {&t.Connect, &r.Connect}} {
		if *v.said != "" {
			*v.kept = *v.said
		} else {
			*v.said = *v.kept
		}
	}
	if t.CA != "" {
		if r.CA, err = bounded.ReadFile(t.CA, bounded.Text); err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
	}
	now, err := json.Marshal(r)
	if err == nil && string(now) != string(raw) {
		err = b.store.PutMeta("reach", now)
	}
	return &r, err
}

// load loads the file's devices into a fleet.
func (b *bench) load(edit func(*bench, *dmclient.Config)) error {
	known, err := b.remember()
	if err != nil {
		return err
	}
	dev, err := b.f.device(b.cfg, known)
	if err != nil {
		return err
	}
	if err := b.giveTokens(&dev); err != nil {
		return err
	}
	if edit != nil {
		edit(b, &dev)
	}
	dev.Persist = b.persist
	b.dev = dev
	b.fleet = fleet.New(fleet.Config{Device: dev, OnSession: b.held})
	return b.store.Each(func(e fleet.Entry) error {
		i, err := b.fleet.Restore(e.Record, b.store)
		if err != nil {
			return fmt.Errorf("%s: device %s: %w", b.f.state, e.DeviceID, err)
		}
		r := row{i: i, number: e.Number, id: e.DeviceID, begun: e.Begun}
		err = b.fleet.Do(context.Background(), i, func(d *dmclient.Device) error {
			r.name, r.state = d.Identity().Name, d.State().String()
			r.due, _ = d.Next()
			if d.State() == dmclient.Enrolled && d.PublicKey() == nil {
				fmt.Fprintf(b.s.err, "dmwake: the key of device %d, %s, is lost; dmwake device enroll --again %d enrolls it anew\n", r.number, r.name, r.number)
			}
			return nil
		})
		b.rows = append(b.rows, r)
		return err
	})
}

// device is the configuration of all devices. Only "run" waits for an
// unreachable server.
func (f *deviceFlags) device(cfg *target.Config, known *reach) (dmclient.Config, error) {
	t := &cfg.Target
	dev := dmclient.Config{
		Discovery: t.Discovery, Username: t.Username, Password: t.Password.Value(), Timeout: cfg.Timeouts.Request,
		TermsOfUse: t.TermsOfUse, AcceptUnknown: f.acceptUnknown, AllowHTTP: t.AllowHTTP, WNS: unattended{}, Dial: cfg.Dialer(), NoRetry: true,
	}
	var err error
	if dev.DDF, err = cfg.CSP.Base(); err != nil {
		return dev, err
	}
	if len(known.CA) > 0 {
		dev.Roots = x509.NewCertPool()
		if !dev.Roots.AppendCertsFromPEM(known.CA) {
			return dev, errors.New("--ca: the file has no PEM certificate")
		}
	}
	for _, spec := range f.faults {
		k, err := faults.New(spec)
		if err != nil {
			return dev, err
		}
		dev.Faults = append(dev.Faults, k)
	}
	var probe dmclient.Profile
	for _, q := range f.quirks {
		if err := probe.SetQuirk(q); err != nil {
			return dev, err
		}
	}
	dev.Quirks = f.quirks
	return dev, nil
}

// unattended is the push service of commands that do not wait for pushes. Its
// channels receive nothing; "run" gets real ones.
type unattended struct{ dmclient.IgnoreEvents }

func (unattended) OpenChannel(_ context.Context, device, _ string, _ func([]byte)) (string, time.Time, error) {
	return "https://db5p.notify.windows.com/?token=AwYunattended" + device, time.Now().Add(30 * 24 * time.Hour), nil
}
func (unattended) CloseChannel(string) {}

// held is called after every session of the fleet.
func (b *bench) held(d *dmclient.Device, s *dmclient.Session, err error) {
	b.print.session(d, s, err)
	b.activity.session(d, s, err, b.host != nil)
	if b.host != nil && s != nil {
		b.host.print.session(d, s, err)
	}
	if s != nil {
		if s.TokenErr != nil {
			b.print.line("%-16s the directory gives no token: %s", d.Identity().Name, redact.Text(s.TokenErr.Error()))
		}
	}
	b.keep(d, s)
}

// outcome is the result of a command on many devices.
func (b *bench) outcome(ctx context.Context, total int, failed map[int]error, what string) error {
	if len(failed) == 0 {
		return nil
	}
	reasons, stored := map[string]int{}, true
	for _, err := range failed {
		reasons[wording.Error(err)]++
		stored = stored && !errors.Is(err, dmclient.ErrNotStored)
	}
	for reason, n := range reasons {
		say(b.s.err, "dmwake: %d of %d: %s\n", n, total, reason)
	}
	code := exitUnreachable
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errSilent}
	case !stored:
		code = exitUsage
	}
	return &exitError{code, errors.New(wording.Count(len(failed), "device") + " of " + fmt.Sprint(total) + " could not " + what)}
}
