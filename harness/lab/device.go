package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// NewDevice makes a device of the profile that could enroll with the target;
// edit may change the identity that was drawn for it.
func (l *Lab) NewDevice(p dmclient.Profile, edit ...func(*dmclient.Identity)) (*dmclient.Device, error) {
	t := &l.Config.Target
	l.mu.Lock()
	id := dmclient.NewIdentity(l.rand)
	l.mu.Unlock()
	for _, f := range edit {
		f(&id)
	}
	cfg := dmclient.Config{
		Discovery: t.Discovery, Username: t.Username, Password: t.Password.Value(), Profile: p, Identity: id,
		Roots: l.roots, Key: l.key, Timeout: l.Config.Timeouts.Request, Log: l.log,
		NoRetry: true, // a scenario counts its sessions
		Dial:    l.Config.Dialer(),
	}
	if t.Push != "none" {
		cfg.WNS = l.WNS
	}
	return dmclient.New(cfg)
}

// Enroll enrolls a device. Where the server fails at GetPolicies, or refuses
// the CSR as Windows encodes it, the lab goes on without the one or with a plain
// CSR, and does so from then on: one bug must not hide the server's others.
func (l *Lab) Enroll(ctx context.Context, d *dmclient.Device) error {
	l.mu.Lock()
	opts := l.leniency
	l.mu.Unlock()
	var first error
	var notes []string
	for {
		err := d.Enroll(ctx, opts)
		if err == nil {
			break
		}
		if first == nil {
			first = err // the one to look at if nothing helps
		}
		var e *enroll.Error
		switch {
		case !errors.As(err, &e) || e.Refused() || ctx.Err() != nil:
			return first
		case e.Step == enroll.StepPolicies && !opts.IgnorePolicies:
			opts.IgnorePolicies = true
			notes = append(notes, "The server fails at GetPolicies, where Windows would stop; the devices went on without a policy: "+err.Error())
		case e.Step == enroll.StepToken && !opts.PlainCSR:
			opts.PlainCSR = true
			notes = append(notes, "The server refuses the CSR as Windows encodes it, so the devices enrolled with a plain one: "+err.Error())
		default:
			return first
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if opts != l.leniency {
		l.leniency = opts
		l.notes = append(l.notes, notes...)
	}
	return nil
}

// Leniency is what devices overlook in this run, because no device could
// enroll otherwise.
func (l *Lab) Leniency() dmclient.EnrollOptions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leniency
}

// Notes tell what the lab overlooked so that the run could go on.
func (l *Lab) Notes() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notes)
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

// ErrNoHook is wrapped where a hook is needed that is not configured.
var ErrNoHook = errors.New("no hook configured")

func (l *Lab) hook(ctx context.Context, name string, h *target.Hook, d *dmclient.Device, c Command) (string, error) {
	if h == nil {
		return "", fmt.Errorf("%w: %s", ErrNoHook, name)
	}
	id := d.Identity()
	return h.Run(ctx, name, target.Vars{
		DeviceID: id.DeviceID, UDID: id.DeviceID, DeviceName: id.Name, HWDevID: id.HWDevID, Profile: d.Profile().Name, ChannelURI: d.ChannelURI(),
		Verb: string(c.Verb), LocURI: c.LocURI, Format: c.Format, Data: c.Data,
	}, l.Config.Timeouts.Hook)
}

// Queue makes the server queue a command for a device.
func (l *Lab) Queue(ctx context.Context, d *dmclient.Device, c Command) error {
	_, err := l.hook(ctx, "queue", l.Config.Target.Hooks.Queue, d, c)
	return err
}

// Push makes the server push to a device.
func (l *Lab) Push(ctx context.Context, d *dmclient.Device) error {
	_, err := l.hook(ctx, "push", l.Config.Target.Hooks.Push, d, Command{})
	return err
}

// Wipe makes the server queue a remote wipe.
func (l *Lab) Wipe(ctx context.Context, d *dmclient.Device) error {
	c := Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteWipe/doWipe"}
	if h := l.Config.Target.Hooks.Wipe; h != nil {
		_, err := l.hook(ctx, "wipe", h, d, c)
		return err
	}
	return l.Queue(ctx, d, c)
}

// Lock makes the server queue a remote lock.
func (l *Lab) Lock(ctx context.Context, d *dmclient.Device) error {
	c := Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteLock/Lock"}
	if h := l.Config.Target.Hooks.Lock; h != nil {
		_, err := l.hook(ctx, "lock", h, d, c)
		return err
	}
	return l.Queue(ctx, d, c)
}

// Active asks the server whether it still manages a device; it wraps ErrNoHook
// where no hook tells.
func (l *Lab) Active(ctx context.Context, d *dmclient.Device) (bool, error) {
	out, err := l.hook(ctx, "active", l.Config.Target.Hooks.Active, d, Command{})
	return strings.Contains(out, d.Identity().DeviceID), err
}
