package fakewns

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxTokenRequest = 16 << 10 // bytes
	classicScope    = "notify.windows.com"
)

// accessToken is a token that was checked once.
type accessToken struct {
	app     *App
	expires time.Time
}

// tokenStore caches verified tokens, so that each is verified once.
type tokenStore struct {
	mu      sync.RWMutex
	good    map[string]*accessToken
	revoked map[string]time.Time // with the expiry they had
	since   time.Time            // tokens issued before are revoked
}

const keptTokens = 1 << 16

// tokenApp returns the app of a valid token; nil if the token is unknown,
// revoked or expired.
func (s *Server) tokenApp(value string, now time.Time) *App {
	t := &s.tokens
	t.mu.RLock()
	tok := t.good[value]
	t.mu.RUnlock()
	if tok != nil {
		if !now.Before(tok.expires) {
			return nil
		}
		return tok.app
	}
	c, err := s.signer.verify(value, now)
	if err != nil || !now.Before(c.expires) {
		return nil
	}
	t.mu.RLock()
	_, revoked := t.revoked[value]
	revoked = revoked || c.issued.Before(t.since.Truncate(c.grain))
	t.mu.RUnlock()
	app := s.app(c.app)
	if revoked || app == nil {
		return nil
	}
	t.add(value, &accessToken{app: app, expires: c.expires}, now)
	return app
}

func (t *tokenStore) add(value string, tok *accessToken, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.good) >= keptTokens {
		for v, old := range t.good {
			if !now.Before(old.expires) {
				delete(t.good, v)
			}
		}
		if len(t.good) >= keptTokens {
			clear(t.good) // they are verified again when they come
		}
	}
	t.good[value] = tok
}

// RevokeTokens invalidates every token issued so far, also by other services
// with the same key: notifications with them get 401.
func (s *Server) RevokeTokens() {
	t := &s.tokens
	now := s.Now()
	t.mu.Lock()
	for v, until := range t.revoked {
		if !now.Before(until) {
			delete(t.revoked, v)
		}
	}
	for v, tok := range t.good {
		t.revoked[v] = tok.expires
	}
	clear(t.good)
	t.since = now
	t.mu.Unlock()
	// Rounded up: a restarted service cannot tell which tokens of this second
	// were revoked.
	s.keepSurely(Record{bucketKeys, keyRevoked, strconv.AppendInt(nil, now.Add(time.Second).UnixMilli(), 10)})()
}

// TokensRevoked is the time of the last RevokeTokens; zero if there was none. Tokens that
// were issued before it are revoked.
func (s *Server) TokensRevoked() time.Time {
	s.tokens.mu.RLock()
	defer s.tokens.mu.RUnlock()
	return s.tokens.since
}

// oauthError is the body of a refused token request (RFC 6749, section 5.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// tokenRefusal is a token request that is not granted.
type tokenRefusal struct {
	status int
	body   any
}

// serveToken is the classic token endpoint: form in, bearer token out (Learn,
// "WNS overview").
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	e := s.tokenRequest(r)
	app := s.authenticate(e, r.Method)
	var refused *tokenRefusal
	value := ""
	switch {
	case r.Method != http.MethodPost:
		refused = &tokenRefusal{http.StatusMethodNotAllowed, oauthError{"invalid_request", "only POST"}}
	case len(e.Violations) > 0:
		v := e.Violations[0]
		refused = &tokenRefusal{http.StatusBadRequest, oauthError{oauthCode[v.Rule], v.Text}}
	case app.Kind == ClassicRetired:
		// New identities are served by Entra only [seen 2026].
		refused = &tokenRefusal{http.StatusBadRequest, oauthError{"invalid_request",
			"this app is not served here: new apps get their tokens at login.microsoftonline.com"}}
	default:
		value = s.signer.classic(app, e.At, e.At.Add(s.lifetime(e)), s.randomBytes(16))
	}
	s.replyToken(w, r, e, app, value, refused)
}

// lifetime is how long a new token is valid; a fault may shorten it.
func (s *Server) lifetime(e *Entry) time.Duration {
	e.life = s.cfg.TokenLifetime
	if e.fault != nil && e.fault.TokenLifetime > 0 {
		e.life = e.fault.TokenLifetime
	}
	return e.life
}

// replyToken answers a token request, as active faults may change it.
func (s *Server) replyToken(w http.ResponseWriter, r *http.Request, e *Entry, app *App, value string, refused *tokenRefusal) {
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=utf-8")
	h["Cache-Control"] = []string{"no-store"}
	reply := &Reply{Status: http.StatusOK}
	if refused != nil {
		reply.Status = refused.status
		if len(e.Violations) > 0 {
			e.Error = e.Violations[0].Text
		} else {
			e.Error = "this app gets its tokens at login.microsoftonline.com"
		}
		reply.Body, _ = json.Marshal(refused.body) // strings and numbers, cannot fail
	} else {
		s.tokens.add(value, &accessToken{app: app, expires: e.At.Add(e.life)}, e.At)
		reply.Body, _ = json.Marshal(struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
		}{value, "bearer", int(e.life / time.Second)})
		e.App = app.PFN
	}
	if f := e.fault; f != nil {
		f.answerToken(e, h, reply)
	}
	e.Status = reply.Status
	s.finish(e) //nolint:errcheck // a token needs no store
	s.send(w, r, e, reply)
}

var oauthCode = map[Rule]string{
	RuleForm: "invalid_request", RuleGrantType: "unsupported_grant_type", RuleScope: "invalid_scope",
	RuleClientID: "invalid_client", RuleClientSecret: "invalid_client", RulePercentEncoding: "invalid_client",
}

// tokenRequest reads the form of a token request, and finds the matching fault.
func (s *Server) tokenRequest(r *http.Request) *Entry {
	e := newEntry(Token, r, s.Now())
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenRequest+1))
	e.Body = body
	if err != nil || len(body) > maxTokenRequest {
		e.violate(RuleForm, "the body could not be read or is over 16 KiB")
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		e.violate(RuleForm, "Content-Type is "+quote(r.Header.Get("Content-Type"))+", not application/x-www-form-urlencoded")
	}
	if e.Form, err = url.ParseQuery(string(body)); err != nil {
		e.violate(RuleForm, "the body is not a form: "+err.Error())
	}
	e.fault = s.faults.match(s, e)
	return e
}

// asSent is the value of a form's field as it stands in the body, not decoded.
func asSent(form []byte, field string) string {
	for pair := range strings.SplitSeq(string(form), "&") {
		if v, ok := strings.CutPrefix(pair, field+"="); ok {
			return v
		}
	}
	return ""
}

// authenticate checks the form, records every violation in e, and returns the
// app.
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
		// Only the encoded form is safe in transit. The service tolerates the
		// plain one, so this is a note and not an error [model].
		e.Notes = append(e.Notes, Violation{RulePercentEncoding, "client_id is not percent-encoded: the form has a plain ms-app://"})
	}
	app := s.app(func(a *App) bool { return a.Kind != Entra && a.PackageSID == id })
	if raw := asSent(e.Body, "client_secret"); strings.ContainsAny(raw, "/=") || app != nil && raw == app.Secret && strings.Contains(raw, "+") {
		// A plus is a blank to a form reader; the others are tolerated [model].
		e.Notes = append(e.Notes, Violation{RulePercentEncoding, "client_secret is not percent-encoded: the form has it with a plain +, / or ="})
	}
	switch {
	case !strings.HasPrefix(id, "ms-app://"):
		e.violate(RuleClientID, "client_id is not a Package SID of the form ms-app://s-1-15-2-...")
	case app == nil:
		e.violate(RuleClientID, "client_id is an unknown Package SID")
	case subtle.ConstantTimeCompare([]byte(app.Secret), []byte(secret)) != 1:
		e.violate(RuleClientSecret, "client_secret does not match the app")
	}
	return app
}
