package enroll

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestAttestationClaim: the items have the lengths that 26200.9278 sends, and a
// server can tell a good claim from bad ones.
func TestAttestationClaim(t *testing.T) {
	pool := NewKeyPool(3)
	aik, err := pool.RSA()
	if err != nil {
		t.Fatal(err)
	}
	own, err := pool.RSA()
	if err != nil {
		t.Fatal(err)
	}
	pub := AIKPub(&aik.PublicKey)
	claim, err := AIKClaim(aik, own.Public())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(base64.StdEncoding.EncodeToString(pub)); n != 380 {
		t.Errorf("AIKPub has %d characters, want 380", n)
	}
	if n := len(base64.StdEncoding.EncodeToString(claim)); n != 1624 {
		t.Errorf("AIKAttestationClaim has %d characters, want 1624", n)
	}
	if err := CheckClaim(pub, claim, own.Public()); err != nil {
		t.Error(err)
	}
	forged := append([]byte(nil), claim...)
	forged[30]++
	for want, check := range map[string]error{
		"about another key":  CheckClaim(pub, claim, aik.Public()),
		"not signed":         CheckClaim(AIKPub(&own.PublicKey), claim, own.Public()),
		"signed by AIKPub":   CheckClaim(pub, forged, own.Public()),
		"not a claim":        CheckClaim(pub, []byte("garbage"), own.Public()),
		"cut off":            CheckClaim(pub, claim[:100], own.Public()),
		"not an RSA public":  CheckClaim([]byte("garbage"), claim, own.Public()),
		"lengths do not fit": CheckClaim(pub[:100], claim, own.Public()),
	} {
		if check == nil || !strings.Contains(check.Error(), want) {
			t.Errorf("%v, want %q", check, want)
		}
	}
}
