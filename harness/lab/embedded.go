package lab

import (
	"crypto/rand"
	"crypto/tls"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// Embedded tells whether the target is the reference server of this process.
func (l *Lab) Embedded() bool { return l.embedded != nil }

// startEmbedded starts the reference server on loopback. The run reaches it
// like any other server.
func (l *Lab) startEmbedded(opts Options) error {
	cfg := &l.Config
	cfg.Target.Name = "the embedded reference server"
	cfg.Target.Crowd = opts.Crowd
	// A phone beside the usual ones: some rules are MUST only there.
	cfg.Target.Profiles = append([]string{dmclient.WP81().Name}, target.DefaultProfiles()...)
	cfg.Timeouts = target.Timeouts{Push: 5 * time.Second, Latency: 2 * time.Second, Quiet: 700 * time.Millisecond, Request: 10 * time.Second, Hook: 30 * time.Second}
	if opts.Quiet > 0 {
		cfg.Timeouts.Quiet = opts.Quiet
	}
	if opts.Push > 0 {
		cfg.Timeouts.Push = opts.Push
	}
	cfg.WNS.Mode = "direct"
	var err error
	if l.CA, err = intercept.NewCA(certificateUser); err != nil {
		return err
	}
	l.roots = l.CA.Pool()
	l.WNS = fakewns.New(fakewns.Config{Seed: l.Seed, Log: l.log})
	wns, err := Listen("the fake WNS", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.serveWNS(wns)
	wnsURL := "https://" + wns.Addr().String()
	l.WNS.SetChannelBase(wnsURL + "/")

	ln, err := Listen("the embedded server", "127.0.0.1:0")
	if err != nil {
		return err
	}
	base := "https://" + ln.Addr().String()
	app := fakewns.DefaultApp
	password := rand.Text()
	server := mdmserver.Config{
		BaseURL: base, Username: "demo@mdm.example", Password: password,
		PFN: app.PFN, PackageSID: app.PackageSID, Secret: app.Secret,
		TokenURL: wnsURL + fakewns.TokenPath, HTTP: WNSClient(l.roots), ChannelHosts: []string{wns.Addr().String()},
		Log: l.log,
	}
	variants.Apply(&server, opts.Variants)
	for _, m := range opts.Mutants {
		m.Break(&server.Tamper)
	}
	if err := l.setUp(opts.Setup, &server); err != nil {
		ln.Close()
		return err
	}
	l.embedded, err = mdmserver.New(server)
	if err != nil {
		ln.Close()
		return err
	}
	l.serve(tls.NewListener(ln, l.embedded.TLS(l.CA.ServerTLS(true))), l.embedded)
	admin, err := Listen("the embedded server's admin API", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.serve(admin, l.embedded.Admin(""))
	cfg.Target.Discovery = base + mdmserver.DiscoveryPath
	cfg.Target.Username, cfg.Target.Password = "demo@mdm.example", target.NewSecret(password)
	cfg.Target.Hooks = ReferenceHooks("http://" + admin.Addr().String())
	for _, verb := range server.QueueVerbs {
		cfg.Target.Hooks.Queue.Verbs = append(cfg.Target.Hooks.Queue.Verbs, string(verb))
	}
	cfg.Defaults()
	if server.AutoPush {
		cfg.Target.Hooks.Push, cfg.Target.PushOnQueue = nil, true
	}
	return nil
}
