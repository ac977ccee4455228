package fakewns

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTokenAnswers(t *testing.T) {
	b := newBench(t, Config{})
	cases := []struct {
		name   string
		edit   func(url.Values)
		status int
		err    string
	}{
		{"sound", func(url.Values) {}, 200, ""},
		{"grant_type", func(v url.Values) { v.Set("grant_type", "password") }, 400, "unsupported_grant_type"},
		{"scope", func(v url.Values) { v.Set("scope", "x") }, 400, "invalid_scope"},
		{"bare SID", func(v url.Values) { v.Set("client_id", "s-1-15-2-1") }, 400, "invalid_client"},
		{"unknown SID", func(v url.Values) { v.Set("client_id", "ms-app://s-1") }, 400, "invalid_client"},
		{"wrong secret", func(v url.Values) { v.Set("client_secret", "x") }, 400, "invalid_client"},
	}
	for _, c := range cases {
		v := good(DefaultApp)
		c.edit(v)
		resp, out := b.form(v)
		got, _ := out["error"].(string)
		if resp.StatusCode != c.status || got != c.err {
			t.Errorf("%s: %d %q, want %d %q", c.name, resp.StatusCode, got, c.status, c.err)
		}
	}
	resp, err := b.srv.Client().Post(b.srv.URL+TokenPath, "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("JSON body: %d", resp.StatusCode)
	}
	mark := b.Journal().Mark()
	plain := strings.Replace(good(DefaultApp).Encode(), url.QueryEscape("ms-app://"), "ms-app://", 1)
	resp, err = b.srv.Client().Post(b.srv.URL+TokenPath, "application/x-www-form-urlencoded", strings.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if e := b.Journal().Since(mark, nil)[0]; resp.StatusCode != 200 || e.Violated(RulePercentEncoding) == "" {
		t.Errorf("a plain ms-app:// is taken and noted: %d, %v", resp.StatusCode, e)
	}
	for value, status := range map[string]int{DefaultApp.Secret: 400, "dmwake%2BTest/Secret%3D": 200, "dmwake%2BTest%2FSecret=": 200} {
		mark := b.Journal().Mark()
		form := strings.Replace(good(DefaultApp).Encode(), url.QueryEscape(DefaultApp.Secret), value, 1)
		resp, err := b.srv.Client().Post(b.srv.URL+TokenPath, "application/x-www-form-urlencoded", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if e := b.Journal().Since(mark, nil)[0]; resp.StatusCode != status || e.Violated(RulePercentEncoding) == "" {
			t.Errorf("the secret as %s: %d, %v", value, resp.StatusCode, e)
		}
	}
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	now := time.Now()
	b := newBench(t, Config{Now: func() time.Time { return now }})
	if got := b.send(nil).StatusCode; got != 200 {
		t.Fatalf("fresh token: %d", got)
	}
	now = now.Add(24 * time.Hour)
	if got := b.send(nil).StatusCode; got != 401 {
		t.Errorf("expired token: %d", got)
	}
	b.token = b.newToken(DefaultApp)
	b.RevokeTokens()
	if got := b.send(nil).StatusCode; got != 401 {
		t.Errorf("revoked token: %d", got)
	}
	now = now.Add(30 * 24 * time.Hour)
	b.token = b.newToken(DefaultApp)
	if got := b.send(nil).StatusCode; got != 410 {
		t.Errorf("channel after 30 days: %d", got)
	}
}
