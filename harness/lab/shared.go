package lab

import (
	"context"
	"fmt"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Shared is the only device of a target that allows just one. The first call
// enrolls or adopts it and starts it. Each call resets it: no faults, network
// on, user logged in. What the server set stays.
func (l *Lab) Shared(ctx context.Context) (*dmclient.Device, error) {
	select {
	case l.sharing <- struct{}{}:
		defer func() { <-l.sharing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d := l.shared.Load()
	if d == nil {
		var err error
		if d, err = l.makeShared(ctx); err != nil {
			return nil, err
		}
		l.shared.Store(d)
		l.Go(d)
	}
	d.ClearFaults()
	d.SetLogin(dmclient.LoginUser)
	d.SetPower(dmclient.PowerNormal)
	d.SetWNSOffline(false)
	if d.PFN() != "" && d.ChannelURI() == "" {
		if err := d.RenewChannel(ctx); err != nil {
			l.log.Warn("the shared device's channel could not be renewed", "err", err)
		}
	}
	return d, nil
}

func (l *Lab) makeShared(ctx context.Context) (*dmclient.Device, error) {
	t := &l.Config.Target
	p, err := t.Profile(t.Profiles[len(t.Profiles)-1])
	if err != nil {
		return nil, err
	}
	known := &t.Provisioned
	d, err := l.NewDevice(p, func(c *dmclient.Config) {
		if known.DeviceID != "" {
			c.Identity.DeviceID = known.DeviceID
		}
		if known.Server != "" && c.Discovery == "" {
			c.Discovery = known.Server // required, but never used
		}
	})
	if err != nil {
		return nil, err
	}
	if known.Server != "" {
		account, err := known.Load()
		if err != nil {
			return nil, fmt.Errorf("target.provisioned: %w", err)
		}
		if err := d.Adopt(account); err != nil {
			return nil, fmt.Errorf("target.provisioned: %w", err)
		}
		if err := d.Reconnect(ctx); err != nil {
			return nil, fmt.Errorf("target.provisioned.pfn: %w", err)
		}
	} else if err := l.Enroll(ctx, d); err != nil {
		return nil, err
	}
	return d, l.firstSession(ctx, d)
}
