package load

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// pool holds the devices of a run. Between sessions a device is a record of a
// fleet. A resident device stays in memory and keeps its connection.
type pool struct {
	lab  *lab.Lab
	opts *Options
	// woken is called when a notification has reached a device, ended when a
	// session has ended.
	woken func(id string)
	ended func(id string, s *dmclient.Session, err error)
	// header adds to the headers of a request of a session; nil adds nothing.
	header func(*dmclient.Device, *dmclient.Session, http.Header)

	newcomer *enrollment // enrolls the devices, and those that come later
	fleet    *fleet.Fleet
	resident []*dmclient.Device
	crew     *fleet.Crew // holds the sessions of resident devices
	mu       sync.Mutex
	states   []state              // of the resident devices
	asked    map[int][]fleet.Task // of these as well

	roster   roster         // the devices that can be woken; Run.mu guards it once they enrolled
	slots    []int          // their numbers in the fleet; as vars
	excluded map[string]int // devices that could not be enrolled, by cause
	damaged  string         // what the state file says of its damage
	offline  int            // devices of vars without a network
}

// state of a resident device. All notifications during a session lead to one more
// session.
type state struct {
	queued  bool // the crew has it
	running bool
	woken   bool // since its last session began
}

// observer passes everything on to the push service, and tells the pool of each
// notification that reaches a device.
type observer struct {
	dmclient.WNS
	pool *pool
}

// OpenChannel implements dmclient.WNS.
func (o observer) OpenChannel(ctx context.Context, id, pfn string, wake func([]byte)) (string, time.Time, error) {
	return o.WNS.OpenChannel(ctx, id, pfn, func(payload []byte) {
		o.pool.woken(id)
		wake(payload)
	})
}

// run lets the devices answer pushes until ctx ends.
func (p *pool) run(ctx context.Context) {
	if !p.opts.Resident {
		p.fleet.Run(ctx) //nolint:errcheck // ends with ctx
		return
	}
	p.crew.Run(ctx, func(i int) {
		p.mu.Lock()
		s := &p.states[i]
		woken, asked := s.woken, p.asked[i]
		s.queued, s.running, s.woken = false, true, false
		delete(p.asked, i)
		d := p.resident[i]
		p.mu.Unlock()
		for _, task := range asked {
			task(ctx, d)
		}
		if woken {
			s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginPush, NoRetry: true})
			p.ended(d.Identity().DeviceID, s, err)
		}
		p.rest(i)
	})
}

// ask has a device do something beside its pushes; it does not block. The caller holds
// Run.mu.
func (p *pool) ask(i int, task fleet.Task) {
	if !p.opts.Resident {
		p.fleet.Ask(p.slots[i], task)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[i] = append(p.asked[i], task)
	p.give(i)
}

// wake gives a resident device a session.
func (p *pool) wake(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.states[i].woken = true
	p.give(i)
}

// give gives a resident device to the crew, now or when it is at rest. The caller holds
// p.mu.
func (p *pool) give(i int) {
	if s := &p.states[i]; !s.queued && !s.running {
		s.queued = true
		p.crew.Give(i)
	}
}

// rest ends the session of a resident device.
func (p *pool) rest(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.states[i]
	if s.running = false; s.woken || len(p.asked[i]) > 0 {
		p.give(i)
	}
}

// waited is how many devices were woken at the limit of concurrent sessions, and
// waited for one to end.
func (p *pool) waited() int64 {
	switch {
	case p.crew != nil:
		return p.crew.Waited()
	case p.fleet != nil:
		return p.fleet.Waited()
	}
	return 0
}

// checkPolls checks that devices poll before the run is over, if they wait for
// polls only.
func (p *pool) checkPolls(runTime time.Duration) error {
	first, last, ok := p.fleet.Due()
	if !ok {
		return optionError("Sender", "nobody pushes, and the server has the devices not poll")
	}
	now := time.Now()
	if p.opts.clock != nil {
		now = p.opts.clock.Now()
	}
	wait := first.Sub(now)
	if wait <= runTime {
		return nil
	}
	enough := last.Sub(now).Truncate(time.Minute) + time.Minute
	return optionError("Drain", "nobody pushes, and the devices first poll in %s, after the run; %s %s waits for all polls", wait.Round(time.Second), Field("Drain"), enough)
}

func (p *pool) close() {
	for _, d := range p.resident {
		d.Close()
	}
}
