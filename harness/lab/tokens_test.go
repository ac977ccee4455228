package lab

import (
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
)

// TestHookTokens: a hook is asked again when its token is about to expire, when the
// server refused it, or if the token does not say until when it is valid.
func TestHookTokens(t *testing.T) {
	life, asked := time.Hour, []string{}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, string(body))
		if life == 0 {
			io.WriteString(w, "opaque\n")
			return
		}
		p, err := entra.New(entra.Config{Life: life, Key: func() (*rsa.PrivateKey, error) { return key, nil }})
		if err != nil {
			t.Error(err)
			return
		}
		token, err := p.Issue(entra.Good, entra.Who{UPN: "u@x"})
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, token+"\n")
	}))
	t.Cleanup(srv.Close)
	plain := &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL, Body: "{{.Username}}"}}
	whole := &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL, Body: "{{.TokenKind}} {{.DirectoryID}} {{.Audience}}"}}
	user, other := dmclient.TokenRequest{DeviceID: "d1"}, dmclient.TokenRequest{DeviceID: "d2"}
	for name, in := range map[string]struct {
		hook *target.Hook
		life time.Duration
		of   []dmclient.TokenRequest
		want string // what the hook was asked
	}{
		"kept":              {plain, time.Hour, []dmclient.TokenRequest{user, user, other}, "u@x"},
		"of each device":    {whole, time.Hour, []dmclient.TokenRequest{user, user, other}, "user d1 ; user d2 "},
		"about to expire":   {plain, nearExpiry - time.Second, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"expired":           {plain, time.Nanosecond, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"opaque":            {plain, 0, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"refused":           {plain, time.Hour, []dmclient.TokenRequest{user, {DeviceID: "d1", Renew: true}, user}, "u@x; u@x"},
		"of a device":       {whole, time.Hour, []dmclient.TokenRequest{{DeviceID: "d1", Device: true}, user}, "device d1 ; user d1 "},
		"terms of use":      {whole, time.Hour, []dmclient.TokenRequest{{}}, "terms  "},
		"another audience":  {whole, time.Hour, []dmclient.TokenRequest{user, {DeviceID: "d1", Audience: "https://a.example"}}, "user d1 ; user d1 https://a.example"},
		"no device's token": {plain, time.Hour, []dmclient.TokenRequest{{DeviceID: "d1", Device: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			life, asked = in.life, nil
			tokens := HookTokens(in.hook, "u@x", time.Minute)
			for _, r := range in.of {
				token, err := tokens(t.Context(), r)
				if refuses := in.want == ""; (err != nil) != refuses || refuses != (token == "") || strings.TrimSpace(token) != token {
					t.Errorf("%+v: %q, %v", r, token, err)
				}
			}
			if got := strings.Join(asked, "; "); got != in.want {
				t.Errorf("the hook was asked %q, want %q", got, in.want)
			}
		})
	}
	srv.Close()
	if _, err := HookTokens(plain, "u@x", time.Minute)(t.Context(), user); err == nil || !strings.Contains(err.Error(), "the token hook failed") {
		t.Error(err)
	}
}
