package cli

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

type mdmFlags struct {
	listen, admin string
	url           string
	username      string
	caDir         string
	wns           string
	channelHosts  []string
	pfn, sid      string
	mutants       []string
	variants      []string
	listMutants   bool
	verbose       bool
	ready         readyFile
	record        string
	reveal        bool

	authPolicy, enrollCA       string
	entraKeys, entraIssuer     string
	entraTenant, entraAudience string
	entraClient                string
	sessionAuth, encoding      string
	maxMsgSize, chunkSize      int
	signing, linked            bool
}

func mdmCommand(s *streams) *cobra.Command {
	var f mdmFlags
	c := &cobra.Command{
		Use:   "mdm",
		Short: "Run the reference MDM server alone",
		Long: `Runs the reference MDM server until it is interrupted: enrollment and sessions
over HTTPS at --listen, an admin API over HTTP at --admin (queue a command,
push, list devices and results).

It pushes through --wns (the base URL of a fake WNS), or to the real names through
HTTPS_PROXY. Secrets come from the environment: DMWAKE_PASSWORD (the enrolling
user's; generated and printed if empty), DMWAKE_WNS_SECRET (the app's),
DMWAKE_ADMIN_TOKEN (for the admin API; required if it is not on loopback). Without
a token the admin API answers to 127.0.0.1, [::1] and localhost only, and never to a
web page.

--record writes what every device and the server send each other to a file per device,
for "dmwake device compare" and "dmwake replay"; secrets are redacted.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runMDM(c.Context(), s, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8443", "address for devices; auto chooses a free port")
	fl.StringVar(&f.admin, "admin", "127.0.0.1:8444", "address of the admin API, or auto")
	fl.StringVar(&f.url, "url", "", "base URL for devices (default https://LISTEN)")
	fl.StringVar(&f.username, "username", "demo@mdm.example", "user that may enroll devices")
	fl.StringVar(&f.caDir, "ca-dir", ".dmwake", "folder of the lab's CA, which signs this server's certificate and is trusted for WNS")
	fl.StringArrayVar(&f.channelHosts, "channel-host", nil, "another host:port to accept in channel URIs besides --wns, if several machines have devices; repeatable")
	fl.StringVar(&f.wns, "wns", "", "base URL of the fake WNS, https://127.0.0.1:7443 (default: the real names, for proxy or hosts)")
	fl.StringVar(&f.pfn, "pfn", fakewns.DefaultApp.PFN, "package family name of the app")
	fl.StringVar(&f.sid, "sid", fakewns.DefaultApp.PackageSID, "Package SID of the app")
	fl.StringVar(&f.authPolicy, "auth-policy", mdmserver.OnPremise, "how devices enroll: OnPremise, Federated or Certificate")
	fl.StringVar(&f.enrollCA, "enroll-ca", "", "PEM file of the CAs whose certificates may enroll devices (Certificate)")
	fl.StringVar(&f.entraKeys, "entra-keys", "", "URL of a directory's keys: Federated accepts its tokens, not a sign-in page's")
	fl.StringVar(&f.entraIssuer, "entra-issuer", "", "issuer of the directory's tokens")
	fl.StringVar(&f.entraTenant, "entra-tenant", "", "the directory's tenant id")
	fl.StringVar(&f.entraAudience, "entra-audience", "https://mdm.example", "audience of the directory's tokens")
	fl.StringVar(&f.entraClient, "entra-client-id", "", "audience of the directory's v2.0 tokens, if --entra-issuer and --entra-audience are of v1.0 tokens; accepts both versions")
	fl.StringVar(&f.sessionAuth, "session-auth", "", "also ask devices for a credential in sessions: basic or md5")
	fl.StringVar(&f.encoding, "encoding", "xml", "encoding of sessions: xml or wbxml")
	fl.IntVar(&f.maxMsgSize, "max-msg-size", 0, "largest message a device may send, in bytes; 0 does not say")
	fl.IntVar(&f.chunkSize, "chunk-size", 0, "send values larger than this in chunks, in bytes; 0 never does")
	fl.BoolVar(&f.signing, "require-signing", false, "ask devices to sign their messages (MS-Signature)")
	fl.BoolVar(&f.linked, "linked-enrollment", false, "enroll every device a second time, and manage it there by documents (declared configuration)")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "break a rule on purpose; repeatable")
	fl.StringArrayVar(&f.variants, "variant", nil, "differ in a way that the standard allows; repeatable, --list-mutants lists them, too")
	fl.BoolVar(&f.listMutants, "list-mutants", false, "list the mutants and run nothing")
	fl.StringVar(&f.record, "record", "", "folder to record the traffic of devices in, one file for each")
	fl.BoolVar(&f.reveal, "reveal", false, "with --record: record secrets, too")
	f.ready.flag(fl)
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log enrollments, refusals and pushes")
	return c
}

func runMDM(ctx context.Context, s *streams, f *mdmFlags) error {
	if f.listMutants {
		kills := map[string][]string{}
		for _, sc := range scenarios.All() {
			for _, m := range sc.Mutants {
				kills[m.Name] = append(kills[m.Name], sc.ID)
			}
		}
		for _, m := range mutants.All() {
			say(s.out, "%-22s %s  %v\n", m.Name, m.Does, kills[m.Name])
		}
		for _, v := range variants.All() {
			law := "every scenario passes"
			if v.Breaks != "" {
				law = "breaks " + v.Breaks
			}
			say(s.out, "%-22s %s  [variant: %s]\n", v.Name, v.Does, law)
		}
		return nil
	}
	token := os.Getenv("DMWAKE_ADMIN_TOKEN")
	if !loopback(f.admin) && token == "" {
		return usage(fmt.Errorf("the admin API at %s is not on loopback: set DMWAKE_ADMIN_TOKEN", f.admin))
	}
	if err := f.vary(&mdmserver.Config{}); err != nil {
		return err // an unknown name, before a port is taken
	}
	if err := f.ready.clear(); err != nil {
		return usage(err)
	}
	open, err := lab.ListenAll([2]string{"--listen", f.listen}, [2]string{"--admin", f.admin})
	if err != nil {
		return usage(err)
	}
	defer open.Close()
	for _, flag := range []string{"--listen", "--admin"} {
		if open[flag] == nil {
			return usage(fmt.Errorf("%s is empty; write HOST:PORT, such as 127.0.0.1:8443, or auto", flag))
		}
	}
	devices, admin := open["--listen"], open["--admin"]
	if f.url == "" {
		f.url = "https://" + devices.Addr().String()
	}
	listens, _, err := net.SplitHostPort(devices.Addr().String())
	if err != nil {
		return usage(err)
	}
	ca, err := intercept.LoadCA(f.caDir, append(f.names(), listens)...)
	if err != nil {
		return usage(err)
	}
	if ca.Note != "" {
		fmt.Fprintf(s.err, "dmwake: %s\n", ca.Note)
	}
	password := os.Getenv("DMWAKE_PASSWORD")
	drawn := password == ""
	if drawn {
		password = rand.Text()
	}
	cfg, err := mdmConfig(f, ca, password)
	if err != nil {
		return usage(err)
	}
	if err := f.vary(&cfg); err != nil {
		return err
	}
	if f.verbose {
		cfg.Log = slog.New(slog.NewTextHandler(s.err, nil))
	}
	server, err := mdmserver.New(cfg)
	if err != nil {
		return usage(err)
	}
	defer server.Close()
	handler, stop, err := f.recorded(s, server)
	if err != nil {
		return usage(err)
	}
	defer stop()

	say(s.out, "discovery  %s%s\nadmin API  http://%s\nCA         %s\nuser       %s\n",
		f.url, mdmserver.DiscoveryPath, admin.Addr(), ca.CertFile, f.username)
	if cfg.Entra != nil {
		say(s.out, "terms      %s%s\n", f.url, mdmserver.TermsPath)
	}
	if cfg.Linked {
		say(s.out, "linked     %s%s%s\n", f.url, mdmserver.LinkedPath, mdmserver.LinkedDiscoveryPath)
	}
	if drawn {
		say(s.out, "password   %s (generated for this run; set DMWAKE_PASSWORD to choose one)\n", password)
	}
	if f.record != "" {
		say(s.out, "recording  %s\n", f.record)
	}
	// The listeners are open: who connects now is served.
	file, err := filepath.Abs(ca.CertFile)
	if err != nil {
		return usage(err)
	}
	if err := f.ready.write(s.out, readyMDM{f.url + mdmserver.DiscoveryPath, "http://" + admin.Addr().String(), file, f.username, devices.Addr().String(), os.Getpid()}); err != nil {
		return usage(err)
	}
	fmt.Fprintln(s.out, "ready; press Ctrl-C to stop")
	return serveBoth(ctx, tls.NewListener(devices, server.TLS(f.tls(ca))), handler, admin, server.Admin(token))
}

// tls presents the lab's certificates, one for the host in --url, and one for the host
// that Windows derives from the user's domain (MS-MDE2 3.1.4.1.3.1).
func (f *mdmFlags) tls(ca *intercept.CA) *tls.Config {
	cfg := ca.ServerTLS(true)
	names, lab := f.names(), cfg.GetCertificate
	cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if host := strings.ToLower(hello.ServerName); host != "" && slices.Contains(names, host) {
			return ca.Leaf(host)
		}
		return lab(hello)
	}
	return cfg
}

// names are the hosts that devices connect to.
func (f *mdmFlags) names() (out []string) {
	if _, domain, _ := strings.Cut(f.username, "@"); domain != "" {
		out = append(out, "enterpriseenrollment."+strings.ToLower(domain))
	}
	if u, err := url.Parse(f.url); err == nil {
		out = append(out, strings.ToLower(u.Hostname()))
	}
	return out
}

// recorded is the handler for devices, with a recorder if --record asks for one; stop
// ends the recording.
func (f *mdmFlags) recorded(s *streams, server http.Handler) (handler http.Handler, stop func(), err error) {
	switch {
	case f.record == "" && f.reveal:
		return nil, nil, errors.New("--reveal is about a recording: it needs --record DIR")
	case f.record == "":
		return server, func() {}, nil
	}
	if u, err := url.Parse(f.url); err == nil && net.ParseIP(u.Hostname()).IsUnspecified() {
		return nil, nil, fmt.Errorf("no device can connect to %s: set --url to this machine's name or address", f.url)
	}
	r, err := trace.NewRecorder(f.record, trace.RecorderOptions{Reveal: f.reveal, Tell: func(err error) { say(s.err, "dmwake: %v\n", err) }})
	if err != nil {
		return nil, nil, err
	}
	return r.Wrap(server), r.Close, nil
}

func mdmConfig(f *mdmFlags, ca *intercept.CA, password string) (mdmserver.Config, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(ca.PEM())
	client := lab.WNSClient(roots)
	secret := os.Getenv("DMWAKE_WNS_SECRET")
	if secret == "" {
		secret = fakewns.DefaultApp.Secret
	}
	cfg := mdmserver.Config{
		BaseURL: f.url, Username: f.username, Password: password, PFN: f.pfn, PackageSID: f.sid, Secret: secret,
		TokenURL: "https://login.live.com" + fakewns.TokenPath, HTTP: client, ChannelHosts: []string{".notify.windows.com"},
	}
	if err := f.devices(&cfg); err != nil {
		return cfg, err
	}
	if f.wns == "" {
		client.Transport.(*http.Transport).Proxy = http.ProxyFromEnvironment //nolint:forcetypeassert // WNSClient made it
		return cfg, nil
	}
	u, err := url.Parse(f.wns)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return cfg, fmt.Errorf("--wns %q is not an https URL", f.wns)
	}
	cfg.TokenURL = "https://" + u.Host + fakewns.TokenPath
	cfg.ChannelHosts = append(append(cfg.ChannelHosts, u.Host), f.channelHosts...)
	return cfg, nil
}

// vary applies --variant and --mutant.
func (f *mdmFlags) vary(cfg *mdmserver.Config) error {
	others, err := variants.Find(f.variants...)
	if err != nil {
		return usage(fmt.Errorf("--variant: %w", err))
	}
	mutants, err := broken(f.mutants)
	if err != nil {
		return err
	}
	variants.Apply(cfg, others)
	for _, m := range mutants {
		m.Break(&cfg.Tamper)
	}
	return nil
}

// devices sets how devices authenticate and talk.
func (f *mdmFlags) devices(cfg *mdmserver.Config) error {
	cfg.AuthPolicy, cfg.SessionAuth, cfg.MaxMsgSize, cfg.ChunkSize, cfg.RequireSigning = f.authPolicy, f.sessionAuth, f.maxMsgSize, f.chunkSize, f.signing
	cfg.Linked = f.linked
	switch f.encoding {
	case "xml":
	case "wbxml":
		cfg.Encoding = syncml.MediaTypeWBXML
	default:
		return fmt.Errorf("--encoding %q is neither xml nor wbxml", f.encoding)
	}
	if f.enrollCA != "" {
		raw, err := bounded.ReadFile(f.enrollCA, bounded.Text)
		if err != nil {
			return fmt.Errorf("--enroll-ca: %w", err)
		}
		cfg.EnrollRoots = x509.NewCertPool()
		if !cfg.EnrollRoots.AppendCertsFromPEM(raw) {
			return fmt.Errorf("--enroll-ca: %s contains no PEM certificate", f.enrollCA)
		}
	}
	if f.entraKeys != "" {
		if f.entraIssuer == "" || f.entraTenant == "" || f.authPolicy != mdmserver.Federated {
			return errors.New("--entra-keys needs --auth-policy Federated, --entra-issuer and --entra-tenant")
		}
		cfg.Entra = &mdmserver.Entra{Tenant: f.entraTenant, Issuer: f.entraIssuer, Audience: f.entraAudience, KeysURL: f.entraKeys}
		if f.entraClient != "" {
			cfg.Entra.Also = []mdmserver.TokenNames{{Issuer: entra.Issuer(entra.V2, f.entraTenant), Audience: f.entraClient}}
		}
	}
	return nil
}

// serveBoth serves until ctx ends, then lets running requests finish.
func serveBoth(ctx context.Context, devices net.Listener, device http.Handler, admin net.Listener, api http.Handler) error {
	servers := []*http.Server{lab.NewHTTPServer(device), lab.NewHTTPServer(api)}
	errs := make(chan error, 2)
	for i, ln := range []net.Listener{devices, admin} {
		go func() { errs <- servers[i].Serve(ln) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	bye, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, srv := range servers {
		if srv.Shutdown(bye) != nil {
			srv.Close()
		}
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return &exitError{exitFailed, err}
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(lab.Address(addr))
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
