package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// UnreachableError says why a target cannot be tested at all, and what to do.
type UnreachableError struct {
	What, Do string
	Err      error
}

func (e *UnreachableError) Error() string { return e.What + "; " + e.Do }

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Preflight enrolls one device before a run, to find out early that the target
// is not there or refuses the credentials (*UnreachableError). Any other error
// is an enrollment that failed for reasons the suite will tell.
func (l *Lab) Preflight(ctx context.Context) error {
	t := &l.Config.Target
	p, err := dmclient.ProfileByName(t.Profiles[len(t.Profiles)-1])
	if err != nil {
		return err
	}
	d, err := l.NewDevice(p)
	if err != nil {
		return err
	}
	defer d.Close()
	err = l.Enroll(ctx, d)
	var e *enroll.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	if what, do := connectProblem(t, e); what != "" && e.Step == enroll.StepDiscover {
		return &UnreachableError{what, do, err}
	}
	if e.Refused() {
		return &UnreachableError{fmt.Sprintf("the server refuses to enroll %s: %v", t.Username, e.Err),
			"check target.username and target.password", err}
	}
	return err
}

// connectProblem puts an error of the connection into words; empty if it was
// none.
func connectProblem(t *target.Target, e *enroll.Error) (what, do string) {
	if e.Status != 0 {
		return "", ""
	}
	host := t.Discovery
	if u, err := url.Parse(t.Discovery); err == nil {
		host = u.Host
	}
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
		unk  x509.UnknownAuthorityError
		rec  tls.RecordHeaderError
	)
	switch {
	case errors.As(e.Err, &dns):
		return fmt.Sprintf("the name of %s does not resolve", host), "check target.discovery, or set target.connect to an address"
	case errors.As(e.Err, &unk):
		return fmt.Sprintf("the TLS certificate of %s is signed by an unknown authority", host), "set target.ca to the PEM file of the CA that signed it"
	case errors.As(e.Err, &cert):
		return fmt.Sprintf("the TLS certificate of %s does not verify: %v", host, cert.Err), "check target.discovery and target.ca"
	case errors.As(e.Err, &rec), errors.Is(e.Err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s does not speak TLS", host), "check the port in target.discovery"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s", host), "start the server, or check target.discovery"
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("%s does not answer", host), "check that the server is up and target.discovery is right"
	case errors.As(e.Err, &op) && op.Op == "dial":
		return fmt.Sprintf("%s cannot be reached: %v", host, op.Err), "check target.discovery"
	}
	return "", ""
}

// Environment is what the server under test needs so that its pushes reach the
// fake WNS, as lines for a person to copy.
func Environment(cfg *target.Config, caFile string) string {
	var b strings.Builder
	w := &cfg.WNS
	fmt.Fprintf(&b, "# The server under test must trust the lab's CA:\n")
	fmt.Fprintf(&b, "export SSL_CERT_FILE=%s\nexport NODE_EXTRA_CA_CERTS=%s\nexport REQUESTS_CA_BUNDLE=%s\n", caFile, caFile, caFile)
	switch w.Mode {
	case "proxy":
		fmt.Fprintf(&b, "# and send what goes to WNS through the lab's proxy:\nexport HTTPS_PROXY=http://%s\nexport NO_PROXY=localhost,127.0.0.1\n", w.Proxy)
	case "hosts":
		ip, _, err := net.SplitHostPort(w.Listen)
		if err != nil {
			ip = "127.0.0.1"
		}
		fmt.Fprintf(&b, "# and resolve these names, in /etc/hosts:\n%s", intercept.HostLines(ip, fakewns.ChannelHosts...))
	default:
		fmt.Fprintf(&b, "# and be set to this token endpoint; it must take channel URIs of the same address:\n# https://%s%s\n", w.Listen, fakewns.TokenPath)
	}
	fmt.Fprintf(&b, "# Its app identity, from wns.app: PFN %s\n# Package SID %s\n", w.App.PFN, w.App.SID)
	if w.App.Secret.Value() == fakewns.DefaultApp.Secret {
		fmt.Fprintf(&b, "# client secret %s (the default, no real one)\n", fakewns.DefaultApp.Secret)
	} else {
		fmt.Fprintf(&b, "# client secret: as configured\n")
	}
	return b.String()
}
