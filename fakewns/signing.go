package fakewns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signer makes and verifies access tokens. Services that share a key accept
// each other's.
type signer struct {
	key  []byte
	ec   *ecdsa.PrivateKey // of the directory's tokens, derived from key
	kid  string
	once sync.Once
}

func newSigner(key []byte) *signer {
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key)
	}
	return &signer{key: key}
}

// directory gives the key of Entra tokens. It is derived from the shared key,
// so that all services with that key publish the same JWKS.
func (g *signer) directory() (*ecdsa.PrivateKey, string) {
	g.once.Do(func() {
		for n := byte(0); ; n++ {
			sum := sha256.Sum256(append([]byte{n}, g.mac([]byte("directory"))...))
			if k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:]); err == nil {
				g.ec = k
				g.kid = base64.RawURLEncoding.EncodeToString(g.mac([]byte("kid"))[:8])
				return
			}
		}
	})
	return g.ec, g.kid
}

func (g *signer) mac(b []byte) []byte {
	m := hmac.New(sha256.New, g.key)
	m.Write(b)
	return m.Sum(nil)
}

// classicToken is the content of a classic token, in wire order. It is signed,
// not encrypted; senders treat it as opaque.
type classicToken struct {
	App             [8]byte // the app's tag
	Issued, Expires int64   // Unix milliseconds
	Random          [16]byte
}

const (
	classicPrefix = "EgA"
	classicMAC    = 16 // bytes of the MAC at the token's end
)

func appTag(a *App) (tag [8]byte) {
	sum := sha256.Sum256([]byte(strings.ToLower(a.id())))
	copy(tag[:], sum[:])
	return tag
}

// classic makes a token for the classic flow.
func (g *signer) classic(a *App, issued, expires time.Time, random []byte) string {
	t := classicToken{App: appTag(a), Issued: issued.UnixMilli(), Expires: expires.UnixMilli()}
	copy(t.Random[:], random)
	b, _ := binary.Append(nil, binary.BigEndian, t) // of a fixed size, cannot fail
	b = append(b, g.mac(b)[:classicMAC]...)
	return classicPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// readClassic reads a token that classic made with this key.
func (g *signer) readClassic(token string) (t classicToken, ok bool) {
	raw, ok := strings.CutPrefix(token, classicPrefix)
	if !ok {
		return t, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(raw)
	at := len(b) - classicMAC
	if err != nil || at != binary.Size(t) || !hmac.Equal(b[at:], g.mac(b[:at])[:classicMAC]) {
		return t, false
	}
	_, err = binary.Decode(b, binary.BigEndian, &t)
	return t, err == nil
}

// claim is what a token says.
type claim struct {
	app             func(*App) bool
	issued, expires time.Time
	grain           time.Duration // resolution of issued
}

// verify reads a token of either kind that this key signed.
func (g *signer) verify(token string, now time.Time) (claim, error) {
	if t, ok := g.readClassic(token); ok {
		return claim{func(a *App) bool { return appTag(a) == t.App }, time.UnixMilli(t.Issued), time.UnixMilli(t.Expires), time.Millisecond}, nil
	}
	if strings.Count(token, ".") != 2 {
		return claim{}, errors.New("not a token of this service")
	}
	key, _ := g.directory()
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(wnsAudience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		return claim{}, err
	}
	exp, err1 := claims.GetExpirationTime()
	iat, err2 := claims.GetIssuedAt()
	if err1 != nil || err2 != nil || exp == nil || iat == nil {
		return claim{}, errors.New("the token has no iat or exp")
	}
	return claim{func(a *App) bool {
		return a.Kind == Entra && a.ClientID == claims["appid"] && a.Tenant == claims["tid"]
	}, iat.Time, exp.Time, time.Second}, nil
}

// entra makes a directory's token for WNS.
func (g *signer) entra(a *App, issued, expires time.Time, random []byte) (string, error) {
	key, kid := g.directory()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": wnsAudience, "iss": "https://sts.windows.net/" + a.Tenant + "/", "tid": a.Tenant, "appid": a.ClientID, "ver": "1.0",
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix(), "uti": base64.RawURLEncoding.EncodeToString(random[:16]),
	})
	t.Header["kid"] = kid
	return t.SignedString(key)
}

// serveKeys publishes the directory's key.
func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	key, kid := s.signer.directory()
	raw, err := key.PublicKey.Bytes() // 0x04, X, Y
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	b64 := base64.RawURLEncoding.EncodeToString
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{ //nolint:errcheck // the client is gone
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": b64(raw[1:33]), "y": b64(raw[33:]),
	}}})
}
