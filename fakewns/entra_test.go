package fakewns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

var entraApp = App{PFN: DefaultApp.PFN, Kind: Entra, Tenant: "0b1c2d3e-0000-4000-8000-000000000001", ClientID: "0b1c2d3e-0000-4000-8000-000000000002", Secret: "s~e.cret"}

func entraForm() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {entraApp.ClientID}, "client_secret": {entraApp.Secret},
		"scope": {"https://wns.windows.com/.default"}}
}

// postForm gives status and body of a form that is posted to a path.
func (b *bench) postForm(path string, v url.Values) (int, map[string]any) {
	b.t.Helper()
	resp, err := b.srv.Client().PostForm(b.srv.URL+path, v)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		b.t.Fatalf("%s: %v", raw, err)
	}
	return resp.StatusCode, out
}

// TestEntraTokens: a token of a directory, checked with the keys it publishes
// by a library of its own, opens the app's channels.
func TestEntraTokens(t *testing.T) {
	b := newBench(t, Config{})
	channel := b.channel
	if err := b.SetApps([]App{entraApp}); err != nil {
		t.Fatal(err)
	}
	path := "/" + entraApp.Tenant + "/oauth2/v2.0/token"
	status, out := b.postForm(path, entraForm())
	token, _ := out["access_token"].(string)
	if status != 200 || token == "" || out["token_type"] != "bearer" || out["expires_in"] == nil {
		t.Fatalf("%d %v", status, out)
	}
	var keys struct{ Keys []map[string]string }
	resp, err := b.srv.Client().Get(b.srv.URL + "/" + entraApp.Tenant + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil || len(keys.Keys) != 1 {
		t.Fatalf("keys: %v %v", keys, err)
	}
	parsed, err := jwt.Parse(token, func(tok *jwt.Token) (any, error) {
		if tok.Header["kid"] != keys.Keys[0]["kid"] {
			return nil, fmt.Errorf("kid %v", tok.Header["kid"])
		}
		return ecKey(t, keys.Keys[0]), nil
	}, jwt.WithAudience("https://wns.windows.com/"), jwt.WithIssuer("https://sts.windows.net/"+entraApp.Tenant+"/"), jwt.WithExpirationRequired())
	if err != nil || !parsed.Valid {
		t.Fatalf("the token does not verify: %v", err)
	}

	b.token = token
	b.channel, _, err = b.OpenChannel(t.Context(), "device", entraApp.PFN, func([]byte) { b.woken <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	if got := b.send(nil).StatusCode; got != 200 {
		t.Fatalf("notification: %d", got)
	}
	b.wakes(1)
	b.channel = channel // of the classic app that had the PFN before
	if got := b.send(nil).StatusCode; got != 403 {
		t.Errorf("a channel of another app: %d", got)
	}
	for name, spoilt := range map[string]string{
		"no signature": token[:strings.LastIndex(token, ".")+1], "other claims": strings.Replace(token, ".", ".e30", 1), "two parts": "a.b", "none": unsigned(t),
	} {
		b.token = spoilt
		if got := b.send(nil).StatusCode; got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	b.token = token
	b.Advance(24 * time.Hour)
	if got := b.send(nil).StatusCode; got != 401 {
		t.Errorf("expired: %d", got)
	}
}

func unsigned(t *testing.T) string {
	t.Helper()
	now := time.Now()
	tok := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"aud": wnsAudience, "tid": entraApp.Tenant, "appid": entraApp.ClientID,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	s, err := tok.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEntraRefusals: every mistake has the code that people search for.
func TestEntraRefusals(t *testing.T) {
	b := newBench(t, Config{})
	personal := App{PFN: "personal.app_8wekyb3d8bbwe", Kind: Entra, Tenant: entraApp.Tenant, ClientID: "personal", Secret: "p", Consumers: true}
	if err := b.SetApps([]App{entraApp, personal}); err != nil {
		t.Fatal(err)
	}
	asPersonal := entraForm()
	asPersonal.Set("client_id", personal.ClientID)
	asPersonal.Set("client_secret", personal.Secret)
	if status, out := b.postForm("/consumers/oauth2/v2.0/token", asPersonal); status != 200 {
		t.Errorf("a personal app at /consumers: %d %v", status, out)
	}
	with := func(k, v string) url.Values {
		f := entraForm()
		f.Set(k, v)
		return f
	}
	without := func(k string) url.Values {
		f := entraForm()
		f.Del(k)
		return f
	}
	cases := []struct {
		name, tenant string
		form         url.Values
		status, code int
		err          string
	}{
		{"unknown tenant", "nowhere", entraForm(), 400, 90002, "invalid_request"},
		{"unknown client", "", with("client_id", "x"), 400, 700016, "unauthorized_client"},
		{"wrong secret", "", with("client_secret", "x"), 401, 7000215, "invalid_client"},
		{"no secret", "", without("client_secret"), 400, 900144, "invalid_request"},
		{"no scope", "", without("scope"), 400, 900144, "invalid_request"},
		{"classic scope", "", with("scope", "notify.windows.com"), 400, 70011, "invalid_scope"},
		{"unknown resource", "", with("scope", "https://other.example/.default"), 400, 500011, "invalid_resource"},
		{"personal app at a tenant", "", asPersonal, 400, 9002331, "unauthorized_client"},
		{"personal app at common", "common", asPersonal, 400, 9002346, "unauthorized_client"},
		{"directory app at consumers", "consumers", entraForm(), 400, 9002332, "unauthorized_client"},
		{"directory app at organizations", "organizations", entraForm(), 400, 50194, "invalid_request"},
		{"grant", "", with("grant_type", "password"), 400, 70003, "unsupported_grant_type"},
	}
	for _, c := range cases {
		tenant := c.tenant
		if tenant == "" {
			tenant = entraApp.Tenant
		}
		status, out := b.postForm("/"+tenant+"/oauth2/v2.0/token", c.form)
		codes, _ := out["error_codes"].([]any)
		text, _ := out["error_description"].(string)
		if status != c.status || out["error"] != c.err || len(codes) != 1 || codes[0] != float64(c.code) ||
			!strings.HasPrefix(text, fmt.Sprintf("AADSTS%d: ", c.code)) || out["trace_id"] == "" || out["correlation_id"] == "" {
			t.Errorf("%s: %d %v", c.name, status, out)
		}
		if strings.Contains(text, entraApp.Secret) {
			t.Errorf("%s: the secret is in the answer", c.name)
		}
	}
	// The classic endpoint does not know it, and a retired app is sent here.
	retired := DefaultApp
	retired.Kind, retired.PFN = ClassicRetired, "retired.app_t6e9vsyjkrw9w"
	if err := b.SetApps([]App{entraApp, retired}); err != nil {
		t.Fatal(err)
	}
	status, out := b.postForm(TokenPath, good(retired))
	if text, _ := out["error_description"].(string); status != 400 || out["error"] != "invalid_request" || !strings.Contains(text, "login.microsoftonline.com") {
		t.Errorf("retired: %d %v", status, out)
	}
}

// TestSharedKey: tokens of one service are good at another with the same key,
// of both kinds, and not at one with another key.
func TestSharedKey(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	for _, app := range []App{DefaultApp, entraApp} {
		first, second, stranger := newBench(t, Config{SigningKey: key}), newBench(t, Config{SigningKey: key}), newBench(t, Config{})
		for _, b := range []*bench{first, second, stranger} {
			if err := b.SetApps([]App{app}); err != nil {
				t.Fatal(err)
			}
			var err error
			if b.channel, _, err = b.OpenChannel(t.Context(), "d", app.PFN, func([]byte) {}); err != nil {
				t.Fatal(err)
			}
		}
		path, form := TokenPath, good(app)
		if app.Kind == Entra {
			path, form = "/"+app.Tenant+"/oauth2/v2.0/token", entraForm()
		}
		_, out := first.postForm(path, form)
		token, _ := out["access_token"].(string)
		first.token, second.token, stranger.token = token, token, token
		if a, b, c := first.send(nil).StatusCode, second.send(nil).StatusCode, stranger.send(nil).StatusCode; a != 200 || b != 200 || c != 401 {
			t.Errorf("%s: own %d, same key %d, another key %d", app.Kind, a, b, c)
		}
		second.RevokeTokens()
		if got := second.send(nil).StatusCode; got != 401 {
			t.Errorf("%s: revoked at the other: %d", app.Kind, got)
		}
	}
}

// ecKey makes the public key of a JWK.
func ecKey(t *testing.T, jwk map[string]string) *ecdsa.PublicKey {
	t.Helper()
	raw := []byte{4}
	for _, part := range []string{jwk["x"], jwk["y"]} {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || len(b) != 32 {
			t.Fatalf("JWK coordinate %q: %v", part, err)
		}
		raw = append(raw, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
