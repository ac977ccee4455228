package dmclient

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// schedule is a device's own plan.
type schedule struct {
	enrolled    time.Time
	lastPoll    time.Time
	lastContact time.Time // the last session with a server reply
	polls       int       // since the enrollment
	channelTry  time.Time // when to renew the channel; zero: not planned
	renewTry    time.Time // of the certificate, after a failure
	renewNow    bool      // the server asked for it
}

// renewal is the outcome of the last certificate renewal.
type renewal struct {
	at     time.Time
	code   int64 // HRESULT of a failure
	status int
}

// Values of WSTEP/Renew/Status (DDF of CertificateStore; MS-MDE2 2.2.9.2). 0 is not
// started.
const (
	renewing    = 1
	renewed     = 2
	renewFailed = 3
)

// Due is the next action of a device.
type Due struct {
	At   time.Time
	What string // "poll", "channel", "certificate", "job", "lost contact"
}

// Channel life (Learn, "Push notification support for device management").
const (
	renewBefore  = 15 * 24 * time.Hour
	retrySoon    = 4 * time.Hour // ± 1 h, while the channel still lives
	retryExpired = 24 * time.Hour
)

const (
	day       = 24 * time.Hour
	build1607 = 14393
)

// interval is the time between the n-th poll since the enrollment, n from 0,
// and the one before it. There are three sets of retries. A count of 0 with an
// interval means endless, and later sets are off. Without an endless set the
// device polls every 24 hours at the end (Learn, "DMClient CSP").
func (d *Device) interval(n int) time.Duration {
	number := func(node string, fallback int) int {
		v, err := strconv.Atoi(d.account("Poll/" + node))
		if err != nil {
			return fallback
		}
		return v
	}
	for _, set := range [][2]int{
		{number("IntervalForFirstSetOfRetries", 15), number("NumberOfFirstRetries", 10)},
		{number("IntervalForSecondSetOfRetries", 0), number("NumberOfSecondRetries", 0)},
		{number("IntervalForRemainingScheduledRetries", 0), number("NumberOfRemainingScheduledRetries", 0)},
	} {
		wait := time.Duration(set[0]) * time.Minute
		switch {
		case set[0] <= 0:
			continue // disabled
		case set[1] <= 0, n < set[1]:
			return wait
		}
		n -= set[1]
	}
	return day
}

// jitter is a device's fixed offset within ± span.
func (d *Device) jitter(span time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(d.cfg.Identity.DeviceID))
	return time.Duration(int64(h.Sum64()%uint64(2*span))) - span //nolint:gosec // at most 2*span
}

// Next is the device's next action; ok is false if it has none, for example
// before it is enrolled.
func (d *Device) Next() (due Due, ok bool) {
	if d.State() != Enrolled {
		return due, false
	}
	d.mu.Lock()
	s := d.schedule
	jobs := append([]csp.Job(nil), d.jobs...)
	d.mu.Unlock()
	if !d.cfg.Unscheduled {
		due = Due{s.lastPoll.Add(d.interval(s.polls)), "poll"}
	}
	earlier := func(at time.Time, what string) {
		if !at.IsZero() && (due.At.IsZero() || at.Before(due.At)) {
			due = Due{at, what}
		}
	}
	for _, j := range jobs {
		earlier(j.Due, "job")
	}
	earlier(s.channelTry, "channel")
	d.linkedDue(earlier)
	if s.renewNow {
		earlier(s.lastContact, "certificate")
	}
	earlier(d.certificateDue(s), "certificate")
	if days, err := strconv.Atoi(d.account("NumberOfDaysAfterLostContactToUnenroll")); err == nil && days > 0 {
		earlier(s.lastContact.Add(time.Duration(days)*day), "lost contact")
	}
	return due, !due.At.IsZero()
}

// reschedule plans the channel's renewal: 15 days before it expires, hours from
// now if less is left, a day from now if it expired.
func (d *Device) reschedule() {
	expires, ok := d.push.expires(d.Provider())
	now, never := d.now(), d.Profile().Quirks.NeverRenews
	var at time.Time
	switch left := expires.Sub(now); {
	case !ok || expires.IsZero() || never:
	case left > renewBefore:
		at = expires.Add(-renewBefore)
	case left > 0:
		at = now.Add(retrySoon + d.jitter(time.Hour))
	default:
		at = now.Add(retryExpired + d.jitter(4*time.Hour))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if was := d.schedule.channelTry; at.IsZero() || was.IsZero() || !was.After(now) || was.After(at) || expires.Sub(now) > renewBefore {
		d.schedule.channelTry = at
	}
}

// Act performs a due action and returns its session, if any.
func (d *Device) Act(ctx context.Context, due Due) (*Session, error) {
	if what, ok := strings.CutPrefix(due.What, ofLinked); ok {
		return d.actLinked(ctx, Due{due.At, what})
	}
	switch due.What {
	case "poll":
		d.mu.Lock()
		d.schedule.lastPoll = d.now()
		d.schedule.polls++
		d.mu.Unlock()
		return d.Sync(ctx, SyncOptions{Origin: OriginSchedule})
	case "job":
		return d.Sync(ctx, SyncOptions{Origin: OriginCSP})
	case "channel":
		// Windows 10 1607 and later check for a network first, and without one
		// wait for hours (Learn, "Push notification support for device
		// management").
		skip := d.cfg.Profile.Build >= build1607 && d.push.cutOff()
		d.mu.Lock()
		d.schedule.channelTry = time.Time{}
		if skip {
			d.schedule.channelTry = d.now().Add(retrySoon + d.jitter(time.Hour))
		}
		d.mu.Unlock()
		if skip {
			return nil, nil
		}
		err := d.RenewChannel(ctx)
		d.reschedule()
		if err != nil {
			return nil, err
		}
		// A successful renewal starts a session, so that the server can read
		// the new URI.
		return d.Sync(ctx, SyncOptions{Origin: OriginCSP})
	case "certificate":
		return nil, d.Renew(ctx)
	case "refresh":
		d.Refresh(ctx)
		return nil, nil
	case "lost contact":
		d.session.Lock()
		defer d.session.Unlock()
		d.end(Unenrolled)
		return nil, errors.New("unenrolled: no contact for the number of days the server set")
	}
	return nil, nil
}

// Run starts a session on every wake-up and by schedule, until ctx ends.
// Without Run a device ignores pushes, as if it were switched off.
func (d *Device) Run(ctx context.Context) error {
	runs := func(yes bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.runs = yes
	}
	runs(true)
	defer runs(false)
	for {
		var at <-chan struct{}
		stop := func() {}
		next, ok := d.Next()
		if ok {
			tick := make(chan struct{}, 1)
			at, stop = tick, d.cfg.Clock.AfterFunc(due(next.At, d.now()), func() { tick <- struct{}{} })
		}
		var err error
		select {
		case <-ctx.Done():
			stop()
			return ctx.Err()
		case <-d.wake:
			_, err = d.triggered(ctx)
		case <-at:
			_, err = d.Act(ctx, next)
		}
		stop()
		if err != nil && ctx.Err() == nil {
			d.log.Info("a scheduled action failed", "err", err)
		}
	}
}

// signal requests a session.
func (d *Device) signal(o Origin) {
	d.mu.Lock()
	if d.trigger == 0 {
		d.trigger = o
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // a session is about to start anyway
	}
}

// certificateDue is when to renew the certificate: RenewPeriod days before it
// expires, if ROBOSupport is true (Learn, "CertificateStore CSP"). An expired
// certificate is not renewed ("Certificate Renewal").
func (d *Device) certificateDue(s schedule) time.Time {
	const at = "./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/"
	if v, ok := d.tree.Look(at + "ROBOSupport"); !ok || v != "true" {
		return time.Time{}
	}
	d.mu.Lock()
	der := d.cert
	d.mu.Unlock()
	expires, err := enroll.NotAfter(der)
	if err != nil || !d.now().Before(expires) {
		return time.Time{}
	}
	period, _ := d.tree.Look(at + "RenewPeriod")
	due := expires.Add(-duration(period, day, 42*day))
	if s.renewTry.After(due) {
		return s.renewTry
	}
	return due
}
