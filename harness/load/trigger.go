package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tooLate is when a wake-up is given up before it starts: a plan that is far beyond
// the machine would go on for a multiple of its duration.
const tooLate = 10 * time.Second

// patience is how long a hook that is under way is waited for when the run is over,
// or interrupted: what began at the server is better finished.
const patience = 2 * time.Second

// errOver is what a trigger ends by that the end of the run came before.
var errOver = errors.New("the run was over before all of it was begun")

// begin starts one wake-up; it does not wait for it.
func (r *Run) begin(ctx context.Context, b *batch, device int, number int64, at time.Duration) {
	r.start(ctx, &wakeup{batch: b, observe: b.Observe, device: device, intended: b.base + at, started: time.Since(r.zero), counted: b.Plan == nil || b.Storm || b.Plan.counts(at)}, number)
}

func (r *Run) start(ctx context.Context, w *wakeup, number int64) {
	b, device := w.batch, w.device
	r.mu.Lock()
	b.tally.start(w)
	if r.opts.Rehearse {
		r.rehearse(w, number)
		if w.gone != nil {
			close(w.gone)
		}
		r.mu.Unlock()
		return
	}
	b.left++
	r.open[device] = append(r.open[device], w)
	r.mu.Unlock()
	if w.started-w.intended > tooLate {
		r.fail(w, fmt.Sprintf("not triggered: dmwake was late by more than %s, this machine is too small for the rate", tooLate))
		return
	}
	select {
	case r.slots <- struct{}{}:
	default:
		r.fail(w, fmt.Sprintf("not triggered: %d triggers were under way already, who pushes does not keep up", maxHooks))
		return
	}
	b.hooks.Go(func() {
		defer func() { <-r.slots }()
		calls, end := patient(ctx)
		defer end()
		err := r.trigger(ctx, calls, w)
		mark := r.lab.WNS.Journal().Mark()
		r.mu.Lock()
		w.returned, w.until = time.Since(r.zero), mark
		w.cut = errors.Is(err, errOver) || calls.Err() != nil
		r.mu.Unlock()
		if err != nil && !w.cut {
			r.fail(w, "trigger: "+kindOf(err))
		}
	})
}

// patient is ctx with some time more.
func patient(ctx context.Context) (later context.Context, end func()) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })
	return later, func() {
		stop()
		cancel()
	}
}

// trigger queues a wake-up's work and has it pushed. Once ctx has ended nothing more
// is begun; calls is the context of what was.
func (r *Run) trigger(ctx, calls context.Context, w *wakeup) error {
	v, own := r.pool.vars[w.device], r.opts.Sender == SenderOwn
	queued := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		w.queued = time.Since(r.zero)
	}
	if own { // what queues its work is the trigger
		queued()
	}
	for _, c := range r.opts.Work.commands() {
		if ctx.Err() != nil {
			return errOver
		}
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
	switch r.opts.Sender {
	case SenderHook:
		return r.lab.PushFor(calls, v)
	case SenderWNS:
		return r.send.push(calls, v.ChannelURI)
	}
	return nil
}
