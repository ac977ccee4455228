package load

import (
	"net/http"
	"slices"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Three observers report on wake-ups, independently and in any order:
//
//	onEntry    WNS's journal: a notification came in, or its fate changed
//	onArrival  WNS's link: a notification reached a device
//	onSession  a device: a session ended
//
// A notification does not say which wake-up it belongs to. onEntry assigns it to
// one (assign.go), and from then on its journal number identifies it: the arrival
// with this number is the wake-up's, and the next session by push serves the
// wake-up. Arrivals and sessions that are reported before the journal entry wait
// in device.pending, and replay applies them.
//
// All of them hold Run.mu while they work.

// device is what a run knows of one device.
type device struct {
	open    []*wakeup // by push, unsettled, in the order of their start
	pending *pending  // nil: nothing waits for the journal
}

// pending waits for journal entries.
type pending struct {
	arrivals map[uint64]time.Duration // by journal number
	sessions []session                // by push, since the first of these arrivals
}

// session is a session that ended.
type session struct {
	*dmclient.Session
	err   error
	turns []turn
	work  delivery
	due   time.Duration // when the poll that it is was due; 0: it is none of a part
}

// turn is one message of the device and the server's reply.
type turn struct{ left, reply time.Time }

// turnsOf returns the turns of a session. A message that the device repeats
// because the server was busy (429) is one turn: the wait is the server's time.
func turnsOf(exchanges []*dmclient.Exchange) (out []turn) {
	busy := false
	for _, e := range exchanges {
		if !busy {
			out = append(out, turn{left: e.At.Add(e.Left)})
		}
		out[len(out)-1].reply = e.At.Add(e.Duration)
		busy = e.Status == http.StatusTooManyRequests
	}
	return out
}

// known returns a device of the run, or nil. The caller holds r.mu.
func (r *Run) known(id string) *device {
	if i, ok := r.index[id]; ok {
		return &r.devices[i]
	}
	return nil
}

// notifiedBy returns the wake-up with this notification, or nil.
func (d *device) notifiedBy(seq uint64) *wakeup {
	for _, w := range d.open {
		if w.notified != 0 && w.seq == seq {
			return w
		}
	}
	return nil
}

// onEntry takes a new entry of WNS's journal, or an entry that changed. missed is
// how many entries the journal dropped before they were read.
func (r *Run) onEntry(e *fakewns.Entry, missed uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	isNew := e.Seq >= r.entries
	r.entries = max(r.entries, e.Seq+1)
	r.missed += missed
	d := r.known(e.Device)
	if d == nil || e.Kind != fakewns.Notification {
		return nil
	}
	var w *wakeup
	if isNew {
		w = r.assign(d, e)
	} else {
		w = d.notifiedBy(e.Seq)
	}
	if w != nil && !w.done {
		w.setFate(e)
	}
	r.replay(d)
	r.settle(d)
	return nil
}

// onArrival notes that notification seq has just reached a device.
func (r *Run) onArrival(id string, seq uint64) { r.arrivedAt(id, seq, r.now()) }

func (r *Run) arrivedAt(id string, seq uint64, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = r.now()
	d := r.known(id)
	if d == nil || len(d.open) == 0 {
		return
	}
	if d.pending == nil {
		d.pending = &pending{arrivals: map[uint64]time.Duration{}}
	}
	if _, twice := d.pending.arrivals[seq]; !twice {
		d.pending.arrivals[seq] = at
	}
	r.replay(d)
}

// onSession takes a session that ended.
func (r *Run) onSession(id string, ended *dmclient.Session, err error) {
	r.onPoll(id, ended, err, 0)
}

// onPoll is onSession for a poll that was due at a time.
func (r *Run) onPoll(id string, ended *dmclient.Session, err error, due time.Duration) {
	if ended == nil {
		return
	}
	s := r.sessionOf(ended, err)
	s.due = due
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(&s)
	d := r.known(id)
	if d == nil {
		return
	}
	for _, w := range d.open {
		if k := s.work.of(w.work); k >= 0 && k < len(s.turns) && r.since(s.turns[k].reply) > w.started {
			w.delivered = true
		}
	}
	if d.pending != nil && s.Origin == dmclient.OriginPush {
		d.pending.sessions = append(d.pending.sessions, s)
	}
	r.serve(d, &s)
	if d.pending == nil {
		r.wiped(d, &s)
	}
	r.settle(d)
}

func (r *Run) sessionOf(s *dmclient.Session, err error) session {
	return session{s, err, turnsOf(s.Exchanges), deliveredIn(s, r.opts.works), 0}
}

// replay applies the arrivals that the journal has entries for by now, and lets
// the sessions since then serve their wake-ups.
func (r *Run) replay(d *device) {
	p := d.pending
	if p == nil {
		return
	}
	for seq, at := range p.arrivals {
		if seq >= r.entries {
			continue
		}
		delete(p.arrivals, seq)
		if w := d.notifiedBy(seq); w != nil && w.arrived == 0 {
			w.arrived = at
		}
	}
	for i := range p.sessions {
		r.serve(d, &p.sessions[i])
	}
	if len(p.arrivals) == 0 {
		d.pending = nil
		for i := range p.sessions {
			r.wiped(d, &p.sessions[i])
		}
	}
}

// wiped ends the wipes that a session delivered which their push did not begin: no other
// session will follow.
func (r *Run) wiped(d *device, s *session) {
	for _, w := range d.open {
		if w.work.Kind == "wipe" && w.delivered && !w.done && s.err == nil {
			r.polled(w, s)
		}
	}
}

// serve ends the wake-ups that a session was for. A session by push serves all
// wake-ups whose notification arrived before it began. A session by schedule
// serves those whose notification did not arrive, if it delivered their work.
func (r *Run) serve(d *device, s *session) {
	began := r.since(s.Started)
	for _, w := range d.open {
		if w.done || w.due > began {
			continue
		}
		switch s.Origin {
		case dmclient.OriginPush:
			switch {
			case w.arrived != 0 && w.arrived <= began:
				r.served(w, s)
				if s.err == nil {
					r.done++
				}
			case w.notified == 0 && w.queuedBy(began) && s.err == nil:
				w.overtaken = true
			}
		case dmclient.OriginSchedule, dmclient.OriginLogin:
			if w.arrived == 0 && d.pending == nil && w.queuedBy(began) && s.err == nil && r.worked(w) {
				r.polled(w, s)
			}
		}
	}
}

// worked tells whether any session delivered work to the device since the wake-up
// started.
func (r *Run) worked(w *wakeup) bool { return w.work.Commands() == 0 || w.delivered }

// settle drops the wake-ups of a device of which nothing more will be reported.
func (r *Run) settle(d *device) {
	r.drop(d, func(w *wakeup) bool {
		w.batch.poke()
		if !r.isSettled(w) {
			return false
		}
		r.measurePush(w)
		r.traced(w, w.whyNot())
		w.batch.left--
		if w.settled != nil {
			close(w.settled)
		}
		return true
	})
}

// isSettled tells whether all is known of a wake-up. One that ended without a
// notification may still find one in the journal; but not if its trigger failed,
// and the journal was read up to that moment.
func (r *Run) isSettled(w *wakeup) bool {
	switch {
	case !w.done:
		return false
	case w.notified != 0, w.batch.sender() == SenderNone:
		return true
	}
	return w.trouble != "" && w.journalEnd <= r.entries
}

// drop removes wake-ups of a device.
func (r *Run) drop(d *device, which func(*wakeup) bool) {
	if d.open = slices.DeleteFunc(d.open, which); len(d.open) == 0 {
		d.open, d.pending = nil, nil
	}
}

// fail ends a wake-up that could not be triggered.
func (r *Run) fail(w *wakeup, kind string, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.done {
		return
	}
	w.trouble = kind
	w.end(outcomeFailed)
	w.batch.tally.failed(w, kind, cause)
	r.settle(&r.devices[w.device])
}
