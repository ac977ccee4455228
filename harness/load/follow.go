package load

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// seen takes in what came to WNS.
func (r *Run) seen(e *fakewns.Entry, missed uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed += missed
	if e == nil || e.Kind != fakewns.Notification {
		return nil
	}
	i, ok := r.index[e.Device]
	if !ok {
		return nil
	}
	at := e.At.Sub(r.zero)
	// Notifications name no wake-up: it is that of the last trigger before it.
	for k := len(r.open[i]) - 1; k >= 0; k-- {
		w := r.open[i][k]
		if w.atWNS == 0 && w.queued != 0 && w.queued <= at {
			w.atWNS, w.answer = at, e.Status
			switch {
			case e.Status != http.StatusOK:
				w.trouble = fmt.Sprintf("WNS answered %d", e.Status)
			case e.Delivery == fakewns.Dropped || e.Delivery == fakewns.Lost || e.Delivery == fakewns.Cached:
				w.trouble = "WNS: " + string(e.Delivery)
			}
			r.settle(i)
			return nil
		}
	}
	return nil
}

// arrived notes a notification that reached a device.
func (r *Run) arrived(device string) {
	now := time.Since(r.zero)
	r.mu.Lock()
	i, ok := r.index[device]
	if ok && i < len(r.open) {
		for k := len(r.open[i]) - 1; k >= 0; k-- { // as in seen
			if w := r.open[i][k]; w.there == 0 && w.queued != 0 {
				w.there = now
				break
			}
		}
	}
	r.mu.Unlock()
	if ok {
		r.pool.wake(i)
	}
}

// ended takes in a session: one that a push started serves all wake-ups that
// had reached the device before it began, one by schedule those that had not.
func (r *Run) ended(device string, s *dmclient.Session, err error) {
	if s == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.index[device]
	if !ok || i >= len(r.open) {
		return
	}
	began := s.Started.Sub(r.zero)
	for _, w := range r.open[i] {
		switch {
		case w.done || w.intended > began:
		case s.Origin == dmclient.OriginPush && w.there != 0 && w.there <= began:
			r.served(w, s, err)
		case s.Origin == dmclient.OriginSchedule && w.there == 0 && err == nil:
			w.end(outcomePolled)
			w.batch.tally.late(w, s.Ended.Sub(r.zero)-w.intended)
			if w.observe != nil && w.counted {
				w.observe(Polled, s.Ended.Sub(r.zero)-w.intended)
			}
		}
	}
	r.settle(i)
}

// served measures a wake-up whose session ended. The caller holds r.mu.
func (r *Run) served(w *wakeup, s *dmclient.Session, err error) {
	if err != nil || len(s.Exchanges) == 0 {
		w.trouble = "session: " + kindOf(err)
		w.end(outcomeFailed)
		w.batch.tally.failed(w, w.trouble)
		return
	}
	w.end(outcomeDone)
	since := func(t time.Time) time.Duration { return t.Sub(r.zero) }
	sent, reply, rest := exchanged(s.Exchanges)
	w.sent = since(sent)
	note := func(stage Stage, d time.Duration) { r.note(w, stage, d) }
	note(Wait, since(s.Started)-w.there)
	note(Open, w.sent-w.there)
	note(Reply, reply.Sub(sent))
	if len(rest) > 0 {
		done, acknowledged, _ := exchanged(rest)
		note(Done, done.Sub(reply))
		note(Ack, acknowledged.Sub(done))
	}
	note(Whole, since(s.Ended)-w.intended)
	w.batch.tally.finished(w, since(s.Ended)-w.intended)
}

// exchanged tells when a message left and when its reply came, and gives the
// exchanges after that. A server that is busy (429) is sent the message again: that
// is its time, too.
func exchanged(list []*dmclient.Exchange) (sent, reply time.Time, rest []*dmclient.Exchange) {
	i := 0
	for i+1 < len(list) && list[i].Status == http.StatusTooManyRequests {
		i++
	}
	return list[0].At.Add(list[0].Left), list[i].At.Add(list[i].Duration), list[i+1:]
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

// settle forgets wake-ups of a device that are over, from the first on. The
// caller holds r.mu.
func (r *Run) settle(i int) {
	list := r.open[i]
	for len(list) > 0 && list[0].done && (list[0].atWNS != 0 || list[0].trouble != "" || r.opts.Sender == SenderNone) {
		r.close(list[0])
		list[0].batch.left--
		if list[0].gone != nil {
			close(list[0].gone)
		}
		list = list[1:]
	}
	for _, w := range r.open[i] {
		w.batch.poke()
	}
	if len(list) == 0 {
		list = nil
	}
	r.open[i] = list
}

// close notes the stages before the session, which the journal tells later.
func (r *Run) close(w *wakeup) {
	r.note(w, Late, w.started-w.intended)
	if w.queued != 0 && r.opts.Work.Commands() > 0 {
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
