package load

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
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

	fleet    *fleet.Fleet
	resident []*dmclient.Device
	crew     *fleet.Crew // holds the sessions of resident devices
	mu       sync.Mutex
	states   []state // of the resident devices

	vars     []target.Vars  // of the devices that can be woken
	excluded map[string]int // devices that could not be enrolled, by cause
	damaged  string         // what the state file says of its damage
	offline  int            // devices of vars without a network
}

// state of a resident device. All notifications during a session lead to one more
// session.
type state byte

const (
	resting state = iota
	queued
	running
	runningWoken // and woken since its session began
)

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
		p.states[i] = running
		p.mu.Unlock()
		d := p.resident[i]
		s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginPush, NoRetry: true})
		p.ended(d.Identity().DeviceID, s, err)
		p.rest(i)
	})
}

// wake gives a resident device a session.
func (p *pool) wake(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.states[i] {
	case resting:
		p.states[i] = queued
		p.crew.Give(i)
	case running:
		p.states[i] = runningWoken
	}
}

// rest ends the session of a resident device.
func (p *pool) rest(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.states[i] == runningWoken {
		p.states[i] = queued
		p.crew.Give(i)
		return
	}
	p.states[i] = resting
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
