package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of how the server gets and keeps its access token.
var (
	TokJSON = &Mutant{"tok-json", "asks for the token with a JSON body", func(t *tamper) {
		tokenRequests(t, func(req *http.Request, form url.Values) string {
			req.Header.Set("Content-Type", "application/json")
			body, err := json.Marshal(form)
			if err != nil {
				panic(err) // strings cannot fail
			}
			return string(body)
		})
	}}
	TokScope = &Mutant{"tok-scope", "asks for the wrong scope", func(t *tamper) {
		tokenRequests(t, func(_ *http.Request, form url.Values) string {
			form.Set("scope", "s.notify.live.net")
			return form.Encode()
		})
	}}
	TokPlainSID = &Mutant{"tok-plain-sid", "does not percent-encode the Package SID", func(t *tamper) {
		tokenRequests(t, func(_ *http.Request, form url.Values) string {
			return "grant_type=client_credentials&scope=notify.windows.com&client_id=" + form.Get("client_id") +
				"&client_secret=" + url.QueryEscape(form.Get("client_secret"))
		})
	}}
	TokPlainSecret = &Mutant{"tok-plain-secret", "does not percent-encode the slash of the secret", func(t *tamper) {
		tokenRequests(t, func(_ *http.Request, form url.Values) string {
			return strings.ReplaceAll(form.Encode(), "Test%2FSecret", "Test/Secret")
		})
	}}
	TokEveryPush = &Mutant{"tok-every-push", "fetches a token for every push", func(t *tamper) {
		keep(t, func(fetch mdmserver.Fetch) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				token, _, err := fetch(ctx)
				return token, err
			}
		})
	}}
	TokNeverRenewed = &Mutant{"tok-never-renewed", "fetches a token once and never again", func(t *tamper) {
		keep(t, func(fetch mdmserver.Fetch) func(context.Context) (string, error) {
			var mu sync.Mutex
			var kept string
			return func(ctx context.Context) (token string, err error) {
				mu.Lock()
				defer mu.Unlock()
				if kept == "" {
					kept, _, err = fetch(ctx)
				}
				return kept, err
			}
		})
	}}
	TokStampede = &Mutant{"tok-stampede", "fetches a token in every push that finds none", func(t *tamper) {
		t.Tokens = append(t.Tokens, func(fetch mdmserver.Fetch, _ mdmserver.Tokens) mdmserver.Tokens { return &stampede{fetch: fetch} })
	}}
	TokStorm = &Mutant{"tok-storm", "asks again at once and often when it gets no token", func(t *tamper) {
		t.Tokens = append(t.Tokens, func(_ mdmserver.Fetch, next mdmserver.Tokens) mdmserver.Tokens {
			return tokensOf{next, func(ctx context.Context) (string, error) {
				token, err := next.Token(ctx)
				for range 60 {
					if err == nil {
						break
					}
					_, again := next.Token(ctx)
					if again == nil {
						break
					}
				}
				return token, err
			}}
		})
	}}
	TokDead = &Mutant{"tok-dead", "never asks again once it got no token", func(t *tamper) {
		giveUp(t, func(error) bool { return true })
	}}
	TokNoJSONDead = &Mutant{"tok-no-json-dead", "never asks again once an answer could not be read", func(t *tamper) {
		giveUp(t, func(err error) bool {
			var unread *json.SyntaxError
			return errors.As(err, &unread)
		})
	}}
	TokCutDead = &Mutant{"tok-cut-dead", "never asks again once a reply of the token endpoint broke off", func(t *tamper) {
		giveUp(t, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) })
	}}
	TokResetDead = &Mutant{"tok-reset-dead", "never asks again once the connection to the token endpoint broke", func(t *tamper) {
		giveUp(t, func(err error) bool {
			var broke *net.OpError
			return errors.As(err, &broke) || errors.Is(err, io.EOF)
		})
	}}
	TokNeedsType     = &Mutant{"tok-needs-type", "takes no token without token_type", func(t *tamper) { needs(t, "token_type") }}
	TokNeedsExpiry   = &Mutant{"tok-needs-expiry", "takes no token without expires_in", func(t *tamper) { needs(t, "expires_in") }}
	TokHoldsSessions = &Mutant{"tok-holds-sessions", "serves no session while it waits for a token", func(t *tamper) {
		holdsSessions(t, func(req *http.Request) (string, bool) { return "", !hook.IsPush(req) })
	}}
)

// Tok403Refetch takes 403 for 401.
var Tok403Refetch = &Mutant{"tok-403-refetch", "fetches a new token after 403, and sends again with it", func(t *tamper) { anewAt(t, 1, http.StatusForbidden) }}

var tokens = []*Mutant{TokJSON, TokScope, TokPlainSID, TokPlainSecret, TokEveryPush, TokNeverRenewed, TokStampede, TokStorm, TokDead, TokNoJSONDead, TokCutDead, TokResetDead, TokNeedsType, TokNeedsExpiry, TokHoldsSessions, Tok403Refetch}

// tokenRequests lets f rewrite the body of every token request.
func tokenRequests(t *tamper, f func(*http.Request, url.Values) string) {
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if hook.IsPush(req) {
			return next.RoundTrip(req)
		}
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, err
		}
		hook.SetBody(req, []byte(f(req, form)))
		return next.RoundTrip(req)
	})
}

// needs takes a reply of the token endpoint without a field for a failure.
func needs(t *tamper, field string) {
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil || hook.IsPush(req) {
			return resp, err
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		var fields map[string]any
		if json.Unmarshal(raw, &fields) == nil && fields[field] == nil {
			raw = []byte("{}")
		}
		resp.Body = io.NopCloser(bytes.NewReader(raw))
		return resp, nil
	})
}

// tokensOf replaces Token.
type tokensOf struct {
	mdmserver.Tokens
	token func(context.Context) (string, error)
}

func (o tokensOf) Token(ctx context.Context) (string, error) { return o.token(ctx) }

// keep gives tokens without the server's cache.
func keep(t *tamper, f func(mdmserver.Fetch) func(context.Context) (string, error)) {
	t.Tokens = append(t.Tokens, func(fetch mdmserver.Fetch, next mdmserver.Tokens) mdmserver.Tokens { return tokensOf{next, f(fetch)} })
}

// giveUp stops giving tokens after an error that f picks.
func giveUp(t *tamper, f func(error) bool) {
	t.Tokens = append(t.Tokens, func(_ mdmserver.Fetch, next mdmserver.Tokens) mdmserver.Tokens {
		var mu sync.Mutex
		var dead error
		return tokensOf{next, func(ctx context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if dead != nil {
				return "", dead
			}
			token, err := next.Token(ctx)
			if err != nil && f(err) {
				dead = err
			}
			return token, err
		}}
	})
}

// stampede keeps a token; every caller without one fetches its own.
type stampede struct {
	fetch mdmserver.Fetch

	mu      sync.Mutex
	value   string
	expires time.Time
}

func (s *stampede) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	value, good := s.value, time.Now().Before(s.expires)
	s.mu.Unlock()
	if good {
		return value, nil
	}
	value, life, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.expires = value, time.Now().Add(life)
	return value, err
}

func (s *stampede) Drop(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == "" || s.value == value {
		s.expires = time.Time{}
	}
}
