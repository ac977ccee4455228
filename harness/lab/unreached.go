package lab

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
)

// Unreached says why no request reached the fake WNS, from the journal's entries of
// that time, and what to do about it. The last attempt decides; without one nobody
// came at all.
func (l *Lab) Unreached(entries []*fakewns.Entry) (saw, do string) {
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.Kind == fakewns.Attempt {
			return e.What(), l.remedy(e)
		}
	}
	return "nobody connected to it", l.route()
}

// trust names the variable for the CA of each kind of sender.
var trust = "let the server trust the lab's CA: " + strings.Join(intercept.Readers(), "; ") +
	" (dmwake test --config FILE --print-env prints all of them). PHP's curl needs curl.cainfo in php.ini, and software with its own list of CAs its own setting"

func (l *Lab) remedy(e *fakewns.Entry) string {
	w := &l.Config.WNS
	switch e.Cause {
	case intercept.Untrusted:
		return trust
	case intercept.Abandoned:
		return "the usual cause is a CA that is not trusted: " + trust
	case intercept.OtherHost:
		return fmt.Sprintf("if the server needs %s, add it to wns.allow, or to NO_PROXY in the server's environment", e.Host)
	case intercept.OtherPort:
		return "send to the channel URI as it is, without a port"
	case intercept.NotConnect:
		return "send to https URLs; for other requests of the server add their hosts to NO_PROXY"
	case intercept.ToProxy:
		return fmt.Sprintf("%s is the proxy: set it as HTTPS_PROXY, not as the endpoint", w.Proxy)
	case intercept.NoTLS:
		return fmt.Sprintf("use https://%s", w.Listen)
	case intercept.OldTLS:
		return "WNS needs TLS 1.2 or newer: update the server's TLS library or its settings"
	case intercept.NoCertificate:
		return "map only login.live.com, login.microsoftonline.com and *.notify.windows.com to " + w.Listen
	}
	return l.route()
}

// route says what a server needs to reach the fake WNS.
func (l *Lab) route() string {
	w := &l.Config.WNS
	switch w.Mode {
	case "proxy":
		return "start the server with HTTPS_PROXY=http://" + w.Proxy + " and the lab's CA (dmwake test --config FILE --print-env), and make sure that its HTTP client uses both; for one that ignores HTTPS_PROXY use wns.mode: hosts"
	case "hosts":
		return "let login.live.com and *.notify.windows.com resolve to " + w.Listen + " for the server, and let it trust the lab's CA (dmwake test --config FILE --print-env)"
	}
	return "set the server's token endpoint to " + TokenURL(&l.Config) + ", and let it trust the lab's CA (dmwake test --config FILE --print-env)"
}
