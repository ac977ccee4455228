package load

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// pool holds the devices of a run. At rest a device is a record of a fleet; with
// Resident it stays whole, and keeps its connection.
type pool struct {
	lab  *lab.Lab
	opts *Options
	// woken is told when a notification has reached a device, ended when a session
	// of one ended.
	woken func(device string)
	ended func(device string, s *dmclient.Session, err error)

	fleet    *fleet.Fleet
	resident []*dmclient.Device
	crew     *fleet.Crew // for resident devices that were woken, each at most once
	mu       sync.Mutex
	states   []state // of the resident devices

	vars []target.Vars // of the devices that can be woken
	bad  map[string]int
	off  int // how many of them are offline
}

// state is where a resident device stands: a notification that comes while it
// has a session leads to another one, and several to one.
type state byte

const (
	resting state = iota
	queued
	running
	again // and woken since
)

// observer is the push service with a look at each notification that reaches a
// device.
type observer struct {
	dmclient.WNS
	p *pool
}

// OpenChannel implements dmclient.WNS.
func (o observer) OpenChannel(ctx context.Context, device, pfn string, wake func([]byte)) (string, time.Time, error) {
	return o.WNS.OpenChannel(ctx, device, pfn, func(payload []byte) {
		o.p.woken(device)
		wake(payload)
	})
}

// Led and SetConnected pass on what the service wants to know of a device.
func (o observer) Led(device, session string) {
	if w, ok := o.WNS.(interface{ Led(device, session string) }); ok {
		w.Led(device, session)
	}
}

// SetConnected implements what Led does for the device's network.
func (o observer) SetConnected(device string, connected bool) {
	if w, ok := o.WNS.(interface {
		SetConnected(device string, connected bool)
	}); ok {
		w.SetConnected(device, connected)
	}
}

// keys makes keys for devices: EC, or RSA from a pool.
func (o *Options) keys() func() (crypto.Signer, error) {
	if o.Key == "ec" {
		return func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	}
	n := o.KeyPool
	var mu sync.Mutex
	var list []crypto.Signer
	next := 0
	return func() (crypto.Signer, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(list) < n {
			k, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return nil, err
			}
			list = append(list, k)
			return k, nil
		}
		next++
		return list[next%n], nil
	}
}

// enroll makes the devices and holds their first sessions, until all have a
// channel; step is called for each that is through. Those that fail are left
// out and counted by why.
func (p *pool) enroll(ctx context.Context, step func(done, failed int)) error {
	base, err := p.lab.DeviceConfig()
	if err != nil {
		return err
	}
	profile, err := dmclient.ProfileByName(p.opts.Profile)
	if err != nil {
		return err
	}
	base.Key, base.NoRetry, base.Clock = p.opts.keys(), true, p.opts.clock
	base.Busy = nil // a load measures what a server says, it does not wait for better
	base.Keep = 1   // nobody looks back, and a transcript is most of a device
	if base.WNS != nil {
		base.WNS = observer{base.WNS, p}
	}
	// No cache of TLS sessions: one that devices share would resume the session of
	// another, with its certificate.
	base.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if p.opts.Curve == "x25519" { // Go's default adds a third to a handshake's cost
		base.TLS.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	leniency := p.lab.Leniency()
	var mu sync.Mutex
	var done, failed atomic.Int64
	p.bad = map[string]int{}
	join := func(d *dmclient.Device) error {
		switch {
		case p.opts.State == "":
			if err := d.Enroll(ctx, leniency); err != nil {
				return err
			}
		case d.State() != dmclient.Enrolled:
			return fmt.Errorf("the device is %s", d.State())
		default: // its channel was one of another push service
			if err := d.Reconnect(ctx); err != nil {
				return err
			}
		}
		for range 2 {
			if _, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment, NoRetry: true}); err != nil {
				return err
			}
			if d.ChannelURI() != "" {
				break
			}
		}
		if d.ChannelURI() == "" && p.opts.Sender != SenderNone {
			return errors.New(p.why(d))
		}
		return nil
	}
	one := func(_ int, d *dmclient.Device) error {
		err := join(d)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			p.bad[kindOf(err)]++
			step(int(done.Load()), int(failed.Add(1)))
			return err
		}
		v := p.lab.Vars(d)
		if p.opts.Resident {
			p.resident = append(p.resident, d)
		}
		if share := p.opts.Offline; share > 0 && float64(p.off) < share*float64(len(p.vars)+1) {
			d.SetWNSOffline(true)
			p.off++
		}
		p.vars = append(p.vars, v)
		step(int(done.Add(1)), int(failed.Load()))
		return nil
	}
	if p.opts.Resident {
		return p.enrollResident(ctx, base, profile, one)
	}
	p.fleet = fleet.New(fleet.Config{Device: base, Workers: p.opts.Workers, OnSession: func(d *dmclient.Device, s *dmclient.Session, err error) {
		p.ended(d.Identity().DeviceID, s, err)
	}})
	all, err := p.recruit(profile)
	if err != nil {
		return err
	}
	p.fleet.Each(ctx, all, one)
	return ctx.Err()
}

// identities draws those of all devices and gives those of this share, so that
// shares have none in common and together those of a single run.
func (p *pool) identities(draw func() dmclient.Identity) (out []dmclient.Identity) {
	for n := range int64(p.opts.Devices) {
		if id := draw(); p.opts.Share.Has(n) {
			out = append(out, id)
		}
	}
	return out
}

// pretend has the names of the devices that a run would enroll.
func (p *pool) pretend() {
	r := mathrand.New(mathrand.NewPCG(p.opts.Seed, 1)) //nolint:gosec // identities, as those of a lab
	for _, id := range p.identities(func() dmclient.Identity { return dmclient.NewIdentity(r) }) {
		p.vars = append(p.vars, target.Vars{DeviceID: id.DeviceID})
	}
}

// recruit takes the devices of the state file into the fleet, or makes new ones.
func (p *pool) recruit(profile dmclient.Profile) (all []int, err error) {
	if p.opts.State == "" {
		for _, id := range p.identities(p.lab.NewIdentity) {
			i, err := p.fleet.Add(profile, id)
			if err != nil {
				return nil, err
			}
			all = append(all, i)
		}
		return all, nil
	}
	if _, err := os.Stat(p.opts.State); err != nil {
		return nil, fmt.Errorf("the state file: %w; dmwake device enroll --state makes one", err)
	}
	store, err := fleet.Open(p.opts.State)
	if err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // it is read only
	err = store.Each(func(_ string, record []byte) error {
		if len(all) >= p.opts.Devices {
			return nil
		}
		i, err := p.fleet.Restore(record, store)
		if err == nil {
			all = append(all, i)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("the state file %s has no device; dmwake device enroll --state puts some there", p.opts.State)
	}
	return all, err
}

func (p *pool) enrollResident(ctx context.Context, base dmclient.Config, profile dmclient.Profile, one func(int, *dmclient.Device) error) error {
	p.crew, p.states = fleet.NewCrew(p.opts.Workers), make([]state, p.opts.own())
	next := make(chan *dmclient.Device)
	var wg sync.WaitGroup
	for range min(p.opts.Workers, 32*runtime.GOMAXPROCS(0), p.opts.own()) {
		wg.Go(func() {
			for d := range next {
				if one(0, d) != nil {
					d.Close()
				}
			}
		})
	}
	for _, id := range p.identities(p.lab.NewIdentity) {
		if ctx.Err() != nil {
			break
		}
		cfg := base
		cfg.Profile, cfg.Identity = profile, id
		d, err := dmclient.New(cfg)
		if err != nil {
			close(next)
			return err
		}
		next <- d
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// why tells what a device that has no channel was told.
func (p *pool) why(d *dmclient.Device) string {
	if d.PFN() == "" {
		return "the server set no PFN in two sessions"
	}
	return "the PFN that the server set led to no channel; is it that of wns.app?"
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

// polls is an error where what is queued is left to polling, and the devices poll,
// as the server set it, only after the run.
func (p *pool) polls(lasts time.Duration) error {
	first, last, ok := p.fleet.Due()
	if !ok {
		return errors.New("nobody pushes, and the devices do not poll; see --sender")
	}
	now := time.Now()
	if p.opts.clock != nil {
		now = p.opts.clock.Now()
	}
	if wait := first.Sub(now); wait > lasts {
		return fmt.Errorf("nobody pushes, and the server has the devices poll in %s and later, when the run is over: --drain %s waits for what is queued until then", wait.Round(time.Second),
			last.Sub(now).Truncate(time.Minute)+time.Minute)
	}
	return nil
}

// waited is how many devices were woken while as many sessions as may were under
// way, and waited for one of them.
func (p *pool) waited() int64 {
	switch {
	case p.crew != nil:
		return p.crew.Waited()
	case p.fleet != nil:
		return p.fleet.Waited()
	}
	return 0
}

// wake puts a resident device to work.
func (p *pool) wake(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.states[i] {
	case resting:
		p.states[i] = queued
		p.crew.Give(i)
	case running:
		p.states[i] = again
	}
}

func (p *pool) rest(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.states[i] == again {
		p.states[i] = queued
		p.crew.Give(i)
		return
	}
	p.states[i] = resting
}

func (p *pool) close() {
	for _, d := range p.resident {
		d.Close()
	}
}
