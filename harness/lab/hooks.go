package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Command is what a queue hook is asked to queue.
type Command struct {
	Verb                 syncml.Verb
	LocURI, Format, Data string
}

// RemoteWipe and RemoteLock are commands that may have a hook of their own.
var (
	RemoteWipe = Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteWipe/doWipe"}
	RemoteLock = Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteLock/Lock"}
)

// ErrNoHook is wrapped if a required hook is not configured.
var ErrNoHook = errors.New("no hook configured")

func (l *Lab) hook(ctx context.Context, name string, h *target.Hook, d *dmclient.Device, c Command) (string, error) {
	if h == nil {
		return "", fmt.Errorf("%w: %s", ErrNoHook, name)
	}
	v, err := l.varsFor(ctx, d, h)
	if err != nil {
		return "", err
	}
	return l.hookFor(ctx, name, h, v, c)
}

func (l *Lab) hookFor(ctx context.Context, name string, h *target.Hook, v target.Vars, c Command) (string, error) {
	if h == nil {
		return "", fmt.Errorf("%w: %s", ErrNoHook, name)
	}
	v.Verb, v.LocURI, v.Format, v.Data = string(c.Verb), c.LocURI, c.Format, c.Data
	return l.do(ctx, name, h, v)
}

// do runs a hook and remembers what it did.
func (l *Lab) do(ctx context.Context, name string, h *target.Hook, v target.Vars) (string, error) {
	timeout := l.Config.Timeouts.Hook
	if name == "signin" {
		timeout = l.Config.Timeouts.SignIn
	}
	o := h.Do(ctx, name, v, timeout)
	l.hookLog.add(o)
	return o.Output, o.Err
}

// hookError is err as the error of a hook.
func hookError(name string, err error) error {
	var known *target.HookError
	if errors.As(err, &known) {
		return err
	}
	return &target.HookError{Hook: name, Err: err}
}

// Queue makes the server queue a command for a device.
func (l *Lab) Queue(ctx context.Context, d *dmclient.Device, c Command) error {
	name, h := l.queueHook(c)
	_, err := l.hook(ctx, name, h, d, c)
	return err
}

// QueueFor is Queue for a device known only by its variables.
func (l *Lab) QueueFor(ctx context.Context, v target.Vars, c Command) error {
	name, h := l.queueHook(c)
	_, err := l.hookFor(ctx, name, h, v, c)
	return err
}

// CanQueue reports whether the target has a hook for a command.
func (l *Lab) CanQueue(c Command) bool {
	_, h := l.queueHook(c)
	return h != nil
}

// Refuses says why the queue hook does not take a command (verbs, formats); nil if it
// does, or if the command has a hook of its own.
func (l *Lab) Refuses(c Command) error {
	if name, h := l.queueHook(c); name == "queue" {
		return h.Takes(string(c.Verb), c.Format)
	}
	return nil
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
func (l *Lab) Push(ctx context.Context, d *dmclient.Device) error {
	_, err := l.hook(ctx, "push", l.Config.Target.Hooks.Push, d, Command{})
	return err
}

// PushFor is Push for a device known only by its variables.
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

// Link makes the server set up the linked enrollment of a device.
func (l *Lab) Link(ctx context.Context, d *dmclient.Device) error {
	_, err := l.hook(ctx, "link", l.Config.Target.Hooks.Link, d, Command{})
	return err
}

// Restart restarts the server and waits until it answers.
func (l *Lab) Restart(ctx context.Context, d *dmclient.Device) error {
	if _, err := l.hook(ctx, "restart", l.Config.Target.Hooks.Restart, d, Command{}); err != nil {
		return err
	}
	return l.AwaitHealth(ctx)
}

// Active asks the server whether it still manages a device: whether the active hook
// prints its DeviceID, or the id that the lookup hook found. It wraps ErrNoHook
// without that hook.
func (l *Lab) Active(ctx context.Context, d *dmclient.Device) (bool, error) {
	hooks := &l.Config.Target.Hooks
	out, err := l.hook(ctx, "active", hooks.Active, d, Command{})
	if err != nil || strings.Contains(out, d.Identity().DeviceID) || hooks.Lookup == nil {
		return err == nil && strings.Contains(out, d.Identity().DeviceID), err
	}
	id, err := l.ServerID(ctx, d)
	return err == nil && strings.Contains(out, id), err
}

// ReferenceHooks are the hooks for a reference server with its admin API at the
// given URL.
func ReferenceHooks(admin string) target.Hooks {
	at := admin + "/devices/{{.DeviceID}}"
	return target.Hooks{
		Queue: &target.Hook{HTTP: &target.HTTPHook{URL: at + "/commands", Headers: map[string]string{"Content-Type": "application/json"},
			Body: `{"verb":{{json .Verb}},"locURI":{{json .LocURI}},"format":{{json .Format}},"data":{{json .Data}}}`}},
		Push:     &target.Hook{HTTP: &target.HTTPHook{URL: at + "/push"}},
		Active:   &target.Hook{HTTP: &target.HTTPHook{Method: http.MethodGet, URL: admin + "/devices?active=true"}},
		Unenroll: &target.Hook{HTTP: &target.HTTPHook{URL: at + "/unenroll"}},
		Restart:  &target.Hook{HTTP: &target.HTTPHook{URL: admin + "/restart"}},
	}
}
