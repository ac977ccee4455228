package lab

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// anyCommands are commands that no server sends by itself, and that do no harm.
var anyCommands = []Command{
	{Verb: syncml.Get, LocURI: "./DevDetail/URI/MaxSegLen"},
	{Verb: syncml.Replace, LocURI: "./Vendor/MSFT/Policy/Config/Experience/AllowCortana", Format: "int", Data: "1"},
	{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/UpdateScan"},
}

// execData are values of an Exec, for a queue that takes only some formats.
var execData = map[string]string{"b64": "ZG13YWtl", "bool": "true", "chr": "dmwake", "int": "1", "xml": "<dmwake/>"}

// AnyCommand returns the first harmless command that a queue hook takes; ok is false
// if it takes none.
func AnyCommand(h *target.Hook) (c Command, ok bool) {
	for _, c := range anyCommands {
		if c.Verb == syncml.Exec && h != nil && len(h.Formats) > 0 {
			c.Format, c.Data = h.Formats[0], execData[h.Formats[0]]
		}
		if h.Takes(string(c.Verb), c.Format) == nil {
			return c, true
		}
	}
	return Command{}, false
}

// workHook is the hook that gives a device something to do: no server has an API
// for any command, but each can do something to a device.
func (l *Lab) workHook() (name string, h *target.Hook) {
	hooks := &l.Config.Target.Hooks
	if hooks.Work == nil && hooks.Lock != nil {
		return "lock", hooks.Lock
	}
	return "work", hooks.Work
}

// WorkHook is the name of the hook that gives a device something to do: work, or else
// lock; empty if there is neither.
func (l *Lab) WorkHook() string {
	name, h := l.workHook()
	if h == nil {
		return ""
	}
	return name
}

// CanWork reports whether the target has a hook that gives a device something to
// do.
func (l *Lab) CanWork() bool {
	_, h := l.workHook()
	return h != nil
}

// Work makes the server give a device something to do. Each call has another N.
func (l *Lab) Work(ctx context.Context, d *dmclient.Device) error {
	name, h := l.workHook()
	if h == nil {
		return fmt.Errorf("%w: %s", ErrNoHook, name)
	}
	v, err := l.varsFor(ctx, d, h)
	if err != nil {
		return err
	}
	v.N = strconv.FormatInt(l.works.Add(1), 10)
	_, err = l.hookFor(ctx, name, h, v, Command{})
	return err
}

// firstWork is the number before that of a run's first call of the work hook. A server
// compares work by its values, so what an earlier run gave is no work any more: each run
// begins where no run before it has counted, in steps of 100 every 10 seconds. It grows
// until 2031, and stays below 2^31, for servers that keep it as an int32.
func firstWork(now time.Time) int64 {
	since := max(now.Unix()-time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 0)
	return since / 10 % 20_000_000 * 100
}
