package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
)

// Who triggers a push.
const (
	SenderHook = "hook"  // the server, by its push hook
	SenderOwn  = "own"   // the server by itself, when something is queued
	SenderWNS  = "wns"   // dmwake in its place
	SenderNone = "none"  // nobody: what is queued comes by polling
	whoRound   = "round" // each device in turn
	whoRandom  = "random"
)

// Options of a run.
type Options struct {
	Devices int
	Profile string
	// State is a file of devices that are enrolled (dmwake device enroll), to
	// be used in place of new ones; Devices bounds how many of them.
	State   string
	Plan    *Plan
	Storm   bool   // all devices at once, at the start of the counted time
	Who     string // round or random
	Sender  string
	Work    Work
	Offline float64 // the share of devices that has no network
	Key     string  // ec or rsa
	KeyPool int     // RSA keys that the devices share
	Curve   string  // of TLS: x25519, or empty for Go's default
	Workers int     // sessions at a time
	// Resident keeps the devices whole between sessions, and their connections:
	// more memory for each, no handshake for a push.
	Resident bool
	// Drain is how long to wait for what is under way when the plan has ended.
	Drain time.Duration
	Seed  uint64
	// Progress is told how things stand, about once a second.
	Progress func(Progress)
	// Observe is told of each stage as it is measured, for metrics; nil: nobody.
	Observe func(stage Stage, d time.Duration)
	// Enrolled is told of devices as they are enrolled.
	Enrolled func(done, failed int)
}

// Progress is how a run stands.
type Progress struct {
	Elapsed                   time.Duration
	Started, Done, Open, Lost int64
	Errors                    int64
	Rate                      float64 // wake-ups done in the last second
	P50, P99                  int64   // of Whole so far, in microseconds
}

// wakeup is one push, from when it was meant to start. Times are since the
// start of the run; 0 is not yet.
type wakeup struct {
	device                                  int
	intended, started, queued, atWNS, there time.Duration
	sent                                    time.Duration // package 1 of its session
	counted                                 bool          // not of the warm-up
	answer                                  int           // of WNS
	trouble                                 string
	done                                    bool
}

// Run is a run under way.
type Run struct {
	opts *Options
	lab  *lab.Lab
	pool *pool
	send *sender
	draw *rand.Rand
	zero time.Time

	hooks sync.WaitGroup
	slots chan struct{} // hooks under way

	mu    sync.Mutex
	index map[string]int // devices by DeviceID
	open  [][]*wakeup    // by device, in the order of their start
	tally tally
	next  int
}

// maxHooks bounds the triggers that are under way at once.
const maxHooks = 4096

// Start enrolls the devices. Errors are worded for the user.
func Start(ctx context.Context, l *lab.Lab, o *Options) (*Run, error) {
	if err := o.check(l); err != nil {
		return nil, err
	}
	r := &Run{opts: o, lab: l, draw: rand.New(rand.NewPCG(o.Seed, 5)), index: map[string]int{}, slots: make(chan struct{}, maxHooks)} //nolint:gosec // an order
	r.tally.init(o.Plan)
	r.pool = &pool{lab: l, opts: o, woken: r.arrived, ended: r.ended}
	if o.Sender == SenderWNS {
		r.send = newSender(l, l.Config.Timeouts.Request)
	}
	if err := r.pool.enroll(ctx, o.Enrolled); err != nil {
		r.pool.close()
		return nil, err
	}
	if len(r.pool.vars) == 0 {
		r.pool.close()
		return nil, fmt.Errorf("none of %d devices could be enrolled: %s; dmwake doctor says more", o.Devices, worst(r.pool.bad))
	}
	for i, v := range r.pool.vars {
		r.index[v.DeviceID] = i
	}
	r.open = make([][]*wakeup, len(r.pool.vars))
	return r, nil
}

// Close gives up what a run holds.
func (r *Run) Close() { r.pool.close() }

func (o *Options) check(l *lab.Lab) error {
	h := &l.Config.Target.Hooks
	switch {
	case o.Devices < 1 || o.Devices > 1_000_000:
		return fmt.Errorf("%d devices are not from 1 to 1,000,000", o.Devices)
	case o.Offline < 0 || o.Offline >= 1:
		return fmt.Errorf("a share of %g offline devices is not from 0 to under 1", o.Offline)
	case o.State != "" && o.Resident:
		return errors.New("devices of a state file stay records of it: leave --resident out")
	case o.Key != "ec" && o.Key != "rsa":
		return fmt.Errorf("a key of kind %q is neither ec nor rsa", o.Key)
	case o.Who != whoRound && o.Who != whoRandom:
		return fmt.Errorf("who is woken: %q is neither round nor random", o.Who)
	case o.Sender == SenderHook && h.Push == nil:
		return errors.New("the target has no push hook: set target.hooks.push, or let dmwake push (--sender wns)")
	case o.Sender == SenderOwn && (h.Queue == nil || o.Work.Commands() == 0):
		return errors.New("a server that pushes by itself needs something queued: set target.hooks.queue, and --work")
	case o.Work.Commands() > 0 && h.Queue == nil:
		return errors.New("--work queues commands, and the target has no queue hook: set target.hooks.queue")
	case o.Work.Kind == "wipe" && !o.Storm && o.Plan.Total() > float64(o.Devices):
		return fmt.Errorf("a device that was wiped cannot be woken again: %.0f wake-ups need as many devices, and there are %d", o.Plan.Total(), o.Devices)
	case l.Config.Target.Push == "none" && o.Sender != SenderNone:
		return errors.New("the target has no WNS push (target.push: none)")
	}
	switch o.Sender {
	case SenderHook, SenderOwn, SenderWNS, SenderNone:
	default:
		return fmt.Errorf("--sender %q is none of hook, own, wns, none", o.Sender)
	}
	if o.Workers <= 0 {
		o.Workers = 32 * runtime.GOMAXPROCS(0)
	}
	return enoughFiles(o)
}

// Go runs the plan to its end, or until ctx ends, waits for what is under way,
// and gives what was measured. It is never nil.
func (r *Run) Go(ctx context.Context) *Result {
	live, stop := context.WithCancel(context.Background()) // outlives ctx, for what is under way
	defer stop()
	var background sync.WaitGroup
	runtime.GC()
	r.zero = time.Now()
	journal := r.lab.WNS.Journal()
	mark := journal.Mark()
	background.Go(func() { r.pool.run(live) })
	background.Go(func() {
		journal.Watch(live, mark, r.seen) //nolint:errcheck // ends with the run
	})
	progress, quiet := context.WithCancel(live)
	background.Go(func() { r.report(progress) })
	r.drive(ctx)
	r.drain(ctx)
	quiet()
	stop()
	background.Wait()
	r.hooks.Wait()
	return r.result(ctx.Err() != nil)
}

// drive starts wake-ups when they are meant to.
func (r *Run) drive(ctx context.Context) {
	p := r.opts.Plan
	if r.opts.Storm {
		r.mu.Lock()
		all := len(r.open)
		r.mu.Unlock()
		if wait(ctx, r.zero.Add(p.Warmup)) {
			for i := range all {
				r.begin(ctx, i, p.Warmup)
			}
		}
		return
	}
	for at, ok := p.Next(0, r.draw); ok; at, ok = p.Next(at, r.draw) {
		if !wait(ctx, r.zero.Add(at)) {
			return
		}
		r.begin(ctx, r.pick(), at)
	}
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
func (r *Run) pick() int {
	if r.opts.Who == whoRandom {
		return r.draw.IntN(len(r.open))
	}
	r.next++
	return (r.next - 1) % len(r.open)
}

// begin starts one wake-up; it does not wait for it.
func (r *Run) begin(ctx context.Context, device int, intended time.Duration) {
	w := &wakeup{device: device, intended: intended, started: time.Since(r.zero), counted: intended >= r.opts.Plan.Warmup}
	r.mu.Lock()
	r.open[device] = append(r.open[device], w)
	r.tally.start(w)
	r.mu.Unlock()
	select {
	case r.slots <- struct{}{}:
	default:
		r.fail(w, fmt.Sprintf("%d triggers were under way already: the hooks do not keep up", maxHooks))
		return
	}
	r.hooks.Go(func() {
		defer func() { <-r.slots }()
		// A trigger that began is finished: it is the server's work by then.
		if err := r.trigger(context.WithoutCancel(ctx), w); err != nil {
			r.fail(w, "trigger: "+kindOf(err))
		}
	})
}

func (r *Run) trigger(ctx context.Context, w *wakeup) error {
	v := r.pool.vars[w.device]
	for _, c := range r.opts.Work.commands(w) {
		if err := r.lab.QueueFor(ctx, v, c); err != nil {
			return err
		}
	}
	r.mu.Lock()
	w.queued = time.Since(r.zero)
	r.mu.Unlock()
	switch r.opts.Sender {
	case SenderHook:
		return r.lab.PushFor(ctx, v)
	case SenderWNS:
		return r.send.push(ctx, v.ChannelURI)
	}
	return nil
}

// drain waits for what is under way.
func (r *Run) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Drain)
	defer cancel()
	for more := true; more && r.underWay() > 0; {
		more = wait(ctx, time.Now().Add(20*time.Millisecond))
	}
}

func (r *Run) underWay() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally.open()
}
