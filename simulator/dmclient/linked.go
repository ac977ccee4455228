package dmclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// link is what the server of a device set up with LinkedEnrollment (Learn, "DMClient
// CSP" and "Windows declared configuration protocol").
type link struct {
	// task is what the scheduled task is to do, at is when.
	task linkTask
	at   time.Time
	busy bool // the task runs
	// asked counts the commands that set the task up: one that comes while the task runs
	// is for the next run.
	asked int
	// endpoint is the discovery service of the enrollment.
	endpoint string
	// device is the enrollment: a device of the same identity with an account, a
	// certificate, sessions and documents of its own; nil before it is there.
	device *Device
}

type linkTask int

const (
	linkNothing linkTask = iota
	linkEnroll
	linkLeave
)

// Linked is the device's linked enrollment, with its own account, certificate and
// sessions; nil if it has none. What it shares with the device is the identity, and what
// its documents set.
func (d *Device) Linked() *Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.link == nil {
		return nil
	}
	return d.link.device
}

// Primary is the device whose linked enrollment this is; nil for a primary one.
func (d *Device) Primary() *Device { return d.primary }

// LinkPending reports whether a scheduled task waits for Link.
func (d *Device) LinkPending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.link != nil && d.link.task != linkNothing
}

// LinkEndpoint is the discovery service that the scheduled task goes to.
func (d *Device) LinkEndpoint() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.link == nil {
		return ""
	}
	return d.link.endpoint
}

// schedules notes the task that a command set up. The caller holds d.mu. A linked
// enrollment has none of its own [model].
func (d *Device) schedules(e csp.Effect) {
	if d.primary != nil {
		return
	}
	if d.link == nil {
		d.link = &link{}
	}
	d.link.asked++
	d.link.at, d.link.task = e.At, linkLeave
	if e.Kind == csp.EffectLink {
		d.link.task, d.link.endpoint = linkEnroll, e.Detail
	}
}

// Link runs the scheduled task that LinkedEnrollment/Enroll or Unenroll set up, which
// Windows does in the background, and returns the first or last session of the linked
// enrollment. Without a task it does nothing. A failure is told in EnrollStatus and
// LastError, too. Run calls it by itself.
func (d *Device) Link(ctx context.Context) (*Session, error) {
	d.mu.Lock()
	l := d.link
	if l == nil || l.task == linkNothing || l.busy || d.state != Enrolled {
		d.mu.Unlock()
		return nil, nil
	}
	task, asked := l.task, l.asked
	l.busy = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		l.busy = false
		d.mu.Unlock()
	}()
	if task == linkLeave {
		return d.leaveLinked(ctx, l)
	}
	child, err := d.enrollLinked(ctx)
	var later *enroll.LaterError
	d.mu.Lock()
	switch {
	case d.link != l: // the primary enrollment ended meanwhile
		d.mu.Unlock()
		return nil, errors.Join(err, ErrNotEnrolled)
	case errors.As(err, &later):
		if l.asked == asked {
			l.at = d.now().Add(later.Wait) // EnrollStatus stays 2 [model]
		}
		d.mu.Unlock()
		return nil, errors.Join(err, d.persist())
	case err == nil:
		l.device = child
	}
	again := l.asked != asked
	if !again {
		l.task = linkNothing
	}
	d.mu.Unlock()
	if err != nil {
		d.log.Info("linked enrollment failed", "err", err)
		if !again {
			d.linkStatus(csp.LinkFailed, linkHResult(err))
		}
		return nil, errors.Join(err, d.persist())
	}
	if !again {
		d.linkStatus(csp.LinkEnrolled, "0")
	}
	if err := d.persist(); err != nil {
		return nil, err
	}
	return child.Sync(ctx, SyncOptions{Origin: OriginEnrollment})
}

// linkStatus sets what the server reads of the linked enrollment.
func (d *Device) linkStatus(status, lastError string) {
	at := ProviderURI(d.Provider()) + "/LinkedEnrollment/"
	d.tree.Provision(at+"EnrollStatus", status)
	d.tree.Provision(at+"LastError", lastError)
}

// linkHResult is LastError for a failed enrollment. What has no code of its own is
// MENROLL_E_DEVICE_UNKNOWN_ERROR [model].
func linkHResult(err error) string {
	code := enroll.CodeUnknown
	var e *enroll.Error
	if errors.As(err, &e) && e.HResult() != "" {
		code = e.HResult()
	}
	return csp.HResultValue(code)
}

// leaveLinked ends the linked enrollment: a last session tells its server [model], and
// what its documents set is taken back (Learn, "DMClient CSP": Unenroll).
func (d *Device) leaveLinked(ctx context.Context, l *link) (s *Session, err error) {
	d.mu.Lock()
	child, asked := l.device, l.asked
	l.task = linkNothing
	d.mu.Unlock()
	if child == nil {
		d.linkStatus(csp.LinkLeaveFailed, csp.HResultValue("0x80070002"))
		return nil, d.persist()
	}
	child.rollBack(ctx)
	s, err = child.Sync(ctx, SyncOptions{Origin: OriginCSP, NoRetry: true, Alerts: []syncml.Command{UnenrollAlert(child.Profile())}})
	d.mu.Lock()
	again := d.link == l && l.asked != asked // a session asked for the next enrollment meanwhile
	if d.link == l {
		d.link = nil
	}
	if again {
		d.link = &link{task: l.task, at: l.at, asked: l.asked, endpoint: l.endpoint}
	}
	d.mu.Unlock()
	child.leftLinked()
	if !again {
		d.linkStatus(csp.LinkLeft, "0")
	}
	return s, errors.Join(err, d.persist())
}

// unlink forgets the linked enrollment. It can outlive the primary one [seen once]; that
// it ends with it here is a model.
func (d *Device) unlink() {
	d.mu.Lock()
	l := d.link
	d.link = nil
	d.mu.Unlock()
	if l != nil && l.device != nil {
		l.device.leftLinked()
	}
}

// leftLinked makes a linked enrollment one that is over.
func (d *Device) leftLinked() {
	d.forget()
	d.mu.Lock()
	d.state = Unenrolled
	d.mu.Unlock()
}

// ofLinked marks the actions of the linked enrollment among those of its device.
const ofLinked = "linked "

// linkedDue tells what the linked enrollment, or the task that makes it, is to do.
func (d *Device) linkedDue(earlier func(time.Time, string)) {
	d.refreshDue(earlier)
	d.mu.Lock()
	l := link{}
	if d.link != nil {
		l = *d.link
	}
	d.mu.Unlock()
	if l.task != linkNothing && !l.busy {
		earlier(l.at, ofLinked+"enrollment")
	}
	if l.device != nil {
		if next, ok := l.device.Next(); ok {
			earlier(next.At, ofLinked+next.What)
		}
	}
}

func (d *Device) actLinked(ctx context.Context, due Due) (*Session, error) {
	child := d.Linked()
	switch {
	case due.What == "enrollment":
		return d.Link(ctx)
	case child == nil:
		return nil, nil
	}
	return child.Act(ctx, due)
}

// linkedEnded notes that the linked enrollment was ended in one of its own sessions.
func (d *Device) linkedEnded(s State) {
	if s == Wiped {
		d.end(Wiped)
		return
	}
	d.mu.Lock()
	known := d.link != nil && d.link.device != nil
	if known {
		d.link.device = nil
	}
	d.mu.Unlock()
	if known {
		d.linkStatus(csp.LinkLeft, "0")
	}
}

// linkedInventory describes the linked enrollment in words.
func (d *Device) linkedInventory() (out []string) {
	child := d.Linked()
	switch {
	case d.LinkPending():
		return []string{"a task enrolls the device at " + d.LinkEndpoint() + ", or ends its linked enrollment"}
	case child == nil:
		return nil
	}
	out = append(out, child.Provider())
	for _, x := range child.declarations() {
		out = append(out, fmt.Sprintf("document %s: state %d", x.ID, x.State))
	}
	return out
}
