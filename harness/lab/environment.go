package lab

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
)

// Environment is what the server under test needs to reach the fake WNS, as
// lines to copy into a shell.
func Environment(cfg *target.Config, trust *intercept.Trust) string {
	var b strings.Builder
	w := &cfg.WNS
	proxy := ""
	if w.Mode == "proxy" {
		proxy = w.Proxy
		fmt.Fprintf(&b, "# The server under test must trust the lab's CA, and send what goes to WNS through its proxy:\n")
	} else {
		fmt.Fprintf(&b, "# The server under test must trust the lab's CA:\n")
	}
	for _, who := range intercept.Readers() {
		fmt.Fprintf(&b, "# %s\n", who)
	}
	fmt.Fprintf(&b, "# PHP's curl reads no variable: set %s\n", trust.PHP())
	for _, line := range trust.Env(proxy) {
		name, value, _ := strings.Cut(line, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, ShellQuote(value))
	}
	switch w.Mode {
	case "hosts":
		fmt.Fprintf(&b, "# and resolve these names, in /etc/hosts:\n%s", HostLines(cfg))
	case "direct":
		fmt.Fprintf(&b, "# It must use this token endpoint, and accept channel URIs with the same address:\n# %s\n", TokenURL(cfg))
	}
	a := w.App
	if a.Kind == string(fakewns.Entra) {
		fmt.Fprintf(&b, "# Its app identity, from wns.app: PFN %s\n# tenant %s, client id %s\n", a.PFN, a.Tenant, a.ClientID)
	} else {
		fmt.Fprintf(&b, "# Its app identity, from wns.app: PFN %s\n# Package SID %s\n", a.PFN, a.SID)
	}
	if a.Secret.Value() == fakewns.DefaultApp.Secret {
		fmt.Fprintf(&b, "# client secret %s (the default, not a real one)\n", fakewns.DefaultApp.Secret)
	} else {
		fmt.Fprintf(&b, "# client secret: as configured\n")
	}
	return b.String()
}

// HostLines are the lines of a hosts file that map the service's names to the
// fake WNS.
func HostLines(cfg *target.Config) string {
	ip, _, err := net.SplitHostPort(cfg.WNS.Listen)
	if err != nil {
		ip = "127.0.0.1"
	}
	return intercept.HostLines(ip, fakewns.ChannelHosts...)
}

// TokenURL is the token endpoint for the configured app.
func TokenURL(cfg *target.Config) string {
	a, host, path := cfg.WNS.App, intercept.LiveHost, fakewns.TokenPath
	if a.Kind == string(fakewns.Entra) {
		host, path = intercept.EntraHost, "/"+a.Tenant+"/oauth2/v2.0/token"
	}
	if cfg.WNS.Mode == "direct" {
		host = cfg.WNS.Listen
	}
	return "https://" + host + path
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// ShellQuote quotes a word for a POSIX shell.
func ShellQuote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
