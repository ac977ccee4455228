package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// severe are the hooks that doctor tries only when asked to: they restart the server, or
// end the management of a device. They run in this order.
var severe = []string{"restart", "lock", "unenroll", "wipe"}

// Severe lists the hooks that Examine runs only if they are named.
func Severe() []string { return slices.Clone(severe) }

// CheckHooks returns why hooks cannot be tried on a target; nil if they can.
func CheckHooks(t *target.Target, hooks []string) error {
	h := &t.Hooks
	queues := func(c lab.Command) bool { return h.Queue != nil && h.Queue.Takes(string(c.Verb), c.Format) == nil }
	for _, name := range hooks {
		ends, set := false, false
		switch name {
		case "restart":
			set = h.Restart != nil
		case "lock":
			set = h.Lock != nil || queues(lab.RemoteLock)
		case "unenroll":
			ends, set = true, h.Unenroll != nil
		case "wipe":
			ends, set = true, h.Wipe != nil || queues(lab.RemoteWipe)
		default:
			return fmt.Errorf("%q is none of %s; doctor tries all other hooks anyway", name, strings.Join(severe, ", "))
		}
		switch {
		case !set:
			return fmt.Errorf("target.hooks.%s is not set", name)
		case ends && t.Shared():
			return fmt.Errorf("%s ends the only device of this target (target.shared_device, target.provisioned): try it in a run", name)
		}
	}
	return nil
}

// try runs a severe hook, after it told what that will do.
func (p *patient) try(name string) Finding {
	if name == "restart" {
		p.tell(Finding{Step: "restart hook", State: Will, Saw: "restart the server now, and wait until it answers again"})
		return p.restart()
	}
	d, err := p.victim()
	if err != nil {
		return bad(err.Error(), "run dmwake doctor once more: a device enrolled before")
	}
	defer d.Close()
	p.tell(Finding{Step: name + " hook", State: Will, Saw: fmt.Sprintf("%s the simulated device %s (%s), which doctor enrolled for that", name, d.Identity().DeviceID, d.Identity().Name)})
	mark := d.SessionCount()
	switch name {
	case "lock":
		err = p.lab.Lock(p.ctx, d)
	case "wipe":
		err = p.lab.Wipe(p.ctx, d)
	default:
		err = p.lab.Unenroll(p.ctx, d)
	}
	if err != nil {
		return bad(err.Error(), "run the hook by hand with this device's id, "+d.Identity().DeviceID)
	}
	return p.effect(name, d, mark)
}

// victim is a newly enrolled device, which had its first sessions.
func (p *patient) victim() (*dmclient.Device, error) {
	d, err := p.lab.NewDevice(p.profile())
	if err != nil {
		return nil, err
	}
	if err = p.lab.Enroll(p.ctx, d); err == nil {
		var s *dmclient.Session
		s, _ = d.Sync(p.ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the session step judged that
		err = p.lab.AfterSession(p.ctx, d, s)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	d.Sync(p.ctx, dmclient.SyncOptions{}) //nolint:errcheck // as above; the PFN may come now
	return d, nil
}

// effect holds sessions until the hook shows in one, for at most Timeouts.Push.
func (p *patient) effect(name string, d *dmclient.Device, mark int) Finding {
	within, cancel := context.WithTimeout(p.ctx, p.lab.Config.Timeouts.Push)
	defer cancel()
	for {
		s, err := d.Sync(p.ctx, dmclient.SyncOptions{})
		if f, ok := shows(name, d, d.Sessions()[min(mark, len(d.Sessions())):], err); ok {
			return f
		}
		if s == nil {
			return bad("it succeeded, but the device holds no session any more: "+err.Error(), "look in the server's log")
		}
		pause, stop := context.WithTimeout(within, p.lab.Config.Timeouts.Quiet)
		<-pause.Done()
		stop()
		if within.Err() != nil {
			return bad(fmt.Sprintf("it succeeded, but the sessions of the next %s did not show it: %s", p.lab.Config.Timeouts.Push, expects[name]),
				"check that the hook identifies the device as the server does (harness/docs/reference/hooks.md lists the variables). A server that only forgets the device, without a word to it, is judged by PFN-14")
		}
	}
}

// expects is what a session after a hook shows.
var expects = map[string]string{
	"lock": "no Exec of ./Vendor/MSFT/RemoteLock", "wipe": "no Exec of ./Vendor/MSFT/RemoteWipe", "unenroll": "the device is enrolled, and its sessions go on",
}

// shows reports whether sessions show what a hook did.
func shows(name string, d *dmclient.Device, sessions []*dmclient.Session, err error) (Finding, bool) {
	node := map[string]string{"lock": "/remotelock/", "wipe": "/remotewipe/"}[name]
	for _, s := range sessions {
		for _, c := range s.Commands {
			if node != "" && c.Verb == syncml.Exec && strings.Contains(strings.ToLower(c.LocURI), node) {
				return good("a session brought %s of %s; the device is %s", c.Verb, c.LocURI, d.State()), true
			}
		}
	}
	switch {
	case name == "unenroll" && d.State() != dmclient.Enrolled:
		return good("the server unenrolled the device in a session"), true
	case name == "unenroll" && errors.Is(err, dmclient.ErrRefused):
		return good("the server refuses the device from now on: %v", err), true
	}
	return Finding{}, false
}

// restart runs the restart hook and holds a session afterwards.
func (p *patient) restart() Finding {
	began := time.Now()
	if err := p.lab.Restart(p.ctx, p.device); err != nil {
		return bad(err.Error(), "run the restart hook by hand, or set timeouts.restart for a server that needs longer")
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	if s, err := p.device.Sync(p.ctx, dmclient.SyncOptions{}); err != nil && !errors.Is(err, dmclient.ErrEndless) || s == nil {
		return bad(fmt.Sprintf("the server answers again after %s, but the device's next session fails: %v", took, err), "ROB-11 shows it: a server knows its devices after a restart")
	}
	return good("the server answers again after %s, and knows the device", took)
}
