package cli

import (
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/api"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/fleet"
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
	if cfg, err = target.LoadWNS(f.config); err != nil {
		return nil, nil, err
	}
	// The server's certificate may be of the lab's CA, which the first lab makes.
	w := cfg.WNS
	f.wns.apply(&w)
	if _, err := w.CA(); err == nil {
		if whole, err := target.Load(f.config); err == nil {
			return whole, nil, nil
		}
	}
	return cfg, lacks, nil
}

// labDevices holds the lab's devices. With --state they are kept in a file of their own.
type labDevices struct {
	pool  *devices.Pool
	store *fleet.Store // nil: they end with the lab
	token string       // of the console
	state string       // the file of the fake WNS
}

// parts are what the lab serves beside the control API. They come after the lab has
// its own state file, so what is wrong with that one is told of that one.
func (h *labDevices) parts(l *lab.Lab) (parts []control.Part, err error) {
	if h.state != "" {
		if h.store, err = fleet.Open(h.state + ".devices"); err != nil {
			return nil, err
		}
	}
	cfg := devices.ForLab(l)
	cfg.Store = h.store
	h.pool = devices.New(cfg)
	return []control.Part{api.Part(h.pool, l.WNS), labConsole(l, h.pool, h.token)}, nil
}

// close ends the devices, which are enrolled all the same.
func (h *labDevices) close() {
	if h.pool != nil {
		h.pool.Close()
	}
	if h.store != nil {
		h.store.Close() //nolint:errcheck // everything is on disk already
	}
}
