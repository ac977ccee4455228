package load

import (
	"context"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/sender"
)

// Run is a set of enrolled devices that answer pushes until Close.
type Run struct {
	opts *Options // with defaults, not the caller's
	lab  *lab.Lab // nil in a rehearsal
	pool *pool
	send *sender.Sender // for SenderWNS
	zero time.Time      // of all times of the run
	stop context.CancelFunc
	work sync.WaitGroup

	triggers chan struct{} // one element per trigger under way

	mu      sync.Mutex
	index   map[string]int // devices by DeviceID
	devices []device
	entries uint64        // WNS's journal was read up to this entry
	missed  uint64        // entries that the journal dropped before they were read
	usual   time.Duration // recent delay from trigger to notification
	batches uint64
	number  int64            // wake-ups planned so far, of all shares
	next    int              // the device whose turn it is
	away    map[int]presence // devices that are not there
	live    []*batch         // under way

	sessions int64         // by push, that succeeded
	done     int64         // wake-ups that these served
	shared   int64         // visits that had the session of another one
	active   time.Duration // when a notification last arrived or a session last ended
}

// Start enrolls the devices and lets them answer pushes from then on. l is not
// needed for a rehearsal. It returns an OptionError for an option that is wrong,
// and an EnrollError if no device could be enrolled.
func Start(ctx context.Context, l *lab.Lab, given *Options) (*Run, error) {
	o := given.withDefaults(l)
	if err := o.check(l); err != nil {
		return nil, err
	}
	r := &Run{opts: o, lab: l, zero: time.Now(), index: map[string]int{}, triggers: make(chan struct{}, maxTriggers), away: map[int]presence{}}
	r.pool = &pool{lab: l, opts: o, woken: r.woken, ended: r.onSession}
	if l != nil {
		r.pool.roster = newRoster(&l.Config.Target.Hooks, o.sends(SenderWNS))
	}
	r.listen()
	if o.Rehearse {
		r.pool.pretend()
	} else if err := r.enroll(ctx); err != nil {
		r.pool.close()
		return nil, err
	}
	r.mu.Lock()
	for i := range r.pool.roster.len() {
		r.index[r.pool.roster.id(i)] = i
	}
	r.devices = make([]device, r.pool.roster.len())
	r.mu.Unlock()
	live, stop := context.WithCancel(context.Background()) // outlives ctx, for wake-ups under way
	r.stop = stop
	if !o.Rehearse {
		journal := l.WNS.Journal()
		mark := journal.Changes()
		r.entries = journal.Mark()
		l.WNS.OnWake(r.onArrival)
		r.work.Go(func() { r.pool.run(live) })
		r.work.Go(func() {
			journal.Watch(live, mark, r.onEntry) //nolint:errcheck // ends with the run
		})
	}
	return r, nil
}

func (r *Run) enroll(ctx context.Context) error {
	o := r.opts
	if o.sends(SenderWNS) {
		s, err := newSender(r.lab)
		if err != nil {
			return err
		}
		r.send = s
	}
	if err := r.pool.enroll(ctx); err != nil {
		return err
	}
	if r.pool.roster.len() == 0 {
		return &EnrollError{o.own(), mostFrequent(r.pool.excluded)}
	}
	if o.Plan != nil && o.sends(SenderNone) && o.polled() == nil {
		return r.pool.checkPolls(o.Plan.Duration + o.Drain)
	}
	return nil
}

// newSender pushes to the fake WNS of a lab instead of the server.
func newSender(l *lab.Lab) (*sender.Sender, error) {
	url, err := sender.OnHost(lab.TokenURL(&l.Config), l.WNSAddr())
	if err != nil {
		return nil, err
	}
	client := sender.LabClient(l.WNSAddr(), l.CA.Pool(), l.Config.Timeouts.Request)
	return sender.New(sender.Config{App: l.Config.WNS.App, TokenURL: url, Client: client}), nil
}

// woken wakes a resident device. Other devices wake by themselves.
func (r *Run) woken(id string) {
	r.mu.Lock()
	i, ok := r.index[id]
	r.mu.Unlock()
	if ok && r.opts.Resident {
		r.pool.wake(i)
	}
}

// Close stops the devices and releases what the run holds.
func (r *Run) Close() {
	r.stop()
	if !r.opts.Rehearse {
		r.lab.WNS.OnWake(nil)
	}
	r.work.Wait()
	r.pool.close()
	if r.send != nil {
		r.send.Close()
	}
}

// Devices returns the DeviceIDs of the devices that can be woken.
func (r *Run) Devices() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, r.pool.roster.len())
	for i := range out {
		out[i] = r.pool.roster.id(i)
	}
	return out
}
