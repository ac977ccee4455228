package target

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/intercept"
)

// WNS says how the server under test reaches the fake WNS.
type WNS struct {
	Mode   string `yaml:"mode"`   // proxy, hosts or direct
	Listen string `yaml:"listen"` // address of the fake WNS, HTTPS
	Proxy  string `yaml:"proxy"`  // address of the proxy, mode proxy only
	CADir  string `yaml:"ca_dir"` // where the lab keeps its CA between runs
	App    App    `yaml:"app"`
	// TokenKey signs access tokens: fake WNSs on several machines that share it accept
	// each other's tokens. It is generated if not set.
	TokenKey Secret `yaml:"token_key"`
	// Allow lists more hosts that the proxy may connect to: "host" or "host:port".
	Allow []string `yaml:"allow"`
	// Faults are active from the start, one line each: "status=503 times=3".
	Faults []string `yaml:"faults"`
	// AppRate and ChannelRate are how many notifications per second an app and a
	// channel may get before they are throttled; 0 never throttles.
	AppRate     float64 `yaml:"app_rate"`
	ChannelRate float64 `yaml:"channel_rate"`
}

// App is the app identity in the configuration of the server under test.
type App struct {
	PFN    string `yaml:"pfn"`
	SID    string `yaml:"sid"`
	Secret Secret `yaml:"secret"`
	// Kind is classic (default), classic-retired or entra. Tenant and ClientID are for
	// entra.
	Kind     string `yaml:"kind"`
	Tenant   string `yaml:"tenant"`
	ClientID string `yaml:"client_id"`
}

// CA loads the lab's CA, or makes it. It may sign for the address of the fake WNS, and
// for more names.
func (w *WNS) CA(more ...string) (*intercept.CA, error) {
	host, _, err := net.SplitHostPort(w.Listen)
	if err != nil {
		host = "" // auto: loopback
	}
	return intercept.LoadCA(w.CADir, append(more, host)...)
}

func (c *Config) completeWNS(dir string) error {
	if err := c.WNS.App.Secret.resolve("wns.app.secret", dir); err != nil {
		return err
	}
	if v := os.Getenv("DMWAKE_WNS_LISTEN"); v != "" {
		c.WNS.Listen = v
	}
	if err := c.WNS.TokenKey.resolve("wns.token_key", dir); err != nil {
		return err
	}
	if k := c.WNS.TokenKey.value; k != "" && len(k) < 16 {
		return errors.New("wns.token_key is too short: use at least 16 characters")
	}
	c.Defaults()
	c.WNS.CADir = inDir(dir, c.WNS.CADir)
	return c.WNS.Check()
}

// AutoPort stands for a free port in every address to listen on.
const AutoPort = "auto"

// Fixed returns an error if the address of the fake WNS differs from run to run.
func (w *WNS) Fixed() error {
	for _, k := range []struct {
		key, addr string
		used      bool
	}{{"wns.listen", w.Listen, w.Mode != "proxy"}, {"wns.proxy", w.Proxy, w.Mode == "proxy"}} {
		if k.used && strings.HasSuffix(k.addr, ":0") {
			return fmt.Errorf("%s is %s, another port in each run: write auto, which keeps its port, or give it one", k.key, k.addr)
		}
	}
	return nil
}

// Check returns the first mistake in the section.
func (w *WNS) Check() error {
	switch w.Mode {
	case "proxy", "hosts", "direct":
	default:
		return fmt.Errorf("wns.mode %q is none of proxy, hosts, direct", w.Mode)
	}
	if w.Mode == "hosts" && strings.HasSuffix(w.Listen, AutoPort) {
		return errors.New("wns.listen is auto, but in mode hosts the server connects to port 443: give an address with that port, for example 127.0.0.2:443")
	}
	if w.AppRate < 0 || w.ChannelRate < 0 {
		return errors.New("wns.app_rate and wns.channel_rate are notifications a second, 0 for no limit")
	}
	for _, line := range w.Faults {
		if _, err := faults.Parse(line); err != nil {
			return fmt.Errorf("wns.faults: %w", err)
		}
	}
	return nil
}
