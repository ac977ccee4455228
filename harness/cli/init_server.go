package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// How long init waits for the server, and for a connection to its API.
const (
	askTime     = 15 * time.Second
	connectTime = 3 * time.Second
)

// answered is what the server says to Discover, which needs no password.
type answered struct {
	profile string // the newest that it takes
	reply   *enroll.DiscoverResponse
	err     error
}

// discovery is where the discovery service is.
func (f *initFlags) discovery() string {
	if to := f.of.DiscoveryOf(&f.v); to != "" {
		return to
	}
	to, err := enroll.DiscoveryURL(f.v.Username)
	if err != nil {
		return ""
	}
	return to
}

// asks asks the server, once for each address and CA.
func (f *initFlags) asks(ctx context.Context) *answered {
	to := f.discovery()
	key := to + " " + f.v.CA
	if a := f.asked[key]; a != nil {
		return a
	}
	if f.asked == nil {
		f.asked = map[string]*answered{}
	}
	a := &answered{}
	f.asked[key] = a
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cfg := dmclient.Config{Discovery: to, Username: f.v.Username, Timeout: askTime}
	if checkBase(to) != nil || !strings.HasPrefix(to, "https:") {
		a.err = errors.New("its address is not known")
		return a
	}
	if cfg.Roots, a.err = f.roots(f.v.CA); a.err != nil {
		return a
	}
	// A device that a certificate is to enroll says so in Discover. Nothing is signed yet.
	certified := cfg
	certified.EnrollCert = &tls.Certificate{}
	if f.of.Policy == "Certificate" {
		cfg = certified
	}
	if a.profile, a.reply, a.err = lab.NewestProfile(ctx, cfg); lab.RefusesVersion(a.err) && f.of.Name == "" {
		if profile, reply, err := lab.NewestProfile(ctx, certified); err == nil && reply.AuthPolicy == "Certificate" {
			a.profile, a.reply, a.err = profile, reply, nil
		}
	}
	return a
}

// policy is the AuthPolicy that the server names; empty if it does not answer.
func (f *initFlags) policy(ctx context.Context) string {
	a := f.asks(ctx)
	if a.reply == nil {
		return ""
	}
	return cmp.Or(a.reply.AuthPolicy, "OnPremise") // Learn, "On-premises authentication device enrollment"
}

// untrusted reports whether only the CA is missing.
func untrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

// problem is why the server does not answer, and what to do.
func (f *initFlags) problem(err error) string {
	what, _ := lab.ConnectProblem(&target.Target{Discovery: f.discovery()}, err)
	return cmp.Or(what, err.Error())
}

// told tells what the server answered, or that it did not.
func (f *initFlags) told(ctx context.Context, d *dialogue) error {
	a := f.asks(ctx)
	switch {
	case untrusted(a.err) || errors.Is(a.err, os.ErrNotExist):
		return nil // the question about the CA follows
	case a.err != nil:
		return doubt("the server could not be asked how it enrolls devices, nor which Windows it takes: %s", f.problem(a.err))
	}
	if want := f.of.Policy; want != "" && f.policy(ctx) != want {
		return doubt("the server answers AuthPolicy %s, and the preset %s is for servers that answer %s", f.policy(ctx), f.of.Name, want)
	}
	if d.asks() {
		d.say(fmt.Sprintf("the server answers: AuthPolicy %s; the newest Windows that it takes is %s", f.policy(ctx), a.profile))
	}
	if u, err := url.Parse(a.reply.AuthenticationURL); err == nil && f.of.Name == "" && slices.Contains([]string{"login.microsoftonline.com", "login.windows.net"}, u.Hostname()) {
		f.notes = append(f.notes, fmt.Sprintf("The server has devices sign in at %s: dmwake init --preset entra lets dmwake issue the tokens.", u.Hostname()))
	}
	return nil
}

// checkBase takes a URL of a server, with or without a path.
func checkBase(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(v, "'\"{} ") {
		return fmt.Errorf("%q is not an http or https URL", redact.Text(v))
	}
	return nil
}

func (f *initFlags) checkServer(ctx context.Context, d *dialogue, v string) error {
	if v == "" {
		return errors.New("is missing: the address of the server, https://host")
	}
	if u, err := url.Parse(v); checkBase(v) != nil || err != nil || u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not an https URL", redact.Text(v))
	}
	f.v.Server = v
	return f.told(ctx, d)
}

func (f *initFlags) checkDiscovery(ctx context.Context, d *dialogue, v string) error {
	if v == "" {
		if _, err := enroll.DiscoveryURL(f.v.Username); err != nil {
			return fmt.Errorf("is missing, and it does not follow from the user: %w", err)
		}
	} else if u, err := url.Parse(v); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an https URL", redact.Text(v))
	}
	f.v.Discovery = v
	return f.told(ctx, d)
}

func (f *initFlags) checkCA(ctx context.Context, d *dialogue, v string) error {
	if _, err := f.roots(v); errors.Is(err, os.ErrNotExist) {
		return doubt("%s does not exist yet", v)
	} else if err != nil {
		return err
	}
	before := f.asks(ctx)
	f.v.CA = v
	a := f.asks(ctx)
	switch {
	case untrusted(a.err) && v == "":
		return doubt("%s: give the PEM file of that CA", f.problem(a.err))
	case untrusted(a.err):
		return doubt("%s: %s is not the CA that signed it", f.problem(a.err), v)
	case a.err == nil && before.err != nil:
		return f.told(ctx, d)
	}
	return nil // told already
}

// roots reads the CA file, which is relative to the configuration file.
func (f *initFlags) roots(ca string) (*x509.CertPool, error) {
	if ca != "" && !filepath.IsAbs(ca) {
		ca = filepath.Join(filepath.Dir(f.file), ca)
	}
	return (&target.Config{Target: target.Target{CA: ca}}).Roots()
}

// checkProfile takes the newest that the server takes, if no flag names one.
func (f *initFlags) checkProfile(ctx context.Context, v string) error {
	a := f.asks(ctx)
	switch {
	case v == "" && a.err != nil:
		return nil // told already; target.profiles keeps its default
	case v == "":
		f.v.Profile = a.profile
		f.notes = append(f.notes, fmt.Sprintf("The newest Windows that the server takes is %s.", a.profile))
		return nil
	}
	p, err := dmclient.ProfileByName(v)
	if err != nil {
		return err
	}
	if newest, err := dmclient.ProfileByName(a.profile); err == nil && version(p.RequestVersion) > version(newest.RequestVersion) {
		return doubt("the server refuses RequestVersion %s of %s; the newest Windows that it takes is %s", p.RequestVersion, v, a.profile)
	}
	return nil
}

func version(v string) float64 {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0
	}
	return n
}

// hookURL checks the URL of a hook, and that something listens there.
func hookURL(ctx context.Context) func(string) error {
	return func(v string) error {
		if v == "" {
			return nil
		}
		if err := target.CheckURL(v); err != nil {
			return err
		}
		before, _, _ := strings.Cut(v, "{{")
		u, err := url.Parse(before)
		if err != nil || u.Host == "" || before != v && u.Path == "" {
			return nil // only a device shows where it leads
		}
		if via, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && via != nil {
			return nil // as the hook does
		}
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		ctx, cancel := context.WithTimeout(ctx, connectTime)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err == nil {
			conn.Close()
			return nil
		}
		var name *net.DNSError
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return doubt("nothing listens at %s", u.Host)
		case errors.As(err, &name):
			return doubt("the name of %s does not resolve", u.Host)
		}
		return doubt("%s cannot be reached: %v", u.Host, err)
	}
}

func checkAddress(v string) error {
	if _, _, err := net.SplitHostPort(v); err != nil && v != target.AutoPort {
		return fmt.Errorf("%q is neither host:port nor auto", v)
	}
	return nil
}
