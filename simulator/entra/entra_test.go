package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/simulator/entra"
)

// check verifies a token as a careful server does, with the provider's own
// documents below base.
func check(base string, p *entra.Provider, token string) error {
	var conf struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	get := func(url string, v any) error {
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(v)
	}
	if err := get(base+"/.well-known/openid-configuration", &conf); err != nil {
		return err
	}
	if err := get(conf.Keys, &set); err != nil {
		return err
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kid == t.Header["kid"] {
				n, _ := base64.RawURLEncoding.DecodeString(k.N)
				e, _ := base64.RawURLEncoding.DecodeString(k.E)
				return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
			}
		}
		return nil, errors.New("no such key")
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(conf.Issuer), jwt.WithAudience(p.Audience()), jwt.WithExpirationRequired())
	if err == nil && claims["tid"] != p.Tenant() {
		err = errors.New("another tenant")
	}
	return err
}

// TestTokens: in both versions a careful server takes the good token and none of the
// bad ones.
func TestTokens(t *testing.T) {
	for _, version := range []string{entra.V1, entra.V2} {
		t.Run(version, func(t *testing.T) { tokens(t, version) })
	}
	if _, err := entra.New(entra.Config{Version: "3.0"}); err == nil || err.Error() != `unknown token version "3.0"; use 1.0 or 2.0` {
		t.Errorf("%v", err)
	}
}

func tokens(t *testing.T, version string) {
	var p *entra.Provider
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	p, err := entra.New(entra.Config{BaseURL: srv.URL, Version: version})
	if err != nil {
		t.Fatal(err)
	}
	base := srv.URL + "/" + p.Tenant()
	if version == entra.V2 {
		base += "/v2.0"
	}
	for name, who := range map[string]entra.Who{"user": {UPN: "u@x"}, "device": {Device: true, DeviceID: "d"}} {
		token, err := p.Issue(entra.Good, who)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(base, p, token); err != nil {
			t.Errorf("the good %s token: %v", name, err)
		}
		for _, kind := range entra.BadKinds() {
			token, err := p.Issue(kind, who)
			if err != nil {
				t.Fatal(err)
			}
			if check(base, p, token) == nil {
				t.Errorf("a careful server takes the %s token of a %s", kind, name)
			}
		}
	}
	if _, err := p.Issue("nice", entra.Who{}); err == nil {
		t.Error("an unknown kind must be an error")
	}
	resp, err := http.Get(srv.URL + "/other/discovery/keys")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("another tenant's keys: %d", resp.StatusCode)
	}
}

// TestVersions: the claims in which the versions differ.
func TestVersions(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	for version, want := range map[string]map[string]any{
		entra.V1: {"ver": "1.0", "iss": "https://sts.windows.net/" + tenant + "/", "aud": "https://mdm.example", "upn": "u@x", "unique_name": "u@x", "appid": "29d9ed98-a469-4536-ade2-f981bc1d605e", "preferred_username": nil, "azp": nil},
		entra.V2: {"ver": "2.0", "iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "aud": "c-1", "upn": nil, "unique_name": nil, "appid": nil, "amr": nil,
			"preferred_username": "u@x", "azp": "29d9ed98-a469-4536-ade2-f981bc1d605e", "tid": tenant, "scp": "mdm_delegation"},
	} {
		p, err := entra.New(entra.Config{Tenant: tenant, Version: version, ClientID: "c-1"})
		if err != nil {
			t.Fatal(err)
		}
		token, err := p.Issue(entra.Good, entra.Who{UPN: "u@x"})
		if err != nil {
			t.Fatal(err)
		}
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if claims[name] != value {
				t.Errorf("%s: %s is %v, want %v", version, name, claims[name], value)
			}
		}
		if claims["iss"] != p.Issuer() || claims["aud"] != p.Audience() || claims["deviceid"] == nil {
			t.Errorf("%s: %v", version, claims)
		}
	}
}

// TestOtherVersion: a token may be of another version than the provider's own.
func TestOtherVersion(t *testing.T) {
	p, err := entra.New(entra.Config{Tenant: "t", ClientID: "c-1"})
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{"": "1.0", entra.V1: "1.0", entra.V2: "2.0"} {
		token, err := p.Issue(entra.Good, entra.Who{UPN: "u@x", Version: version, Audience: map[string]string{entra.V2: "https://other.example"}[version]})
		if err != nil {
			t.Fatal(err)
		}
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
			t.Fatal(err)
		}
		if iss, aud := p.Of(want); claims["ver"] != want || claims["iss"] != iss || claims["aud"] != aud {
			t.Errorf("%q: %v", version, claims)
		}
	}
	if _, err := p.Issue(entra.Good, entra.Who{Version: "3.0"}); err == nil {
		t.Error("an unknown version must be an error")
	}
}

// TestClaims: who a token names, for which application, and for how long (Learn,
// "Microsoft Entra integration with MDM": the token of the terms-of-use page names no
// device).
func TestClaims(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p, err := entra.New(entra.Config{Life: 20 * time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]struct {
		who                      entra.Who
		upn, device, aud, idType any
	}{
		"a user":       {entra.Who{UPN: "u@x", DeviceID: "d"}, "u@x", "d", "https://mdm.example", nil},
		"a device":     {entra.Who{UPN: "u@x", DeviceID: "d", Device: true}, nil, "d", "https://mdm.example", "device"},
		"unregistered": {entra.Who{UPN: "u@x", Unregistered: true, Audience: "https://other.example"}, "u@x", nil, "https://other.example", nil},
	} {
		var all []string
		for range 2 {
			token, err := p.Issue(entra.Good, in.who)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, token)
			claims := jwt.MapClaims{}
			if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
				t.Fatal(err)
			}
			if claims["upn"] != in.upn || claims["deviceid"] != in.device || claims["aud"] != in.aud || claims["idtyp"] != in.idType {
				t.Errorf("%s: %v", name, claims)
			}
			if until, err := claims.GetExpirationTime(); err != nil || !until.Equal(now.Add(20*time.Minute)) {
				t.Errorf("%s: until %v", name, until)
			}
		}
		if all[0] == all[1] {
			t.Errorf("%s: the second token is the first one", name)
		}
	}
}

// TestSameKeys: a provider that starts again with its keys signs as before.
func TestSameKeys(t *testing.T) {
	keys := []*rsa.PrivateKey{}
	first, err := entra.New(entra.Config{Tenant: "t", Key: func() (*rsa.PrivateKey, error) {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		keys = append(keys, k)
		return k, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := entra.New(entra.Config{Tenant: "t", Key: func() (*rsa.PrivateKey, error) {
		k := keys[0]
		keys = keys[1:]
		return k, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var served *entra.Provider
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	if served, err = entra.New(entra.Config{Tenant: "t", BaseURL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	token, err := again.Issue(entra.Good, entra.Who{UPN: "u@x"})
	if err != nil {
		t.Fatal(err)
	}
	if check(srv.URL, served, token) == nil {
		t.Error("another provider's keys verify the token")
	}
	kid := func(p *entra.Provider) any {
		token, err := p.Issue(entra.Good, entra.Who{})
		if err != nil {
			t.Fatal(err)
		}
		parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Header["kid"]
	}
	if kid(first) != kid(again) || kid(first) == kid(served) {
		t.Errorf("key ids %v, %v; another provider's %v", kid(first), kid(again), kid(served))
	}
}

func ExampleProvider_Issue() {
	p, err := entra.New(entra.Config{Tenant: "11111111-2222-3333-4444-555555555555", Audience: "https://mdm.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = p.Issue(entra.Expired, entra.Who{UPN: "user@contoso.example"})
	fmt.Println(p.Issuer(), err)
	// Output: https://sts.windows.net/11111111-2222-3333-4444-555555555555/ <nil>
}
