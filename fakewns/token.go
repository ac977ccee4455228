package fakewns

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxTokenRequest = 16 << 10 // bytes
	classicScope    = "notify.windows.com"
)

type accessToken struct {
	app     *App
	expires time.Time
}

type tokenStore struct {
	mu      sync.RWMutex
	byValue map[string]*accessToken
}

// lookup gives the app of a valid token; nil if it is unknown or expired.
func (t *tokenStore) lookup(value string, now time.Time) *App {
	t.mu.RLock()
	defer t.mu.RUnlock()
	tok := t.byValue[value]
	if tok == nil || !now.Before(tok.expires) {
		return nil
	}
	return tok.app
}

func (t *tokenStore) add(value string, tok *accessToken, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for v, old := range t.byValue {
		if !now.Before(old.expires) {
			delete(t.byValue, v)
		}
	}
	t.byValue[value] = tok
}

// RevokeTokens makes every token issued so far invalid: a notification with
// one gets 401.
func (s *Server) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.byValue)
}

// oauthError is the body of a refused token request (RFC 6749 section 5.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// serveToken is the classic token endpoint: form in, bearer token out (Learn,
// "WNS overview").
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	e := newEntry(Token, r, s.cfg.Now())
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenRequest+1))
	e.Body = body
	if err != nil || len(body) > maxTokenRequest {
		e.violate(RuleForm, "the body could not be read or is over 16 KiB")
	}
	e.Form, e.Violations = parseForm(r, body, e.Violations)

	fault := s.faults.match(Token, "")
	var refusal *oauthError
	status := http.StatusOK
	app := s.authenticate(e, r.Method)
	switch {
	case fault != nil && fault.Status != 0:
		e.Fault, status = fault.Name, fault.Status
		refusal = &oauthError{"server_error", "injected fault: " + fault.Name}
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
	case r.Method != http.MethodPost:
		status = http.StatusMethodNotAllowed
		refusal = &oauthError{"invalid_request", "only POST"}
	case len(e.Violations) > 0:
		status = http.StatusBadRequest
		v := e.Violations[0]
		refusal = &oauthError{oauthCode[v.Rule], v.Text}
	}
	if fault != nil && fault.Delay > 0 {
		e.Fault = fault.Name
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=utf-8")
	h["Cache-Control"] = []string{"no-store"}
	var reply []byte
	if refusal != nil {
		reply, _ = json.Marshal(refusal) // two strings, cannot fail
	} else {
		life := s.cfg.TokenLifetime
		if fault != nil && fault.TokenLifetime > 0 {
			life, e.Fault = fault.TokenLifetime, fault.Name
		}
		value := "EgA" + base64.RawURLEncoding.EncodeToString(s.randomBytes(48))
		s.tokens.add(value, &accessToken{app: app, expires: e.At.Add(life)}, e.At)
		reply, _ = json.Marshal(struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
		}{value, "bearer", int(life / time.Second)})
		e.App = app.PFN
	}
	e.Status = status
	s.journal.add(e)
	w.WriteHeader(status)
	w.Write(reply) //nolint:errcheck // the client is gone
}

var oauthCode = map[Rule]string{
	RuleForm: "invalid_request", RuleGrantType: "unsupported_grant_type", RuleScope: "invalid_scope",
	RuleClientID: "invalid_client", RuleClientSecret: "invalid_client", RulePercentEncoding: "invalid_client",
}

func parseForm(r *http.Request, body []byte, v []Violation) (url.Values, []Violation) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		v = append(v, Violation{RuleForm, "Content-Type is " + quote(r.Header.Get("Content-Type")) + ", not application/x-www-form-urlencoded"})
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		v = append(v, Violation{RuleForm, "the body is not a form: " + err.Error()})
	}
	return form, v
}

// authenticate checks the form and gives the app it proves; every complaint
// is noted in e.
func (s *Server) authenticate(e *Entry, method string) *App {
	if method != http.MethodPost {
		e.violate(RuleForm, "the method is "+method+", not POST")
	}
	if g := e.Form.Get("grant_type"); g != "client_credentials" {
		e.violate(RuleGrantType, "grant_type is "+quote(g)+", not client_credentials")
	}
	if c := e.Form.Get("scope"); c != classicScope {
		e.violate(RuleScope, "scope is "+quote(c)+", not "+classicScope)
	}
	id, secret := e.Form.Get("client_id"), e.Form.Get("client_secret")
	if strings.Contains(string(e.Body), "ms-app://") {
		// Only the encoded form travels safely; the service is known to take
		// the plain one, so this is noted and not answered [model].
		e.Notes = append(e.Notes, Violation{RulePercentEncoding, "client_id is not percent-encoded: ms-app:// stands plainly in the form"})
	}
	var app *App
	for i := range s.cfg.Apps {
		a := &s.cfg.Apps[i]
		if a.PackageSID == id {
			app = a
		}
	}
	switch {
	case !strings.HasPrefix(id, "ms-app://"):
		e.violate(RuleClientID, "client_id is not a Package SID of the form ms-app://s-1-15-2-...")
	case app == nil:
		e.violate(RuleClientID, "client_id is no known Package SID")
	case subtle.ConstantTimeCompare([]byte(app.Secret), []byte(secret)) != 1:
		e.violate(RuleClientSecret, "client_secret is not that of the app")
	}
	return app
}
