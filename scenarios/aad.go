package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// entraDoc is the document about servers that work with Entra.
const entraDoc = "Learn, \"Microsoft Entra integration with MDM\""

// ofDirectory are the AAD scenarios about enrollment with a directory's token.
var ofDirectory = []Scenario{
	{
		ID: "AAD-01", Level: report.Should, On: "entra", Title: "Discover answers Federated to devices of a directory",
		Rule:    "A device that joins a directory, or adds a work account, enrolls with AuthPolicy Federated.",
		Source:  entraDoc + ", Enrollment protocol",
		Fix:     "Answer Discover with AuthPolicy Federated if the device offers it.",
		Mutants: []*mutants.Mutant{mutants.AadOnPremise},
		Run: func(t *T) {
			usesDirectory(t)
			r := discoveredBy(t.Specimen())
			t.Expect(r.AuthPolicy, "AuthPolicy in the Discover reply").To(Equal("Federated"))
		},
	},
	{
		ID: "AAD-02", Level: report.Must, On: "entra", Title: "a directory's token enrolls a device",
		Rule:    "The directory's token, base64-encoded in BinarySecurityToken, enrolls a device without a sign-in page: in a join (EnrollmentType Device) and when a user adds a work account (Full).",
		Source:  entraDoc + ", Enrollment protocol",
		Fix:     "Accept a JWT of the directory in GetPolicies and in RST, for both values of EnrollmentType.",
		Mutants: []*mutants.Mutant{mutants.AadTokenRefused, mutants.AadJoinRefused},
		Under:   []string{"AAD-01"},
		Decides: []suite.Premise{suite.Enrolls},
		Run: func(t *T) {
			usesDirectory(t)
			for _, kind := range []string{"Device", "Full"} {
				t.Try("EnrollmentType "+kind, func() {
					d := t.DeviceWith(func(c *dmclient.Config) { c.EnrollmentType = kind })
					takesToken(t, d, d.Enroll(), "a good token")
				})
			}
		},
	},
	{
		ID: "AAD-03", Level: report.Must, On: "entra", Title: "v2.0 tokens are accepted",
		Rule:    "The server accepts the directory's v2.0 tokens, in the enrollment and in sessions: the issuer is https://login.microsoftonline.com/{tenant}/v2.0, the audience the application's id, and preferred_username names the user.",
		Source:  entraDoc + ", note on V2 tokens; Learn, \"Access token claims reference\"",
		Fix:     "Accept tokens with ver 2.0 beside 1.0: compare aud with the application's id, and iss with the v2.0 issuer of the tenant.",
		Mutants: []*mutants.Mutant{mutants.AadV1Only, mutants.AadV1Sessions},
		Under:   []string{"AAD-02"},
		Run: func(t *T) {
			p := issuing(t)
			if p.Version() != entra.V2 && t.Lab.Config.Target.Directory.ClientID == "" {
				t.SkipUnset("target.directory.client_id", "nobody knows the application id that v2.0 tokens are for: set target.directory.client_id to the one that the server knows (or target.directory.version: 2.0 with it)")
			}
			d := t.DeviceWith(func(c *dmclient.Config) { c.Tokens = tokensOf(t, p, entra.Who{Version: entra.V2}) })
			takesToken(t, d, d.Enroll(), "a v2.0 token")
			s := begun(d).Sessions()[0]
			if !turnedAway(s) {
				return
			}
			if turnedAway(begun(member(t, "Full", nil)).Sessions()[0]) {
				t.Blocked(suite.By(suite.Talks, suite.Proves), "sessions with the usual tokens are refused as well")
			}
			t.Fail("a session of a device with v2.0 tokens", fmt.Sprintf("HTTP status %d", s.Exchanges[len(s.Exchanges)-1].Status))
		},
	},
}

// usesDirectory ends the body unless devices get their tokens from a directory. A hook
// may print other tokens, too: only the terms of use tell that they are a directory's.
func usesDirectory(t *T) {
	target := &t.Lab.Config.Target
	hook := target.Hooks.Token != nil && target.Hooks.Token.Type() == enroll.JWTToken && target.TermsOfUse != ""
	if t.Lab.Directory == nil && !hook {
		t.NotApplicable("devices get no tokens from a directory; if the server takes those of Entra, set target.directory, for example {listen: '127.0.0.1:7090'}, and let the server trust its keys")
	}
}

// issuing returns the directory of the run, which issues tokens of any kind.
func issuing(t *T) *entra.Provider {
	usesDirectory(t)
	if t.Lab.Directory == nil {
		t.SkipUnset("target.directory", "target.hooks.token prints only tokens of its own directory: set target.directory, for example {listen: '127.0.0.1:7090'}, and let the server trust its keys")
	}
	return t.Lab.Directory
}

// tokensOf gives a device good tokens that differ from the usual ones as who says.
func tokensOf(t *T, p *entra.Provider, who entra.Who) tokensAs {
	who.UPN = t.Lab.Config.Target.Username
	return func(_ context.Context, r dmclient.TokenRequest) (string, error) {
		one := who
		one.DeviceID, one.Audience, one.Device, one.Unregistered = r.DeviceID, r.Audience, r.Device, r.DeviceID == ""
		return p.Issue(entra.Good, one)
	}
}

// turnedAway reports whether a server refused a session.
func turnedAway(s *dmclient.Session) bool {
	n := len(s.Exchanges)
	return n > 0 && (s.Exchanges[n-1].Status == http.StatusUnauthorized || s.Exchanges[n-1].Status == http.StatusForbidden)
}

// takesToken fails if the server refused a device because of its token.
func takesToken(t *T, d *Device, err error, what string) {
	if r := d.Discovered(); r != nil && r.AuthPolicy != "Federated" {
		t.Blocked(suite.By("AAD-01"), "the server answers AuthPolicy %s, so the device does not use its token", suite.Show(r.AuthPolicy))
	}
	if err == nil {
		return
	}
	t.Excused(err)
	keepsEnrollment(d, "the last step of the enrollment")
	var e *enroll.Error
	switch {
	case errors.As(err, &e) && e.Step == enroll.StepTerms:
		t.Blocked(suite.By("AAD-05", "AAD-07", "AAD-09"), "%v", err)
	case errors.As(err, &e) && e.Refused():
		t.Fail(fmt.Sprintf("%s accepts %s of the directory", e.Step, what), said(err))
	}
	t.Blocked(suite.By(suite.Enrolls), "the enrollment failed for another reason: %v", err)
}
