package load

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/load/result"
)

// wakeup is one item of a load: a push and the session that it leads to, or a session
// that the device begins by itself. Its times count from the
// zero of the run; 0 means that it has not happened yet.
type wakeup struct {
	batch  *batch
	device int
	work   Work

	due, started time.Duration
	queued       time.Duration // its work is queued, and the push begins
	returned     time.Duration // its trigger ended
	notified     time.Duration // its notification came to WNS
	arrived      time.Duration // its notification reached the device
	sent         time.Duration // package 1 of its session left the device

	seq        uint64 // of its notification in WNS's journal, if notified
	journalEnd uint64 // end of the journal when its trigger returned
	counted    bool   // false in the warm-up
	accepted   bool   // WNS delivers its notification, or keeps it for the device
	overtaken  bool   // it has no notification, and another wake-up's led to a session since
	delivered  bool   // a session delivered its work since it started
	cut        bool   // its trigger was cut off by the end of the run
	trouble    string // what went wrong so far

	trace *trace // nil: no trace headers

	done          bool // outcome is set
	outcome       outcome
	over, settled chan struct{} // closed when it is done, and when all is known of it; nil: nobody waits
	observe       func(stage result.Stage, d time.Duration)
}

// outcome is how a wake-up ended.
type outcome byte

const (
	_ outcome = iota
	outcomeDone
	outcomePolled
	outcomeFailed
	outcomeLost
	outcomeUnfinished // the run was interrupted
)

// end sets the outcome. The caller holds Run.mu.
func (w *wakeup) end(o outcome) {
	w.done, w.outcome = true, o
	if w.over != nil {
		close(w.over)
	}
}

// queuedBy tells whether its work was queued by this time.
func (w *wakeup) queuedBy(t time.Duration) bool { return w.queued != 0 && w.queued <= t }

// setFate notes what WNS did with its notification.
func (w *wakeup) setFate(e *fakewns.Entry) {
	w.accepted, w.trouble = e.Delivery == fakewns.Woken || e.Delivery == fakewns.Cached, ""
	switch {
	case e.Status != http.StatusOK:
		w.trouble = fmt.Sprintf("WNS answered %d", e.Status)
	case e.Delivery != fakewns.Woken && e.Delivery != fakewns.NotDelivered:
		w.trouble = "WNS: " + string(e.Delivery)
	}
}
