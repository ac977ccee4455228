package scenarios

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// foreign is a server that the suite knows only by its configuration file: the
// reference server on listeners of its own, with an admin API for its hooks.
type foreign struct {
	push     bool // through the fake WNS
	variants []*variants.Variant
	broken   []*mutants.Mutant
	shared   bool          // one device for all scenarios
	late     time.Duration // from an answer of the admin API to the work, if it is a profile
	latency  time.Duration // timeouts.latency; none: one that a busy machine keeps
	vary     func(c *mdmserver.Config)
	// hooks are what the suite may use of the admin API at this URL.
	hooks func(admin string) target.Hooks
}

// start starts the server, and a lab whose target it is.
func (s foreign) start(t *testing.T) *lab.Lab {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	front, admin := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	cfg := &target.Config{
		Target: target.Target{Name: "a foreign server", Discovery: base + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile,
			Push: "none", SharedDevice: s.shared, Crowd: 20, Hooks: s.hooks("http://" + admin.Listener.Addr().String())},
		WNS:      target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir},
		Timeouts: target.Timeouts{Push: 5 * time.Second, Latency: cmp.Or(s.latency, 20*time.Second), Quiet: 700 * time.Millisecond, Request: 10 * time.Second, Hook: 5 * time.Second},
	}
	of := mdmserver.Config{BaseURL: base, Username: cfg.Target.Username, Password: "p"}
	if s.push {
		cfg.Target.Push = "wns"
		of.PFN, of.PackageSID, of.Secret = fakewns.DefaultApp.PFN, fakewns.DefaultApp.PackageSID, fakewns.DefaultApp.Secret
		of.TokenURL, of.ChannelHosts = "https://login.live.com"+fakewns.TokenPath, []string{".notify.windows.com"}
	}
	cfg.Defaults()
	l, err := lab.Start(cfg, lab.Options{Seed: 1, Keys: sharedKeys, BareWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if s.push {
		of.HTTP = lab.WNSClient(ca.Pool())
		proxy := &url.URL{Scheme: "http", Host: l.Config.WNS.Proxy}
		of.HTTP.Transport.(*http.Transport).Proxy = http.ProxyURL(proxy) //nolint:forcetypeassert // WNSClient made it
	}
	variants.Apply(&of, s.variants)
	if s.vary != nil {
		s.vary(&of)
	}
	l.Config.Target.PushOnQueue = of.AutoPush
	for _, m := range s.broken {
		m.Break(&of.Tamper)
	}
	server, err := mdmserver.New(of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	front.Config.Handler, admin.Config.Handler = server, later(everyone(server.Admin("")), s.late)
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // a mutant's crash is a verdict
	front.TLS = server.TLS(&tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{*leaf}})
	front.StartTLS()
	t.Cleanup(front.Close)
	admin.Start()
	t.Cleanup(admin.Close)
	return l
}

// later answers the hook for a profile at once, and applies the profile later, as
// servers with a queue of jobs do.
func later(api http.Handler, after time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if after == 0 || !strings.HasSuffix(r.URL.Path, "/profile") {
			api.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		job := httptest.NewRequest(r.Method, "http://127.0.0.1"+r.URL.Path, bytes.NewReader(body))
		time.AfterFunc(after, func() { api.ServeHTTP(httptest.NewRecorder(), job) })
		w.WriteHeader(http.StatusAccepted)
	}
}
