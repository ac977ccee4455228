package scenarios

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// against is a lab whose target is the reference server behind a handler.
func against(t *testing.T, policy string, wrap func(http.Handler) http.HandlerFunc) *lab.Lab {
	t.Helper()
	return behind(t, mdmserver.Config{PFN: fakewns.DefaultApp.PFN, AuthPolicy: policy}, tls.RequestClientCert, wrap)
}

// behind is against with a server of another configuration, and what its
// listener asks of clients.
func behind(t *testing.T, of mdmserver.Config, ask tls.ClientAuthType, wrap func(http.Handler) http.HandlerFunc) *lab.Lab {
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
	front := httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	of.BaseURL, of.Username, of.Password = base, "demo@mdm.example", "p"
	server, err := mdmserver.New(of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	front.Config.Handler = wrap(server)
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: ask, Certificates: []tls.Certificate{*leaf}}
	front.StartTLS()
	t.Cleanup(front.Close)
	cfg := &target.Config{
		Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS:    target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir},
	}
	cfg.Defaults()
	l, err := lab.Start(cfg, lab.Options{Seed: 1, Key: sharedKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// spoilt renames something in every provisioning document.
func spoilt(name string) func(http.Handler) http.HandlerFunc {
	return func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			body := rec.Body.Bytes()
			if e, err := enroll.ReadEnvelope(body); err == nil {
				if reply, err := e.TokenResponse(); err == nil {
					reply.Provisioning = []byte(strings.ReplaceAll(string(reply.Provisioning), name, "X"+name))
					if out, err := reply.Write(e.RelatesTo, "a"); err == nil {
						body = out
					}
				}
			}
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(rec.Code)
			w.Write(body)
		}
	}
}

// onPost does something of its own at one path.
func onPost(path string, f http.HandlerFunc) func(http.Handler) http.HandlerFunc {
	return func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, path) {
				f(w, r)
				return
			}
			h.ServeHTTP(w, r)
		}
	}
}

// TestNoDeviceEnrolls: where no device can enroll, ENR-36 fails, and the scenario
// whose rule is broken. All that cannot be seen is blocked by one of them.
func TestNoDeviceEnrolls(t *testing.T) {
	crash := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		wrap func(http.Handler) http.HandlerFunc
		want string
	}{
		"no discovery":        {onPost("Discovery.svc", http.NotFound), "ENR-36"},
		"RST answers 503":     {onPost("Enrollment.svc", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }), "ENR-36"},
		"RST crashes":         {onPost("Enrollment.svc", crash), "ENR-36"},
		"no enrollment there": {onPost("Enrollment.svc", http.NotFound), "ENR-36 ENR-05"},
		"no document":         {spoilt("wap-provisioningdoc"), "ENR-36 ENR-11"},
		"no ADDR":             {spoilt(`name="ADDR"`), "ENR-36 ENR-14"},
		"no certificates":     {spoilt("EncodedCertificate"), "ENR-36 ENR-12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := against(t, "", c.wrap)
			list, err := Select(nil, []string{"ENR"})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(c.want)
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 4}).Results {
				switch {
				case r.Broken() != slices.Contains(want, r.ID), r.Outcome == report.Errored, r.Outcome == report.Blocked && !slices.Contains(want, r.BlockedBy):
					t.Errorf("%s: %s by %q, %s; expected %s, saw %s", r.ID, r.Outcome, r.BlockedBy, r.Reason, r.Expected, r.Saw)
				case r.Outcome == report.NotApplicable && r.ID != "ENR-06":
					t.Errorf("%s is not applicable: %s", r.ID, r.Reason)
				}
			}
		})
	}
}

// TestStrangers: where no device can enroll, the sign-in page and TLS are looked
// at all the same.
func TestStrangers(t *testing.T) {
	l := against(t, mdmserver.Federated, onPost("Enrollment.svc", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }))
	list, err := Select([]string{"ENR-36"}, []string{"SEC"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 4, NoEnroll: l.Preflight(t.Context())}).Results {
		want := map[string]report.Outcome{"ENR-36": report.Failed, "SEC-08": report.Passed, "SEC-13": report.Passed, "SEC-11": report.Skipped}[r.ID]
		if want == "" {
			want = report.Blocked
		}
		if r.Outcome != want || want == report.Blocked && r.BlockedBy != "ENR-36" {
			t.Errorf("%s: %s by %q, want %s: %s %s", r.ID, r.Outcome, r.BlockedBy, want, r.Reason, r.Saw)
		}
	}
}

// TestSignInLimits: a sign-in page that limits how often devices sign in is
// waited for where it says how long, and is not at fault where it does not.
func TestSignInLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limited int64 // pages from the second on
		retry   string
		want    report.Outcome
	}{
		"Retry-After":    {1, "1", report.Passed},
		"no Retry-After": {1 << 40, "", report.Skipped},
		"too long":       {1 << 40, "86400", report.Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opened atomic.Int64
			l := against(t, mdmserver.Federated, func(h http.Handler) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/SignIn") && r.Method == http.MethodGet {
						if n := opened.Add(1); n > 1 && n <= 1+c.limited {
							w.Header().Set("Retry-After", c.retry)
							http.Error(w, "too many", http.StatusTooManyRequests)
							return
						}
					}
					h.ServeHTTP(w, r)
				}
			})
			all := All()
			i := slices.IndexFunc(all, func(s Scenario) bool { return s.ID == "ENR-06" })
			if r, _ := suite.Run(t.Context(), l, &all[i]); r.Outcome != c.want {
				t.Errorf("%s, %s; expected %s, saw %s", r.Outcome, r.Reason, r.Expected, r.Saw)
			}
		})
	}
}
