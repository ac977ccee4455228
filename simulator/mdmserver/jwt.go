package mdmserver

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Entra is the directory whose tokens enroll devices, under AuthPolicy
// Federated.
type Entra struct {
	Tenant, Issuer, Audience string
	KeysURL                  string       // its JWKS
	HTTP                     *http.Client // default http.DefaultClient

	mu   sync.Mutex
	keys map[string]*rsa.PublicKey
}

// key gives the key of that id; the set is fetched where it is not known.
func (e *Entra) key(kid string) (*rsa.PublicKey, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if k := e.keys[kid]; k != nil {
		return k, nil
	}
	client := e.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Get(e.KeysURL)
	if err != nil {
		return nil, errors.New("the directory's keys cannot be fetched")
	}
	defer resp.Body.Close()
	var set struct {
		Keys []struct{ Kid, Kty, N, E string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&set); err != nil {
		return nil, errors.New("the directory's keys cannot be read")
	}
	e.keys = map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, err1 := base64.RawURLEncoding.DecodeString(k.N)
		exp, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if k.Kty == "RSA" && err1 == nil && err2 == nil && len(exp) <= 4 {
			e.keys[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(exp).Int64())}
		}
	}
	if k := e.keys[kid]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("the directory has no key %.40q", kid)
}

// checkJWT takes a token that the directory signed for this server, and is
// valid now: signature, alg, iss, aud, tid and exp are all checked.
func (s *Server) checkJWT(token string) error {
	e := s.cfg.Entra
	if len(token) > 16<<10 {
		return errors.New("the token is too long")
	}
	claims := jwt.MapClaims{}
	if s.is("sec-jwt-key") {
		_, _, err := jwt.NewParser().ParseUnverified(token, claims)
		return err
	}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if s.is("sec-jwt-alg") && t.Method == jwt.SigningMethodNone {
			return jwt.UnsafeAllowNoneSignatureType, nil
		}
		kid, ok := t.Header["kid"].(string)
		if !ok {
			return nil, errors.New("no kid")
		}
		return e.key(kid)
	}, s.jwtOptions()...)
	switch {
	case err != nil:
		return errors.New("the directory's token is not valid")
	case claims["tid"] != e.Tenant && !s.is("sec-jwt-tid"):
		return errors.New("the token is of another tenant")
	}
	return nil
}

// jwtOptions are the checks of a token beside its signature and tenant.
func (s *Server) jwtOptions() []jwt.ParserOption {
	methods := []string{"RS256"}
	if s.is("sec-jwt-alg") {
		methods = append(methods, "none")
	}
	out := []jwt.ParserOption{jwt.WithValidMethods(methods)}
	if !s.is("sec-jwt-iss") && !s.is("sec-jwt-tid") { // the issuer's name holds the tenant
		out = append(out, jwt.WithIssuer(s.cfg.Entra.Issuer))
	}
	if !s.is("sec-jwt-aud") {
		out = append(out, jwt.WithAudience(s.cfg.Entra.Audience))
	}
	if s.is("sec-jwt-exp") {
		return append(out, jwt.WithLeeway(240*time.Hour))
	}
	return append(out, jwt.WithExpirationRequired())
}
