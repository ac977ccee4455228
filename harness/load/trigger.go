package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/sender"
)

// tooLate is the delay from which a wake-up is not started any more. Without it a
// plan far beyond the machine's capacity would run for a multiple of its duration.
const tooLate = 10 * time.Second

// patience is how long a hook under way may take to end when the run is over or
// interrupted: what the server has begun had better be finished.
const patience = 2 * time.Second

// maxTriggers limits the triggers under way.
const maxTriggers = 4096

// errOver ends a trigger that still had something to begin at the end of the run.
var errOver = errors.New("the run ended before the trigger had begun everything")

// begin starts the wake-up of a device without waiting for it. It is due at a
// time of the batch's plan.
func (r *Run) begin(ctx context.Context, b *batch, device int, number int64, at time.Duration, work Work) {
	counted := b.Plan == nil || b.Storm || b.Plan.counts(at)
	r.start(ctx, &wakeup{batch: b, observe: b.Observe, device: device, work: work, due: b.base + at, started: r.now(), counted: counted}, number)
}

func (r *Run) start(ctx context.Context, w *wakeup, number int64) {
	b := w.batch
	w.trace = r.newTrace(b.seq, number)
	r.mu.Lock()
	b.tally.start(w)
	if r.opts.Rehearse {
		r.rehearse(w, number)
		r.mu.Unlock()
		return
	}
	if w.device < 0 {
		w.end(outcomeFailed)
		b.tally.failed(w, "not triggered: "+noDevice, nil)
		r.mu.Unlock()
		return
	}
	b.left++
	if w.work.Kind == "wipe" {
		r.away[w.device] = leaving
	}
	d := &r.devices[w.device]
	d.open = append(d.open, w)
	r.mu.Unlock()
	if w.started-w.due > tooLate {
		r.fail(w, fmt.Sprintf(NotTriggered+" by more than %s, this machine is too small for the rate", tooLate), nil)
		return
	}
	select {
	case r.triggers <- struct{}{}:
	default:
		r.fail(w, fmt.Sprintf("not triggered: %d triggers were under way, the sender is too slow for the rate", maxTriggers), nil)
		return
	}
	b.hooks.Go(func() {
		defer func() { <-r.triggers }()
		calls, end := withPatience(ctx)
		defer end()
		err := r.trigger(ctx, calls, w)
		mark := r.lab.WNS.Journal().Mark()
		r.mu.Lock()
		w.returned, w.journalEnd = r.now(), mark
		w.cut = errors.Is(err, errOver) || calls.Err() != nil
		r.mu.Unlock()
		if err != nil && !w.cut {
			r.fail(w, "trigger: "+kindOf(err), err)
		}
	})
}

// withPatience returns a context that ends patience after ctx.
func withPatience(ctx context.Context) (later context.Context, end func()) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })
	return later, func() {
		stop()
		cancel()
	}
}

// trigger queues a wake-up's work and has it pushed. After ctx has ended it begins
// nothing more. Calls that it has begun use the context calls.
func (r *Run) trigger(ctx, calls context.Context, w *wakeup) error {
	r.mu.Lock()
	v := r.pool.roster.vars(w.device)
	r.mu.Unlock()
	own := w.batch.sender() == SenderOwn
	queued := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		w.queued = r.now()
	}
	if own { // queuing the work is the trigger
		queued()
	}
	requests := 0
	for _, c := range w.work.commands() {
		if ctx.Err() != nil {
			return errOver
		}
		v.TraceParent = w.trace.hook(requests)
		requests++
		if err := r.lab.QueueFor(calls, v, c); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errOver
	}
	if !own {
		queued()
	}
	switch w.batch.sender() {
	case SenderHook:
		v.TraceParent = w.trace.hook(requests)
		return r.lab.PushFor(calls, v)
	case SenderWNS:
		return wake(calls, r.send, v.ChannelURI)
	}
	return nil
}

// The notification that dmwake sends instead of the server.
var (
	wakePayload = []byte("wake")
	wakeHeader  = http.Header{"Content-Type": {"application/octet-stream"}, "X-Wns-Type": {"wns/raw"}, "X-Wns-Cache-Policy": {"cache"}}
)

func wake(ctx context.Context, s *sender.Sender, channel string) error {
	a, err := s.Push(ctx, channel, wakeHeader, wakePayload)
	if err != nil {
		return err
	}
	return a.Err()
}

// rehearse ends a wake-up at once. It takes 1 to 1009 ms, depending on its number.
// The caller holds r.mu.
func (r *Run) rehearse(w *wakeup, number int64) {
	took := time.Duration(1+number*7919%1009) * time.Millisecond
	w.end(outcomeDone)
	for _, s := range []result.Stage{result.Trigger, result.Wake, result.Open, result.Reply} {
		r.record(w, s, took/4)
	}
	r.record(w, result.Whole, took)
	w.batch.tally.finished(w, took)
	if w.settled != nil {
		close(w.settled)
	}
}
