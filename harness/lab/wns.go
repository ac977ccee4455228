package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/fakewns/state"
)

// startWNS brings up the fake WNS as the configuration says, the way to it, and
// its control API where one is wanted.
func (l *Lab) startWNS(opts Options) error {
	w := &l.Config.WNS
	var err error
	if l.CA, err = intercept.LoadCA(w.CADir); err != nil {
		return err
	}
	if l.roots, err = l.Config.Roots(); err != nil {
		return err
	}
	if err := l.newWNS(opts.State); err != nil {
		return err
	}
	ln, err := l.serveWNS("wns.listen", w.Listen)
	if err != nil {
		return err
	}
	w.Listen = ln.Addr().String()
	if w.Mode == "direct" {
		l.WNS.SetChannelBase("https://" + w.Listen + "/")
	}
	if w.Mode == "proxy" {
		pl, err := listen("wns.proxy", w.Proxy)
		if err != nil {
			return err
		}
		w.Proxy = pl.Addr().String()
		l.serve(pl, intercept.Proxy(w.Listen, w.Allow...))
	}
	if opts.Control == "" {
		return nil
	}
	cl, err := listen("the control API", opts.Control)
	if err != nil {
		return err
	}
	l.ControlAddr = cl.Addr().String()
	l.link = link.NewServer(l.WNS, l.log)
	l.serve(cl, control.Handler(l.WNS, control.Options{Token: opts.ControlToken, Link: l.link}))
	return nil
}

// newWNS makes the fake WNS with what is configured, or with what its state
// file holds.
func (l *Lab) newWNS(file string) error {
	a := l.Config.WNS.App
	app := fakewns.App{PFN: a.PFN, PackageSID: a.SID, Secret: a.Secret.Value(), Kind: fakewns.AppKind(a.Kind), Tenant: a.Tenant, ClientID: a.ClientID}
	w := &l.Config.WNS
	l.WNS = fakewns.New(fakewns.Config{Seed: l.Seed, Log: l.log, AppRate: w.AppRate, ChannelRate: w.ChannelRate, SigningKey: []byte(w.TokenKey.Value())})
	if err := l.WNS.SetApps([]fakewns.App{app}); err != nil {
		return fmt.Errorf("wns.app: %w", err)
	}
	if file != "" {
		var err error
		if l.state, err = state.Open(file); err != nil {
			return err
		}
		if err := l.WNS.Keep(l.state); err != nil {
			return err
		}
		if err := l.remember(app); err != nil {
			return err
		}
	}
	for _, line := range w.Faults {
		rule, err := faults.Parse(line)
		if err != nil {
			return fmt.Errorf("wns.faults: %w", err)
		}
		f, err := rule.Build(l.WNS.Now())
		if err != nil {
			return fmt.Errorf("wns.faults: %w", err)
		}
		l.WNS.Inject(f)
	}
	return nil
}

// remember puts an app that is configured, and not the default, among those of
// the state file.
func (l *Lab) remember(app fakewns.App) error {
	apps := l.WNS.Apps()
	at := slices.IndexFunc(apps, func(a fakewns.App) bool { return strings.EqualFold(a.PFN, app.PFN) })
	switch {
	case app == fakewns.DefaultApp || at >= 0 && apps[at] == app:
		return nil
	case at >= 0:
		apps[at] = app
	default:
		apps = append(apps, app)
	}
	if err := l.WNS.SetApps(apps); err != nil {
		return fmt.Errorf("wns.app beside those of the state file: %w", err)
	}
	return nil
}

func (l *Lab) serveWNS(what, addr string) (net.Listener, error) {
	ln, err := listen(what, addr)
	if err != nil {
		return nil, err
	}
	l.wnsAddr = ln.Addr().String()
	l.serve(tls.NewListener(ln, l.WNS.SpoilTLS(l.CA.ServerTLS(false))), l.WNS, func(s *http.Server) { s.ConnState = l.connection })
	return ln, nil
}

// WNSAddr is where the fake WNS listens, whatever name leads there.
func (l *Lab) WNSAddr() string { return l.wnsAddr }

// connection keeps account of the connections to the fake WNS.
func (l *Lab) connection(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		l.conns[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(l.conns, c)
	}
}

// CutWNS closes all connections to the fake WNS, as a service does that is
// started again: senders have to open new ones.
func (l *Lab) CutWNS() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
}
