package load

import (
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Times of a run count from its zero: now, and any other moment.
func (r *Run) now() time.Duration              { return time.Since(r.zero) }
func (r *Run) since(t time.Time) time.Duration { return t.Sub(r.zero) }

// record adds a stage of a wake-up. The caller holds r.mu.
func (r *Run) record(w *wakeup, stage result.Stage, d time.Duration) {
	w.trace.record(stage, d)
	if !w.counted {
		return
	}
	h, ok := w.batch.tally.stages[stage]
	if !ok {
		return // not of this kind of part
	}
	h.Record(d)
	if w.observe != nil {
		w.observe(stage, d)
	}
}

// served ends and measures a wake-up by the session that its push led to. The
// caller holds r.mu.
func (r *Run) served(w *wakeup, s *session) {
	w.trace.served(s)
	if s.err != nil || len(s.turns) == 0 {
		w.trouble = "session: " + kindOf(s.err)
		w.end(outcomeFailed)
		w.batch.tally.failed(w, w.trouble, s.err)
		return
	}
	w.end(outcomeDone)
	if w.work.Kind == "wipe" && w.delivered {
		r.gone(w.device, "it was wiped")
	}
	if w.counted && !r.worked(w) {
		w.batch.tally.empty++
	}
	first := s.turns[0]
	w.sent = r.since(first.left)
	r.record(w, result.Wait, r.since(s.Started)-w.arrived)
	r.record(w, result.Open, w.sent-w.arrived)
	r.record(w, result.Reply, first.reply.Sub(first.left))
	// The work is done when the device answers the message that delivered the last
	// of it. A session without work is measured by its second message.
	k := s.work.of(w.work)
	if w.batch.kind() != KindPush {
		k = s.work.last()
	}
	if k = max(k, 0) + 1; k < len(s.turns) {
		r.record(w, result.Done, s.turns[k].left.Sub(first.reply))
		r.record(w, result.Ack, s.turns[k].reply.Sub(s.turns[k].left))
	}
	whole := r.since(s.Ended) - w.due
	r.record(w, result.Whole, whole)
	w.batch.tally.finished(w, whole)
}

// polled ends and measures a wake-up whose work came with a poll. The caller
// holds r.mu.
func (r *Run) polled(w *wakeup, s *session) {
	w.trace.served(s)
	w.end(outcomePolled)
	if w.work.Kind == "wipe" {
		r.gone(w.device, "it was wiped")
	}
	w.batch.tally.polledOne(w)
	took := r.since(s.Ended) - w.due
	r.record(w, result.Polled, took)
	if f := r.opts.Waited; f != nil && w.counted {
		// Without a poll of a part, all of it is a wait.
		wait := took
		if s.due != 0 {
			wait = max(s.due-w.due, 0)
		}
		f(wait, took-wait)
	}
}

// measurePush measures the stages before the session. Some of them are known only
// when the journal was read, after the session. The caller holds r.mu.
func (r *Run) measurePush(w *wakeup) {
	r.record(w, result.Late, w.started-w.due)
	if w.queued != 0 && w.work.Commands() > 0 && w.batch.sender() != SenderOwn {
		r.record(w, result.Queue, w.queued-w.started)
	}
	if w.notified == 0 {
		return
	}
	r.record(w, result.Trigger, max(w.notified-w.queued, 0))
	if w.arrived != 0 {
		r.record(w, result.Wake, max(w.arrived-w.notified, 0))
	}
	if w.sent != 0 {
		r.record(w, result.Out, max(w.sent-w.notified, 0))
	}
}
