package load

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// early is what came before the journal told of the notification that it is of.
type early struct {
	arrivals map[uint64]time.Duration // at the device, by the Seq of the journal's entry
	sessions []ended
}

// ended is a session that is over.
type ended struct {
	*dmclient.Session
	err   error
	turns []turn
	work  int // Work.in
}

// turn is one message of a device and the server's reply.
type turn struct{ left, reply time.Time }

// turns are those of a session. A server that is busy (429) is sent the message
// again: that is its time, too.
func turns(list []*dmclient.Exchange) (out []turn) {
	busy := false
	for _, e := range list {
		if !busy {
			out = append(out, turn{left: e.At.Add(e.Left)})
		}
		out[len(out)-1].reply = e.At.Add(e.Duration)
		busy = e.Status == http.StatusTooManyRequests
	}
	return out
}

// seen takes in what came to WNS, or what became of it since.
func (r *Run) seen(e *fakewns.Entry, missed uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed += missed
	known := e.Seq < r.entries
	r.entries = max(r.entries, e.Seq+1)
	i, ok := r.index[e.Device]
	if !ok || e.Kind != fakewns.Notification {
		return nil
	}
	var w *wakeup
	if known {
		if k := slices.IndexFunc(r.open[i], func(w *wakeup) bool { return w.atWNS != 0 && w.entry == e.Seq }); k >= 0 {
			w = r.open[i][k]
		}
	} else {
		at := e.At.Sub(r.zero)
		if w = whose(r.open[i], at, r.usual); w != nil {
			w.atWNS, w.entry = at, e.Seq
			if r.usual == 0 {
				r.usual = at - w.queued
			}
			r.usual += (at - w.queued - r.usual) / 16
		}
	}
	if w != nil && !w.done {
		w.fate(e)
	}
	r.pair(i)
	r.settle(i)
	return nil
}

// fate notes what WNS does with the notification of a wake-up.
func (w *wakeup) fate(e *fakewns.Entry) {
	w.coming, w.trouble = e.Delivery == fakewns.Woken || e.Delivery == fakewns.Cached, ""
	switch {
	case e.Status != http.StatusOK:
		w.trouble = fmt.Sprintf("WNS answered %d", e.Status)
	case e.Delivery != fakewns.Woken && e.Delivery != fakewns.NotDelivered:
		w.trouble = "WNS: " + string(e.Delivery)
	}
}

// whose is the wake-up that a notification at this time is of, nil where it is of
// none: it does not say. Servers push in the order of the triggers, more or less, so
// that it is the first of which none came yet. One whose trigger is over, and is much
// longer ago than is usual, was forgotten by the server, or is one with another.
func whose(list []*wakeup, at, usual time.Duration) (last *wakeup) {
	for _, w := range list {
		if w.coming || w.done && w.atWNS != 0 || w.queued == 0 || w.queued > at {
			continue
		}
		last = w
		if w.returned == 0 || w.returned >= at || at-w.queued <= muchLonger*usual || usual == 0 {
			break
		}
	}
	return last
}

// muchLonger is the factor. Under a backlog all notifications take longer, so that
// the first trigger is not much longer ago than is usual. After a loss it is: by the
// time until the device is woken again.
const muchLonger = 8

// woken puts a device to work that stays whole; others do so by themselves.
func (r *Run) woken(device string) {
	r.mu.Lock()
	i, ok := r.index[device]
	r.mu.Unlock()
	if ok && r.opts.Resident {
		r.pool.wake(i)
	}
}

// arrived notes a notification that reaches a device.
func (r *Run) arrived(device string, seq uint64) { r.reached(device, seq, time.Since(r.zero)) }

func (r *Run) reached(device string, seq uint64, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.index[device]
	if !ok || len(r.open[i]) == 0 {
		return
	}
	e := r.early[i]
	if e == nil {
		e = &early{arrivals: map[uint64]time.Duration{}}
		r.early[i] = e
	}
	if _, twice := e.arrivals[seq]; !twice {
		e.arrivals[seq] = at
	}
	r.pair(i)
}

// pair gives what reached a device to the wake-ups whose notifications they are, as
// far as the journal told of those, and then has the sessions that came of it
// serve them. The caller holds r.mu.
func (r *Run) pair(i int) {
	e := r.early[i]
	if e == nil {
		return
	}
	for seq, at := range e.arrivals {
		if seq >= r.entries {
			continue
		}
		delete(e.arrivals, seq)
		for _, w := range r.open[i] {
			if w.atWNS != 0 && w.entry == seq && w.there == 0 {
				w.there = at
			}
		}
	}
	for _, s := range e.sessions {
		r.serve(i, s)
	}
	if len(e.arrivals) == 0 {
		delete(r.early, i)
	}
}

// ended takes in a session: one that a push started serves all wake-ups that
// had reached the device before it began, one by schedule those that had not.
func (r *Run) ended(device string, s *dmclient.Session, err error) {
	if s == nil {
		return
	}
	over := ended{s, err, turns(s.Exchanges), r.opts.Work.in(s)}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.index[device]
	if !ok || i >= len(r.open) {
		return
	}
	if k := over.work; k >= 0 && k < len(over.turns) {
		r.brought[i] = over.turns[k].reply.Sub(r.zero)
	}
	if e := r.early[i]; e != nil && s.Origin == dmclient.OriginPush {
		e.sessions = append(e.sessions, over)
	}
	r.serve(i, over)
	r.settle(i)
}

// serve ends the wake-ups of a device that a session was for. The caller holds
// r.mu.
func (r *Run) serve(i int, s ended) {
	began, over := s.Started.Sub(r.zero), s.Ended.Sub(r.zero)
	for _, w := range r.open[i] {
		switch {
		case w.done || w.intended > began:
		case s.Origin == dmclient.OriginPush && w.there != 0 && w.there <= began:
			r.served(w, s)
		case s.Origin == dmclient.OriginPush && w.atWNS == 0 && w.queued != 0 && w.queued <= began:
			w.another = w.another || s.err == nil
		case s.Origin == dmclient.OriginSchedule && w.queued != 0 && w.queued <= began && w.there == 0 && r.early[i] == nil && s.err == nil && r.worked(w):
			w.end(outcomePolled)
			w.batch.tally.late(w, over-w.intended)
			if w.observe != nil && w.counted {
				w.observe(Polled, over-w.intended)
			}
		}
	}
}

// worked tells whether some of a wake-up's work came to its device, in whatever
// session. The caller holds r.mu.
func (r *Run) worked(w *wakeup) bool {
	return r.opts.Work.Commands() == 0 || r.brought[w.device] > w.started
}

// served measures a wake-up whose session ended. The caller holds r.mu.
func (r *Run) served(w *wakeup, s ended) {
	if s.err != nil || len(s.turns) == 0 {
		w.trouble = "session: " + kindOf(s.err)
		w.end(outcomeFailed)
		w.batch.tally.failed(w, w.trouble)
		return
	}
	w.end(outcomeDone)
	if w.counted && !r.worked(w) {
		w.batch.tally.empty++
	}
	since := func(t time.Time) time.Duration { return t.Sub(r.zero) }
	note := func(stage Stage, d time.Duration) { r.note(w, stage, d) }
	first := s.turns[0]
	w.sent = since(first.left)
	note(Wait, since(s.Started)-w.there)
	note(Open, w.sent-w.there)
	note(Reply, first.reply.Sub(first.left))
	// What brought the last of the work is answered by the next message; a session
	// without work is measured by its second one.
	if k := max(s.work, 0) + 1; k < len(s.turns) {
		note(Done, s.turns[k].left.Sub(first.reply))
		note(Ack, s.turns[k].reply.Sub(s.turns[k].left))
	}
	note(Whole, since(s.Ended)-w.intended)
	w.batch.tally.finished(w, since(s.Ended)-w.intended)
}

func (r *Run) note(w *wakeup, stage Stage, d time.Duration) {
	if !w.counted {
		return
	}
	record(w.batch.tally.stages[stage], d)
	if w.observe != nil {
		w.observe(stage, d)
	}
}

// settle forgets wake-ups of a device that are over. The caller holds r.mu.
func (r *Run) settle(i int) {
	r.forget(i, func(w *wakeup) bool {
		w.batch.poke()
		if !w.done || w.atWNS == 0 && (w.trouble == "" || w.until > r.entries) && r.opts.Sender != SenderNone {
			return false // or the journal may tell of it yet
		}
		r.close(w)
		w.batch.left--
		if w.gone != nil {
			close(w.gone)
		}
		return true
	})
}

// forget takes wake-ups from those of a device. The caller holds r.mu.
func (r *Run) forget(i int, over func(*wakeup) bool) {
	if r.open[i] = slices.DeleteFunc(r.open[i], over); len(r.open[i]) == 0 {
		r.open[i] = nil
		delete(r.early, i)
	}
}

// close notes the stages before the session, which the journal tells later.
func (r *Run) close(w *wakeup) {
	r.note(w, Late, w.started-w.intended)
	if w.queued != 0 && r.opts.Work.Commands() > 0 && r.opts.Sender != SenderOwn {
		r.note(w, Queue, w.queued-w.started)
	}
	if w.atWNS == 0 {
		return
	}
	r.note(w, Trigger, max(w.atWNS-w.queued, 0))
	if w.there != 0 {
		r.note(w, Wake, max(w.there-w.atWNS, 0))
	}
	if w.sent != 0 {
		r.note(w, Out, max(w.sent-w.atWNS, 0))
	}
}

// fail ends a wake-up that could not be started.
func (r *Run) fail(w *wakeup, kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.done {
		return
	}
	w.trouble = kind
	w.end(outcomeFailed)
	w.batch.tally.failed(w, kind)
	r.settle(w.device)
}
