package devices

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/enroll"
)

var namespaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// longestField bounds a name or value of a Spec, in bytes; PEM has its own.
const (
	longestField = 2048
	longestPEM   = 64 << 10
	mostItems    = 64 // labels, faults, quirks
)

// Create makes a device that is not enrolled yet.
func (p *Pool) Create(spec Spec) (Device, error) {
	if spec.Namespace == "" {
		spec.Namespace = DefaultNamespace
	}
	if err := spec.check(); err != nil {
		return Device{}, err
	}
	s := &slot{created: time.Now(), clock: &clock{}, labels: maps.Clone(spec.Labels), answered: map[string]uint64{}}
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	cfg, err := p.config(s, &spec)
	if err != nil {
		return Device{}, err
	}
	if s.dev, err = dmclient.New(cfg); err != nil {
		return Device{}, fail(Invalid, "%v", strings.TrimPrefix(err.Error(), "dmclient: "))
	}
	if err := p.arrange(s, &spec); err != nil {
		return Device{}, err
	}
	if err := p.take(s); err != nil {
		return Device{}, err
	}
	if err := p.keep(s); err != nil {
		p.drop(s)
		return Device{}, fail(Full, "the device is not created, because it cannot be stored: %v", err)
	}
	p.tell(s, Event{Kind: Created})
	return p.view(s, false), nil
}

// check refuses what no device can be, apart from what config finds out.
func (spec *Spec) check() error {
	if !namespaceName.MatchString(spec.Namespace) {
		return fail(Invalid, "namespace %q is not 1 to 64 letters, digits, dots, hyphens or underscores", spec.Namespace)
	}
	if len(spec.Labels) > mostItems || len(spec.Faults) > mostItems || len(spec.Quirks) > mostItems || len(spec.IDs.MACs) > mostItems {
		return fail(Invalid, "a device has at most %d labels, faults, quirks and MACs each", mostItems)
	}
	for k, v := range spec.Labels {
		if k == "" || len(k) > longestField || len(v) > longestField {
			return fail(Invalid, "a label has a name, and name and value have at most %d bytes", longestField)
		}
	}
	for _, v := range []string{spec.IDs.DeviceID, spec.IDs.GUID, spec.IDs.HWDevID, spec.IDs.Name, spec.IDs.Serial, spec.IDs.Manufacturer, spec.IDs.Model, spec.IDs.Locale,
		spec.Server.Discovery, spec.Enroll.Username, spec.Enroll.Password, spec.Enroll.Terms} {
		if len(v) > longestField {
			return fail(Invalid, "a value has %d bytes; at most %d are allowed", len(v), longestField)
		}
	}
	if len(spec.Server.CA) > longestPEM || len(spec.Enroll.Certificate) > longestPEM || len(spec.Enroll.Key) > longestPEM {
		return fail(Invalid, "a PEM text has over %d bytes", longestPEM)
	}
	if id := spec.IDs.DeviceID; strings.ContainsAny(id, "/?#%") {
		return fail(Invalid, "ids.deviceID %q has a character that is not allowed in a URL's path; Windows uses 32 hexadecimal digits", id)
	}
	return nil
}

// config is the configuration of a new device.
func (p *Pool) config(s *slot, spec *Spec) (dmclient.Config, error) {
	cfg, err := p.cfg.Base()
	if err != nil {
		return cfg, fail(Invalid, "the lab's configuration: %v", err)
	}
	name := cmp.Or(spec.Profile, p.cfg.Default.Profile, dmclient.Win11().Name)
	if cfg.Profile, err = dmclient.ProfileByName(name); err != nil {
		return cfg, fail(Invalid, "profile: %v", err)
	}
	spec.Profile = name
	for _, q := range slices.Concat(p.cfg.Default.Quirks, spec.Quirks) {
		if err := cfg.Profile.SetQuirk(q); err != nil {
			return cfg, fail(Invalid, "quirks: %v", err)
		}
	}
	p.mu.Lock()
	id := dmclient.NewIdentity(p.draw)
	p.mu.Unlock()
	if p.cfg.Image != nil {
		p.cfg.Image(&id)
	}
	cfg.Identity = spec.IDs.identity(id)
	s.id = cfg.Identity.DeviceID
	if err := spec.server(&cfg); err != nil {
		return cfg, err
	}
	if err := p.signIn(spec, &cfg); err != nil {
		return cfg, err
	}
	switch spec.Key {
	case "", "rsa":
	case "ec":
		cfg.Key = func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	default:
		return cfg, fail(Invalid, "key %q is neither rsa nor ec", spec.Key)
	}
	p.hear(s, &cfg)
	cfg.Clock, cfg.Keep, cfg.Log = s.clock, KeptSessions, p.cfg.Log
	// The view is of the server and the user that the device really has.
	spec.Server.Discovery, spec.Enroll.Username = cfg.Discovery, cfg.Username
	s.spec = *spec
	return cfg, nil
}

// hear lets the pool know what a device does.
func (p *Pool) hear(s *slot, cfg *dmclient.Config) {
	cfg.OnSend = p.sent(s)
	cfg.OnEffect = p.effect(s)
	cfg.OnWake = p.woke(s)
	if p.cfg.Store != nil {
		cfg.Persist = func(*dmclient.Device) error { return p.keep(s) }
	}
}

// server sets where the server is. A device with a server of its own gets no
// credentials of the lab's configuration.
func (spec *Spec) server(cfg *dmclient.Config) error {
	sv, user := &spec.Server, spec.Enroll.Username
	if sv.Discovery != "" && sv.Discovery != cfg.Discovery {
		cfg.Discovery, cfg.Username, cfg.Password = sv.Discovery, "", ""
		cfg.Tokens, cfg.EntraToken, cfg.Credential, cfg.EnrollCert, cfg.Dial, cfg.TermsOfUse = nil, nil, nil, nil, nil, ""
	}
	if user != "" && user != cfg.Username {
		cfg.Username, cfg.Password = user, ""
	}
	if spec.Enroll.Password != "" {
		cfg.Password, cfg.Credential = spec.Enroll.Password, nil // the lab's way to sign in has its own
	}
	if cfg.Discovery == "" && cfg.Username != "" {
		u, err := enroll.DiscoveryURL(cfg.Username)
		if err != nil {
			return fail(Invalid, "enroll.username: %v", err)
		}
		cfg.Discovery = u
	}
	switch u, err := url.Parse(cfg.Discovery); {
	case cfg.Discovery == "":
		return fail(Invalid, "the server is unknown: set server.discovery, or enroll.username with an e-mail address of its domain, or start the lab with --config")
	case err != nil || u.Scheme != "https" || u.Host == "":
		return fail(Invalid, "server.discovery %q is not an https URL", cfg.Discovery)
	}
	if sv.CA != "" {
		cfg.Roots = x509.NewCertPool()
		if !cfg.Roots.AppendCertsFromPEM([]byte(sv.CA)) {
			return fail(Invalid, "server.ca has no PEM certificate")
		}
	}
	if sv.Connect != "" {
		if _, _, err := net.SplitHostPort(sv.Connect); err != nil {
			return fail(Invalid, "server.connect %q is not host:port", sv.Connect)
		}
		to := sv.Connect
		cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, to)
		}
	}
	cfg.AllowHTTP = cfg.AllowHTTP || sv.AllowHTTP
	return nil
}

// signIn sets how the device enrolls.
func (p *Pool) signIn(spec *Spec, cfg *dmclient.Config) error {
	e := &spec.Enroll
	if (e.Certificate == "") != (e.Key == "") {
		return fail(Invalid, "enroll.certificate and enroll.key must be given together")
	}
	if e.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(e.Certificate), []byte(e.Key))
		if err != nil {
			return fail(Invalid, "enroll.certificate: %v", err)
		}
		cfg.EnrollCert = &pair
	}
	if e.Token == "" && e.Username != "" && cfg.Tokens != nil && p.cfg.Tokens != nil {
		e.Token = "good" // of this user, not the lab's
	}
	if e.Token != "" {
		if p.cfg.Tokens == nil {
			return fail(Invalid, "enroll.token needs a directory: start the lab with --config and target.directory in it")
		}
		tokens, err := p.cfg.Tokens(e.Token, cfg.Username)
		if err != nil {
			return fail(Invalid, "enroll.token: %v", err)
		}
		cfg.Tokens = tokens
	}
	if e.Terms != "" {
		if u, err := url.Parse(e.Terms); err != nil || u.Scheme != "https" || u.Host == "" {
			return fail(Invalid, "enroll.terms %q is not an https URL", e.Terms)
		}
		cfg.TermsOfUse = e.Terms
	}
	if cfg.RefuseTerms = e.RefuseTerms; e.RefuseTerms && cfg.TermsOfUse == "" {
		return fail(Invalid, "enroll.refuseTerms needs enroll.terms, the URL of the terms of use")
	}
	cfg.EnrollmentType, cfg.Attestation = e.Type, dmclient.Attestation(e.Attestation)
	return nil
}

// arrange sets what a device can also be set to later.
func (p *Pool) arrange(s *slot, spec *Spec) error {
	c := Change{}
	if spec.Faults != nil {
		c.Faults = &spec.Faults
	}
	for _, v := range []struct {
		said string
		to   **string
	}{{spec.Power, &c.Power}, {spec.Login, &c.Login}, {spec.Clock, &c.Clock}} {
		if v.said != "" {
			*v.to = &v.said
		}
	}
	return c.apply(p.ctx, s)
}

// newFaults makes faults of their lines.
func newFaults(lines []string) (out []dmclient.Fault, err error) {
	if len(lines) > mostItems {
		return nil, fail(Invalid, "a device has at most %d faults", mostItems)
	}
	for _, line := range lines {
		f, err := faults.New(line)
		if err != nil {
			return nil, fail(Invalid, "faults: %v", err)
		}
		out = append(out, f)
	}
	return out, nil
}

// take gives a new device its place.
func (p *Pool) take(s *slot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := strings.ToUpper(s.id)
	switch {
	case p.ctx.Err() != nil:
		return fail(Closed, "the lab ends")
	case len(p.slots) >= p.cfg.Max:
		return fail(Full, "the lab holds %d devices, which is its limit; delete some: DELETE /v1/devices/ID or DELETE /v1/namespaces/NAME", len(p.slots))
	case p.byID[key] != nil:
		return fail(Conflict, "the lab has a device with the DeviceID %s already, in namespace %s", s.id, p.byID[key].spec.Namespace)
	}
	s.ctx, s.stop = context.WithCancel(p.ctx)
	s.i = p.next
	p.next++
	p.slots[s.i], p.byID[key] = s, s
	delete(p.spaces, key)
	return nil
}
