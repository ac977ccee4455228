package load

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"runtime"
	"sync"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// enrollment enrolls the devices of a pool.
type enrollment struct {
	*pool
	device   dmclient.Config // what all have in common
	profile  dmclient.Profile
	leniency dmclient.EnrollOptions

	mu           sync.Mutex
	done, failed int
}

// enroll enrolls the devices and holds their first sessions, until each has a
// channel. Devices that fail are left out and counted by cause.
func (p *pool) enroll(ctx context.Context) error {
	e := &enrollment{pool: p, leniency: p.lab.Leniency()}
	var err error
	if e.profile, err = p.lab.Config.Target.Profile(p.opts.Profile); err != nil {
		return optionError("Profile", "%w", err)
	}
	if e.device, err = p.deviceConfig(); err != nil {
		return err
	}
	p.excluded, p.newcomer = map[string]int{}, e
	if p.opts.Resident {
		return e.enrollResident(ctx)
	}
	p.fleet = fleet.New(fleet.Config{Device: e.device, Workers: p.opts.Workers, OnSession: func(d *dmclient.Device, s *dmclient.Session, err error) {
		p.ended(d.Identity().DeviceID, s, err)
	}})
	devices, err := e.recruit()
	if err != nil {
		return err
	}
	p.fleet.Each(ctx, devices, func(i int, d *dmclient.Device) error { return e.admit(ctx, i, d) })
	return ctx.Err()
}

func (p *pool) deviceConfig() (dmclient.Config, error) {
	c, err := p.lab.DeviceConfig()
	if err != nil {
		return c, err
	}
	c.Key, c.NoRetry, c.Clock = p.opts.keys(), true, p.opts.clock
	c.Busy = nil // measure a busy answer instead of waiting for a better one
	c.Header, c.Dial = p.header, p.opts.dial(c.Dial)
	c.Unscheduled = p.opts.Unscheduled || p.opts.polled() != nil
	c.Trust = &dmclient.Trust{}
	c.Keep = 1 // a transcript is most of a device's memory
	if c.WNS != nil {
		c.WNS = observer{c.WNS, p}
	}
	// No TLS session cache: a shared one would resume the session of another
	// device, with its certificate.
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if p.opts.Curve == "x25519" { // Go's default costs a third more per handshake
		c.TLS.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	return c, nil
}

// keys makes keys for devices: EC, or RSA from a pool.
func (o *Options) keys() func() (crypto.Signer, error) {
	if o.Key == "ec" {
		return func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	}
	return enroll.NewKeyPool(o.KeyPool).Key
}

// admit gets a device ready to be woken and adds it to the pool with its number in the
// fleet, or counts why that failed.
func (e *enrollment) admit(ctx context.Context, i int, d *dmclient.Device) error {
	err := e.join(ctx, d)
	var vars target.Vars
	if err == nil {
		vars, err = e.lab.Vars(ctx, d)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.failed++
		e.excluded[kindOf(err)]++
		e.opts.Enrolled(e.done, e.failed)
		return err
	}
	if e.opts.Resident {
		e.pool.mu.Lock() // the devices before it may be in use
		e.resident = append(e.resident, d)
		e.pool.mu.Unlock()
	}
	if share := e.opts.Offline; share > 0 && float64(e.offline) < share*float64(e.roster.len()+1) {
		d.SetWNSOffline(true)
		e.offline++
	}
	e.roster.add(&vars)
	e.slots = append(e.slots, i)
	e.done++
	e.opts.Enrolled(e.done, e.failed)
	return nil
}

// join enrolls a device, or takes it as the state file has it, and connects it.
func (e *enrollment) join(ctx context.Context, d *dmclient.Device) error {
	switch {
	case e.opts.State == "":
		if err := e.enter(ctx, d, false); err != nil {
			return err
		}
	case d.State() != dmclient.Enrolled:
		return fmt.Errorf("the device is %s", d.State())
	default: // its channel belongs to an earlier push service
		if err := d.Reconnect(ctx); err != nil {
			return err
		}
	}
	return e.connect(ctx, d)
}

// enter enrolls a device; again says that it may be enrolled.
func (e *enrollment) enter(ctx context.Context, d *dmclient.Device, again bool) error {
	how := e.leniency
	how.Again = again
	if err := d.Enroll(ctx, how); err != nil {
		return err
	}
	return e.lab.AfterEnrollment(ctx, d)
}

// connect holds the first sessions of a device, until it has a channel.
func (e *enrollment) connect(ctx context.Context, d *dmclient.Device) error {
	for range 2 {
		s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment, NoRetry: true})
		if err == nil {
			err = e.lab.AfterSession(ctx, d, s)
		}
		if err != nil {
			return err
		}
		if d.ChannelURI() != "" {
			return nil
		}
	}
	switch {
	case !e.opts.pushed():
		return nil
	case d.PFN() == "":
		return errors.New("the server set no PFN in two sessions")
	}
	return errors.New("the server set a PFN for which WNS has no channel; is it the PFN of wns.app?")
}

// identities draws the identities of all shares and returns this share's, so that
// shares have different devices, and together the same ones as a single run.
func (p *pool) identities(draw func() dmclient.Identity) (out []dmclient.Identity) {
	for n := range int64(p.opts.Devices) {
		if id := draw(); p.opts.Share.Has(n) {
			out = append(out, id)
		}
	}
	return out
}

// pretend names the devices that a run would enroll.
func (p *pool) pretend() {
	r := mathrand.New(mathrand.NewPCG(p.opts.Seed, 1)) //nolint:gosec // identities, as in a lab
	for _, id := range p.identities(func() dmclient.Identity { return dmclient.NewIdentity(r) }) {
		p.roster.add(&target.Vars{DeviceID: id.DeviceID})
	}
}

// recruit adds new devices, or the devices of the state file, to the fleet.
func (e *enrollment) recruit() (devices []int, err error) {
	if e.opts.State != "" {
		return e.restore(e.opts.State)
	}
	for _, id := range e.identities(e.lab.NewIdentity) {
		i, err := e.fleet.Add(e.profile, id)
		if err != nil {
			return nil, err
		}
		devices = append(devices, i)
	}
	return devices, nil
}

func (e *enrollment) restore(file string) (devices []int, err error) {
	if _, err := os.Stat(file); err != nil {
		return nil, optionError("State", "%w; dmwake device enroll --state makes the file", err)
	}
	store, err := fleet.Open(file)
	if err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // it is read only
	e.damaged = store.Notice()
	err = store.Each(func(d fleet.Entry) error {
		if len(devices) >= e.opts.Devices {
			return nil
		}
		i, err := e.fleet.Restore(d.Record, store)
		if err == nil {
			devices = append(devices, i)
		}
		return err
	})
	if err == nil && len(devices) == 0 {
		err = optionError("State", "%s has no devices; dmwake device enroll --state adds some", file)
	}
	return devices, err
}

func (e *enrollment) enrollResident(ctx context.Context) error {
	e.crew, e.states, e.asked = fleet.NewCrew(e.opts.Workers), make([]state, e.opts.own()), map[int][]fleet.Task{}
	return e.admitResident(ctx, e.identities(e.lab.NewIdentity))
}

func (e *enrollment) admitResident(ctx context.Context, list []dmclient.Identity) error {
	next := make(chan *dmclient.Device)
	var wg sync.WaitGroup
	for range min(e.opts.Workers, 32*runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for d := range next {
				if e.admit(ctx, 0, d) != nil {
					d.Close()
				}
			}
		})
	}
	for _, id := range list {
		if ctx.Err() != nil {
			break
		}
		cfg := e.device
		cfg.Profile, cfg.Identity = e.profile, id
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
