package repro

import (
	"context"
	"errors"
	"fmt"

	"github.com/dmwake/dmwake/fakewns"
	wnsfaults "github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

// Run is a running reproduction.
type Run struct {
	Case   *Case
	Lab    *lab.Lab
	Device *dmclient.Device

	mark     uint64
	enrolled error
}

// Start enrolls a misbehaving device in a running lab, and holds its first
// sessions.
func Start(ctx context.Context, l *lab.Lab, c *Case) (*Run, error) {
	name := c.Profile
	if name == "" {
		list := l.Config.Target.Profiles
		name = list[len(list)-1]
	}
	p, err := l.Config.Target.Profile(name)
	if err != nil {
		return nil, err
	}
	for _, q := range c.Quirks {
		if err := p.SetQuirk(q); err != nil {
			return nil, err
		}
	}
	d, err := newDevice(l, c, p)
	if err != nil {
		return nil, err
	}
	r := &Run{Case: c, Lab: l, Device: d, mark: l.WNS.Journal().Mark()}
	for _, line := range c.WNS {
		rule, err := wnsfaults.Parse(line)
		if err != nil {
			return nil, err
		}
		if rule.On != string(fakewns.Token) {
			rule.Device = d.Identity().DeviceID
		}
		f, err := rule.Build()
		if err != nil {
			return nil, err
		}
		l.WNS.Inject(f)
	}
	if r.enrolled = l.Enroll(ctx, d); c.Enrolls && r.enrolled != nil {
		return r, nil
	} else if r.enrolled != nil {
		return nil, fmt.Errorf("enroll a device: %w", r.enrolled)
	}
	for _, spec := range c.Faults {
		f, err := faults.New(spec)
		if err != nil {
			return nil, err
		}
		d.AddFault(f)
	}
	if c.Prepare != nil {
		c.Prepare(l, d)
	}
	if err := l.AfterSession(ctx, d, r.sync(ctx, dmclient.OriginEnrollment)); err != nil {
		return nil, err
	}
	if c.Then != nil {
		c.Then(l, d)
	}
	r.sync(ctx, dmclient.OriginUser)
	if c.Again {
		r.enrolled = d.Enroll(ctx, dmclient.EnrollOptions{})
	}
	l.Go(d)
	return r, nil
}

// newDevice makes the device, with a token of the case's kind if it names one.
func newDevice(l *lab.Lab, c *Case, p dmclient.Profile) (*dmclient.Device, error) {
	if c.Token == "" {
		return l.NewDevice(p)
	}
	if l.Directory == nil {
		return nil, errors.New("it needs a directory whose tokens the server accepts: set target.directory")
	}
	return l.NewDevice(p, func(cfg *dmclient.Config) {
		cfg.Tokens = lab.DirectoryTokens(l.Directory, c.Token, cfg.Username)
	})
}

// sync holds a session; the device's transcript has its outcome.
func (r *Run) sync(ctx context.Context, o dmclient.Origin) *dmclient.Session {
	s, _ := r.Device.Sync(ctx, dmclient.SyncOptions{Origin: o, NoRetry: true}) // the error is in the transcript
	return s
}

// Push makes the server push; it returns ErrNoHook if there is no push hook.
func (r *Run) Push(ctx context.Context) error {
	err := r.Lab.Push(ctx, r.Device)
	if errors.Is(err, lab.ErrNoHook) {
		return err
	}
	return nil // a failed push is a result
}

// Seen returns what happened so far.
func (r *Run) Seen() *Seen {
	return &Seen{Sessions: r.Device.Sessions(), Journal: r.Lab.WNS.Journal().Since(r.mark, nil), Device: r.Device, Enrolled: r.enrolled}
}

// Showed reports whether the symptom showed.
func (r *Run) Showed() bool { return r.Case.Seen(r.Seen()) }

// Reached reports whether the server got as far as to where the symptom shows.
func (r *Run) Reached() bool { return r.Case.Reach.Met(r.Seen()) }

func addFault(d *dmclient.Device, spec string) {
	f, err := faults.New(spec)
	if err != nil {
		panic(err) // a mistake in this package
	}
	d.AddFault(f)
}

// revoke makes WNS refuse to register the apps' PFNs.
func revoke(l *lab.Lab) {
	apps := l.WNS.Apps()
	for i := range apps {
		apps[i].Revoked = true
	}
	if err := l.WNS.SetApps(apps); err != nil {
		panic(err) // they were valid before
	}
}
