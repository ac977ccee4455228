package lab

import (
	"cmp"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
)

// NewDevice makes a device of the profile, ready to enroll with the target;
// edit may change its configuration.
func (l *Lab) NewDevice(p dmclient.Profile, edit ...func(*dmclient.Config)) (*dmclient.Device, error) {
	cfg, err := l.DeviceConfig()
	if err != nil {
		return nil, err
	}
	cfg.Profile, cfg.Identity = p, l.NewIdentity()
	cfg.NoRetry = true // a scenario counts its sessions
	usual := cfg
	for _, f := range edit {
		f(&cfg)
	}
	d, err := dmclient.New(cfg)
	if err == nil && l.ordinary(&usual, &cfg) {
		l.lenient().expect(d)
	}
	return d, err
}

// NewIdentity draws an identity; the lab's seed decides which. Devices of
// target.image share a part of it.
func (l *Lab) NewIdentity() dmclient.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := dmclient.NewIdentity(l.rand)
	l.Config.Target.Image.Apply(&id)
	return id
}

// DDF is the zip of DDF files that the devices have; empty for Microsoft's.
func (l *Lab) DDF() string { return cmp.Or(l.opts.DDF, l.Config.CSP.DDF) }

// DeviceConfig is what all devices of the target have in common; Profile and
// Identity are not set.
func (l *Lab) DeviceConfig() (dmclient.Config, error) {
	t := &l.Config.Target
	cfg := dmclient.Config{
		Discovery: t.Discovery, Username: t.Username, Password: t.Password.Value(),
		Roots: l.roots, Key: l.key, Timeout: l.Config.Timeouts.Request, Log: l.log, Dial: l.Config.Dialer(),
		AllowHTTP: t.AllowHTTP, Pace: l.pace.wait, Busy: l.pace.busy, BareWait: l.opts.BareWait,
	}
	cfg.TermsOfUse = t.TermsOfUse
	known := target.CSP{DDF: l.DDF()}
	var err error
	if cfg.DDF, err = known.Base(); err != nil {
		return cfg, err
	}
	if cfg.EnrollCert, err = t.Certificate.Load(); err != nil {
		return cfg, err
	}
	if cfg.EnrollCert == nil {
		cfg.EnrollCert = l.enrollCert
	}
	if l.Directory != nil {
		cfg.Tokens = DirectoryTokens(l.Directory, entra.Good, t.Username)
	} else {
		cfg.Tokens = HookTokens(&l.Config, l.hookLog.add)
	}
	cfg.Credential = l.Credential
	if t.Push != "none" {
		cfg.WNS = l.WNS
	}
	return cfg, nil
}

// Go runs a device until the lab closes: it answers pushes from now on.
func (l *Lab) Go(d *dmclient.Device) {
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		defer d.Close()
		d.Run(l.ctx) //nolint:errcheck // ends with the lab
	}()
}

// EnrollsByCertificate reports whether devices sign their enrollment with a
// certificate.
func (l *Lab) EnrollsByCertificate() bool {
	return l.enrollCert != nil || l.Config.Target.Certificate.Cert != ""
}
