package cli

import (
	"sync"

	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/harness/console"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/api"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// target is the configuration of a lab. lacks says why the target in it cannot be the
// default of devices; a lab for a fake WNS alone needs none.
func (f *labFlags) target() (cfg *target.Config, lacks, err error) {
	if f.config == "" {
		return &target.Config{}, nil, nil
	}
	if cfg, lacks = target.Load(f.config); lacks == nil {
		return cfg, nil, nil
	}
	cfg, err = target.LoadWNS(f.config)
	return cfg, lacks, err
}

// labDevices are the devices of a lab.
type labDevices struct {
	pool  *devices.Pool
	token string // of the console
}

// parts are what the lab serves beside the control API.
func (h *labDevices) parts(l *lab.Lab) []control.Part {
	h.pool = devices.New(devices.ForLab(l))
	environment := sync.OnceValue(func() string {
		trust, err := l.CA.WriteTrust()
		if err != nil {
			return "" // the lab ends because of it
		}
		return lab.Environment(&l.Config, trust)
	})
	pages := console.Part(console.Options{WNS: l.WNS, Devices: h.pool, Token: h.token, Environment: environment, Unreached: l.Unreached})
	return []control.Part{api.Part(h.pool, l.WNS), pages}
}
