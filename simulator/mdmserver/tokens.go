package mdmserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// oneToken keeps one access token; concurrent pushes share one request for it.
type oneToken struct {
	fetch Fetch

	mu      sync.Mutex
	value   string
	expires time.Time
}

func (t *oneToken) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value != "" && time.Now().Before(t.expires) {
		return t.value, nil
	}
	value, life, err := t.fetch(ctx)
	if err != nil {
		return "", err
	}
	// The token is renewed before its last tenth, so that a push rarely meets a 401.
	t.value, t.expires = value, time.Now().Add(life-life/10)
	return value, nil
}

// Drop keeps a token that replaced the refused one meanwhile.
func (t *oneToken) Drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if value == "" || t.value == value {
		t.value, t.expires = "", time.Time{}
	}
}

// fetchToken asks the classic endpoint (Learn, "WNS overview").
func (s *Server) fetchToken(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.cfg.PackageSID},
		"client_secret": {s.cfg.Secret}, "scope": {"notify.windows.com"}}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.TokenURL, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.sender.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", 0, err
	}
	var reply struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return "", 0, fmt.Errorf("token endpoint: HTTP status %d, reply is not JSON: %w", resp.StatusCode, err)
	}
	if resp.StatusCode != http.StatusOK || reply.AccessToken == "" {
		return "", 0, fmt.Errorf("token endpoint: HTTP status %d, %s", resp.StatusCode, reply.Error)
	}
	return reply.AccessToken, time.Duration(reply.ExpiresIn) * time.Second, nil
}
