package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// admission is what the target of --config adds to an enrollment: how devices sign in,
// its certificate, its pace, and the hooks after it.
type admission struct {
	lab *lab.Lab

	mu     sync.Mutex
	failed error // the first hook that failed
}

// admit makes devices enroll as the configuration says.
func (b *bench) admit(dev *dmclient.Config) (*admission, error) {
	t := &b.cfg.Target
	a := &admission{lab: lab.HooksOnly(b.cfg)}
	b.closing = append(b.closing, a.lab.Close)
	dev.Pace = a.lab.Pace
	if !b.tokens { // of a directory
		dev.Credential = a.lab.Credential
	}
	if dev.EnrollCert != nil {
		return a, nil // --cert
	}
	var err error
	if dev.EnrollCert, err = t.Certificate.Load(); err != nil {
		return nil, fmt.Errorf("target.certificate: %w", err)
	}
	return a, nil
}

// signsIn reports whether devices enroll without the user's password.
func signsIn(t *target.Target) bool {
	return t.Hooks.Token != nil || !t.SignIn.Default() || t.Certificate.Cert != ""
}

// hook runs the enrolled hook, and tells what it did. A device stays enrolled if the
// hook fails.
func (a *admission) hook(b *bench, d *dmclient.Device, run func() error) {
	err := run()
	if err == nil {
		return
	}
	said := strings.Split(target.Tell(err), "\n")
	b.print.line("%-16s enrolled, but %s", d.Identity().Name, said[0])
	for _, line := range said[1:] {
		b.print.line("%-16s %s", "", line)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		a.failed = err
	}
}

// enrolled runs the enrolled hook if it does not wait for the first session.
func (a *admission) enrolled(ctx context.Context, b *bench, d *dmclient.Device) {
	a.hook(b, d, func() error { return a.lab.AfterEnrollment(ctx, d) })
}

// hadSession runs the enrolled hook if it waits for the first session.
func (a *admission) hadSession(ctx context.Context, b *bench, d *dmclient.Device, s *dmclient.Session) {
	a.hook(b, d, func() error { return a.lab.AfterSession(ctx, d, s) })
}

// outcome is the error of a hook, which is the user's to mend.
func (a *admission) outcome() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		return nil
	}
	first, _, _ := strings.Cut(a.failed.Error(), "\n")
	return usage(fmt.Errorf("%s; the devices are enrolled and stored; fix target.hooks", first))
}

// chosen are the profiles of new devices: of --profile, or the newest of the
// configuration, with its quirks and those of --quirk.
func (e *enrollFlags) chosen(t *target.Target, quirks []string) (out []dmclient.Profile, err error) {
	names := e.profiles
	if names == nil {
		names = []string{"win11"}
		if t.ChoseProfiles() {
			names = t.Profiles[len(t.Profiles)-1:]
		}
	}
	for _, name := range names {
		p, err := dmclient.ProfileByName(name)
		if err != nil {
			return nil, fmt.Errorf("--profile: %w", err)
		}
		for _, q := range slices.Concat(t.Quirks, quirks) {
			if err := p.SetQuirk(q); err != nil {
				return nil, fmt.Errorf("--quirk: %w", err)
			}
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, errors.New("--profile is empty")
	}
	return out, nil
}
