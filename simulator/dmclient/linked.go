package dmclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
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
	task := l.task
	l.busy = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		l.busy = false
		d.mu.Unlock()
	}()
	if task == linkLeave {
		return d.leaveLinked(ctx)
	}
	child, err := d.enrollLinked(ctx)
	var later *enroll.LaterError
	d.mu.Lock()
	switch {
	case d.link != l: // the primary enrollment ended meanwhile
		d.mu.Unlock()
		return nil, errors.Join(err, ErrNotEnrolled)
	case errors.As(err, &later):
		l.at = d.now().Add(later.Wait) // EnrollStatus stays 2 [model]
		d.mu.Unlock()
		return nil, err
	case err == nil:
		l.device = child
	}
	l.task = linkNothing
	d.mu.Unlock()
	if err != nil {
		d.log.Info("linked enrollment failed", "err", err)
		d.linkStatus(csp.LinkFailed, linkHResult(err))
		return nil, errors.Join(err, d.persist())
	}
	d.linkStatus(csp.LinkEnrolled, "0")
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

// linkedConfig is the configuration of the linked enrollment. It gets no push: whether
// Windows registers a PFN for it is not known [model].
func (d *Device) linkedConfig(endpoint string) Config {
	cfg := d.cfg
	cfg.Profile, cfg.Quirks, cfg.Faults = d.Profile(), nil, nil
	cfg.Discovery, cfg.WNS, cfg.OnWake, cfg.Credential, cfg.TermsOfUse = endpoint, nil, nil, nil, ""
	cfg.EnrollmentType = "Device" // it is of the device, whoever enrolled it [model]
	if cfg.Persist != nil {
		cfg.Persist = func(*Device) error { return d.persist() }
	}
	return cfg
}

// enrollLinked enrolls a second time: a discovery of its own in JSON, then GetPolicies
// and RST as ever (Learn, "Declared configuration discovery" and "enrollment").
func (d *Device) enrollLinked(ctx context.Context) (*Device, error) {
	endpoint := d.LinkEndpoint()
	if u, err := url.Parse(endpoint); err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".microsoft.com") {
		return nil, &enroll.Error{Step: enroll.StepLinked, Err: &enroll.CodedError{Code: enroll.CodeConnectivity,
			Err: fmt.Errorf("%s is Microsoft's service; a simulated device does not enroll there", u.Hostname())}}
	}
	child, err := newDevice(d.linkedConfig(endpoint), d)
	if err != nil {
		return nil, err
	}
	c := child.EnrollmentClient(EnrollOptions{})
	defer c.HTTP.CloseIdleConnections()
	_, domain, _ := strings.Cut(d.cfg.Username, "@")
	kind := "User"
	if d.InDirectory() && d.joins() {
		kind = "Device"
	}
	disc, err := c.DiscoverLinked(ctx, enroll.LinkedRequest{UserDomain: domain, EmmDeviceID: d.account("EntDMID"), EnrollmentType: kind, OSVersion: d.cfg.Profile.OSVersion}, d.cfg.Username)
	if err != nil {
		return nil, err
	}
	if err := c.InClear(disc); err != nil {
		return nil, err
	}
	child.mu.Lock()
	child.discovered = disc
	child.mu.Unlock()
	if c.Credential, err = d.linkedCredential(ctx, disc); err != nil {
		return nil, err
	}
	if err := child.obtain(ctx, c, disc, "", EnrollOptions{}); err != nil {
		return nil, err
	}
	child.mu.Lock()
	child.refreshed = child.now()
	child.mu.Unlock()
	return child, nil
}

// linkedCredential is the device's token of the directory, or its MDM certificate, as
// the service requires (Learn, "Declared configuration enrollment").
func (d *Device) linkedCredential(ctx context.Context, disc *enroll.DiscoverResponse) (*enroll.Credential, error) {
	refuse := func(code string, err error) (*enroll.Credential, error) {
		return nil, &enroll.Error{Step: enroll.StepLinked, Status: 200, Err: &enroll.CodedError{Code: code, Err: err}}
	}
	switch disc.AuthPolicy {
	case "Certificate":
		d.mu.Lock()
		der, key := d.cert, d.key
		d.mu.Unlock()
		if der == nil || key == nil {
			return refuse(enroll.CodeNoCert, errors.New("the device has no MDM certificate to enroll with"))
		}
		return &enroll.Credential{Certificate: der, Key: key}, nil
	case "Federated":
		if d.cfg.Tokens == nil {
			return refuse(enroll.CodeUnknown, errors.New("the service requires a token of a directory, and the device joined none"))
		}
		token, err := d.cfg.Tokens(ctx, TokenRequest{Of: d, Device: true, DeviceID: d.directoryID()})
		if err != nil {
			return nil, &enroll.Error{Step: enroll.StepLinked, Err: fmt.Errorf("the directory's token: %w", err)}
		}
		return &enroll.Credential{Token: []byte(token), TokenType: enroll.JWTToken}, nil
	}
	return refuse(enroll.CodeUnknown, fmt.Errorf("unknown AuthPolicy %q; a linked enrollment knows Federated and Certificate", disc.AuthPolicy))
}

// linkedItems adds to the context of an RST what a linked enrollment tells of the
// primary one, with EnrollmentVersion 5.0 or higher (MS-MDE2, EmmDeviceId).
func (d *Device) linkedItems(items []enroll.ContextItem) []enroll.ContextItem {
	if d.primary == nil || version(d.Discovered().EnrollmentVersion) < 5 {
		return items
	}
	return append(items, enroll.ContextItem{Name: "EmmDeviceId", Value: d.primary.account("EntDMID")})
}

// leaveLinked ends the linked enrollment: a last session tells its server [model], and
// what its documents set is taken back (Learn, "DMClient CSP": Unenroll).
func (d *Device) leaveLinked(ctx context.Context) (s *Session, err error) {
	d.mu.Lock()
	var child *Device
	if d.link != nil {
		child, d.link.task = d.link.device, linkNothing
	}
	d.mu.Unlock()
	if child == nil {
		d.linkStatus(csp.LinkLeaveFailed, csp.HResultValue("0x80070002"))
		return nil, d.persist()
	}
	child.rollBack(ctx)
	s, err = child.Sync(ctx, SyncOptions{Origin: OriginCSP, NoRetry: true, Alerts: []syncml.Command{UnenrollAlert(child.Profile())}})
	d.unlink()
	d.linkStatus(csp.LinkLeft, "0")
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
		l.device.forget()
		l.device.mu.Lock()
		l.device.state = Unenrolled
		l.device.mu.Unlock()
	}
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
