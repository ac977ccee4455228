package mutants

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of Discover, of the sign-in page, and of faults.
var (
	EnrHostsDiffer = &Mutant{"enr-hosts-differ", "has its policy service on another host than its enrollment service", func(t *tamper) {
		hook.Respell(t, `(<EnrollmentPolicyServiceUrl>https://)127\.0\.0\.1`, "${1}localhost")
	}}
	EnrOfferIgnored = &Mutant{"enr-offer-ignored", "answers with its own AuthPolicy whatever the device offers", func(t *tamper) {
		offer := regexp.MustCompile(`<AuthPolicies>.*</AuthPolicies>`)
		hook.Rewrite(t, mdmserver.DiscoveryPath, func(body []byte) []byte {
			return offer.ReplaceAll(body, []byte("<AuthPolicies><AuthPolicy>OnPremise</AuthPolicy><AuthPolicy>Federated</AuthPolicy><AuthPolicy>Certificate</AuthPolicy></AuthPolicies>"))
		})
	}}
	EnrVersionCrash = &Mutant{"enr-version-crash", "crashes at a RequestVersion that it does not know", func(t *tamper) {
		onDiscover(t, func(q *enroll.DiscoverRequest) int {
			if v, err := strconv.ParseFloat(q.RequestVersion, 64); err != nil || v < 2 || v > 9 {
				panic("mutant enr-version-crash")
			}
			return 0
		})
	}}
	EnrUserDomain = &Mutant{"enr-user-domain", "fails at a user whose name is no address", func(t *tamper) {
		onDiscover(t, func(q *enroll.DiscoverRequest) int {
			if !strings.Contains(q.EmailAddress, "@") {
				return http.StatusInternalServerError
			}
			return 0
		})
	}}
	EnrVersionUnknown = &Mutant{"enr-version-unknown", "answers with an EnrollmentVersion that does not exist", func(t *tamper) {
		hook.Respell(t, `(<EnrollmentVersion>)[^<]*`, "${1}1.5")
	}}
	EnrDiscoverNamespace = &Mutant{"enr-discover-namespace", "answers Discover in a namespace of its own", func(t *tamper) {
		hook.Respell(t, `(<DiscoverResponse xmlns=")[^"]*`, "${1}http://tempuri.org/")
	}}
	EnrDiscoverTwice = &Mutant{"enr-discover-twice", "writes AuthPolicy twice", func(t *tamper) {
		hook.Respell(t, `<AuthPolicy>[^<]*</AuthPolicy>`, "${0}${0}")
	}}
	EnrUserAgent = &Mutant{"enr-user-agent", "serves one User-Agent only", func(t *tamper) {
		hook.Before(t, "", func(x *hook.Exchange) int {
			if x.Method == http.MethodPost && strings.HasPrefix(x.URL.Path, "/EnrollmentServer/") && strings.HasSuffix(x.URL.Path, ".svc") && x.UserAgent() != "ENROLLClient" {
				return http.StatusForbidden
			}
			return 0
		})
	}}

	EnrAppruUsual = &Mutant{"enr-appru-usual", "returns every sign-in to the Settings", func(t *tamper) {
		action := regexp.MustCompile(`action="ms-app:[^"]*"`)
		hook.After(t, http.MethodPost, mdmserver.SignInPath, func(x *hook.Exchange) {
			x.Reply = action.ReplaceAll(x.Reply, []byte(`action="`+enroll.AppRU+`"`))
		})
	}}
	EnrAppruAny = &Mutant{"enr-appru-any", "returns a sign-in to any address", func(t *tamper) {
		const app = "ms-app://any"
		appru := func(r *http.Request, body []byte) string {
			if form, err := url.ParseQuery(string(body)); err == nil && form.Has("appru") {
				return form.Get("appru")
			}
			return r.URL.Query().Get("appru")
		}
		t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == mdmserver.SignInPath {
					was := url.QueryEscape(appru(r, hook.Read(r).In))
					to, at := *r, *r.URL
					at.RawQuery = strings.ReplaceAll(at.RawQuery, was, url.QueryEscape(app))
					to.URL, r = &at, &to
				}
				next.ServeHTTP(w, r)
			})
		})
		hook.Rewrite(t, mdmserver.SignInPath, func(body []byte) []byte {
			form, err := url.ParseQuery(string(body))
			if err != nil || !form.Has("appru") {
				return body
			}
			form.Set("appru", app)
			return []byte(form.Encode())
		})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			hook.After(t, method, mdmserver.SignInPath, func(x *hook.Exchange) {
				x.Replace(app, html.EscapeString(appru(x.Request, x.In)))
			})
		}
	}}
	EnrWresultAny = &Mutant{"enr-wresult-any", "looks at the length of the sign-in page's token only", func(t *tamper) {
		onWresult(t, func(x *mdmserver.Enrollment) {
			if len(x.Envelope.Token) > 16 {
				x.Fault = nil
			}
		})
	}}
	EnrWresultRefused = &Mutant{"enr-wresult-refused", "refuses the token of its own sign-in page", func(t *tamper) {
		onWresult(t, func(x *mdmserver.Enrollment) {
			x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "a UsernameToken is required"}
		})
	}}
	EnrWresultSame = &Mutant{"enr-wresult-same", "returns the same token from every sign-in", func(t *tamper) {
		token := regexp.MustCompile(`name="wresult" value="[^"]*"`)
		var mu sync.Mutex
		var first []byte
		hook.After(t, http.MethodPost, mdmserver.SignInPath, func(x *hook.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = token.Find(x.Reply)
			}
			x.Reply = token.ReplaceAll(x.Reply, first)
		})
	}}
	EnrFaultMessage = &Mutant{"enr-fault-message", "answers a wrong credential with the subcode of a malformed message", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			if v := fault.FindElement("Code/Subcode/Value"); v != nil && strings.HasSuffix(v.Text(), enroll.FaultAuthentication) {
				v.SetText("s:" + enroll.FaultMessageFormat)
			}
		})
	}}
	EnrVersionEcho = &Mutant{"enr-version-echo", "answers with the EnrollmentVersion that the device asks for, whatever it is", func(t *tamper) {
		version := regexp.MustCompile(`(<EnrollmentVersion>)[^<]*`)
		onDiscovered(t, func(x *hook.Exchange, q *enroll.DiscoverRequest) {
			x.Reply = version.ReplaceAll(x.Reply, []byte("${1}"+q.RequestVersion))
		})
	}}
	EnrDiscoverOld = &Mutant{"enr-discover-old", "answers old devices in a namespace of its own", func(t *tamper) {
		onDiscovered(t, func(x *hook.Exchange, q *enroll.DiscoverRequest) {
			if q.RequestVersion == "3.0" {
				x.Replace(enroll.NamespaceDiscovery+`"><DiscoverResult`, `http://tempuri.org/"><DiscoverResult`)
			}
		})
	}}
	EnrEnvelopeOwn = &Mutant{"enr-envelope-own", "answers GetPolicies in an Envelope that is not SOAP's", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.PolicyPath, func(x *hook.Exchange) {
			if x.Status == http.StatusOK {
				x.Replace("http://www.w3.org/2003/05/soap-envelope", "http://tempuri.org/")
			}
		})
	}}
)

var discoveries = []*Mutant{
	EnrHostsDiffer, EnrOfferIgnored, EnrVersionCrash, EnrUserDomain, EnrVersionUnknown, EnrDiscoverNamespace, EnrDiscoverTwice, EnrUserAgent,
	EnrAppruUsual, EnrAppruAny, EnrWresultAny, EnrWresultRefused, EnrWresultSame, EnrFaultMessage,
	EnrVersionEcho, EnrDiscoverOld, EnrEnvelopeOwn,
}

// onDiscover lets f refuse a Discover before the server reads it.
func onDiscover(t *tamper, f func(*enroll.DiscoverRequest) (status int)) {
	hook.Before(t, mdmserver.DiscoveryPath, func(x *hook.Exchange) int {
		if e, err := enroll.ReadEnvelope(x.In); err == nil {
			if q, err := e.DiscoverRequest(); err == nil {
				return f(q)
			}
		}
		return 0
	})
}

// onDiscovered lets f change the reply to a Discover.
func onDiscovered(t *tamper, f func(*hook.Exchange, *enroll.DiscoverRequest)) {
	hook.After(t, http.MethodPost, mdmserver.DiscoveryPath, func(x *hook.Exchange) {
		if e, err := enroll.ReadEnvelope(x.In); err == nil {
			if q, err := e.DiscoverRequest(); err == nil {
				f(x, q)
			}
		}
	})
}

// onWresult lets f decide on a token of the sign-in page.
func onWresult(t *tamper, f func(*mdmserver.Enrollment)) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Config.AuthPolicy == mdmserver.Federated && x.Config.Entra == nil && !x.Renewal && x.Envelope.Token != nil {
			f(x)
		}
	})
}
