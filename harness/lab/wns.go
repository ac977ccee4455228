package lab

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/fakewns/state"
)

// startOwn starts what the user's own server needs, as configured: the fake
// WNS, the route to it, the control API and a directory.
func (l *Lab) startOwn(opts Options) error {
	w, d := &l.Config.WNS, &l.Config.Target.Directory
	want := [][2]string{{wnsListener, w.Listen}, {controlListener, opts.Control}, {directoryListener, d.Listen}}
	if w.Mode == "proxy" {
		want = append(want, [2]string{proxyListener, w.Proxy})
	}
	rules, err := l.newWNS() // what is wrong in the configuration is told before a port that is in use
	if err != nil {
		return err
	}
	ports, err := loadPorts(w.CADir)
	if err != nil {
		return err
	}
	open, moved, err := listenKept(ports, want...)
	if err != nil {
		return err
	}
	defer open.Close()
	l.moved = slices.DeleteFunc(moved, func(m string) bool { // without push, no server looks for the fake WNS
		return l.Config.Target.Push == "none" && !strings.HasPrefix(m, directoryListener+":")
	})
	if l.CA, err = w.CA(); err != nil {
		return err
	}
	// The control API is for people and tools that come after the lab.
	if err := ports.keep(open, slices.DeleteFunc(want, func(a [2]string) bool { return a[0] == controlListener })); err != nil {
		return err
	}
	if l.roots, err = l.Config.Roots(); err != nil {
		return err
	}
	if err := l.keepWNS(opts.State); err != nil {
		return err
	}
	for _, f := range rules {
		l.WNS.Inject(f)
	}
	ln := open.Take(wnsListener)
	l.serveWNS(ln)
	w.Listen = ln.Addr().String()
	if w.Mode == "direct" {
		l.WNS.SetChannelBase("https://" + w.Listen + "/")
	}
	if pl := open.Take(proxyListener); pl != nil {
		w.Proxy = pl.Addr().String()
		l.serve(pl, intercept.Proxy(w.Listen, l.WNS.Attempted, w.Allow...))
	}
	if err := l.startDirectory(open.Take(directoryListener)); err != nil {
		return err
	}
	if cl := open.Take(controlListener); cl != nil { // last: its parts use all of the lab
		if err := l.serveControl(cl, opts); err != nil {
			return errors.Join(err, cl.Close())
		}
	}
	return nil
}

// serveControl serves the control API with its parts.
func (l *Lab) serveControl(ln net.Listener, opts Options) error {
	l.ControlAddr = ln.Addr().String()
	l.link = link.NewServer(l.WNS, l.log)
	o := control.Options{Token: opts.ControlToken, Link: l.link, Ready: l.notReady}
	if opts.Parts != nil {
		var err error
		if o.Parts, err = opts.Parts(l); err != nil {
			return err
		}
	}
	l.serve(ln, control.Handler(l.WNS, o))
	return nil
}

// notReady says what of the lab does not work.
func (l *Lab) notReady() (out []string) {
	if l.ctx.Err() != nil {
		out = append(out, "the lab ends")
	}
	if err := l.WNS.Stats().StateError; err != "" {
		out = append(out, "the state file cannot be written, so notifications are refused with 503: "+err)
	}
	return out
}

// Names of the listeners: their configuration keys, if any.
const (
	wnsListener       = "wns.listen"
	proxyListener     = "wns.proxy"
	controlListener   = "the control API"
	directoryListener = "target.directory"
)

// newWNS makes the fake WNS from its configuration; the faults go in when it has its
// state.
func (l *Lab) newWNS() (list []fakewns.Fault, err error) {
	w := &l.Config.WNS
	c := fakewns.Config{Seed: l.Seed, Log: l.log, AppRate: w.AppRate, ChannelRate: w.ChannelRate, SigningKey: []byte(w.TokenKey.Value())}
	if l.opts.Control != "" && l.opts.State == "" { // people look at it, and no file has to keep it
		c.JournalSize, c.JournalBytes = 16<<10, 64<<20
	}
	l.WNS = fakewns.New(c)
	if err := l.WNS.SetApps([]fakewns.App{l.app()}); err != nil {
		return nil, fmt.Errorf("wns.app: %w", err)
	}
	for _, line := range w.Faults {
		rule, err := faults.Parse(line)
		if err != nil {
			return nil, fmt.Errorf("wns.faults: %w", err)
		}
		f, err := rule.Build()
		if err != nil {
			return nil, fmt.Errorf("wns.faults: %w", err)
		}
		list = append(list, f)
	}
	return list, nil
}

// app is the app of the configuration.
func (l *Lab) app() fakewns.App {
	a := &l.Config.WNS.App
	return fakewns.App{PFN: a.PFN, PackageSID: a.SID, Secret: a.Secret.Value(), Kind: fakewns.AppKind(a.Kind), Tenant: a.Tenant, ClientID: a.ClientID}
}

// keepWNS gives the fake WNS the state of a file, if there is one.
func (l *Lab) keepWNS(file string) (err error) {
	if file == "" {
		return nil
	}
	if l.state, err = state.Open(file); err != nil {
		return err
	}
	if l.opts.StateChanged != nil {
		l.state.Watch(l.opts.StateChanged)
	}
	if err := l.WNS.Keep(l.state); err != nil {
		return err
	}
	return l.remember(l.app())
}

// remember adds a configured app to the apps of the state file, unless it is
// the default.
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
		return fmt.Errorf("add wns.app to the apps of the state file: %w", err)
	}
	return nil
}

// serveWNS serves the fake WNS.
func (l *Lab) serveWNS(ln net.Listener) {
	l.wnsAddr = ln.Addr().String()
	l.serve(tls.NewListener(ln, l.WNS.SpoilTLS(l.CA.ServerTLS(false))), l.WNS, func(s *http.Server) {
		l.wnsHTTP = s
		s.ConnState, s.ErrorLog = l.connection, intercept.HandshakeErrors(l.WNS.Attempted)
	})
}

// WNSAddr is the address that the fake WNS listens on.
func (l *Lab) WNSAddr() string { return l.wnsAddr }

// connection tracks the connections to the fake WNS.
func (l *Lab) connection(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		l.conns[c], l.fresh[c] = struct{}{}, struct{}{}
	case http.StateActive:
		if len(l.fresh) > 0 {
			delete(l.fresh, c)
		}
	case http.StateClosed, http.StateHijacked:
		delete(l.conns, c)
		delete(l.fresh, c)
	}
}

// CutWNS closes all connections to the fake WNS, as a restart does; senders
// must reconnect.
func (l *Lab) CutWNS() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
}

// WNSClient is the HTTP client a sender uses: HTTP/1.1, keep-alive, and no
// redirects, which would leak the token. Connections are bounded: a sender that
// falls behind and opens one for each waiting push falls behind further,
// because of the handshakes.
func WNSClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 128, MaxConnsPerHost: 128},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
