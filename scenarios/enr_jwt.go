package scenarios

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A JWT that is spoilt somewhere is usually no JSON any more, so even a server that
// verifies nothing refuses it. These forgeries can be read: only the signature tells.

// claimsOf reads the payload of a token of three base64url parts (RFC 7515 section 3.1).
func claimsOf(token string) (parts []string, claims map[string]any) {
	parts = strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return nil, nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	if dec.Decode(&claims) != nil {
		return nil, nil
	}
	return parts, claims
}

func isJWT(token string) bool {
	_, claims := claimsOf(token)
	return len(claims) > 0
}

// otherClaim changes one claim of a JWT and keeps the signature. It is one that hardly
// any server compares with something else: an end an hour later, or else a text.
func otherClaim(token string) string {
	parts, claims := claimsOf(token)
	if claims == nil {
		return spoil(token) // another sign-in returned no JWT
	}
	names := slices.Sorted(maps.Keys(claims))
	changed := false
	for _, name := range append([]string{"exp"}, names...) {
		switch v := claims[name].(type) {
		case json.Number:
			if n, err := v.Int64(); err == nil && name == "exp" {
				claims[name], changed = n+3600, true
			}
		case string:
			if name != "iss" && name != "aud" && v != "" {
				claims[name], changed = string(another(v[0]))+v[1:], true
			}
		}
		if changed {
			break
		}
	}
	if !changed {
		claims["dmwake"] = "1"
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return spoil(token)
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}

// otherSignature changes the signature of a JWT.
func otherSignature(token string) string {
	parts, _ := claimsOf(token)
	if len(parts) != 3 {
		return spoil(token)
	}
	if parts[2] == "" {
		return parts[0] + "." + parts[1] + ".AAAA"
	}
	b := []byte(parts[2])
	b[len(b)/2] = another(b[len(b)/2])
	return parts[0] + "." + parts[1] + "." + string(b)
}
