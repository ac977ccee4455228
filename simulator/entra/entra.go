// Package entra is a fake identity provider that replaces Microsoft Entra: it issues
// the tokens that a joining device sends to its MDM server, and serves the keys to
// verify them. It also issues bad tokens, one kind for each check that a server must
// make.
//
// Sources: Learn, "Microsoft Entra integration with MDM" and "Access tokens in
// the Microsoft identity platform" for the claims; two published advisories about MDM
// servers for the kinds of bad tokens (signature not checked; aud and iss not
// checked).
package entra

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
)

// Config of a Provider. The zero value works.
type Config struct {
	// BaseURL is where the provider is served, for its discovery document:
	// https://login.example. Default https://login.microsoftonline.com.
	BaseURL string
	// Tenant is the directory's id; random if empty.
	Tenant string
	// Audience is the MDM server's application id URI, default
	// "https://mdm.example". It is the audience of v1.0 tokens.
	Audience string
	// Version is the one of the tokens, V1 (default) or V2. ClientID is the MDM
	// server's application id, the audience of v2.0 tokens; default DefaultClientID.
	Version, ClientID string
	// Life is how long a token is valid, default an hour.
	Life time.Duration
	Now  func() time.Time // default time.Now
	// Key makes the provider's two keys, one for its tokens and one that it does not
	// publish: two calls must return two keys. Default: a new RSA 2048 key. With the
	// same keys, tenant and audience, servers take two providers for one.
	Key func() (*rsa.PrivateKey, error)
}

// Provider issues tokens and serves its documents.
type Provider struct {
	cfg        Config
	key, other *rsa.PrivateKey
	kid        string
	router     *mux.Router
}

// New returns a provider with its own key.
func New(cfg Config) (*Provider, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://login.microsoftonline.com"
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Tenant == "" {
		cfg.Tenant = uuid.NewString()
	}
	if cfg.Audience == "" {
		cfg.Audience = "https://mdm.example"
	}
	cfg.Version, cfg.ClientID = cmp.Or(cfg.Version, V1), cmp.Or(cfg.ClientID, DefaultClientID)
	if err := checkVersion(cfg.Version); err != nil {
		return nil, err
	}
	if cfg.Life <= 0 {
		cfg.Life = time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Key == nil {
		cfg.Key = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	p := &Provider{cfg: cfg}
	var err error
	if p.key, err = cfg.Key(); err != nil {
		return nil, fmt.Errorf("make the identity provider's key: %w", err)
	}
	if p.other, err = cfg.Key(); err != nil {
		return nil, fmt.Errorf("make a key other than the identity provider's: %w", err)
	}
	sum := sha256.Sum256(p.key.N.Bytes())
	p.kid = base64.RawURLEncoding.EncodeToString(sum[:20])
	r := mux.NewRouter()
	r.Path("/{tenant}/.well-known/openid-configuration").Methods(http.MethodGet).HandlerFunc(p.configuration(V1))
	r.Path("/{tenant}/v2.0/.well-known/openid-configuration").Methods(http.MethodGet).HandlerFunc(p.configuration(V2))
	r.Path("/{tenant}/discovery/keys").Methods(http.MethodGet).HandlerFunc(p.keys)
	r.Path("/{tenant}/discovery/v2.0/keys").Methods(http.MethodGet).HandlerFunc(p.keys)
	p.router = r
	return p, nil
}

// ServeHTTP serves the discovery document and the keys.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.router.ServeHTTP(w, r) }

// Tenant returns the directory's id.
func (p *Provider) Tenant() string { return p.cfg.Tenant }

// Version returns the version of the tokens.
func (p *Provider) Version() string { return p.cfg.Version }

// Issuer returns the iss of good tokens.
func (p *Provider) Issuer() string { return Issuer(p.cfg.Version, p.cfg.Tenant) }

// Audience returns the aud of good tokens.
func (p *Provider) Audience() string { return p.audience(p.cfg.Version) }

// Of returns the iss and aud of good tokens of a version.
func (p *Provider) Of(version string) (iss, aud string) {
	return Issuer(version, p.cfg.Tenant), p.audience(version)
}

// audience is the application that a token is for. In v2.0 it is an application's
// id, and resources have no other name.
func (p *Provider) audience(version string) string {
	if version == V2 {
		return p.cfg.ClientID
	}
	return p.cfg.Audience
}

// KeysURL returns the URL of the keys.
func (p *Provider) KeysURL() string {
	return p.cfg.BaseURL + "/" + p.cfg.Tenant + "/discovery/v2.0/keys"
}

// configuration serves the discovery document of one version of tokens.
func (p *Provider) configuration(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.knows(w, r) {
			return
		}
		answer(w, map[string]any{
			"issuer": Issuer(version, p.cfg.Tenant), "jwks_uri": p.KeysURL(), "id_token_signing_alg_values_supported": []string{"RS256"},
			"authorization_endpoint":  p.cfg.BaseURL + "/" + p.cfg.Tenant + "/oauth2/v2.0/authorize",
			"token_endpoint":          p.cfg.BaseURL + "/" + p.cfg.Tenant + "/oauth2/v2.0/token",
			"subject_types_supported": []string{"pairwise"}, "response_types_supported": []string{"code", "id_token"},
		})
	}
}

// knows answers 400 to requests for another tenant's documents, as Entra does.
func (p *Provider) knows(w http.ResponseWriter, r *http.Request) bool {
	switch mux.Vars(r)["tenant"] {
	case p.cfg.Tenant, "common", "organizations":
		return true
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}) //nolint:errcheck // the client is gone
	return false
}

func (p *Provider) keys(w http.ResponseWriter, r *http.Request) {
	if !p.knows(w, r) {
		return
	}
	b64 := base64.RawURLEncoding.EncodeToString
	answer(w, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "kid": p.kid, "alg": "RS256", "n": b64(p.key.N.Bytes()), "e": b64(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client is gone
}
