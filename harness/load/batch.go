package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// Batch is wake-ups that are started together and measured as one.
type Batch struct {
	// Plan is when they start. Nil: Count of them start at once.
	Plan  *Plan
	Count int
	// Storm wakes every device once, at the start of the counted time of Plan.
	Storm bool
	// At is when the plan begins; the zero time is at once. One that is past is
	// an error: all that was meant to start until now would be late.
	At       time.Time
	Progress func(Progress)
	// Observe is told of each stage as it is measured; it must not block.
	Observe func(stage Stage, d time.Duration)
}

// batch is one under way.
type batch struct {
	*Batch
	base    time.Duration // of its plan, since the zero of the run
	ended   bool          // its plan
	lasted  time.Duration // its plan, or until it was interrupted
	moving  bool          // when the time to drain was over
	left    int64         // wake-ups that are not settled
	missed  uint64        // of the journal, before it
	rand    *rand.Rand    // of the plan, the same in every share
	who     *rand.Rand
	moved   chan struct{} // told when fewer are under way
	hooks   sync.WaitGroup
	tally   tally
	planned int64 // wake-ups of all shares
	used    used  // of the machine's processors, before it
	waited  int64 // devices that waited for a session of others to end, before it
}

// grace is how long is waited for the journal to tell of what has ended.
const grace = 500 * time.Millisecond

// Go runs the plan of the options to its end, or until ctx ends, waits for what
// is under way, and gives what was measured. The error tells that nothing was
// started.
func (r *Run) Go(ctx context.Context) (*Result, error) {
	runtime.GC()
	o := r.opts
	return r.Drive(ctx, &Batch{Plan: o.Plan, Storm: o.Storm, At: o.At, Progress: o.Progress, Observe: o.Observe})
}

// Drive starts the wake-ups of a batch and waits for them, or until ctx ends. A
// run can drive several at a time. The error tells that nothing was started.
func (r *Run) Drive(ctx context.Context, b *Batch) (*Result, error) {
	if !b.At.IsZero() {
		if late := time.Since(b.At); late > 0 {
			return nil, fmt.Errorf("the time to start was %s ago: the devices took longer to be ready; choose a later one", late.Round(time.Millisecond))
		}
		if !wait(ctx, b.At) {
			return nil, errors.New("interrupted before the time to start")
		}
	}
	return r.play(ctx, r.batch(b)), nil
}

// batch gets one ready.
func (r *Run) batch(what *Batch) *batch {
	b := &batch{Batch: what, moved: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches++
	seq := r.batches
	b.rand = rand.New(rand.NewPCG(r.opts.Seed, 5+seq))             //nolint:gosec // an order
	b.who = rand.New(rand.NewPCG(r.opts.Seed+1, seq<<32+r.part())) //nolint:gosec // as above
	b.missed = r.missed
	b.base = time.Since(r.zero)
	if !b.At.IsZero() {
		b.base = b.At.Sub(r.zero)
	}
	b.tally.init(b)
	return b
}

func (r *Run) play(ctx context.Context, b *batch) *Result {
	progress, quiet := context.WithCancel(context.Background())
	var told sync.WaitGroup
	told.Go(func() { r.report(progress, b) })
	b.used, b.waited = usage(), r.pool.waited()
	more, enough := context.WithCancel(ctx)
	defer enough()
	r.drive(more, b)
	r.mu.Lock()
	b.ended, b.lasted = true, time.Since(r.zero)-b.base
	if ctx.Err() == nil && b.Plan != nil {
		b.lasted = max(b.lasted, b.Plan.Duration) // its last wake-up is somewhat before the end
	}
	r.mu.Unlock()
	r.drain(ctx, b)
	enough()
	b.hooks.Wait()
	quiet()
	told.Wait()
	return r.result(b, ctx.Err() != nil)
}

// part is a number of the share, to draw by.
func (r *Run) part() (n uint64) {
	for _, k := range r.opts.Share.Mine {
		n = n*31 + uint64(k) + 1 //nolint:gosec // it is not negative
	}
	return n
}

// drive starts wake-ups when they are meant to.
func (r *Run) drive(ctx context.Context, b *batch) {
	p := b.Plan
	switch {
	case b.Storm:
		if wait(ctx, r.zero.Add(b.base+p.Warmup)) {
			b.planned = int64(r.opts.Devices)
			first, i := r.plan(b.planned), 0
			for n := range b.planned {
				if i < len(r.open) && r.opts.Share.Has(n) {
					r.begin(ctx, b, i, first+n, p.Warmup)
					i++
				}
			}
		}
	case p == nil:
		b.planned = int64(b.Count)
		for range b.Count {
			if n := r.plan(1); r.opts.Share.Has(n) {
				r.begin(ctx, b, r.pick(b), n, 0)
			}
		}
	default:
		for at := range p.Arrivals(b.rand) {
			n := r.plan(1)
			if p.counts(at) {
				b.planned++
			}
			if !r.opts.Share.Has(n) {
				continue
			}
			if !wait(ctx, r.zero.Add(b.base+at)) {
				return
			}
			r.begin(ctx, b, r.pick(b), n, at)
		}
	}
}

// plan takes the numbers of the next n wake-ups, and gives the first.
func (r *Run) plan(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number += n
	return r.number - n
}

// wait waits until a moment; false where ctx ended before.
func wait(ctx context.Context, until time.Time) bool {
	if d := time.Until(until); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// pick chooses the next device.
func (r *Run) pick(b *batch) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.Who == whoRandom {
		return b.who.IntN(len(r.open))
	}
	r.next++
	return (r.next - 1) % len(r.open)
}

// rehearse ends a wake-up at once, in a time from 1 to 1009 ms that follows from
// its number. The caller holds r.mu.
func (r *Run) rehearse(w *wakeup, number int64) {
	took := time.Duration(1+number*7919%1009) * time.Millisecond
	w.end(outcomeDone)
	for _, s := range []Stage{Trigger, Wake, Open, Reply} {
		r.note(w, s, took/4)
	}
	r.note(w, Whole, took)
	w.batch.tally.finished(w, took)
}

// drain waits for what is under way, and then, for a short while, for the
// journal to tell the rest of it.
func (r *Run) drain(ctx context.Context, b *batch) {
	wait := func(limit time.Duration, more func() int64) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		for {
			r.mu.Lock()
			n := more()
			r.mu.Unlock()
			if n <= 0 {
				return
			}
			select {
			case <-b.moved:
			case <-ctx.Done():
				return
			}
		}
	}
	wait(r.opts.Drain, func() int64 { return b.tally.open() })
	r.mu.Lock()
	b.moving = b.tally.open() > 0 && time.Since(r.zero)-b.tally.latest < time.Second && b.tally.latest > b.base+b.lasted+r.opts.Drain/2
	r.mu.Unlock()
	wait(grace, func() int64 { return b.left - b.tally.open() })
}

// poke tells a batch whose plan has ended that something was settled. The caller
// holds r.mu.
func (b *batch) poke() {
	if !b.ended {
		return
	}
	select {
	case b.moved <- struct{}{}:
	default:
	}
}
