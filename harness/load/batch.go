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
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Batch is a set of wake-ups, or of polls, that are measured together.
type Batch struct {
	// Plan says when they are due. Nil: Count of them start at once.
	Plan  *Plan
	Count int
	// Among is how many devices take part, the first ones. 0: all.
	Among int
	// Every makes them polls: each device checks in at this interval as long as Plan
	// lasts. 0: they are wake-ups.
	Every time.Duration
	// Storm wakes every device once, at the start of the counted time of Plan.
	Storm bool
	// At is when the plan starts; zero: now. A time in the past is an error, because
	// all wake-ups until now would be late.
	At       time.Time
	Progress func(Progress)
	// Observe is called for each measured stage. It must not block.
	Observe func(stage result.Stage, d time.Duration)

	part *Part // nil: as Every and the options describe
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
	seq     uint64        // its number in the run, the same in every share
	away    int64         // of these, polls of this share whose device was not there
	polls   *Part         // that goes on at the same time, or is this one; nil: none
	numbers *int64        // of its wake-ups so far, of all shares
	rand    *rand.Rand    // of the plan, the same in every share
	mixed   *rand.Rand    // of the work, as well
	who     *rand.Rand    // of the devices
	moved   chan struct{} // receives when wake-ups ended or settled, after the plan
	hooks   sync.WaitGroup
	tally   tally

	visits map[int]*visits      // sessions that devices begin by themselves
	order  []int                // of the devices in a round of polls
	jobs   map[*wakeup]struct{} // enrollments under way
	ids    *rand.Rand           // of new devices, the same in every share
	late   int64                // polls that were due while an earlier one of the device was not over
}

func (b *batch) kind() Kind     { return b.part.Kind }
func (b *batch) sender() string { return b.part.Sender }

// grace is how long to wait for the journal to report on wake-ups that ended.
const grace = 500 * time.Millisecond

// Go runs the parts of the options beside each other, waits for what is under way, and
// returns what it measured. An error means that nothing was started. If ctx ends, the run
// ends early, and the result says so.
func (r *Run) Go(ctx context.Context) (*result.Result, error) {
	runtime.GC()
	o := r.opts
	var list []*Batch
	for _, p := range o.parts {
		b := &Batch{Plan: p.Plan, Storm: p.Storm, At: o.At, Progress: o.Progress, part: p}
		if o.Observe != nil {
			b.Observe = func(stage result.Stage, d time.Duration) { o.Observe(p.Name, stage, d) }
		}
		list = append(list, b)
	}
	return r.together(ctx, list)
}

// Drive is Go for batches that go on beside each other. All have the same At. A run can
// drive several times at once.
func (r *Run) Drive(ctx context.Context, list ...*Batch) (*result.Result, error) {
	polls := false
	for _, b := range list {
		p := r.partOf(b)
		if err := r.opts.checkPart(p); err != nil {
			return nil, err
		}
		polls = polls || p.Kind == KindPoll
	}
	if err := r.opts.checkReached(polls); err != nil {
		return nil, err
	}
	return r.together(ctx, list)
}

// partOf is what a batch does.
func (r *Run) partOf(b *Batch) *Part {
	switch {
	case b.part != nil:
		return b.part
	case b.Every != 0:
		return &Part{Name: "polls", Kind: KindPoll, Every: b.Every, Plan: b.Plan}
	}
	return r.opts.pushes(b.Plan)
}

// together drives batches that start at the same time.
func (r *Run) together(ctx context.Context, list []*Batch) (*result.Result, error) {
	if len(list) == 0 {
		return nil, optionError("Rate", "the run has nothing to do: it starts no wake-ups and no polls")
	}
	at := list[0].At
	if !at.IsZero() {
		if late := time.Since(at); late > 0 {
			return nil, optionError("At", "the start time was %s ago when the devices were ready; choose a later one", late.Round(time.Millisecond))
		}
		if !waitUntil(ctx, at) {
			return nil, errors.New("interrupted before the start time")
		}
	}
	batches := r.newBatches(list)
	if begun := r.opts.Begun; begun != nil {
		begun(r.zero.Add(batches[0].base))
	}
	return r.play(ctx, batches)
}

// newBatches makes batches with a common start.
func (r *Run) newBatches(list []*Batch) (out []*batch) {
	for _, what := range list {
		b := r.newBatch(what)
		if len(out) > 0 {
			b.base = out[0].base
			b.tally.base = b.base
		}
		if len(list) > 1 {
			// Parts go on beside each other. Each counts by itself, or the order in which
			// they take their numbers would decide what is whose share.
			b.numbers = new(int64)
		}
		out = append(out, b)
	}
	for _, p := range out {
		if p.kind() == KindPoll {
			for _, b := range out {
				b.polls = p.part
			}
		}
	}
	return out
}

func (r *Run) newBatch(what *Batch) *batch {
	part, own := r.partOf(what), *what
	own.part = part
	b := &batch{Batch: &own, moved: make(chan struct{}, 1), numbers: &r.number}
	b.visits, b.jobs = map[int]*visits{}, map[*wakeup]struct{}{}
	if part.Kind.inTurn() {
		b.order = r.polls()
		if what.Among > 0 {
			b.order = b.order[:min(what.Among, len(b.order))]
		}
		b.Plan = part.arrivals(r.devicesOf(b))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches++
	seq := r.batches
	b.seq = seq
	b.rand = rand.New(rand.NewPCG(r.opts.Seed, 5+seq))                //nolint:gosec // an order
	b.mixed = rand.New(rand.NewPCG(r.opts.Seed+2, 5+seq))             //nolint:gosec // as above
	b.who = rand.New(rand.NewPCG(r.opts.Seed+1, seq<<32+r.shareID())) //nolint:gosec // as above
	b.ids = rand.New(rand.NewPCG(r.opts.Seed+3, 5+seq))               //nolint:gosec // identities, as in a lab
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

// drive starts wake-ups when they are due.
func (r *Run) drive(ctx context.Context, b *batch) {
	switch {
	case b.Storm:
		r.driveStorm(ctx, b)
	case b.Plan == nil:
		b.planned = int64(b.Count)
		for range b.Count {
			if n := r.takeNumbers(b, 1); r.opts.Share.Has(n) {
				r.begin(ctx, b, r.pick(b), n, 0, b.work())
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
	first, device := r.takeNumbers(b, b.planned), 0
	for n := range b.planned {
		if device < len(r.devices) && r.opts.Share.Has(n) {
			r.begin(ctx, b, device, first+n, b.Plan.Warmup, b.work())
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
		next := r.draw(b)
		if !r.opts.Share.Has(next.number) {
			continue
		}
		if !waitUntil(ctx, r.zero.Add(b.base+at)) {
			over++
			continue
		}
		next.at = at
		r.arrive(ctx, b, next)
	}
}

// arrival is the next item of a batch. Every share draws the same ones.
type arrival struct {
	number   int64
	at       time.Duration
	work     Work
	identity dmclient.Identity // of a new device
}

func (r *Run) draw(b *batch) arrival {
	a := arrival{number: r.takeNumbers(b, 1), work: b.work()}
	if k := b.kind(); k == KindEnroll || k == KindChurn {
		a.identity = dmclient.NewIdentity(b.ids)
	}
	return a
}

// arrive begins an item that is due.
func (r *Run) arrive(ctx context.Context, b *batch, a arrival) {
	switch k := b.kind(); {
	case k == KindPush:
		r.begin(ctx, b, r.pick(b), a.number, a.at, a.work)
	case k.inTurn():
		r.visitInTurn(b, a.number, a.at)
	case k == KindLogin:
		r.visit(b, r.pick(b), a.number, a.at)
	default:
		r.change(b, a)
	}
}

// maxCounted is how many wake-ups that an interrupt left are counted one by one, in some
// tenths of a second. Beyond it the plan's mean has to do, which is exact unless the
// plan is random.
const maxCounted = 2_000_000

// work draws the work of the next push.
func (b *batch) work() Work {
	if len(b.part.Mix) == 0 {
		return Work{Kind: "none"}
	}
	return b.part.Mix.draw(b.mixed)
}

// takeNumbers reserves the numbers of the next n wake-ups of a batch, of all shares, and
// returns the first.
func (r *Run) takeNumbers(b *batch, n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	*b.numbers += n
	return *b.numbers - n
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

// drain waits for the wake-ups under way, at most Drain, and then shortly for the
// journal to report on all that ended.
func (r *Run) drain(ctx context.Context, b *batch) {
	most := r.opts.Drain
	if b.polls != nil && b.sender() == SenderNone {
		most += b.polls.Every // its device's next poll
	}
	r.waitFor(ctx, b, most, func() bool { return b.tally.open() <= 0 })
	r.mu.Lock()
	latest := b.tally.latest
	b.moving = b.tally.open() > 0 && r.now()-latest < time.Second && latest > b.base+b.lasted+most/2
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
