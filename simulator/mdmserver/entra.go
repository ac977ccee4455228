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
	"slices"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// Entra is the directory whose tokens enroll devices, under AuthPolicy
// Federated.
type Entra struct {
	Tenant, Issuer, Audience string
	// Also are the names in tokens of another version: a server must accept v2.0
	// tokens (Learn, "Microsoft Entra integration with MDM").
	Also    []TokenNames
	KeysURL string       // its JWKS
	HTTP    *http.Client // default http.DefaultClient

	mu   sync.Mutex
	keys map[string]*rsa.PublicKey
}

// TokenNames are the names of the directory and of this server in its tokens.
type TokenNames struct{ Issuer, Audience string }

// Names returns the names in tokens of each version.
func (e *Entra) Names() []TokenNames {
	return append([]TokenNames{{e.Issuer, e.Audience}}, e.Also...)
}

// names reports whether the issuer and the audience of a token belong together.
func (e *Entra) names(claims jwt.MapClaims) bool {
	issuer, _ := claims.GetIssuer()     // an empty one is nobody's
	audience, _ := claims.GetAudience() // as above
	return slices.ContainsFunc(e.Names(), func(n TokenNames) bool { return n.Issuer == issuer && slices.Contains(audience, n.Audience) })
}

// Key gives the key with that id. It fetches the set when the id is unknown.
func (e *Entra) Key(kid string) (*rsa.PublicKey, error) {
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

// Identity is who a token of the directory names.
type Identity struct {
	User     string // the user's UPN; empty if the token is of the device alone
	DeviceID string // the device's id in the directory; empty before it is registered
}

// checkJWT accepts a token that the directory signed for this server and that
// is valid now: signature, alg, iss, aud, tid and exp are all checked.
func (s *Server) checkJWT(token string) (*Identity, error) {
	e := s.cfg.Entra
	if len(token) > 16<<10 {
		return nil, errors.New("the token is too long")
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, ok := t.Header["kid"].(string)
		if !ok {
			return nil, errors.New("no kid")
		}
		return e.Key(kid)
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.cfg.Now))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errors.New("the directory's token expired")
	case err != nil:
		return nil, errors.New("the directory's token is not valid")
	case !e.names(claims):
		return nil, errors.New("the directory's token is for another application, or of another issuer")
	case claims["tid"] != e.Tenant:
		return nil, errors.New("the token is of another tenant")
	}
	who := &Identity{}
	for _, name := range []string{"preferred_username", "upn"} { // of v2.0 and v1.0
		if user, ok := claims[name].(string); ok {
			who.User = user
		}
	}
	who.DeviceID, _ = claims["deviceid"].(string)
	return who, nil
}
