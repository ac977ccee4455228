package entra

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Kind says what is wrong with a token.
type Kind string

// The kinds of tokens.
const (
	Good          Kind = "good"
	AlgNone       Kind = "alg-none"
	WrongKey      Kind = "wrong-key"
	KeyConfusion  Kind = "key-confusion"
	Tampered      Kind = "tampered"
	WrongAudience Kind = "wrong-audience"
	WrongIssuer   Kind = "wrong-issuer"
	WrongTenant   Kind = "wrong-tenant"
	Expired       Kind = "expired"
	NotYetValid   Kind = "not-yet-valid"
	NoExpiry      Kind = "no-expiry"
)

// Means says in words what a token of the kind is; empty for an unknown one.
func (k Kind) Means() string {
	return map[Kind]string{
		Good:          "nothing is wrong with it",
		AlgNone:       "not signed at all (alg is none)",
		WrongKey:      "signed with a key that the directory does not publish",
		KeyConfusion:  "signed by HS256 with the public key as the secret",
		Tampered:      "a claim was changed after it was signed",
		WrongAudience: "for another application",
		WrongIssuer:   "another issuer's name",
		WrongTenant:   "another tenant's tid and issuer, signed with the same keys",
		Expired:       "expired an hour ago",
		NotYetValid:   "valid from tomorrow on",
		NoExpiry:      "without exp",
	}[k]
}

// BadKinds returns all kinds that a server must refuse.
func BadKinds() []Kind {
	return []Kind{AlgNone, WrongKey, KeyConfusion, Tampered, WrongAudience, WrongIssuer, WrongTenant, Expired, NotYetValid, NoExpiry}
}

// Who a token is for.
type Who struct {
	UPN      string // the user
	DeviceID string // the device's id in the directory; random if empty
	// Audience replaces the provider's, in v1.0 tokens.
	Audience string
	// Version replaces the provider's.
	Version string
	// Device asks for a token of the device itself, which names no user.
	Device bool
	// Unregistered is a user whose device is not registered yet, as on the
	// terms-of-use page: the token has no deviceid.
	Unregistered bool
}

// claims are those of a good token. The claims of a device's own token are not
// published: idtyp is one that Entra knows for apps and users [model].
func (p *Provider) claims(who Who) jwt.MapClaims {
	now, device, version := p.cfg.Now(), cmp.Or(who.DeviceID, uuid.NewString()), p.version(who)
	iss, aud := p.Of(version)
	if who.Audience != "" && version != V2 {
		aud = who.Audience
	}
	c := jwt.MapClaims{
		"aud": aud, "iss": iss, "tid": p.cfg.Tenant, "sub": uuid.NewString(), "uti": uuid.NewString(), "ver": "1.0",
		"appid": "29d9ed98-a469-4536-ade2-f981bc1d605e", "deviceid": device,
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(p.cfg.Life).Unix(),
	}
	object := who.UPN
	if who.Device {
		c["idtyp"], object = "device", device
	} else {
		c["upn"], c["unique_name"], c["scp"], c["amr"] = who.UPN, who.UPN, "mdm_delegation", []string{"pwd", "mfa"}
	}
	c["oid"] = uuid.NewSHA1(uuid.NameSpaceURL, []byte(object)).String()
	if who.Unregistered {
		delete(c, "deviceid")
	}
	if version == V2 {
		renew(c)
	}
	return c
}

// version is the one of the tokens that someone gets.
func (p *Provider) version(who Who) string { return cmp.Or(who.Version, p.cfg.Version) }

// Issue returns a token of that kind.
func (p *Provider) Issue(kind Kind, who Who) (string, error) {
	if err := checkVersion(p.version(who)); err != nil {
		return "", err
	}
	now, claims := p.cfg.Now(), p.claims(who)
	key, method := any(p.key), jwt.SigningMethod(jwt.SigningMethodRS256)
	switch kind {
	case Good, Tampered:
	case AlgNone:
		key, method = jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone
	case WrongKey:
		key = p.other
	case KeyConfusion:
		key, method = p.key.N.Bytes(), jwt.SigningMethodHS256
	case WrongAudience:
		claims["aud"] = "https://other.example"
	case WrongIssuer:
		claims["iss"] = "https://sts.evil.example/" + p.cfg.Tenant + "/"
	case WrongTenant:
		other := uuid.NewString()
		claims["tid"], claims["iss"] = other, Issuer(p.version(who), other)
	case Expired:
		claims["iat"], claims["nbf"], claims["exp"] = now.Add(-2*time.Hour).Unix(), now.Add(-2*time.Hour).Unix(), now.Add(-time.Hour).Unix()
	case NotYetValid:
		claims["nbf"], claims["exp"] = now.Add(24*time.Hour).Unix(), now.Add(25*time.Hour).Unix()
	case NoExpiry:
		delete(claims, "exp")
	default:
		return "", fmt.Errorf("unknown kind of token %q", kind)
	}
	t := jwt.NewWithClaims(method, claims)
	t.Header["kid"], t.Header["x5t"] = p.kid, p.kid
	signed, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	if kind == Tampered {
		parts := strings.Split(signed, ".")
		if who.Device {
			claims["deviceid"] = uuid.NewString()
		} else {
			for _, name := range []string{"upn", "preferred_username"} {
				if claims[name] != nil {
					claims[name] = "administrator@" + p.cfg.Tenant
				}
			}
		}
		raw, err := json.Marshal(claims)
		if err != nil {
			return "", err
		}
		signed = parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]
	}
	return signed, nil
}
