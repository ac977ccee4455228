package scenarios

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// forgedTokens are the SEC scenarios about tokens in sessions that no directory made.
var forgedTokens = []Scenario{
	{ID: "SEC-19", Level: report.Must, Title: "a forged AADUserToken does no harm",
		Rule:    "The user's token comes in Alert 1224 of type com.microsoft/MDM/AADUserToken. A forged one is answered with a Status, or the session is refused. It never leads to a server error, and the device's next session is an ordinary one.",
		Source:  "Learn, \"Microsoft Entra integration with MDM\"; MS-MDM 3.2.5.1.2, 2.2.6.1; CWE-20",
		Fix:     "Verify the token before you use it. If that fails, answer the Alert with 401, and go on without the token.",
		Mutants: []*mutants.Mutant{mutants.SecTokenFails, mutants.SecTokenSilent},
		Under:   []string{"SES-09", "SES-24"},
		Run: func(t *T) {
			for _, in := range forged() {
				t.Try(in.what, func() {
					d := t.Next()
					d.First()
					s := d.Sync(dmclient.SyncOptions{NoRetry: true, Alerts: []syncml.Command{clientEvent("com.microsoft/MDM/AADUserToken", in.token)}})
					bearsToken(t, s, in.what)
					runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a session with %s", in.what)
				})
			}
		}},
}

type forgedToken struct{ what, token string }

// forged are values that are no token of a directory.
func forged() []forgedToken {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	claims := part(`{"aud":"https://mdm.example","iss":"https://sts.windows.net/00000000-0000-0000-0000-000000000000/","upn":"admin@mdm.example","exp":4102444800}`)
	return []forgedToken{
		{"a token that is no JWT", "not a token"},
		{"a token without a signature", part(`{"alg":"none","typ":"JWT"}`) + "." + claims + "."},
		{"a token with an invented signature", part(`{"alg":"RS256","typ":"JWT","kid":"../../etc/passwd"}`) + "." + claims + "." + part(strings.Repeat("x", 256))},
		{"a token of 20,000 characters", strings.Repeat("A", 20000)},
		{"an empty token", ""},
	}
}

// bearsToken fails if the session with a forged token led to an error, or left its
// Alert without a Status.
func bearsToken(t *T, s *dmclient.Session, what string) {
	if len(s.Exchanges) == 0 {
		t.Error("no session could be tried: %v", s.Err)
	}
	first := s.Exchanges[0]
	switch {
	case first.Err != nil:
		t.Control()
		t.Fail("an answer to a message with "+what, first.Err.Error())
	case first.Status >= http.StatusInternalServerError:
		t.Control()
		t.Fail("a Status for the Alert with "+what+", or a refusal", fmt.Sprintf("HTTP status %d", first.Status))
	case first.Status != http.StatusOK || len(s.Received) == 0:
		return // refused
	}
	hdr := hdrStatus(s.Received[answeringPackageOne(s)])
	if hdr.Data != "" && !syncml.Success(hdr.Code()) {
		return // refused
	}
	if statusOfAlert(s, func(c *syncml.Command) bool { return isEvent(c, "AADUserToken") }) == nil {
		if len(unansweredOf(s)) > 1 {
			t.Blocked(suite.By("SES-09"), "the server leaves other commands of package 1 without a Status, too")
		}
		t.Fail("a Status for the Alert with "+what, "none")
	}
}
