package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
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
	Workers int     // sessions at a time; 0: as many as are reasonable
	// Resident keeps the devices whole between sessions, and their connections:
	// more memory for each, no handshake for a push.
	Resident bool
	// Drain is how long to wait for what is under way when the plan has ended.
	Drain time.Duration
	Seed  uint64
	// Share is this process's part of Devices and of the plan's wake-ups, where
	// several run them together.
	Share Share
	// At is when the plan begins, so that several begin together; the zero time is
	// when the devices are ready.
	At time.Time
	// Rehearse enrolls nothing and wakes nobody: a wake-up takes a time that
	// follows from its number, so that the way of the figures can be tried.
	Rehearse bool
	// Progress is told how things stand, about once a second.
	Progress func(Progress)
	// Observe is told of each stage as it is measured, for metrics; nil: nobody.
	// It must not block.
	Observe func(stage Stage, d time.Duration)
	// Enrolled is told of devices as they are enrolled.
	Enrolled func(done, failed int)

	clock dmclient.Clock // of the devices; nil: the machine's
}

// Progress is how a run stands.
type Progress struct {
	Elapsed  time.Duration
	Warming  bool    // it is in the warm-up still
	Counts   Counts  // what is lost is known at the end only
	Open     int64   // wake-ups under way, those of the warm-up, too
	Rate     float64 // wake-ups that ended in the last second
	P50, P99 int64   // of Whole so far, in microseconds
}

// wakeup is one push, from when it was meant to start. Times are since the zero
// of the run; 0 is not yet.
type wakeup struct {
	batch                                   *batch
	device                                  int
	intended, started, queued, atWNS, there time.Duration
	returned                                time.Duration // its trigger
	sent                                    time.Duration // package 1 of its session
	until                                   uint64        // the end of WNS's journal when its trigger returned
	entry                                   uint64        // the notification in it
	coming                                  bool          // the notification, to the device
	another                                 bool          // without one of its own: one of another wake-up led to a session since
	counted                                 bool          // not of the warm-up
	cut                                     bool          // its trigger, by the end of the run
	trouble                                 string
	done                                    bool
	outcome                                 outcome
	over, gone                              chan struct{} // closed when it is done, and settled; nil: nobody waits
	observe                                 func(stage Stage, d time.Duration)
}

// outcome is what became of a wake-up.
type outcome byte

const (
	_ outcome = iota
	outcomeDone
	outcomePolled
	outcomeFailed
	outcomeLost
	outcomeUnfinished // when the run was interrupted
)

// end notes what became of a wake-up. The caller holds Run.mu.
func (w *wakeup) end(o outcome) {
	w.done, w.outcome = true, o
	if w.over != nil {
		close(w.over)
	}
}

// Run is a number of devices that are enrolled and answer pushes, until Close.
type Run struct {
	opts *Options
	lab  *lab.Lab // nil in a rehearsal
	pool *pool
	send *sender
	zero time.Time
	stop context.CancelFunc
	work sync.WaitGroup

	slots chan struct{} // hooks under way

	mu      sync.Mutex
	index   map[string]int  // devices by DeviceID
	open    [][]*wakeup     // by device, in the order of their start
	early   map[int]*early  // by device, where there is something
	brought []time.Duration // by device, when a session last brought work to it
	entries uint64          // of the journal, so far: later ones are new
	usual   time.Duration   // from a trigger to its notification, lately
	missed  uint64          // requests that the journal forgot before they were looked at
	batches uint64
	number  int64 // wake-ups that were planned so far, of all shares
	next    int   // the device whose turn it is
}

// maxDevices bounds what one process is asked for.
const maxDevices = 1_000_000

// sessions is how many are held at a time, unless the user says so.
const sessions = 1024

// maxHooks bounds the triggers that are under way at once.
const maxHooks = 4096

// Start enrolls the devices, and lets them answer pushes from then on. Errors are
// worded for the user.
func Start(ctx context.Context, l *lab.Lab, o *Options) (*Run, error) {
	if err := o.check(l); err != nil {
		return nil, err
	}
	r := &Run{opts: o, lab: l, zero: time.Now(), index: map[string]int{}, early: map[int]*early{}, slots: make(chan struct{}, maxHooks)}
	r.pool = &pool{lab: l, opts: o, woken: r.woken, ended: r.ended}
	if o.Rehearse {
		r.pool.pretend()
	} else if err := r.enroll(ctx); err != nil {
		r.pool.close()
		return nil, err
	}
	r.mu.Lock()
	for i, v := range r.pool.vars {
		r.index[v.DeviceID] = i
	}
	r.open, r.brought = make([][]*wakeup, len(r.pool.vars)), make([]time.Duration, len(r.pool.vars))
	r.mu.Unlock()
	live, stop := context.WithCancel(context.Background()) // outlives ctx, for what is under way
	r.stop = stop
	if !o.Rehearse {
		journal := l.WNS.Journal()
		mark := journal.Changes()
		r.entries = journal.Mark()
		l.WNS.OnWake(r.arrived)
		r.work.Go(func() { r.pool.run(live) })
		r.work.Go(func() {
			journal.Watch(live, mark, r.seen) //nolint:errcheck // ends with the run
		})
	}
	return r, nil
}

func (r *Run) enroll(ctx context.Context) error {
	o := r.opts
	if o.Sender == SenderWNS {
		r.send = newSender(r.lab, r.lab.Config.Timeouts.Request)
	}
	if err := r.pool.enroll(ctx, o.Enrolled); err != nil {
		return err
	}
	if len(r.pool.vars) == 0 {
		return fmt.Errorf("none of %d devices could be enrolled: %s; dmwake doctor says more", o.own(), worst(r.pool.bad))
	}
	if o.Sender == SenderNone && o.Plan != nil {
		return r.pool.polls(o.Plan.Duration + o.Drain)
	}
	return nil
}

// Close ends the devices' answers, and gives up what a run holds.
func (r *Run) Close() {
	r.stop()
	if !r.opts.Rehearse {
		r.lab.WNS.OnWake(nil)
	}
	r.work.Wait()
	r.pool.close()
}

// Devices are the DeviceIDs of those that can be woken.
func (r *Run) Devices() []string {
	out := make([]string, len(r.pool.vars))
	for i, v := range r.pool.vars {
		out[i] = v.DeviceID
	}
	return out
}

// own is how many devices are this process's.
func (o *Options) own() int { return int(o.Share.Count(int64(o.Devices))) }

func (o *Options) number() error {
	if o.Devices < 1 || o.Devices > maxDevices {
		return fmt.Errorf("%d devices are not from 1 to 1,000,000", o.Devices)
	}
	return nil
}

func (o *Options) check(l *lab.Lab) error {
	if err := o.Share.check(o.Devices); err != nil {
		return err
	}
	if o.Workers < 0 {
		return fmt.Errorf("%d sessions at a time are none: leave --workers out, or give one or more", o.Workers)
	}
	if o.Workers == 0 {
		o.Workers = o.reasonable()
	}
	if o.Rehearse {
		return o.number()
	}
	h, queues := &l.Config.Target.Hooks, o.Work.Commands() > 0 && l.CanQueue(o.Work.commands()[0])
	switch {
	case o.number() != nil:
		return o.number()
	case o.Offline < 0 || o.Offline >= 1:
		return fmt.Errorf("a share of %g offline devices is not from 0 to under 1", o.Offline)
	case o.State != "" && !o.Share.Whole():
		return errors.New("the devices of a state file are one machine's: leave the share out, and give each machine a file of its own")
	case o.Share.Of > 1 && !l.Embedded() && o.Sender != SenderNone && l.Config.WNS.Mode != "direct":
		return errors.New("where several machines share a load, a push has to come to the one that has the device: set wns.mode: direct, and wns.listen to an address that the server reaches")
	case o.State != "" && o.Resident:
		return errors.New("devices of a state file stay records of it: leave --resident out")
	case o.Key != "ec" && o.Key != "rsa":
		return fmt.Errorf("a key of kind %q is neither ec nor rsa", o.Key)
	case o.Key == "rsa" && o.KeyPool < 1:
		return fmt.Errorf("a pool of %d keys has none: --key-pool is one or more", o.KeyPool)
	case o.Drain < 0:
		return fmt.Errorf("--drain %s is no time to wait", o.Drain)
	case o.Who != whoRound && o.Who != whoRandom:
		return fmt.Errorf("who is woken: %q is neither round nor random", o.Who)
	case o.Sender == SenderHook && h.Push == nil:
		return errors.New("the target has no push hook: set target.hooks.push, or let dmwake push (--sender wns)")
	case o.Sender == SenderNone && o.Resident:
		return errors.New("resident devices hold no sessions by schedule, and nobody pushes: leave --resident out, or let somebody push (--sender)")
	case o.Sender == SenderOwn && !queues:
		return errors.New("a server that pushes by itself needs something queued: set target.hooks.queue, and --work")
	case o.Work.Commands() > 0 && !queues:
		return errors.New("--work queues commands, and the target has no queue hook: set target.hooks.queue")
	case o.Work.Kind == "wipe" && !o.Storm && o.Plan != nil && o.Plan.Total() > float64(o.Devices):
		return fmt.Errorf("a device that was wiped cannot be woken again: %.0f wake-ups need as many devices, and there are %d", o.Plan.Total(), o.Devices)
	case l.Config.Target.Push == "none" && o.Sender != SenderNone:
		return errors.New("the target has no WNS push (target.push: none)")
	}
	switch o.Sender {
	case SenderHook, SenderOwn, SenderWNS, SenderNone:
	default:
		return fmt.Errorf("--sender %q is none of hook, own, wns, none", o.Sender)
	}
	return enough(o)
}
