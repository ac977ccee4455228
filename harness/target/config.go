// Package target describes the MDM server under test: where it is, how devices
// enroll, and the hooks that make it queue a command or push.
package target

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Config describes one target with everything a run needs to know. The yaml names
// are the keys of the configuration file.
type Config struct {
	Target   Target   `yaml:"target"`
	WNS      WNS      `yaml:"wns"`
	CSP      CSP      `yaml:"csp"`
	Timeouts Timeouts `yaml:"timeouts"`
}

// Target is the server and how to enroll with it.
type Target struct {
	Name      string `yaml:"name"`
	Discovery string `yaml:"discovery"` // URL of the discovery service
	CA        string `yaml:"ca"`        // PEM file to verify the server's certificate
	Connect   string `yaml:"connect"`   // host:port to connect to, whatever the URLs name
	// AllowHTTP lets devices send credentials to services on plain HTTP.
	AllowHTTP bool   `yaml:"allow_http"`
	Username  string `yaml:"username"`
	Password  Secret `yaml:"password"`
	// Push is "wns", or "none" for a server without WNS push.
	Push string `yaml:"push"`
	// PushOnQueue says that the server pushes by itself when a command is queued, so
	// that no push hook is needed.
	PushOnQueue bool `yaml:"push_on_queue"`
	// Profiles are the Windows versions of the devices, the one to use first last.
	Profiles []string `yaml:"profiles"`
	// Quirks are switched on all devices, by name: "pfn-errors" on, "-pfn-errors" off.
	Quirks []string `yaml:"quirks"`
	// Image is what all devices have in common, like machines cloned from one image.
	Image Image `yaml:"image"`
	Hooks Hooks `yaml:"hooks"`

	// Certificate enrolls devices if Discover says Certificate.
	Certificate KeyPair `yaml:"certificate"`
	// SignIn is how devices sign in if Discover says Federated.
	SignIn SignIn `yaml:"signin"`
	// Directory is a fake Entra that gives devices tokens if Discover says Federated.
	// Without it, and without Hooks.Token, they sign in on the server's page.
	Directory Directory `yaml:"directory"`
	Terms     `yaml:",inline"`
	// Provisioned is an already enrolled device that all scenarios share.
	Provisioned Provisioned `yaml:"provisioned"`
	// Crowd is how many devices open sessions at once, default 200.
	Crowd int `yaml:"crowd"`
	// Pace is how many enrollments and sign-ins dmwake starts per minute, for servers
	// that limit their rate; 0, the default, is no limit.
	Pace Pace `yaml:"pace"`
	// SharedDevice enrolls a single device that all scenarios share.
	SharedDevice bool `yaml:"shared_device"`

	anyProfile bool // Profiles was not set
	draft      bool // the environment and the CA may come later
}

// Pace is a number per minute, 0 for no limit.
type Pace int

// UnmarshalYAML names the line of an invalid value.
func (p *Pace) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < 0 || v > 100_000 {
		return fmt.Errorf("line %d: target.pace %q is not a number of enrollments per minute from 0 (no limit) to 100000", n.Line, n.Value)
	}
	*p = Pace(v)
	return nil
}

// Timeouts are all waits of a run, each the longest that a sound server may take.
type Timeouts struct {
	Request time.Duration `yaml:"request"` // one HTTP request of a device
	Hook    time.Duration `yaml:"hook"`    // one hook
	Push    time.Duration `yaml:"push"`    // from a trigger to the push, and from there to the session
	Quiet   time.Duration `yaml:"quiet"`   // how long to watch for unwanted traffic
	// Latency is the longest time that should pass from a trigger to the session.
	Latency time.Duration `yaml:"latency"`
	// Restart is how long the server may be down after a crash or a restart.
	Restart time.Duration `yaml:"restart"`
	// SignIn is for one sign-in in a browser, however many pages it has.
	SignIn time.Duration `yaml:"signin"`
	// Run limits the whole run; 0 is no limit. The remaining scenarios are reported as
	// not run.
	Run time.Duration `yaml:"run"`
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// ConfigError is a mistake in the configuration, explained to its author.
type ConfigError struct{ Where, What string }

func (e *ConfigError) Error() string { return e.Where + ": " + e.What }

// LoadWNS is Load for callers that need only the wns section: the file may lack a
// target.
func LoadWNS(path string) (*Config, error) { return load(path, (*Config).completeWNS) }

// Load reads and checks a configuration file. The environment (DMWAKE_DISCOVERY,
// DMWAKE_USERNAME, DMWAKE_PASSWORD, DMWAKE_CA, DMWAKE_WNS_LISTEN) takes
// precedence. Paths in the file are relative to it.
func Load(path string) (*Config, error) { return load(path, (*Config).complete) }

// Check is Load for a file whose secrets and CA do not exist yet.
func Check(path string) error {
	_, err := load(path, func(c *Config, dir string) error {
		c.Target.Password = NewSecret("not there yet")
		c.WNS.App.Secret, c.WNS.TokenKey = NewSecret("not there yet"), Secret{}
		c.Target.CA, c.Target.draft = "", true
		return c.complete(dir)
	})
	return err
}

func load(path string, complete func(c *Config, dir string) error) (*Config, error) {
	raw, err := bounded.ReadFile(path, bounded.Text)
	if err != nil {
		return nil, &ConfigError{path, "cannot be read: " + err.Error() + "; dmwake init writes one for your server (dmwake test without --config tests the embedded server)"}
	}
	c := &Config{}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, yamlError(path, err)
	}
	if err := complete(c, filepath.Dir(path)); err != nil {
		return nil, &ConfigError{path, redact.Text(err.Error())}
	}
	return c, nil
}

// complete fills in defaults, reads secrets and checks the whole configuration.
func (c *Config) complete(dir string) error {
	t := &c.Target
	for name, into := range map[string]*string{"DMWAKE_DISCOVERY": &t.Discovery, "DMWAKE_USERNAME": &t.Username, "DMWAKE_CA": &t.CA} {
		if v := os.Getenv(name); v != "" {
			*into = v
		}
	}
	if err := t.Password.resolve("target.password", dir); err != nil {
		return err
	}
	if v := os.Getenv("DMWAKE_PASSWORD"); v != "" {
		t.Password.value = v
	}
	if err := c.completeWNS(dir); err != nil {
		return err
	}
	if err := t.completeEnrollment(dir); err != nil {
		return err
	}
	if err := c.CSP.complete(dir); err != nil {
		return err
	}
	if t.CA != "" {
		t.CA = inDir(dir, t.CA)
		if _, err := c.Roots(); err != nil {
			return fmt.Errorf("target.ca: %w", err)
		}
		raw, err := bounded.ReadFile(t.CA, bounded.Text)
		if err != nil {
			return fmt.Errorf("target.ca: %w", err)
		}
		t.trust(raw)
	}
	if t.Connect != "" {
		if _, _, err := net.SplitHostPort(t.Connect); err != nil {
			return fmt.Errorf("target.connect %q is not host:port", t.Connect)
		}
	}
	t.conceal(t.Password.value, c.WNS.App.Secret.value, c.WNS.TokenKey.value)
	return c.check()
}

// Defaults fills in missing values.
func (c *Config) Defaults() {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.Target.Name, redact.Text(c.Target.Discovery))
	def(&c.Target.Name, redact.Text(c.Target.Provisioned.Server))
	def(&c.Target.Name, c.Target.Username)
	def(&c.Target.Push, "wns")
	def(&c.WNS.Mode, "proxy")
	if c.Target.Push == "none" { // nobody needs to find the fake WNS
		if c.WNS.Mode == "hosts" { // which takes no auto
			def(&c.WNS.Listen, "127.0.0.1:0")
		}
		def(&c.WNS.Listen, AutoPort)
		def(&c.WNS.Proxy, AutoPort)
	}
	def(&c.WNS.Listen, map[bool]string{true: "127.0.0.1:443", false: "127.0.0.1:7443"}[c.WNS.Mode == "hosts"])
	def(&c.WNS.Proxy, "127.0.0.1:7080")
	def(&c.WNS.CADir, ".dmwake")
	def(&c.WNS.App.PFN, fakewns.DefaultApp.PFN)
	if c.WNS.App.Kind != string(fakewns.Entra) {
		def(&c.WNS.App.SID, fakewns.DefaultApp.PackageSID)
	}
	def(&c.WNS.App.Secret.value, fakewns.DefaultApp.Secret)
	if c.Target.Crowd == 0 {
		c.Target.Crowd = 200
	}
	if len(c.Target.Profiles) == 0 {
		c.Target.Profiles, c.Target.anyProfile = DefaultProfiles(), true
	}
	dur := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	dur(&c.Timeouts.Request, 30*time.Second)
	dur(&c.Timeouts.Hook, 10*time.Second)
	dur(&c.Timeouts.Push, 15*time.Second)
	dur(&c.Timeouts.Quiet, 2*time.Second)
	dur(&c.Timeouts.Latency, 5*time.Second)
	dur(&c.Timeouts.SignIn, time.Minute)
	dur(&c.Timeouts.Restart, 30*time.Second)
}

func (c *Config) check() error {
	switch c.Target.Push {
	case "wns", "none":
	default:
		return fmt.Errorf("target.push %q is neither wns nor none", c.Target.Push)
	}
	if c.Target.Crowd < 2 || c.Target.Crowd > 2000 {
		return fmt.Errorf("target.crowd %d is not between 2 and 2000", c.Target.Crowd)
	}
	for _, name := range c.Target.Profiles {
		if _, err := dmclient.ProfileByName(name); err != nil {
			return fmt.Errorf("target.profiles: %w", err)
		}
	}
	if err := c.Target.checkQuirks(); err != nil {
		return err
	}
	if err := c.Target.Hooks.check(); err != nil {
		return err
	}
	if err := c.Target.SignIn.check(); err != nil || c.Target.draft {
		return err
	}
	return c.Target.environment()
}

// Dialer returns a function that connects to target.connect, whatever a URL names;
// nil if it is not set.
func (c *Config) Dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	to := c.Target.Connect
	if to == "" {
		return nil
	}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
}

// Roots reads the CA file; nil, which means the system's CAs, if none is
// configured.
func (c *Config) Roots() (*x509.CertPool, error) {
	if c.Target.CA == "" {
		return nil, nil
	}
	raw, err := bounded.ReadFile(c.Target.CA, bounded.Text)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s contains no PEM certificate", c.Target.CA)
	}
	return pool, nil
}
