package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// Device is a simulated device in a scenario.
type Device struct {
	*dmclient.Device
	T     *T
	heads []string // of its channels' tokens, see Device.to

	enrollErr error // of its last enrollment
}

// Device makes a device that is not enrolled yet.
func (t *T) Device() *Device { return t.DeviceWith(func(*dmclient.Config) {}) }

// OneDevice ends a body that would need a device of its own.
func (t *T) OneDevice(what string) {
	if t.Lab.Config.Target.Shared() {
		t.NotApplicable("%s, and the target has one device that all scenarios share (target.shared_device, target.provisioned)", what)
	}
}

// DeviceWith makes a device whose configuration was changed.
func (t *T) DeviceWith(edit func(*dmclient.Config)) *Device {
	t.OneDevice("it needs a device that enrolls anew")
	dev, err := t.Lab.NewDevice(t.profile, edit)
	if err != nil {
		t.Error("no device could be made: %v", err)
	}
	d := &Device{Device: dev, T: t}
	t.devices = append(t.devices, d)
	return d
}

// Enrolled makes a device that is enrolled and had its first session; it answers
// pushes where the scenario is about them. Where no device can enroll, the
// scenario is blocked.
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
	if t.s.pushes() {
		t.Lab.Go(d.Device)
	}
	return d
}

// Enrollee is a device whose enrollment is to be looked at, and no more.
func (t *T) Enrollee() *Device {
	if !t.Lab.Config.Target.Shared() {
		return t.Device()
	}
	d := t.shared()
	if len(d.EnrollExchanges()) == 0 {
		t.NotApplicable("the device was enrolled before the run (target.provisioned)")
	}
	return d
}

// EnrolledOnly makes a device that is enrolled and had no session yet.
func (t *T) EnrolledOnly() *Device {
	d := t.Device()
	d.MustEnroll()
	return d
}

// Enroll enrolls the device as the lab does, with what ordinary devices of this
// run overlook.
func (d *Device) Enroll() error {
	d.enrollErr = d.T.Lab.Enroll(d.T.ctx, d.Device)
	return d.enrollErr
}

// EnrollError is how the last enrollment ended.
func (d *Device) EnrollError() error { return d.enrollErr }

// Excused ends the body as skipped where an enrollment failed and the server is
// not to blame: it limits how often devices enroll, for one. It says what to set.
// Nobody judges an enrollment that failed before he asked here.
func (t *T) Excused(err error) {
	if e := lab.Excuse(err); e != nil {
		t.Skip("%v", e)
	}
}

// MustEnroll is Enroll; where it fails the body is blocked.
func (d *Device) MustEnroll() {
	if err := d.Enroll(); err != nil {
		d.T.Excused(err)
		d.T.Blocked(By(Enrolls), "no device could be enrolled: %v", err)
	}
}

// EnrollWith enrolls the device in the given way and no other.
func (d *Device) EnrollWith(o dmclient.EnrollOptions) error {
	d.enrollErr = d.Device.Enroll(d.T.ctx, o)
	return d.enrollErr
}

// Document is what a device was provisioned with.
func (t *T) Document() *enroll.Provisioning {
	d := t.Enrollee()
	if d.Provisioning() == nil {
		d.MustEnroll()
	}
	return d.Provisioning()
}

// shared is the one device of a target that has no more.
func (t *T) shared() *Device {
	if len(t.devices) > 0 {
		t.OneDevice("it needs two devices")
	}
	dev, err := t.Lab.Shared(t.ctx)
	if err != nil {
		t.Excused(err)
		t.Blocked(By(Enrolls), "the shared device cannot be used: %v", err)
	}
	if dev.State() != dmclient.Enrolled {
		t.NotApplicable("the device that all scenarios share is %s", dev.State())
	}
	d := &Device{Device: dev, T: t}
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
		t.Excused(err)
		t.Blocked(By(Enrolls), "the shared device cannot be used: %v", err)
	}
	return t.devices[0]
}

// Sync runs a session. How it ended is in the Session; it is never nil.
func (d *Device) Sync(o dmclient.SyncOptions) *dmclient.Session {
	s, err := d.Device.Sync(d.T.ctx, o)
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
		d.T.Blocked(By(Talks, Proves), "no session could be held")
	}
	return d.T.Managed(sessions[len(sessions)-1])
}

// Managed ends the body as blocked unless the session got a reply.
func (t *T) Managed(s *dmclient.Session) *dmclient.Session {
	if len(s.Received) == 0 {
		t.Blocked(By(Talks, Proves), "the session got no reply that could be read: %v", s.Err)
	}
	return s
}

// Broken is why a session did not run to its end; that it had no end is the
// verdict of one scenario and no other's.
func Broken(s *dmclient.Session) error {
	if errors.Is(s.Err, dmclient.ErrEndless) {
		return nil
	}
	return s.Err
}

// Control ends the body as blocked where plain sessions of a device that does
// nothing special break as well: then it is not what this scenario did.
func (t *T) Control() {
	if t.Lab.Config.Target.Shared() {
		return
	}
	d := t.Device()
	defer d.Close()
	if err := d.Enroll(); err != nil {
		t.Excused(err)
		return // what was tried here may be what it died of
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the first one is another scenario's
	for range 2 {
		if s := d.Sync(dmclient.SyncOptions{}); Broken(s) != nil {
			t.Blocked(By(Talks, Proves), "plain sessions of another device break as well, so it is not because of what was tried here: %v", s.Err)
		}
	}
}

// Survived fails unless a session ran to its end.
func (d *Device) Survived(s *dmclient.Session, what string, args ...any) {
	if err := Broken(s); err != nil {
		d.T.Exchanges(s)
		d.T.Control()
		d.T.Fail("a session that runs to its end after "+fmt.Sprintf(what, args...), err.Error())
	}
}

// Survives holds sessions, each of which must run to its end. Where not even
// the first got a reply that is another scenario's verdict.
func (d *Device) Survives(n int, what string, args ...any) {
	for i := range n {
		s := d.Sync(dmclient.SyncOptions{})
		if i == 0 {
			d.T.Managed(s)
		}
		d.Survived(s, what, args...)
	}
}

// Misbehaves gives a device a fault of package faults.
func (t *T) Misbehaves(d *Device, spec string) {
	f, err := faults.New(spec)
	if err != nil {
		t.Error("a fault of the scenario: %v", err)
	}
	d.AddFault(f)
}

// Post sends a body to the management address as the device, outside of any
// session, and keeps the exchange as evidence. What says what it is.
func (d *Device) Post(what, contentType, body string, o dmclient.SyncOptions) *dmclient.Exchange {
	return d.PostFrom(d.T.ctx, what, contentType, strings.NewReader(body), int64(len(body)), o)
}

// PostFrom is Post of a body that comes from a reader.
func (d *Device) PostFrom(ctx context.Context, what, contentType string, body io.Reader, length int64, o dmclient.SyncOptions) *dmclient.Exchange {
	ex := d.Device.Post(ctx, contentType, body, length, o)
	d.T.Keep(d, what, ex)
	return ex
}

// Exchanges adds the HTTP side of a session to the evidence.
func (t *T) Exchanges(s *dmclient.Session) {
	for i, ex := range s.Exchanges {
		if ex.Err != nil {
			t.Evidence("message %d: no reply: %v", i+1, ex.Err)
			continue
		}
		t.Evidence("message %d: HTTP %d, %d bytes, Content-Type %s", i+1, ex.Status, len(ex.Response), ex.Reply.Get("Content-Type"))
	}
}

// SessionsSince are the sessions after a SessionCount; a device remembers its
// last ones only.
func (d *Device) SessionsSince(count int) []*dmclient.Session {
	list := d.Sessions()
	return list[max(0, len(list)-(d.SessionCount()-count)):]
}

// target is the server under test.
func (t *T) target() *target.Target { return &t.Lab.Config.Target }
