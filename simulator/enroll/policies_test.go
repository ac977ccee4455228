package enroll

import (
	"slices"
	"strings"
	"testing"
)

// TestPolicyRequest: what is written is read back; a GetPolicies must have a client
// with content.
func TestPolicyRequest(t *testing.T) {
	cred := &Credential{Username: "u", Password: "p"}
	for _, oids := range [][]string{nil, {"1.2.3"}, {"1.2.3", "2.25.1"}} {
		raw, err := (&PolicyRequest{To: "https://a", Credential: cred, PolicyOIDs: oids}).Write()
		if err != nil {
			t.Fatal(err)
		}
		e, err := ReadEnvelope(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.PolicyRequest()
		if err != nil || got.To != "https://a" || !slices.Equal(got.PolicyOIDs, oids) {
			t.Errorf("%v: %+v, %v", oids, got, err)
		}
		from, to := strings.Index(string(raw), "<client>"), strings.Index(string(raw), "</client>")+len("</client>")
		for _, client := range []string{"", "<client/>", `<client xsi:nil="true"/>`, "<client> </client>"} {
			e, err := ReadEnvelope([]byte(string(raw[:from]) + client + string(raw[to:])))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.PolicyRequest(); err == nil {
				t.Errorf("a request with the client %q is read", client)
			}
		}
	}
}
