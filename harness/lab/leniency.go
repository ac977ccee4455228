package lab

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// leniency is what an ordinary new device has to tolerate to enroll with a
// server. An ordinary device finds it out once. What a special device meets
// does not count, or it would change the whole run.
type leniency struct {
	finding chan struct{} // held by who finds out; capacity 1

	mu       sync.Mutex
	known    bool
	opts     dmclient.EnrollOptions
	notes    []note
	ordinary map[*dmclient.Device]struct{} // kept until it is known
}

// note describes a tolerated deviation; one is reported for each kind.
type note struct{ kind, text string }

// lenient is the leniency for this lab's server.
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

// expect marks a device as ordinary.
func (y *leniency) expect(d *dmclient.Device) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.known {
		y.ordinary[d] = struct{}{}
	}
}

// get returns what is tolerated, and whether that is known yet.
func (y *leniency) get() (dmclient.EnrollOptions, bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.opts, y.known
}

// learn adopts a device's way to enroll for all devices, if it is the first
// ordinary one.
func (y *leniency) learn(d *dmclient.Device, opts dmclient.EnrollOptions, notes []note) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if _, plain := y.ordinary[d]; plain && !y.known {
		y.known, y.opts, y.notes = true, opts, notes
		y.ordinary = nil
	}
}

// Enroll enrolls a device. One bug must not hide the server's others: if the
// server fails at GetPolicies, the device continues without policies; if it
// refuses the CSR as Windows encodes it, with a plain CSR; if its terms of use fail,
// or what they tell the enrollment service, without them. Each form is tried
// twice, since a server under load may refuse once what it accepts later.
//
// The first ordinary device to enroll decides what all later ones tolerate (see
// Leniency). Anything beyond that applies to this device only. The error is the
// first try's, an *enroll.Error if the server caused it. The enrolled hook runs
// at the end; if it fails, the error is a *target.HookError.
func (l *Lab) Enroll(ctx context.Context, d *dmclient.Device) error {
	y := l.lenient()
	opts, _ := y.get()
	var first error
	var notes []note
	twice := "" // the step that was retried in this form
	for {
		err := d.Enroll(ctx, opts)
		l.pace.ended(err)
		if err == nil {
			y.learn(d, opts, notes)
			return l.AfterEnrollment(ctx, d)
		}
		if first == nil {
			first = err // the one to look at if nothing helps
		}
		step, further, n, ok := overlook(err, opts, l.Config.Target.TermsOfUse != "")
		switch {
		case !ok || ctx.Err() != nil:
			return first
		case twice != step:
			twice = step
		default:
			if n.kind == "CSR" { // the terms were not the reason
				notes = slices.DeleteFunc(notes, func(o note) bool { return o.kind == termsData })
			}
			opts, notes, twice = further, append(notes, n), ""
			l.log.Info("an enrollment goes on leniently", "device", d.Identity().DeviceID, "overlooked", n.kind, "err", err)
		}
	}
}

// termsData is the kind of note about what the terms of use tell the enrollment
// service.
const termsData = "EnrollmentData"

// overlook chooses how a device continues after err; ok is false if it cannot. terms
// says that it opens the terms of use.
func overlook(err error, opts dmclient.EnrollOptions, terms bool) (step string, further dmclient.EnrollOptions, n note, ok bool) {
	var e *enroll.Error
	if !errors.As(err, &e) || e.Refused() && e.Step != enroll.StepTerms || e.Limited() {
		return "", opts, n, false
	}
	var page *enroll.UnusableError
	switch {
	case errors.Is(err, enroll.ErrTermsRefused):
		return "", opts, n, false
	case e.Step == enroll.StepTerms && errors.As(err, &page):
		opts.IgnoreTerms = true
		n = note{"terms", "The devices enrolled without the terms of use, which dmwake cannot accept: " + err.Error()}
	case e.Step == enroll.StepTerms:
		opts.IgnoreTerms = true
		n = note{"terms", "The terms-of-use page fails, where Windows would stop; the devices enrolled without it: " + err.Error()}
	case e.Step == enroll.StepToken && terms && !opts.IgnoreTerms && !opts.PlainCSR:
		opts.IgnoreTerms = true
		n = note{termsData, "The server refuses what its own terms-of-use page told (EnrollmentData), so the devices enrolled without the terms: " + err.Error()}
	case e.Step == enroll.StepPolicies && !opts.IgnorePolicies:
		opts.IgnorePolicies = true
		n = note{"policies", "The server fails at GetPolicies, where Windows would stop; the devices went on without a policy: " + err.Error()}
	case e.Step == enroll.StepToken && !opts.PlainCSR:
		opts.PlainCSR, opts.IgnoreTerms = true, false
		n = note{"CSR", "The server refuses the CSR as Windows encodes it, so the devices enrolled with a plain one (see ENR-09): " + err.Error()}
	default:
		return "", opts, n, false
	}
	return e.Step, opts, n, true
}

// Leniency is what an ordinary device has to tolerate to enroll with this
// server. For example, the server refuses Windows' CSR if an ordinary device
// was refused twice with it, and then enrolled with a plain one. Preflight
// finds it out, or else this call; no other device changes it. If it cannot be
// found out, because nothing enrolls or the target allows only one device,
// nothing is tolerated.
func (l *Lab) Leniency() dmclient.EnrollOptions {
	ctx, cancel := context.WithTimeout(l.ctx, 4*max(l.Config.Timeouts.Request, time.Second))
	defer cancel()
	return l.FindLeniency(ctx)
}

// FindLeniency is Leniency with a context.
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
	if opts, known = y.get(); known { // found by the previous caller
		return opts
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		return opts
	}
	defer d.Close()
	var e *enroll.Error
	if err := l.Enroll(ctx, d); errors.As(err, &e) && e.Status != 0 && !e.Limited() && ctx.Err() == nil {
		// The server answered, and no leniency helps. Trying again in every
		// scenario would only be slow.
		y.learn(d, dmclient.EnrollOptions{}, nil)
	}
	opts, _ = y.get()
	return opts
}

// ordinaryDevice is a device without special settings, of the target's last
// profile.
func (l *Lab) ordinaryDevice() (*dmclient.Device, error) {
	t := &l.Config.Target
	p, err := t.Profile(t.Profiles[len(t.Profiles)-1])
	if err != nil {
		return nil, err
	}
	return l.NewDevice(p)
}

// Notes say what the lab tolerated for all devices, and how long it waited.
func (l *Lab) Notes() []string {
	out := l.Overlooked()
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	out = append(out, f.told...)
	if q := l.Config.Target.Quirks; len(q) > 0 {
		out = append(out, "The devices differ from their Windows by target.quirks: "+strings.Join(q, ", "))
	}
	if n := l.pace.note(); n != "" {
		out = append(out, n)
	}
	if l.CA.Note != "" {
		out = append(out, l.CA.Note)
	}
	for _, m := range l.moved {
		out = append(out, m+": "+MovedDo)
	}
	return out
}

// Overlooked describes what the devices of the run overlook to enroll, where a real
// Windows stops.
func (l *Lab) Overlooked() (out []string) {
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	var kinds []string
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
	return out
}

// unseen are the configuration fields that do not show in an enrollment.
var unseen = []string{"Profile", "WNS", "Timeout", "NoRetry", "Clock", "JobTime", "Keep", "OnSend", "OnReceive", "OnEffect", "Log", "Pace", "Busy", "BareWait"}

// ordinary reports whether an edit left the enrollment unchanged: the usual
// configuration and an unmodified profile.
func (l *Lab) ordinary(usual, edited *dmclient.Config) bool {
	if known, err := l.Config.Target.Profile(edited.Profile.Name); err != nil || !reflect.DeepEqual(known, edited.Profile) {
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
