package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// setups are the ways in which the embedded server can be set up beside its
// usual one. A server of one's own is as it is; the embedded one is all of
// them in turn, so that every scenario has something to be tried on.
var setups = map[string]func(*mdmserver.Config){
	"atomic":    func(c *mdmserver.Config) { c.Atomic = true },
	"basic":     func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthBasic },
	"md5":       func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 },
	"expired":   func(c *mdmserver.Config) { c.CertificateLife = -time.Second },
	"federated": func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated },
	"limited":   func(c *mdmserver.Config) { c.SessionRate = 3 },
	"signing":   func(c *mdmserver.Config) { c.RequireSigning = true },
	"small":     func(c *mdmserver.Config) { c.MaxMsgSize = 4096 },
	"wbxml":     func(c *mdmserver.Config) { c.Encoding = syncml.MediaTypeWBXML },
	"entra":     nil, // it needs a directory of its own
}

// Setups are their names.
func Setups() []string { return slices.Sorted(maps.Keys(setups)) }

func (l *Lab) setUp(name string, c *mdmserver.Config) error {
	if name == "" {
		return nil
	}
	f, known := setups[name]
	switch {
	case !known:
		return fmt.Errorf("unknown setup %q of the embedded server; there are %s", name, strings.Join(Setups(), ", "))
	case f == nil:
		return l.setUpEntra(c)
	}
	f(c)
	return nil
}

// As is the lab whose embedded server is set up in that way. A target of the
// user's own is what it is: As gives l itself.
func (l *Lab) As(setup string) (*Lab, error) {
	if setup == "" || l.embedded == nil || l.opts.Setup == setup {
		return l, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.setups[setup]; s != nil {
		return s, nil
	}
	opts := l.opts
	opts.Setup = setup
	s, err := Start(nil, opts)
	if err != nil {
		return nil, err
	}
	l.setups[setup] = s
	return s, nil
}

// setUpEntra lets devices bring tokens of a fake directory.
func (l *Lab) setUpEntra(c *mdmserver.Config) error {
	l.Config.Target.Directory.Listen = "127.0.0.1:0"
	if err := l.startDirectory(); err != nil {
		return err
	}
	p := l.Directory
	c.AuthPolicy = mdmserver.Federated
	c.Entra = &mdmserver.Entra{Tenant: p.Tenant(), Issuer: p.Issuer(), Audience: p.Audience(), KeysURL: p.KeysURL()}
	return nil
}

// startDirectory serves the fake Entra that the target asks for.
func (l *Lab) startDirectory() error {
	d := &l.Config.Target.Directory
	if d.Listen == "" {
		return nil
	}
	ln, err := listen("target.directory", d.Listen)
	if err != nil {
		return err
	}
	d.Listen = ln.Addr().String()
	if d.Public == "" {
		d.Public = "http://" + d.Listen
	}
	if l.Directory, err = entra.New(entra.Config{BaseURL: d.Public, Tenant: d.Tenant, Audience: d.Audience}); err != nil {
		ln.Close()
		return fmt.Errorf("target.directory: %w", err)
	}
	l.serve(ln, l.Directory)
	return nil
}

// Healthy asks once whether the target answers at all.
func (l *Lab) Healthy(ctx context.Context) error {
	t := &l.Config.Target
	to := t.DiscoveryURL()
	if to == "" {
		to = t.Provisioned.Server
	}
	ctx, cancel := context.WithTimeout(ctx, l.Config.Timeouts.Request)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return err
	}
	client := l.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError && resp.StatusCode != http.StatusNotImplemented && !l.anyAnswer.Load() {
		return statusError(resp.StatusCode)
	}
	return nil
}

// statusError is an answer of a server that may be starting.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(e)) }

// learnHealth notes how the target answers when it is well: one that answers
// the GET with 5xx then (ENR-01 tells) is healthy if it answers at all.
func (l *Lab) learnHealth(ctx context.Context) {
	var status statusError
	if errors.As(l.Healthy(ctx), &status) {
		l.anyAnswer.Store(true)
	}
}

// AwaitHealth waits until the target answers, for at most Timeouts.Restart.
func (l *Lab) AwaitHealth(ctx context.Context) error {
	limit := l.Config.Timeouts.Restart
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := l.Healthy(within)
		if err == nil {
			return nil
		}
		pause, stop := context.WithTimeout(within, 100*time.Millisecond)
		<-pause.Done()
		stop()
		if within.Err() != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &DownError{fmt.Errorf("the target did not answer within %s: %w", limit, err)}
		}
	}
}

// DownError says that a target that was there does not answer any more.
type DownError struct{ Err error }

func (e *DownError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *DownError) Unwrap() error { return e.Err }
