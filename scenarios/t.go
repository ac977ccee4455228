package scenarios

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// T is what a scenario body is given: the lab, a vocabulary, and a place for
// its verdict. A body ends at its first failure.
type T struct {
	Lab     *lab.Lab
	ctx     context.Context //nolint:containedctx // T lives as long as one body
	result  *report.Result
	profile dmclient.Profile
	hookErr error
	devices []*Device
	ends    []func()
	mark    uint64 // of the journal, when the body began
	// pushed says that devices answer pushes. In a scenario that is not about
	// them a server that pushes by itself would take its work away.
	pushed bool
}

// after calls f when the body ended, however it did.
func (t *T) after(f func()) { t.ends = append(t.ends, f) }

// stop ends a body from within; the runner recovers it.
type stop struct{}

func (t *T) end(o report.Outcome) {
	t.result.Outcome = o
	panic(stop{})
}

// Fail is a verdict: what was expected and what was seen instead.
func (t *T) Fail(expected, saw string) {
	t.result.Expected, t.result.Saw = expected, saw
	t.end(report.Failed)
}

// NotApplicable ends a body whose precondition never came.
func (t *T) NotApplicable(text string, args ...any) {
	t.result.Reason = fmt.Sprintf(text, args...)
	t.end(report.NotApplicable)
}

// Evidence notes a line that helps to understand a failure. Channel tokens
// and secrets must not be in it.
func (t *T) Evidence(text string, args ...any) {
	t.result.Evidence = append(t.result.Evidence, fmt.Sprintf(text, args...))
}

// Claim is a value that a matcher is asked about.
type Claim struct {
	t      *T
	actual any
	what   string
}

// Expect starts an assertion; what names the value for the report.
func (t *T) Expect(actual any, what string, args ...any) Claim {
	return Claim{t, actual, fmt.Sprintf(what, args...)}
}

// To ends the body as failed unless m accepts the value.
func (a Claim) To(m types.GomegaMatcher) {
	ok, err := m.Match(a.actual)
	switch {
	case err != nil:
		a.t.Fail(a.what, fmt.Sprintf("%s (%v)", show(a.actual), err))
	case !ok:
		a.t.Fail(a.what+" "+wanted(m.FailureMessage(a.actual)), show(a.actual))
	}
}

// wanted is the part of a Gomega message that follows the value: "to equal 5".
func wanted(message string) string {
	lines := strings.Split(message, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "to ") || strings.HasPrefix(l, "not to ") {
			rest := strings.Join(lines[i:], " ")
			return untyped(strings.Join(strings.Fields(rest), " "))
		}
	}
	return untyped(strings.Join(strings.Fields(message), " "))
}

// typed is the mark of Gomega's output that names a value's type.
var typed = regexp.MustCompile(`<[\w\[\]*. |:,]+>: `)

func untyped(s string) string { return typed.ReplaceAllString(s, "") }

func show(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		if x == "" {
			return "nothing"
		}
		return x
	case error:
		return x.Error()
	case []string:
		if len(x) == 0 {
			return "nothing"
		}
		return strings.Join(x, ", ")
	}
	return untyped(strings.Join(strings.Fields(format.Object(v, 0)), " "))
}

// Device is a simulated device in a scenario.
type Device struct {
	*dmclient.Device
	t *T
}

// Device makes a device that is not enrolled yet.
func (t *T) Device() *Device { return t.DeviceWith(func(*dmclient.Config) {}) }

// oneDevice ends a body that would need a device of its own.
func (t *T) oneDevice(what string) {
	if t.Lab.Config.Target.Shared() {
		t.NotApplicable("%s, and the target has one device that all scenarios share (target.shared_device, target.provisioned)", what)
	}
}

// DeviceWith makes a device whose configuration was changed.
func (t *T) DeviceWith(edit func(*dmclient.Config)) *Device {
	t.oneDevice("it needs a device that enrolls anew")
	dev, err := t.Lab.NewDevice(t.profile, edit)
	if err != nil {
		t.NotApplicable("no device could be made: %v", err)
	}
	d := &Device{dev, t}
	t.devices = append(t.devices, d)
	return d
}

// Enrolled makes a device that is enrolled and had its first session; it answers
// pushes where the scenario is about them. Where no device can enroll, the scenario is not applicable.
func (t *T) Enrolled() *Device {
	if t.Lab.Config.Target.Shared() {
		return t.shared()
	}
	d := t.EnrolledOnly()
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	if s := d.Sessions(); len(s[0].Received) == 0 {
		// One broken first session must not hide what comes after it.
		d.Sync(dmclient.SyncOptions{})
	}
	if t.pushed {
		t.Lab.Go(d.Device)
	}
	return d
}

// enrollee is a device whose enrollment is to be looked at, and no more.
func (t *T) enrollee() *Device {
	if !t.Lab.Config.Target.Shared() {
		return t.Device()
	}
	d := t.shared()
	if len(d.EnrollExchanges()) == 0 {
		t.NotApplicable("the device was enrolled before the run (target.provisioned)")
	}
	return d
}

// document is what a device was provisioned with.
func (t *T) document() *enroll.Provisioning {
	d := t.enrollee()
	if d.Provisioning() == nil {
		d.enroll(enroll.StepToken)
	}
	doc := d.Provisioning()
	if doc == nil {
		t.NotApplicable("no device could be enrolled (see the other ENR scenarios)")
	}
	return doc
}

// shared is the one device of a target that has no more.
func (t *T) shared() *Device {
	if len(t.devices) > 0 {
		t.oneDevice("it needs two devices")
	}
	dev, err := t.Lab.Shared(t.ctx)
	if err != nil {
		t.NotApplicable("the device cannot be used: %v", err)
	}
	if dev.State() != dmclient.Enrolled {
		t.NotApplicable("the device that all scenarios share is %s", dev.State())
	}
	d := &Device{dev, t}
	t.devices = append(t.devices, d)
	return d
}

// Next is Enrolled for what is tried on one device after the other: the shared
// one, as it was before, where there are no more.
func (t *T) Next() *Device {
	if !t.Lab.Config.Target.Shared() || len(t.devices) == 0 {
		return t.Enrolled()
	}
	if _, err := t.Lab.Shared(t.ctx); err != nil {
		t.NotApplicable("the device cannot be used: %v", err)
	}
	return t.devices[0]
}

// EnrolledOnly makes a device that is enrolled and had no session yet.
func (t *T) EnrolledOnly() *Device {
	d := t.Device()
	if err := t.Lab.Enroll(t.ctx, d.Device); err != nil {
		t.NotApplicable("no device could be enrolled: %v (see the ENR scenarios)", err)
	}
	return d
}

// Sync runs a session. How it ended is in the Session; it is never nil.
func (d *Device) Sync(o dmclient.SyncOptions) *dmclient.Session {
	s, err := d.Device.Sync(d.t.ctx, o)
	if s == nil {
		return &dmclient.Session{Err: err, End: err.Error()}
	}
	return s
}

// First is the device's first session that got a reply.
func (d *Device) First() *dmclient.Session {
	sessions := d.Sessions()
	for _, s := range sessions {
		if len(s.Received) > 0 {
			return s
		}
	}
	if len(sessions) == 0 {
		d.t.NotApplicable("no session could be held")
	}
	s := sessions[len(sessions)-1]
	d.t.NotApplicable("no session got a reply that could be read (see SES-01): %v", s.Err)
	return nil
}

// Managed ends the body as not applicable unless the session got a reply.
func (t *T) Managed(s *dmclient.Session) *dmclient.Session {
	if len(s.Received) == 0 {
		t.NotApplicable("the session got no reply that could be read (see SES-01): %v", s.Err)
	}
	return s
}

// WithChannel is an enrolled device whose server set a PFN and asked for the
// channel URI; a second session is held if the first did not bring it.
func (t *T) WithChannel() *Device { return t.Enrolled().ready() }

// ready holds a second session if the first did not bring what a push needs;
// before a device that was used, the server may have dropped its channel.
func (d *Device) ready() *Device {
	if d.ChannelURI() == "" || !d.told() || d.t.Lab.Config.Target.Shared() {
		d.Sync(dmclient.SyncOptions{})
	}
	d.channel()
	if d.t.Lab.Config.Target.Shared() && d.t.result.Area == "WER" {
		d.calm()
	}
	return d
}

// calm waits until what earlier scenarios made the server send to this device
// again and again has come to its end.
func (d *Device) calm() {
	for range 10 {
		m := d.Mark()
		d.t.Quiet()
		if len(d.Pushes(m)) == 0 {
			return
		}
	}
	d.t.NotApplicable("the server still sends notifications that an earlier scenario caused")
}

func (d *Device) channel() {
	uri, sent := d.ChannelURI(), d.pfnWrites()
	switch {
	case uri != "" && d.told():
	case len(sent) == 0:
		d.t.NotApplicable("the server set no PFN within two sessions (see PFN-01)")
	case uri == "" && d.foreign(sent[0].Data):
		d.t.NotApplicable("the server set the PFN %s, but the fake WNS knows %s: put the server's app identity into wns.app", sent[0].Data, d.t.Lab.Config.WNS.App.PFN)
	case uri == "":
		d.t.NotApplicable("the PFN that the server set led to no channel (see PFN-02 to PFN-06)")
	case !d.told():
		d.t.NotApplicable("the server did not ask for the channel URI (see PFN-09)")
	}
}

// foreign tells whether a PFN is sound, but not the one the fake WNS knows.
func (d *Device) foreign(pfn string) bool {
	return dmclient.CheckPFN(pfn) == nil && !strings.EqualFold(pfn, d.t.Lab.Config.WNS.App.PFN)
}

// told tells whether the server read the current channel URI.
func (d *Device) told() bool {
	uri := d.ChannelURI()
	for _, s := range d.Sessions() {
		for _, c := range s.Find("Get", "/Push/ChannelURI") {
			if uri != "" && c.Result == uri {
				return true
			}
		}
	}
	return false
}

// broken is why a session did not run to its end; that it had no end is
// SES-14's verdict and no other's.
func broken(s *dmclient.Session) error {
	if errors.Is(s.Err, dmclient.ErrEndless) {
		return nil
	}
	return s.Err
}

// control ends the body as not applicable where plain sessions of a device that
// does nothing special break as well: then it is not what this scenario did
// (see SES-01, SES-15, PSH-03).
func (t *T) control() {
	if t.Lab.Config.Target.Shared() {
		return
	}
	d := t.Device()
	defer d.Close()
	if t.Lab.Enroll(t.ctx, d.Device) != nil {
		return // what was tried here may be what it died of
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the first one is SES-01's
	for range 2 {
		if s := d.Sync(dmclient.SyncOptions{}); broken(s) != nil {
			t.NotApplicable("plain sessions of another device break as well, so that it is not for what was tried here: %v (see SES-01, SES-15, PSH-03)", s.Err)
		}
	}
}

// Quiet waits out the time in which what must not come would come: the one
// place where the suite waits for a clock.
func (t *T) Quiet() { t.wait(1) }

// wait lasts that many quiet times.
func (t *T) wait(n int) {
	ctx, cancel := context.WithTimeout(t.ctx, time.Duration(n)*t.Lab.Config.Timeouts.Quiet)
	defer cancel()
	<-ctx.Done()
}

// violations are the ways in which entries broke some rules, each once.
func violations(entries []*fakewns.Entry, rules ...fakewns.Rule) (out []string) {
	for _, e := range entries {
		for _, r := range rules {
			if v := e.Violated(r); v != "" && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}
