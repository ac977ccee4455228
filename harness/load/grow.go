package load

import (
	"context"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Grow enrolls more devices. No batch may be under way, and it is no rehearsal. It returns how many of them
// could not be enrolled, and the most frequent reason. The error is an OptionError if
// this machine has not enough ports or open files for all devices.
func (r *Run) Grow(ctx context.Context, more int) (failed int, reason string, err error) {
	r.mu.Lock()
	o := *r.opts
	r.mu.Unlock()
	o.Devices += more
	if err := o.checkNumbers(); err != nil {
		return 0, "", err
	}
	if err := o.checkLimits(); err != nil {
		return 0, "", err
	}
	if failed, reason, err = r.pool.grow(ctx, more); err != nil {
		return failed, reason, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opts.Devices = o.Devices
	for i := len(r.devices); i < r.pool.roster.len(); i++ {
		r.index[r.pool.roster.id(i)] = i
		r.devices = append(r.devices, device{})
	}
	return failed, reason, nil
}

func (p *pool) grow(ctx context.Context, more int) (failed int, reason string, err error) {
	excluded := p.excluded
	p.excluded = map[string]int{}
	defer func() {
		for why, n := range p.excluded {
			failed += n
			excluded[why] += n
		}
		if failed > 0 {
			reason = mostFrequent(p.excluded)
		}
		p.excluded = excluded
	}()
	e := p.newcomer
	var list []dmclient.Identity
	for range more {
		list = append(list, p.lab.NewIdentity())
	}
	if p.opts.Resident {
		p.mu.Lock()
		p.states = append(p.states, make([]state, more)...)
		p.mu.Unlock()
		return 0, "", e.admitResident(ctx, list)
	}
	var devices []int
	for _, id := range list {
		i, err := p.fleet.Add(e.profile, id)
		if err != nil {
			return 0, "", err
		}
		devices = append(devices, i)
	}
	p.fleet.Each(ctx, devices, func(i int, d *dmclient.Device) error { return e.admit(ctx, i, d) })
	return 0, "", ctx.Err()
}
