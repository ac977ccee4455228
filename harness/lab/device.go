package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// NewDevice makes a device of the profile that could enroll with the target;
// edit may change what was drawn and configured for it.
func (l *Lab) NewDevice(p dmclient.Profile, edit ...func(*dmclient.Config)) (*dmclient.Device, error) {
	cfg, err := l.DeviceConfig()
	if err != nil {
		return nil, err
	}
	cfg.Profile, cfg.Identity = p, l.NewIdentity()
	cfg.NoRetry = true // a scenario counts its sessions
	usual := cfg
	for _, f := range edit {
		f(&cfg)
	}
	d, err := dmclient.New(cfg)
	if err == nil && ordinary(&usual, &cfg) {
		l.lenient().expect(d)
	}
	return d, err
}

// NewIdentity draws one; those of a lab are as its seed says.
func (l *Lab) NewIdentity() dmclient.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return dmclient.NewIdentity(l.rand)
}

// DeviceConfig is what all devices of the target have in common; Profile and
// Identity are not set.
func (l *Lab) DeviceConfig() (dmclient.Config, error) {
	t := &l.Config.Target
	cfg := dmclient.Config{
		Discovery: t.Discovery, Username: t.Username, Password: t.Password.Value(),
		Roots: l.roots, Key: l.key, Timeout: l.Config.Timeouts.Request, Log: l.log, Dial: l.Config.Dialer(),
		Pace: l.pace.wait, Busy: l.pace.busy, BareWait: l.opts.BareWait,
	}
	var err error
	if cfg.EnrollCert, err = t.Certificate.Load(); err != nil {
		return cfg, err
	}
	switch {
	case l.Directory != nil:
		cfg.EntraToken = func(context.Context) (string, error) {
			return l.Directory.Issue(entra.Good, entra.Who{UPN: t.Username})
		}
	case t.Hooks.Token != nil:
		cfg.EntraToken = func(ctx context.Context) (string, error) {
			out, err := t.Hooks.Token.Run(ctx, "token", target.Vars{Username: t.Username}, l.Config.Timeouts.Hook)
			return strings.TrimSpace(out), err
		}
	}
	if t.Push != "none" {
		cfg.WNS = l.WNS
	}
	return cfg, nil
}

// Shared is the one device of a target that allows no more, enrolled or
// adopted when it is asked for first, and running. It is as it was made but for
// what the server set: faults are gone, and network and user are there.
func (l *Lab) Shared(ctx context.Context) (*dmclient.Device, error) {
	select {
	case l.sharing <- struct{}{}:
		defer func() { <-l.sharing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d := l.shared.Load()
	if d == nil {
		var err error
		if d, err = l.makeShared(ctx); err != nil {
			return nil, err
		}
		l.shared.Store(d)
		l.Go(d)
	}
	d.ClearFaults()
	d.SetLogin(dmclient.LoginUser)
	d.SetPower(dmclient.PowerNormal)
	d.SetWNSOffline(false)
	if d.PFN() != "" && d.ChannelURI() == "" {
		if err := d.RenewChannel(ctx); err != nil {
			l.log.Warn("the shared device's channel is not renewed", "err", err)
		}
	}
	return d, nil
}

func (l *Lab) makeShared(ctx context.Context) (*dmclient.Device, error) {
	t := &l.Config.Target
	p, err := dmclient.ProfileByName(t.Profiles[len(t.Profiles)-1])
	if err != nil {
		return nil, err
	}
	known := &t.Provisioned
	d, err := l.NewDevice(p, func(c *dmclient.Config) {
		if known.DeviceID != "" {
			c.Identity.DeviceID = known.DeviceID
		}
		if known.Server != "" && c.Discovery == "" {
			c.Discovery = known.Server // it has to have one, and is never asked there
		}
	})
	if err != nil {
		return nil, err
	}
	if known.Server != "" {
		account, err := known.Load()
		if err != nil {
			return nil, fmt.Errorf("target.provisioned: %w", err)
		}
		if err := d.Adopt(account); err != nil {
			return nil, fmt.Errorf("target.provisioned: %w", err)
		}
		if err := d.Reconnect(ctx); err != nil {
			return nil, fmt.Errorf("target.provisioned.pfn: %w", err)
		}
	} else if err := l.Enroll(ctx, d); err != nil {
		return nil, err
	}
	d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) //nolint:errcheck // the suite judges sessions
	return d, nil
}

// Go runs a device until the lab closes: it answers pushes from now on.
func (l *Lab) Go(d *dmclient.Device) {
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		defer d.Close()
		d.Run(l.ctx) //nolint:errcheck // ends with the lab
	}()
}

// Command is what a queue hook is asked to queue.
type Command struct {
	Verb                 syncml.Verb
	LocURI, Format, Data string
}

// RemoteWipe and RemoteLock are the commands for which a target may have hooks of
// their own.
var (
	RemoteWipe = Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteWipe/doWipe"}
	RemoteLock = Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteLock/Lock"}
)

// ErrNoHook is wrapped where a hook is needed that is not configured.
var ErrNoHook = errors.New("no hook configured")

func (l *Lab) hook(ctx context.Context, name string, h *target.Hook, d *dmclient.Device, c Command) (string, error) {
	return l.hookFor(ctx, name, h, l.Vars(d), c)
}

func (l *Lab) hookFor(ctx context.Context, name string, h *target.Hook, v target.Vars, c Command) (string, error) {
	if h == nil {
		return "", fmt.Errorf("%w: %s", ErrNoHook, name)
	}
	v.Verb, v.LocURI, v.Format, v.Data = string(c.Verb), c.LocURI, c.Format, c.Data
	return h.Run(ctx, name, v, l.Config.Timeouts.Hook)
}

// Vars are what hooks can say of a device.
func (l *Lab) Vars(d *dmclient.Device) target.Vars {
	id := d.Identity()
	return target.Vars{DeviceID: id.DeviceID, UDID: id.DeviceID, DeviceName: id.Name, HWDevID: id.HWDevID, Profile: d.Profile().Name,
		Username: l.Config.Target.Username, ChannelURI: d.ChannelURI()}
}

// Queue makes the server queue a command for a device.
func (l *Lab) Queue(ctx context.Context, d *dmclient.Device, c Command) error {
	return l.QueueFor(ctx, l.Vars(d), c)
}

// QueueFor is Queue for a device that is not at hand.
func (l *Lab) QueueFor(ctx context.Context, v target.Vars, c Command) error {
	name, h := l.queueHook(c)
	_, err := l.hookFor(ctx, name, h, v, c)
	return err
}

// CanQueue tells whether the target has a hook that queues a command.
func (l *Lab) CanQueue(c Command) bool {
	_, h := l.queueHook(c)
	return h != nil
}

func (l *Lab) queueHook(c Command) (name string, h *target.Hook) {
	switch hooks := &l.Config.Target.Hooks; {
	case c == RemoteWipe && hooks.Wipe != nil:
		return "wipe", hooks.Wipe
	case c == RemoteLock && hooks.Lock != nil:
		return "lock", hooks.Lock
	default:
		return "queue", hooks.Queue
	}
}

// Push makes the server push to a device.
func (l *Lab) Push(ctx context.Context, d *dmclient.Device) error { return l.PushFor(ctx, l.Vars(d)) }

// PushFor is Push for a device that is not at hand.
func (l *Lab) PushFor(ctx context.Context, v target.Vars) error {
	_, err := l.hookFor(ctx, "push", l.Config.Target.Hooks.Push, v, Command{})
	return err
}

// Wipe makes the server queue a remote wipe.
func (l *Lab) Wipe(ctx context.Context, d *dmclient.Device) error { return l.Queue(ctx, d, RemoteWipe) }

// Lock makes the server queue a remote lock.
func (l *Lab) Lock(ctx context.Context, d *dmclient.Device) error { return l.Queue(ctx, d, RemoteLock) }

// Unenroll makes the server end the management of a device.
func (l *Lab) Unenroll(ctx context.Context, d *dmclient.Device) error {
	_, err := l.hook(ctx, "unenroll", l.Config.Target.Hooks.Unenroll, d, Command{})
	return err
}

// Restart makes the server start again and waits until it is there.
func (l *Lab) Restart(ctx context.Context, d *dmclient.Device) error {
	if _, err := l.hook(ctx, "restart", l.Config.Target.Hooks.Restart, d, Command{}); err != nil {
		return err
	}
	return l.AwaitHealth(ctx)
}

// Active asks the server whether it still manages a device; it wraps ErrNoHook
// where no hook tells.
func (l *Lab) Active(ctx context.Context, d *dmclient.Device) (bool, error) {
	out, err := l.hook(ctx, "active", l.Config.Target.Hooks.Active, d, Command{})
	return strings.Contains(out, d.Identity().DeviceID), err
}
