package lab

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
)

// TestUnreached: each way not to reach the fake WNS is told with what to do about it.
func TestUnreached(t *testing.T) {
	l := &Lab{Config: target.Config{WNS: target.WNS{Proxy: "127.0.0.1:17080", Listen: "127.0.0.1:17443"}}}
	l.Config.Defaults()
	for cause, want := range map[intercept.Cause][2]string{
		"":                      {"nobody connected to it", "start the server with HTTPS_PROXY=http://127.0.0.1:17080"},
		intercept.Untrusted:     {"does not trust the certificate of h.example:1", "NODE_EXTRA_CA_CERTS for Node"},
		intercept.Abandoned:     {"left the TLS handshake", "the usual cause is a CA that is not trusted"},
		intercept.NoCertificate: {"wants the certificate of a host that is not WNS's", "map only login.live.com"},
		intercept.NoTLS:         {"speaks plain HTTP", "use https://127.0.0.1:17443"},
		intercept.OldTLS:        {"no TLS version in common", "TLS 1.2 or newer"},
		intercept.OtherHost:     {"does not connect to h.example:1", "add it to wns.allow, or to NO_PROXY"},
		intercept.OtherPort:     {"on port 443 only, not to h.example:1", "send to the channel URI as it is, without a port"},
		intercept.NotConnect:    {"", "send to https URLs"},
		intercept.ToProxy:       {"", "127.0.0.1:17080 is the proxy: set it as HTTPS_PROXY"},
	} {
		entries := []*fakewns.Entry{{Kind: fakewns.Attempt, Cause: cause, Host: "h.example:1"}}
		if cause == "" {
			entries = nil
		}
		saw, do := l.Unreached(entries)
		if !strings.Contains(saw, want[0]) || !strings.Contains(do, want[1]) {
			t.Errorf("%q: %s -> %s", cause, saw, do)
		}
	}
	l.Config.WNS.Mode = "hosts"
	if _, do := l.Unreached(nil); !strings.Contains(do, "resolve to 127.0.0.1:17443") {
		t.Error(do)
	}
	l.Config.WNS.Mode = "direct"
	if _, do := l.Unreached(nil); !strings.Contains(do, "token endpoint to https://127.0.0.1:17443") {
		t.Error(do)
	}
}
