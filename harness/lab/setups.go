package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// setups are special setups of the embedded server. A run uses each of them in
// turn, so that every scenario applies to one. A user's own server has just its
// own setup.
var setups = map[string]func(*mdmserver.Config){
	"atomic":    func(c *mdmserver.Config) { c.Atomic = true },
	"basic":     func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthBasic },
	"md5":       func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 },
	"chunks":    func(c *mdmserver.Config) { c.ChunkSize = 1000 },
	"expired":   func(c *mdmserver.Config) { c.CertificateLife = -time.Second },
	"federated": func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated },
	"limited":   func(c *mdmserver.Config) { c.SessionRate, c.SessionWindow = 3, time.Hour }, // however slow the machine is
	"signing":   func(c *mdmserver.Config) { c.RequireSigning = true },
	"small":     func(c *mdmserver.Config) { c.MaxMsgSize = 4096 },
	"page":      func(c *mdmserver.Config) { c.StatusPage = true },
	"linked":    func(c *mdmserver.Config) { c.Linked = true },
	"wbxml":     func(c *mdmserver.Config) { c.Encoding = syncml.MediaTypeWBXML },
	// The lab itself is set up for these, too: see setUp.
	"certificate": nil,
	"entra":       nil,
}

// Setups are the names of the setups.
func Setups() []string { return slices.Sorted(maps.Keys(setups)) }

func (l *Lab) setUp(name string, c *mdmserver.Config) error {
	if name == "" {
		return nil
	}
	f, known := setups[name]
	switch {
	case !known:
		return fmt.Errorf("unknown setup %q of the embedded server; known setups: %s", name, strings.Join(Setups(), ", "))
	case name == "certificate":
		return l.setUpCertificate(c)
	case name == "entra":
		return l.setUpEntra(c)
	}
	f(c)
	return nil
}

// As is the lab with that setup of the embedded server. All callers share it,
// and it closes with l. For a user's own server As returns l itself.
func (l *Lab) As(setup string) (*Lab, error) {
	if setup == "" || l.embedded == nil || l.opts.Setup == setup {
		return l, nil
	}
	l.starting.Lock() // not mu: devices of l go on meanwhile
	defer l.starting.Unlock()
	l.mu.Lock()
	s := l.setups[setup]
	l.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := l.another(setup)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setups[setup] = s
	return s, nil
}

// Alone starts a separate lab: a fake WNS and an embedded server with that
// setup ("" is the usual one), and with the seed, mutants, variants and
// timeouts of l. No verdict then depends on what another scenario left behind.
// The caller stops it with release, which waits; it may outlive l. A user's own
// server exists only once: Alone returns l then, and release does nothing.
// release is never nil.
func (l *Lab) Alone(setup string) (own *Lab, release func(), err error) {
	if l.embedded == nil {
		return l, func() {}, nil
	}
	own, err = l.another(setup)
	if err != nil {
		return nil, func() {}, err
	}
	return own, own.Close, nil
}

// another starts a lab like l.
func (l *Lab) another(setup string) (*Lab, error) {
	opts := l.opts
	opts.Setup, opts.Seed = setup, l.Seed
	own, err := start(nil, opts, l.family)
	if err != nil {
		return nil, err
	}
	own.Config.Timeouts, own.Config.Target.Profiles = l.Config.Timeouts, l.Config.Target.Profiles
	return own, nil
}

// certificateUser is whom the certificate that enrolls devices is for.
const certificateUser = "devices.mdm.example"

// setUpCertificate lets devices enroll with a certificate of the lab's CA.
func (l *Lab) setUpCertificate(c *mdmserver.Config) (err error) {
	c.AuthPolicy, c.EnrollRoots = mdmserver.Certificate, l.CA.Pool()
	l.enrollCert, err = l.CA.Leaf(certificateUser)
	return err
}
