// Package intercept lets an unmodified MDM server reach the fake WNS: through
// an HTTPS proxy, or by names that resolve to loopback.
package intercept

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/elazarl/goproxy"
)

// Hosts of the real service that senders hard-code.
const (
	LiveHost  = "login.live.com"
	EntraHost = "login.microsoftonline.com"
	WNSSuffix = ".notify.windows.com"
)

// IsService reports whether the fake WNS answers for host: a login host, or one
// label before notify.windows.com.
func IsService(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == LiveHost || host == EntraHost {
		return true
	}
	const longest = 63 // of a label (RFC 1035, section 2.3.4)
	label, ok := strings.CutSuffix(host, WNSSuffix)
	return ok && label != "" && len(label) <= longest && !strings.Contains(label, ".")
}

// Proxy is an HTTP proxy that connects CONNECT requests for the service's
// hosts, port 443, to the fake WNS at addr. allow names further hosts to pass
// through, "host" (port 443) or "host:port". Everything else is refused and told,
// so it is never an open proxy. tell may be nil.
func Proxy(addr string, tell func(Attempt), allow ...string) http.Handler {
	if tell == nil {
		tell = func(Attempt) {}
	}
	for i, a := range allow {
		if _, _, err := net.SplitHostPort(a); err != nil {
			allow = slices.Clone(allow)
			allow[i] = net.JoinHostPort(strings.Trim(a, "[]"), "443")
		}
	}
	p := goproxy.NewProxyHttpServer()
	p.Logger = quiet{}
	p.OnRequest().HandleConnectFunc(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		name, port, err := net.SplitHostPort(host)
		service := err == nil && IsService(name)
		if service && port == "443" {
			return goproxy.OkConnect, addr
		}
		for _, a := range allow {
			if strings.EqualFold(a, host) {
				return goproxy.OkConnect, host
			}
		}
		cause := OtherHost
		if service {
			cause = OtherPort
		}
		tell(refusal(ctx.Req, cause, host))
		return goproxy.RejectConnect, host
	})
	p.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		tell(refusal(r, NotConnect, r.Host))
		return r, goproxy.NewResponse(r, goproxy.ContentTypeText, http.StatusForbidden,
			"dmwake's proxy only connects to the hosts of WNS\n")
	})
	p.NonproxyHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tell(refusal(r, ToProxy, r.Host))
		http.Error(w, "this is dmwake's proxy; set it as HTTPS_PROXY", http.StatusForbidden)
	})
	// CONNECT must not follow the environment's own proxy to reach loopback.
	p.ConnectDial = nil
	p.Tr.Proxy = nil
	return p
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// HostLines are lines of a hosts file that map the login hosts and the given
// channel hosts to ip.
func HostLines(ip string, channelHosts ...string) string {
	var b strings.Builder
	for _, h := range append([]string{LiveHost, EntraHost}, channelHosts...) {
		fmt.Fprintf(&b, "%s %s\n", ip, h)
	}
	return b.String()
}

// InHosts prepares a command that sees hostsFile as /etc/hosts, in a mount
// namespace of its own, by util-linux's unshare. It needs root; Supported says
// whether it can work here.
func InHosts(ctx context.Context, hostsFile string, argv ...string) *exec.Cmd {
	script := `mount --bind "$0" /etc/hosts && exec "$@"`
	args := append([]string{"--mount", "--propagation", "private", "sh", "-c", script, hostsFile}, argv...)
	return exec.CommandContext(ctx, "unshare", args...) //nolint:gosec // the caller's own command
}

// Supported tries InHosts on a harmless command and returns why it does not
// work.
func Supported(ctx context.Context) error {
	f, err := os.CreateTemp("", "dmwake-hosts")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	f.Close()
	if out, err := InHosts(ctx, f.Name(), "true").CombinedOutput(); err != nil {
		return fmt.Errorf("this system allows no private mount namespace: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
