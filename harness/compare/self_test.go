package compare

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestSelf: a recorded simulated device equals itself, byte for byte, whatever its
// profile and the server's ways.
func TestSelf(t *testing.T) {
	servers := map[string]func(*mdmserver.Config){
		"":          nil,
		"md5":       func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 },
		"basic":     func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthBasic },
		"federated": func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated },
		"wbxml":     func(c *mdmserver.Config) { c.Encoding = syncml.MediaTypeWBXML },
		"signing":   func(c *mdmserver.Config) { c.RequireSigning = true },
		"small":     func(c *mdmserver.Config) { c.MaxMsgSize = 2000 },
		"atomic":    func(c *mdmserver.Config) { c.Atomic = true },
	}
	run := func(name, server string, p dmclient.Profile) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, servers[server])
			r.life(r.device(p, nil))
			got := r.compared("")
			if !got.Same() || got.Profile != p.Name || got.Messages < 10 || got.Equal != got.Messages || got.Bytes != got.ByteMessages || got.ByteMessages < 7 {
				t.Errorf("%s", show(got))
			}
			if s := show(got); strings.Contains(s, "demo-secret-1") {
				t.Errorf("the password is in the result: %s", s)
			}
		})
	}
	for _, p := range dmclient.Profiles() {
		run(p.Name, "", p)
	}
	for name := range servers {
		if name != "" {
			run("server "+name, name, dmclient.Win11v25H2())
		}
	}
}
