package fakewns

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
)

// wnsAudience is the resource that Entra tokens for WNS are for.
const wnsAudience = "https://wns.windows.com/"

// entraScope is what a sender asks for (Learn, "WNS request and response
// headers").
const entraScope = wnsAudience + ".default"

// entraError is the body of a request that Entra refuses.
type entraError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// Entra's errors for a token request. Codes and names are real, the texts ours.
type aadsts struct {
	code   int
	err    string
	status int
	text   string
}

var (
	aadTenant   = aadsts{90002, "invalid_request", 400, "Tenant '%s' not found"}
	aadClient   = aadsts{700016, "unauthorized_client", 400, "Application with identifier '%s' was not found in the directory"}
	aadSecret   = aadsts{7000215, "invalid_client", 401, "Invalid client secret provided for app '%s'"}
	aadScope    = aadsts{70011, "invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid: %s"}
	aadResource = aadsts{500011, "invalid_resource", 400, "The resource principal named %s was not found in the tenant"}
	aadGrant    = aadsts{70003, "unsupported_grant_type", 400, "The app requested an unsupported grant type '%s'"}
	// Audiences of registrations. AADSTS9002331 was seen at a tenant's
	// endpoint; which code the other endpoints answer is a [model].
	aadPersonal = aadsts{9002331, "unauthorized_client", 400, "Application '%s' is for Microsoft accounts only: use the /consumers endpoint"}
	aadCommon   = aadsts{9002346, "unauthorized_client", 400, "Application '%s' is for Microsoft accounts only: use the /consumers endpoint"}
	aadWork     = aadsts{9002332, "unauthorized_client", 400, "Application '%s' is for directory users only: do not use the /consumers endpoint"}
	aadSingle   = aadsts{50194, "invalid_request", 400, "Application '%s' is not configured for many tenants: use the endpoint of its tenant"}
	aadForm     = aadsts{900144, "invalid_request", 400, "The request body must contain the following parameter: '%s'"}
)

// serveEntra is the token endpoint of a directory (Learn, "OAuth 2.0 client
// credentials flow").
func (s *Server) serveEntra(w http.ResponseWriter, r *http.Request) {
	e := s.tokenRequest(r)
	app, refused := s.directoryApp(e, mux.Vars(r)["tenant"])
	var value string
	if refused == nil {
		var err error
		value, err = s.signer.entra(app, e.At, e.At.Add(s.lifetime(e)), s.randomBytes(16))
		if err != nil {
			refused = &tokenRefusal{status: http.StatusInternalServerError, body: oauthError{"server_error", "internal error"}}
		}
	}
	s.replyToken(w, r, e, app, value, refused)
}

// directoryApp returns the app that a form authenticates, or Entra's error.
func (s *Server) directoryApp(e *Entry, tenant string) (*App, *tokenRefusal) {
	refuse := func(k aadsts, rule Rule, arg string) (*App, *tokenRefusal) {
		text := fmt.Sprintf("AADSTS%d: "+k.text, k.code, clipped(arg))
		e.violate(rule, text)
		trace := uuid.NewString()
		stamp := e.At.UTC().Format("2006-01-02 15:04:05Z")
		return nil, &tokenRefusal{status: k.status, body: entraError{k.err, text + ". Trace ID: " + trace + " Timestamp: " + stamp,
			[]int{k.code}, stamp, trace, uuid.NewString()}}
	}
	if len(e.Violations) > 0 {
		return refuse(aadForm, RuleForm, "grant_type")
	}
	form := e.Form
	inTenant := func(a *App) bool { return a.Kind == Entra && strings.EqualFold(a.Tenant, tenant) }
	id := form.Get("client_id")
	of := func(a *App) bool { return a.Kind == Entra && strings.EqualFold(a.ClientID, id) }
	switch app := s.app(of); strings.ToLower(tenant) {
	case "consumers":
		if app != nil && !app.Consumers {
			return refuse(aadWork, RuleClientID, id)
		}
		inTenant = func(a *App) bool { return a.Kind == Entra && a.Consumers }
	case "common", "organizations":
		if app != nil && app.Consumers {
			return refuse(aadCommon, RuleClientID, id)
		} else if app != nil {
			return refuse(aadSingle, RuleClientID, id)
		}
	default:
		if app != nil && app.Consumers {
			return refuse(aadPersonal, RuleClientID, id)
		}
	}
	if s.app(inTenant) == nil {
		return refuse(aadTenant, RuleClientID, tenant)
	}
	for _, need := range []string{"grant_type", "client_id", "client_secret", "scope"} {
		if form.Get(need) == "" {
			return refuse(aadForm, RuleForm, need)
		}
	}
	app := s.app(func(a *App) bool { return inTenant(a) && of(a) })
	scope := form.Get("scope")
	switch {
	case form.Get("grant_type") != "client_credentials":
		return refuse(aadGrant, RuleGrantType, form.Get("grant_type"))
	case app == nil:
		return refuse(aadClient, RuleClientID, id)
	case subtle.ConstantTimeCompare([]byte(app.Secret), []byte(form.Get("client_secret"))) != 1:
		return refuse(aadSecret, RuleClientSecret, id)
	case !strings.HasSuffix(scope, "/.default"):
		return refuse(aadScope, RuleScope, scope)
	case scope != entraScope:
		return refuse(aadResource, RuleScope, strings.TrimSuffix(scope, "/.default"))
	}
	return app, nil
}

// serveDirectory is a directory's discovery document.
func (s *Server) serveDirectory(w http.ResponseWriter, r *http.Request) {
	tenant := mux.Vars(r)["tenant"]
	base := "https://" + r.Host + "/" + url.PathEscape(tenant)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // the client is gone
		"issuer": "https://sts.windows.net/" + tenant + "/", "jwks_uri": base + "/discovery/v2.0/keys", "token_endpoint": base + "/oauth2/v2.0/token",
	})
}

func clipped(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
