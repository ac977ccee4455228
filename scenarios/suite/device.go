package suite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

// Device is a simulated device in a scenario.
type Device struct {
	*dmclient.Device
	T     *T
	heads []string // beginnings of its channels' tokens, see Device.to

	enrollErr error // of its last enrollment
	hookErr   error // of the enrolled hook after its first session
}

// Device makes a device that is not enrolled yet.
func (t *T) Device() *Device { return t.DeviceWith(func(*dmclient.Config) {}) }

// OneDevice ends a body that needs its own device if the target has only one.
func (t *T) OneDevice(what string) {
	if t.Lab.Config.Target.Shared() {
		t.NotApplicable("%s, and the target has one device that all scenarios share (target.shared_device, target.provisioned)", what)
	}
}

// DeviceWith makes a device with a changed configuration.
func (t *T) DeviceWith(edit func(*dmclient.Config)) *Device {
	t.OneDevice("it needs a newly enrolled device")
	dev, err := t.Lab.NewDevice(t.profile, edit)
	if err != nil {
		t.Error("no device could be made: %v", err)
	}
	d := &Device{Device: dev, T: t}
	t.devices = append(t.devices, d)
	return d
}

// Enrolled returns a device that is enrolled and had its first session. It answers
// pushes if the scenario is about them. The body is blocked if no device can
// enroll.
func (t *T) Enrolled() *Device {
	if t.Lab.Config.Target.Shared() {
		return t.shared()
	}
	d := t.EnrolledOnly()
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	if s := d.Sessions(); len(s[0].Received) == 0 {
		// A failed first session must not hide what comes after it.
		d.Sync(dmclient.SyncOptions{})
	}
	// A device reports in a session of its own what it has installed. That session would
	// take the work of the scenario.
	for range mostReports {
		if due, ok := d.Next(); !ok || due.What != "job" {
			break
		}
		d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginCSP})
	}
	if t.s.pushes() {
		t.Lab.Go(d.Device)
	}
	return d
}

// mostReports is how many sessions a new device may hold to report what the first one
// installed.
const mostReports = 3

// Enrollee returns a device of which only the enrollment is checked.
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

// EnrolledOnly returns a device that is enrolled and had no session yet.
func (t *T) EnrolledOnly() *Device {
	d := t.Device()
	d.MustEnroll()
	return d
}

// Enroll enrolls the device as the lab does, as leniently as ordinary devices of
// this run.
func (d *Device) Enroll() error {
	d.enrollErr = d.T.Lab.Enroll(d.T.ctx, d.Device)
	return d.enrollErr
}

// EnrollError returns the error of the last enrollment.
func (d *Device) EnrollError() error { return d.enrollErr }

// Excused ends the body as skipped if an enrollment failed and the server is not to
// blame, for example because it limits how often devices enroll. The reason says
// what to set. Call it before judging a failed enrollment.
func (t *T) Excused(err error) {
	if e := lab.Excuse(err); e != nil {
		t.Skip("%v", e)
	}
}

// MustEnroll is Enroll; the body is blocked if it fails.
func (d *Device) MustEnroll() {
	if err := d.Enroll(); err != nil {
		d.T.Excused(err)
		d.T.Blocked(By(Enrolls), "no device could be enrolled: %v", err)
	}
}

// EnrollWith enrolls the device with exactly these options.
func (d *Device) EnrollWith(o dmclient.EnrollOptions) error {
	if d.enrollErr = d.Device.Enroll(d.T.ctx, o); d.enrollErr == nil {
		d.T.Hook(d.T.Lab.AfterEnrollment(d.T.ctx, d.Device))
	}
	return d.enrollErr
}

// shared returns the only device of a target that has just one.
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

// Next is Enrolled for inputs that are tried on one device after the other. If the
// target has a single device, it returns that one, restored.
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

// Image returns another device that is what this one is now, as if it were restored
// from a backup. It has no channel.
func (d *Device) Image() *Device {
	t := d.T
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	cfg, err := t.Lab.DeviceConfig()
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	cfg.Profile, cfg.NoRetry, cfg.WNS = t.profile, true, nil
	dev, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	image := &Device{Device: dev, T: t}
	t.devices = append(t.devices, image)
	return image
}

// Sync runs a session. The result is never nil, and says how the session ended.
func (d *Device) Sync(o dmclient.SyncOptions) *dmclient.Session {
	s, err := d.Device.Sync(d.T.ctx, o)
	if failed := d.T.Lab.AfterSession(d.T.ctx, d.Device, s); failed != nil && d.T.ctx.Err() == nil {
		d.hookErr = failed // a body may hold sessions of several devices at a time
	}
	if s == nil {
		return &dmclient.Session{Err: err, End: err.Error()}
	}
	return s
}

// Certificate is the device's client certificate. A device that the server wiped or
// unenrolled meanwhile has none, and the body is blocked.
func (d *Device) Certificate() *tls.Certificate {
	c := d.Device.Certificate()
	if c == nil {
		d.T.Blocked(By(Delivers), "the device has no certificate: it is not enrolled, or no longer")
	}
	return c
}

// First returns the device's first session that got a reply.
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
		t.Blocked(By(Talks, Proves), "the session got no readable reply: %s", Unread(s))
	}
	return s
}

// Unread says why a session without a SyncML message from the server has none. An
// empty 200 is no error of the device's: it ends the session.
func Unread(s *dmclient.Session) string {
	if s.Err != nil || len(s.Exchanges) == 0 {
		return fmt.Sprint(s.Err)
	}
	return fmt.Sprintf("HTTP %d with an empty body", s.Exchanges[len(s.Exchanges)-1].Status)
}

// Broken says why a session did not complete. An endless session does not count:
// only SES-14 judges that.
func Broken(s *dmclient.Session) error {
	if errors.Is(s.Err, dmclient.ErrEndless) {
		return nil
	}
	return s.Err
}

// Control ends the body as blocked if plain sessions of an ordinary device fail as
// well: then this scenario is not the reason.
func (t *T) Control() { t.control(func(s *dmclient.Session) bool { return Broken(s) != nil }) }

// ControlReply is Control for a session that got no SyncML message, whether or not it
// failed: plain sessions with an empty reply explain it, too.
func (t *T) ControlReply() {
	if t.Lab.Config.Target.Shared() {
		if len(t.devices) > 0 {
			t.devices[0].First()
		}
		return
	}
	t.control(func(s *dmclient.Session) bool { return Broken(s) != nil || len(s.Received) == 0 })
}

func (t *T) control(fails func(*dmclient.Session) bool) {
	if t.Lab.Config.Target.Shared() {
		return
	}
	d := t.Device()
	defer d.Close()
	if err := d.Enroll(); err != nil {
		t.Excused(err)
		return // this scenario may have brought the server down
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // another scenario judges the first one
	for range 2 {
		if s := d.Sync(dmclient.SyncOptions{}); fails(s) {
			why := Unread(s)
			if len(s.Received) > 0 {
				why = s.Err.Error()
			}
			t.Blocked(By(Talks, Proves), "plain sessions of another device fail as well, so this scenario is not the reason: %s", why)
		}
	}
}

// Survived fails unless a session completed.
func (d *Device) Survived(s *dmclient.Session, what string, args ...any) {
	if err := Broken(s); err != nil {
		d.T.Exchanges(s)
		d.T.Control()
		d.T.Fail("a session that completes after "+fmt.Sprintf(what, args...), err.Error())
	}
}

// Misbehaves gives a device a fault from package faults.
func (t *T) Misbehaves(d *Device, spec string) {
	f, err := faults.New(spec)
	if err != nil {
		t.Error("a fault in the scenario: %v", err)
	}
	d.AddFault(f)
}

// Post sends a body to the management address as the device, outside any session,
// and keeps the exchange as evidence. what describes it.
func (d *Device) Post(what, contentType, body string, o dmclient.SyncOptions) *dmclient.Exchange {
	return d.PostFrom(d.T.ctx, what, contentType, strings.NewReader(body), int64(len(body)), o)
}

// PostFrom is Post with a body from a reader.
func (d *Device) PostFrom(ctx context.Context, what, contentType string, body io.Reader, length int64, o dmclient.SyncOptions) *dmclient.Exchange {
	ex := d.Device.Post(ctx, contentType, body, length, o)
	d.T.Keep(d, what, ex)
	return ex
}

// Exchanges adds the HTTP replies of a session to the evidence.
func (t *T) Exchanges(s *dmclient.Session) {
	for i, ex := range s.Exchanges {
		if ex.Err != nil {
			t.Evidence("message %d: no reply: %v", i+1, ex.Err)
			continue
		}
		t.Evidence("message %d: HTTP %d, %d bytes, Content-Type %s", i+1, ex.Status, len(ex.Response), ex.Reply.Get("Content-Type"))
	}
}

// SessionsSince returns the sessions after a SessionCount; a device remembers only
// its last ones.
func (d *Device) SessionsSince(count int) []*dmclient.Session {
	list := d.Sessions()
	return list[max(0, len(list)-(d.SessionCount()-count)):]
}

// RenewDue renews the device's certificate if the server asked for it and the device
// gets its work by polling. A device that answers pushes does so by itself.
func (d *Device) RenewDue() {
	if next, ok := d.Next(); ok && polls(d.T.target()) && next.What == "certificate" && !next.At.After(time.Now()) {
		if _, err := d.Act(d.T.ctx, next); err != nil {
			d.T.Evidence("the renewal failed: %v", err)
		}
	}
}

// target is the server under test.
func (t *T) target() *target.Target { return &t.Lab.Config.Target }
