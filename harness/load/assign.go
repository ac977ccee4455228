package load

import (
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// muchLonger is how many times the usual delay makes a wake-up overdue. In a
// backlog the usual delay grows along. After a lost notification a wake-up is
// late by the time until its device is woken again.
const muchLonger = 8

// assign gives a new notification to a wake-up of its device, and returns it; nil
// if none fits. The caller holds r.mu.
func (r *Run) assign(d *device, e *fakewns.Entry) *wakeup {
	at := r.since(e.At)
	w := match(d.open, at, r.usual)
	if w == nil {
		return nil
	}
	w.notified, w.seq = at, e.Seq
	delay := at - w.queued
	if r.usual == 0 {
		r.usual = delay
	}
	r.usual += (delay - r.usual) / 16 // a moving average
	return w
}

// match returns the wake-up that a notification at this time belongs to, most
// likely; nil if there is none. Servers push roughly in the order of the
// triggers, so it is the first wake-up that still needs one. An overdue wake-up
// is passed over if a later one needs a notification: the server lost or merged
// its push.
func match(open []*wakeup, at, usual time.Duration) (w *wakeup) {
	for _, next := range open {
		if !next.needsNotification(at) {
			continue
		}
		w = next
		if !next.overdue(at, usual) {
			break
		}
	}
	return w
}

// needsNotification tells whether a notification at this time can be the
// wake-up's: it was triggered before, and has no notification, or one that WNS
// refused and the server may send again.
func (w *wakeup) needsNotification(at time.Duration) bool {
	if w.accepted || w.done && w.notified != 0 {
		return false
	}
	return w.queuedBy(at)
}

// overdue tells whether the trigger is over, and longer ago than usual.
func (w *wakeup) overdue(at, usual time.Duration) bool {
	over := w.returned != 0 && w.returned < at
	return over && usual != 0 && at-w.queued > muchLonger*usual
}
