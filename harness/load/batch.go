package load

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Batch is a set of wake-ups that are measured together.
type Batch struct {
	// Plan says when they are due. Nil: Count of them start at once.
	Plan  *Plan
	Count int
	// Among is how many devices take part, the first ones. 0: all.
	Among int
	// Storm wakes every device once, at the start of the counted time of Plan.
	Storm bool
	// At is when the plan starts; zero: now. A time in the past is an error, because
	// all wake-ups until now would be late.
	At       time.Time
	Progress func(Progress)
	// Observe is called for each measured stage. It must not block.
	Observe func(stage result.Stage, d time.Duration)
}

// batch is a Batch under way.
type batch struct {
	*Batch
	base    time.Duration // start of its plan
	ended   bool          // the plan ended
	lasted  time.Duration // of the plan, or until it was interrupted
	moving  bool          // sessions still succeeded when the drain time was over
	left    int64         // unsettled wake-ups
	planned int64         // counted wake-ups of all shares
	rand    *rand.Rand    // of the plan, the same in every share
	who     *rand.Rand    // of the devices
	moved   chan struct{} // receives when wake-ups ended or settled, after the plan
	hooks   sync.WaitGroup
	tally   tally

	// What the run counted before this batch.
	missed uint64
	waited int64
	cpu    cpuTime
}

// grace is how long to wait for the journal to report on wake-ups that ended.
const grace = 500 * time.Millisecond

// Go runs the plan of the options, waits for wake-ups under way, and returns what
// it measured. An error means that nothing was started. If ctx ends, the run ends
// early, and the result says so.
func (r *Run) Go(ctx context.Context) (*result.Result, error) {
	runtime.GC()
	o := r.opts
	return r.Drive(ctx, &Batch{Plan: o.Plan, Storm: o.Storm, At: o.At, Progress: o.Progress, Observe: o.Observe})
}

// Drive is Go for a batch. A run can drive several batches at the same time.
func (r *Run) Drive(ctx context.Context, b *Batch) (*result.Result, error) {
	if !b.At.IsZero() {
		if late := time.Since(b.At); late > 0 {
			return nil, optionError("At", "the start time was %s ago when the devices were ready; choose a later one", late.Round(time.Millisecond))
		}
		if !waitUntil(ctx, b.At) {
			return nil, errors.New("interrupted before the start time")
		}
	}
	return r.play(ctx, r.newBatch(b)), nil
}

func (r *Run) newBatch(what *Batch) *batch {
	b := &batch{Batch: what, moved: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches++
	seq := r.batches
	b.rand = rand.New(rand.NewPCG(r.opts.Seed, 5+seq))                //nolint:gosec // an order
	b.who = rand.New(rand.NewPCG(r.opts.Seed+1, seq<<32+r.shareID())) //nolint:gosec // as above
	b.missed = r.missed
	b.base = r.now()
	if !b.At.IsZero() {
		b.base = r.since(b.At)
	}
	b.tally.init(b)
	return b
}

// shareID is a number that identifies the share.
func (r *Run) shareID() (n uint64) {
	for _, k := range r.opts.Share.Mine {
		n = n*31 + uint64(k) + 1 //nolint:gosec // it is not negative
	}
	return n
}

func (r *Run) play(ctx context.Context, b *batch) *result.Result {
	progress, quiet := context.WithCancel(context.Background())
	var reports sync.WaitGroup
	reports.Go(func() { r.report(progress, b) })
	b.cpu, b.waited = cpuNow(), r.pool.waited()
	triggers, stop := context.WithCancel(ctx)
	defer stop()
	r.drive(triggers, b)
	r.mu.Lock()
	b.ended, b.lasted = true, r.now()-b.base
	if ctx.Err() == nil && b.Plan != nil {
		b.lasted = max(b.lasted, b.Plan.Duration) // the last wake-up is due a little earlier
	}
	r.mu.Unlock()
	r.drain(ctx, b)
	stop()
	b.hooks.Wait()
	quiet()
	reports.Wait()
	return r.result(b, ctx.Err() != nil)
}

// drive starts wake-ups when they are due.
func (r *Run) drive(ctx context.Context, b *batch) {
	switch {
	case b.Storm:
		r.driveStorm(ctx, b)
	case b.Plan == nil:
		b.planned = int64(b.Count)
		for range b.Count {
			if n := r.takeNumbers(1); r.opts.Share.Has(n) {
				r.begin(ctx, b, r.pick(b), n, 0)
			}
		}
	default:
		r.drivePlan(ctx, b)
	}
}

func (r *Run) driveStorm(ctx context.Context, b *batch) {
	b.planned = int64(r.opts.Devices)
	if !waitUntil(ctx, r.zero.Add(b.base+b.Plan.Warmup)) {
		return
	}
	first, device := r.takeNumbers(b.planned), 0
	for n := range b.planned {
		if device < len(r.devices) && r.opts.Share.Has(n) {
			r.begin(ctx, b, device, first+n, b.Plan.Warmup)
			device++
		}
	}
}

func (r *Run) drivePlan(ctx context.Context, b *batch) {
	over := 0
	for at := range b.Plan.Arrivals(b.rand) {
		if b.Plan.counts(at) {
			b.planned++
		}
		if over > 0 {
			// Interrupted: the rest is only counted.
			if over++; over == maxCounted {
				b.planned += int64(math.Round(b.Plan.Total() - b.Plan.until(max(at, b.Plan.Warmup))))
				return
			}
			continue
		}
		n := r.takeNumbers(1)
		if !r.opts.Share.Has(n) {
			continue
		}
		if !waitUntil(ctx, r.zero.Add(b.base+at)) {
			over++
			continue
		}
		r.begin(ctx, b, r.pick(b), n, at)
	}
}

// maxCounted is how many wake-ups that an interrupt left are counted one by one, in some
// tenths of a second. Beyond it the plan's mean has to do, which is exact unless the
// plan is random.
const maxCounted = 2_000_000

// takeNumbers reserves the numbers of the next n wake-ups of all shares, and
// returns the first.
func (r *Run) takeNumbers(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number += n
	return r.number - n
}

// waitUntil waits for a moment. It returns false if ctx ends before.
func waitUntil(ctx context.Context, moment time.Time) bool {
	if d := time.Until(moment); d > 0 {
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
	among := len(r.devices)
	if b.Among > 0 {
		among = min(among, b.Among)
	}
	if r.opts.Who == whoRandom {
		return b.who.IntN(among)
	}
	r.next++
	return (r.next - 1) % among
}

// drain waits for the wake-ups under way, at most Drain, and then shortly for the
// journal to report on all that ended.
func (r *Run) drain(ctx context.Context, b *batch) {
	r.waitFor(ctx, b, r.opts.Drain, func() bool { return b.tally.open() <= 0 })
	r.mu.Lock()
	latest := b.tally.latest
	b.moving = b.tally.open() > 0 && r.now()-latest < time.Second && latest > b.base+b.lasted+r.opts.Drain/2
	r.mu.Unlock()
	r.waitFor(ctx, b, grace, func() bool { return b.left <= b.tally.open() })
}

// waitFor waits until a condition on the batch holds. The condition is checked
// under r.mu.
func (r *Run) waitFor(ctx context.Context, b *batch, most time.Duration, holds func() bool) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		r.mu.Lock()
		ok := holds()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-b.moved:
		case <-ctx.Done():
			return
		}
	}
}

// poke lets drain check again, once the plan has ended. The caller holds r.mu.
func (b *batch) poke() {
	if !b.ended {
		return
	}
	select {
	case b.moved <- struct{}{}:
	default:
	}
}
