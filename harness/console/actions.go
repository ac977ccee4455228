package console

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
)

// patient bounds how long a button waits for a server.
const patient = 2 * time.Minute

// own is an action on a device of the lab.
func own(f func(c *console, ctx context.Context, id string, f form) (said, error)) func(*console, context.Context, form) (said, error) {
	return func(c *console, ctx context.Context, in form) (said, error) {
		id := in("device")
		switch {
		case c.Devices == nil:
			return said{}, errors.New("this lab holds no devices of its own")
		case id == "":
			return said{}, errors.New("the device is missing")
		}
		ctx, cancel := context.WithTimeout(ctx, patient)
		defer cancel()
		out, err := f(c, ctx, id, in)
		return out, gone(err)
	}
}

// create makes a device and enrolls it.
func (c *console) create(ctx context.Context, f form) (said, error) {
	if c.Devices == nil {
		return said{}, errors.New("this lab holds no devices of its own")
	}
	d, err := c.Devices.Create(devices.Spec{Profile: strings.TrimSpace(f("profile")), IDs: devices.IDs{Name: strings.TrimSpace(f("name"))}})
	if err != nil {
		return said{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	out := said{Text: d.Name + " is enrolled.", Link: devicePath(d.ID), LinkText: "Show"}
	if _, err := c.Devices.Enroll(ctx, d.ID, devices.Enrollment{}); err != nil {
		out.Wrong, out.Text = true, "The device is there, but could not be enrolled. "+sentence(err.Error())
	}
	return out, nil
}

func (c *console) enroll(ctx context.Context, id string, _ form) (said, error) {
	d, err := c.Devices.Enroll(ctx, id, devices.Enrollment{Again: true})
	if err != nil {
		return said{}, err
	}
	return done("%s is enrolled.", d.Name)
}

func (c *console) sync(ctx context.Context, id string, _ form) (said, error) {
	s, err := c.Devices.Sync(ctx, id, devices.Sync{})
	if err != nil {
		return said{}, err
	}
	r := sessionOf(id, s)
	return said{Text: "Session " + itoa(uint64(s.Number)) + " ended: " + or(s.End, r.Result.Word) + ".", Link: r.Link, LinkText: "Show"}, nil //nolint:gosec // from 1
}

func (c *console) unenroll(ctx context.Context, id string, _ form) (said, error) {
	if _, err := c.Devices.Unenroll(ctx, id); err != nil {
		return said{}, err
	}
	return done("The device is unenrolled, and told the server so.")
}

func (c *console) wipe(ctx context.Context, id string, _ form) (said, error) {
	d, err := c.Devices.Wipe(ctx, id)
	if err != nil {
		return said{}, err
	}
	return done("%s is wiped. The server does not know it yet.", d.Name)
}

func (c *console) remove(_ context.Context, id string, _ form) (said, error) {
	if err := c.Devices.Remove(id); err != nil {
		return said{}, err
	}
	return said{Text: "The device is removed from the lab.", Link: Prefix + "devices", LinkText: "All devices"}, nil
}

// advance moves a device's own clock.
func (c *console) advance(ctx context.Context, id string, f form) (said, error) {
	by := strings.TrimSpace(f("by"))
	d, err := c.Devices.Set(ctx, id, devices.Change{Advance: &by})
	if err != nil {
		return said{}, err
	}
	return done("The clock of %s is %s ahead now.", d.Name, d.Clock.Offset)
}

// connect takes a device off the network or back.
func (c *console) connect(ctx context.Context, f form) (said, error) {
	device, state := f("device"), fakewns.Connection(f("state"))
	if device == "" {
		return said{}, errors.New("the device is missing")
	}
	if state != fakewns.Connected && state != fakewns.Disconnected {
		return said{}, errors.New("the state is not connected or disconnected")
	}
	offline := state == fakewns.Disconnected
	name := device
	if c.Devices != nil {
		d, err := c.Devices.Set(ctx, device, devices.Change{Offline: &offline})
		if err != nil && !errors.As(gone(err), new(missing)) {
			return said{}, err
		}
		if err == nil {
			name = d.Name
		}
	}
	if name == device { // of another process
		c.WNS.SetConnection(device, state)
	}
	if offline {
		return done("%s is offline: of each type, the newest notification waits for it.", name)
	}
	return done("%s is online: it gets what waited for it.", name)
}
