package lab

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// leniency is what an ordinary new device has to overlook to enroll with a
// server. It is found out once, by an ordinary device; what a device that is odd
// meets is its own affair, or one such device would change the whole run.
type leniency struct {
	finding chan struct{} // held by who finds out; capacity 1

	mu       sync.Mutex
	known    bool
	opts     dmclient.EnrollOptions
	notes    []note
	ordinary map[*dmclient.Device]struct{} // kept until it is known
}

// note tells of something that is overlooked; one is told for each kind.
type note struct{ kind, text string }

// lenient is the leniency towards the server of this lab.
func (l *Lab) lenient() *leniency {
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	y := f.lenient[l.opts.Setup]
	if y == nil {
		y = &leniency{finding: make(chan struct{}, 1), ordinary: map[*dmclient.Device]struct{}{}}
		f.lenient[l.opts.Setup] = y
	}
	return y
}

// expect marks a device as an ordinary one.
func (y *leniency) expect(d *dmclient.Device) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.known {
		y.ordinary[d] = struct{}{}
	}
}

// get tells what is overlooked, and whether that is known.
func (y *leniency) get() (dmclient.EnrollOptions, bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.opts, y.known
}

// learn takes how a device enrolled for what all have to do, if it is an
// ordinary one and the first to find out.
func (y *leniency) learn(d *dmclient.Device, opts dmclient.EnrollOptions, notes []note) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if _, plain := y.ordinary[d]; plain && !y.known {
		y.known, y.opts, y.notes = true, opts, notes
		y.ordinary = nil
	}
}

// Enroll enrolls a device. One bug must not hide the server's others: where the
// server fails at GetPolicies, or refuses the CSR as Windows encodes it, the
// device goes on without the one or with a plain CSR. Each form is tried twice
// before the next, since a server under load refuses what it takes a moment later.
//
// The first ordinary device to enroll decides what all later ones overlook (see
// Leniency). What any other device needs beyond that is tried for this device
// alone. The error is that of the first try, an *enroll.Error where the server
// caused it.
func (l *Lab) Enroll(ctx context.Context, d *dmclient.Device) error {
	y := l.lenient()
	opts, _ := y.get()
	var first error
	var notes []note
	twice := "" // the step that was tried again in this form
	for {
		err := d.Enroll(ctx, opts)
		l.pace.ended(err)
		if err == nil {
			y.learn(d, opts, notes)
			return nil
		}
		if first == nil {
			first = err // the one to look at if nothing helps
		}
		step, further, n, ok := overlook(err, opts)
		switch {
		case !ok || ctx.Err() != nil:
			return first
		case twice != step:
			twice = step
		default:
			opts, notes, twice = further, append(notes, n), ""
			l.log.Info("an enrollment goes on leniently", "device", d.Identity().DeviceID, "overlooked", n.kind, "err", err)
		}
	}
}

// overlook is how a device goes on that failed with err; ok is false where there
// is no other way.
func overlook(err error, opts dmclient.EnrollOptions) (step string, further dmclient.EnrollOptions, n note, ok bool) {
	var e *enroll.Error
	if !errors.As(err, &e) || e.Refused() || e.Limited() {
		return "", opts, n, false
	}
	switch {
	case e.Step == enroll.StepPolicies && !opts.IgnorePolicies:
		opts.IgnorePolicies = true
		n = note{"policies", "The server fails at GetPolicies, where Windows would stop; the devices went on without a policy: " + err.Error()}
	case e.Step == enroll.StepToken && !opts.PlainCSR:
		opts.PlainCSR = true
		n = note{"CSR", "The server refuses the CSR as Windows encodes it, so the devices enrolled with a plain one (see ENR-09): " + err.Error()}
	default:
		return "", opts, n, false
	}
	return e.Step, opts, n, true
}

// Leniency is what an ordinary device has to overlook to enroll with this
// server: that it refuses the CSR of Windows is known only once a device about
// which nothing is odd was refused with it twice, and then enrolled with a plain
// one. It is found out once, by Preflight or else here, and no other device
// changes it. Where it cannot be found out, because nothing enrolls or the target
// has one device only, nothing is overlooked.
func (l *Lab) Leniency() dmclient.EnrollOptions {
	ctx, cancel := context.WithTimeout(l.ctx, 4*max(l.Config.Timeouts.Request, time.Second))
	defer cancel()
	return l.FindLeniency(ctx)
}

// FindLeniency is Leniency that waits for no longer than ctx.
func (l *Lab) FindLeniency(ctx context.Context) dmclient.EnrollOptions {
	y := l.lenient()
	opts, known := y.get()
	if known || l.Config.Target.Shared() {
		return opts
	}
	select {
	case y.finding <- struct{}{}:
		defer func() { <-y.finding }()
	case <-ctx.Done():
		return opts
	}
	if opts, known = y.get(); known { // by who had the turn before
		return opts
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		return opts
	}
	defer d.Close()
	var e *enroll.Error
	if err := l.Enroll(ctx, d); errors.As(err, &e) && e.Status != 0 && !e.Limited() && ctx.Err() == nil {
		// The server answered, and no leniency helps. To ask again for every
		// scenario would only be slow.
		y.learn(d, dmclient.EnrollOptions{}, nil)
	}
	opts, _ = y.get()
	return opts
}

// ordinaryDevice is one about which nothing is odd, of the target's last profile.
func (l *Lab) ordinaryDevice() (*dmclient.Device, error) {
	t := &l.Config.Target
	p, err := dmclient.ProfileByName(t.Profiles[len(t.Profiles)-1])
	if err != nil {
		return nil, err
	}
	return l.NewDevice(p)
}

// Notes tell what the lab overlooked for all devices, and how long it waited, so
// that the run could go on.
func (l *Lab) Notes() []string {
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	var kinds, out []string
	for _, setup := range append([]string{l.opts.Setup}, Setups()...) {
		y := f.lenient[setup]
		if y == nil {
			continue
		}
		y.mu.Lock()
		for _, n := range y.notes {
			if !slices.Contains(kinds, n.kind) {
				kinds, out = append(kinds, n.kind), append(out, n.text)
			}
		}
		y.mu.Unlock()
	}
	if n := l.pace.note(); n != "" {
		out = append(out, n)
	}
	return out
}

// unseen are the fields of a device's configuration that a server cannot see in
// an enrollment.
var unseen = []string{"Profile", "WNS", "Timeout", "NoRetry", "Clock", "JobTime", "Keep", "OnSend", "OnReceive", "OnEffect", "Log", "Pace", "Busy", "BareWait"}

// ordinary tells whether an edit left a device's enrollment as it was: the usual
// configuration, and a profile as the package has it.
func ordinary(usual, edited *dmclient.Config) bool {
	if known, err := dmclient.ProfileByName(edited.Profile.Name); err != nil || !reflect.DeepEqual(known, edited.Profile) {
		return false
	}
	a, b := reflect.ValueOf(usual).Elem(), reflect.ValueOf(edited).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if slices.Contains(unseen, f.Name) {
			continue
		}
		if f.Type.Kind() == reflect.Func {
			if a.Field(i).Pointer() != b.Field(i).Pointer() {
				return false
			}
		} else if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return false
		}
	}
	return true
}
