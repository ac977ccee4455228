package scenarios

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
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
	return configured(t, base, ca.CertFile, dir)
}

// configured is a lab that knows no more of a server than its URL and its CA.
func configured(t *testing.T, base, ca, dir string) *lab.Lab {
	t.Helper()
	cfg := &target.Config{
		Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: target.NewSecret("p"), CA: ca},
		WNS:    target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir},
	}
	cfg.Defaults()
	l, err := lab.Start(cfg, lab.Options{Seed: 1, Keys: sharedKeys, BareWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// spoilt renames something in every provisioning document.
func spoilt(name string) func(http.Handler) http.HandlerFunc { return documentWith(name, "X"+name) }

// documentWith writes something else in every provisioning document; BASE in it is
// the server's URL.
func documentWith(was, is string) func(http.Handler) http.HandlerFunc {
	return func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			body := rec.Body.Bytes()
			if e, err := enroll.ReadEnvelope(body); err == nil {
				if reply, err := e.TokenResponse(); err == nil {
					reply.Provisioning = []byte(strings.ReplaceAll(string(reply.Provisioning), was, strings.ReplaceAll(is, "BASE", "https://"+r.Host)))
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

// ofPages are the rules of sign-in pages, which a server of passwords does not have.
var ofPages = []string{"ENR-06", "ENR-44", "ENR-45", "ENR-46", "ENR-47"}

// TestNoDeviceEnrolls: where no device can enroll, ENR-36 fails, and the scenario
// whose rule is broken. All that cannot be seen is blocked by one of them.
func TestNoDeviceEnrolls(t *testing.T) {
	t.Parallel()
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
				case r.Outcome == report.NotApplicable && !slices.Contains(append([]string{"ENR-68", "ENR-69"}, ofPages...), r.ID): // of another AuthPolicy
					t.Errorf("%s is not applicable: %s", r.ID, r.Reason)
				}
			}
		})
	}
}

// only are the scenarios of these ids.
func only(t *testing.T, ids ...string) []Scenario {
	t.Helper()
	list, err := Select(ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRateLimits: a server that limits how often devices enroll, and does not say
// for how long, has broken no rule. Nothing fails and nothing is blocked: what
// could not be tried is skipped, and says what to set.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	usual := only(t, "ENR-01", "ENR-07", "ENR-09", "ENR-18", "ENR-19", "ENR-29", "ENR-30", "ENR-36", "SES-01", "SEC-10")
	for name, c := range map[string]struct {
		path    string
		allowed int64 // requests before the limit
		want    string
	}{
		"a wrong clock":    {"Enrollment.svc", 2, "ROB-12"}, // after a device with a right one
		"from the start":   {"Enrollment.svc", 0, "ENR-36 SES-01 SEC-10"},
		"at Discover":      {"Discovery.svc", 0, "ENR-36 SES-01 SEC-10"},
		"after the first":  {"Enrollment.svc", 1, "ENR-36 SES-01 SEC-10"},
		"at GetPolicies":   {"Policy.svc", 3, "ENR-36"},
		"in the middle":    {"Enrollment.svc", 6, ""},
		"at Discover late": {"Discovery.svc", 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			l := against(t, "", func(h http.Handler) http.HandlerFunc {
				return onPost(c.path, func(w http.ResponseWriter, r *http.Request) {
					if asked.Add(1) > c.allowed {
						http.Error(w, "slow down", http.StatusTooManyRequests)
						return
					}
					h.ServeHTTP(w, r)
				})(h)
			})
			list := usual
			if c.want == "ROB-12" {
				l.Config.Target.Hooks.Queue = &target.Hook{Exec: []string{"true"}}
				list = only(t, "ROB-12")
			}
			noEnroll := l.Preflight(t.Context())
			skipped := map[string]bool{}
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 2, Catalogue: All(), NoEnroll: noEnroll}).Results {
				switch r.Outcome {
				case report.Failed, report.Warned, report.Errored, report.Blocked:
					t.Errorf("%s: %s, %s; expected %s, saw %s", r.ID, r.Outcome, r.Reason, r.Expected, r.Saw)
				case report.Skipped:
					skipped[r.ID] = strings.Contains(r.Reason, "429") && strings.Contains(r.Reason, "target.pace")
				}
			}
			for _, id := range strings.Fields(c.want) {
				if !skipped[id] {
					t.Errorf("%s is not skipped with the limit and what to set", id)
				}
			}
			if notes := strings.Join(l.Notes(), " "); !strings.Contains(notes, "target.pace") {
				t.Errorf("notes: %q", notes)
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

// TestSignInElsewhere: a sign-in page that leads to a directory where people sign
// in is no fault. Nothing fails; what could not be tried says what to set.
func TestSignInElsewhere(t *testing.T) {
	const todo = ", where no simulated device can sign in: set target.hooks.token, for example {exec: [./token.sh]}, target.signin (steps, hook or browser, see harness/docs/signin.md) or target.directory"
	list := only(t, "ENR-01", "ENR-04", "ENR-06", "ENR-11", "ENR-36", "SES-01", "SEC-07")
	for name, c := range map[string]struct{ to, want string }{
		"a directory":    {"https://login.microsoftonline.com/common/oauth2/authorize", "the sign-in page leads to login.microsoftonline.com" + todo},
		"an unknown one": {"https://sso.invalid/", "the sign-in page leads to sso.invalid" + todo},
		"a dead one":     {"https://localhost:1/", "the sign-in page leads to localhost" + todo},
		"a script":       {"", "a script builds the sign-in page, and dmwake runs no scripts: set target.hooks.token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := against(t, mdmserver.Federated, func(h http.Handler) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					switch {
					case !strings.HasSuffix(r.URL.Path, "/SignIn"):
						h.ServeHTTP(w, r)
					case c.to == "":
						io.WriteString(w, "<html><script>render()</script></html>")
					default:
						http.Redirect(w, r, c.to, http.StatusFound)
					}
				}
			})
			noEnroll := l.Preflight(t.Context())
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All(), NoEnroll: noEnroll}).Results {
				looks := r.ID == "ENR-01" || r.ID == "ENR-04"
				if looks != (r.Outcome == report.Passed) || !looks && (r.Outcome != report.Skipped || !strings.HasPrefix(r.Reason, c.want)) {
					t.Errorf("%s: %s, %s; expected %s, saw %s", r.ID, r.Outcome, r.Reason, r.Expected, r.Saw)
				}
			}
		})
	}
}

// TestPagesOfDocument: the pages that the account names are opened; a document need not
// name one. ServerList of the w7 APPLICATION is no page.
func TestPagesOfDocument(t *testing.T) {
	const help, app = `name="HelpWebsite"`, `<parm name="APPID"`
	for name, c := range map[string]struct {
		was, is string
		want    report.Outcome
		says    string
	}{
		"the account's": {help, help, report.Passed, ""},
		"no page":       {help, `name="Other"`, report.Passed, ""},
		"another path":  {help, `name="HyperlinkHref" value="BASE/nothing" datatype="string"/><parm ` + help, report.Warned, "HTTP 404"},
		"a ServerList":  {app, `<parm name="ServerList" value="BASE/nothing"/>` + app, report.Passed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := against(t, "", documentWith(c.was, c.is))
			r, _ := suite.Run(t.Context(), l, &only(t, "ENR-32")[0])
			if r.Outcome != c.want || !strings.Contains(r.Reason+r.Saw, c.says) {
				t.Errorf("%s, %s; expected %s, saw %s", r.Outcome, r.Reason, r.Expected, r.Saw)
			}
		})
	}
}

// TestMalformedInWords: what ENR-19 tried is listed in words that can be read.
func TestMalformedInWords(t *testing.T) {
	l := against(t, "", func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "Discovery.svc") && r.Method == http.MethodPost && r.ContentLength < 100 {
				http.Error(w, "oops", http.StatusInternalServerError)
				return
			}
			h.ServeHTTP(w, r)
		}
	})
	r, _ := suite.Run(t.Context(), l, &only(t, "ENR-19")[0])
	const want = "4 of 12: Discover (empty body), Discover (plain text), Discover (cut tag), Discover (Envelope without Body): HTTP status 500"
	if !strings.HasPrefix(r.Saw, want) {
		t.Errorf("%s: saw %q", r.Outcome, r.Saw)
	}
}

// TestEvidenceIsOfTheRule: unbound prefixes are the matter of ENR-08, and stand in
// no other scenario's evidence.
func TestEvidenceIsOfTheRule(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys, Mutants: []*mutants.Mutant{mutants.EnrPoliciesUnbound, mutants.EnrTimestampOld}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, _ := suite.Run(t.Context(), l, &only(t, "ENR-26")[0])
	if !r.Broken() || strings.Contains(strings.Join(r.Evidence, " "), "prefix") {
		t.Errorf("%s: %q", r.Outcome, r.Evidence)
	}
}

// TestWrongCredential: ENR-18 says what it tried, which is no password where the
// server asks for a token.
func TestWrongCredential(t *testing.T) {
	for policy, want := range map[string]string{"": "a SOAP fault for a wrong password", mdmserver.Federated: "a SOAP fault for an invented token"} {
		l := against(t, policy, func(h http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				invented := base64.StdEncoding.EncodeToString([]byte("not a token"))
				if bytes.Contains(body, []byte("not the password")) || bytes.Contains(body, []byte(invented)) {
					http.Error(w, "oops", http.StatusInternalServerError)
					return
				}
				h.ServeHTTP(w, r)
			}
		})
		r, _ := suite.Run(t.Context(), l, &only(t, "ENR-18")[0])
		if r.Expected != want || strings.Contains(r.Title+r.Rule, "password") {
			t.Errorf("%s: %s: expected %s, saw %s, %s", r.Title, r.Outcome, r.Expected, r.Saw, r.Reason)
		}
	}
}
