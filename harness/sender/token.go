package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/target"
)

// Token is an answer of the token endpoint.
type Token struct {
	Answer
	Access      string // access_token
	Expires     any    // expires_in, as the endpoint wrote it
	ErrorCode   string // error
	Description string // error_description
}

// TokenError is an answer of the token endpoint without a token.
type TokenError struct{ Status int }

// Error implements error.
func (e *TokenError) Error() string { return fmt.Sprintf("no token: HTTP status %d", e.Status) }

// Err is a TokenError unless the answer has a token.
func (t *Token) Err() error {
	if t.Status == http.StatusOK && t.Access != "" {
		return nil
	}
	return &TokenError{t.Status}
}

// FetchToken fetches a token, which later calls of Push use. Every answer of the
// endpoint is returned, with a nil error; Token.Err tells whether it has a token.
func (s *Sender) FetchToken(ctx context.Context) (*Token, error) {
	t, err := s.request(ctx)
	if err != nil {
		return nil, err
	}
	if t.Err() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.use(t)
	}
	return t, nil
}

func (s *Sender) request(ctx context.Context) (*Token, error) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	a, err := s.post(ctx, s.cfg.TokenURL, header, []byte(form(&s.cfg.App).Encode()), maxTokenBody)
	if err != nil {
		return nil, err
	}
	t := &Token{Answer: a}
	var body struct {
		Access      string `json:"access_token"`
		Expires     any    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(a.Body, &body) == nil {
		t.Access, t.Expires, t.ErrorCode, t.Description = body.Access, body.Expires, body.Error, body.Description
	}
	return t, nil
}

// form is the token request of an app: with its Package SID at the classic
// endpoint, with its client id at Entra (Learn, "WNS overview").
func form(a *target.App) url.Values {
	f := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.SID}, "client_secret": {a.Secret.Value()}, "scope": {"notify.windows.com"}}
	if a.Kind == string(fakewns.Entra) {
		f.Set("client_id", a.ClientID)
		f.Set("scope", "https://wns.windows.com/.default")
	}
	return f
}

// OnHost is a URL at another host.
func OnHost(rawURL, host string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", err
	}
	u.Host = host
	return u.String(), nil
}
