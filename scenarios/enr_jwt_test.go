package scenarios

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestJWTOfThePage: a server whose wresult is a JWT has to verify it, and not only to
// read it. The proxy puts the reference's token into a JWT and takes it out again.
func TestJWTOfThePage(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	sign := func(text string) string {
		h := hmac.New(sha256.New, []byte("key of the test"))
		io.WriteString(h, text)
		return b64(h.Sum(nil))
	}
	page := regexp.MustCompile(`name="wresult" value="([^"]+)"`)
	issue := func(x *relayed) {
		x.body = page.ReplaceAllFunc(x.body, func(field []byte) []byte {
			of := b64([]byte(`{"alg":"HS256"}`)) + "." + b64([]byte(`{"exp":4102444800,"jti":"`+string(page.FindSubmatch(field)[1])+`","sub":"demo"}`))
			return []byte(`name="wresult" value="` + of + "." + sign(of) + `"`)
		})
	}
	shown := regexp.MustCompile(`(<(?:\w+:)?BinarySecurityToken[^>]*>)\s*([^<]*?)\s*(</(?:\w+:)?BinarySecurityToken>)`)
	for name, c := range map[string]struct {
		good func(parts []string) bool
		want report.Outcome
		says string
	}{
		"verified":  {func(p []string) bool { return sign(p[0]+"."+p[1]) == p[2] }, report.Passed, ""},
		"read only": {func([]string) bool { return true }, report.Failed, "4 of 11: GetPolicies with a wresult (JWT) with another claim, GetPolicies with a wresult (JWT) with another signature: the policy; RST with a wresult (JWT) with another claim, RST with a wresult (JWT) with another signature: a certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(_ http.ResponseWriter, r *http.Request, sent string) bool {
				if at := shown.FindStringSubmatchIndex(sent); at != nil {
					raw, _ := base64.StdEncoding.DecodeString(sent[at[4]:at[5]])
					if parts, claims := claimsOf(string(raw)); claims != nil && c.good(parts) {
						inner, _ := claims["jti"].(string)
						sent = sent[:at[4]] + base64Of([]byte(inner)) + sent[at[5]:]
					}
				}
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sent)), int64(len(sent))
				return false
			}
			l := proxy{server: func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated }, edit: issue, answer: read}.start(t)
			r, err := suite.Run(t.Context(), l, &only(t, "ENR-44")[0])
			if r.Outcome != c.want || !strings.Contains(r.Saw, c.says) {
				t.Errorf("%s %s %v; expected %s, saw %s", r.Outcome, r.Reason, err, r.Expected, r.Saw)
			}
		})
	}
}
