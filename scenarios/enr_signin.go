package scenarios

import (
	"errors"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// signInPage are the ENR scenarios about what the sign-in page of Federated
// enrollment returns.
var signInPage = []Scenario{
	{
		ID: "ENR-44", Level: report.Must, On: "federated", Title: "wresult enrolls a device, an altered one does not",
		Rule:    "wresult, base64-encoded in BinarySecurityToken, is accepted by GetPolicies and RST. If it is changed, cut or invented, they refuse it.",
		Source:  "MS-MDE2 3.2, 3.3; MS-WSTEP 3.1.1.1.4",
		Fix:     "Look up the whole token, or verify its signature, in GetPolicies and in RST.",
		Mutants: []*mutants.Mutant{mutants.EnrWresultRefused, mutants.EnrWresultAny},
		Under:   []string{"ENR-06", "ENR-29"},
		Run: func(t *T) {
			d, r := pageOf(t)
			t.Try("wresult as the page returned it", func() { enrolledBy(t, d) })
			rst, signed := requestOf(d), false
			try := func(what string, alter func(token string) string) {
				var bad *enroll.Credential
				credential := func() *enroll.Credential {
					if bad == nil {
						token := wresult(t, r)
						signed = signed || isJWT(token)
						bad = &enroll.Credential{Token: []byte(alter(token))}
					}
					return bad
				}
				if r.PolicyURL != "" {
					t.Try("GetPolicies with "+what, func() { policiesRefuse(d, r, credential(), "GetPolicies with "+what) })
				}
				t.Try("RST with "+what, func() { tokenRefuses(d, r, rst, credential(), "RST with "+what) })
			}
			try("an altered wresult", spoil)
			try("wresult without its last third", func(s string) string { return s[:len(s)-len(s)/3] })
			try("an invented wresult", func(string) string { return "0123456789ABCDEF" })
			if signed {
				try("a wresult (JWT) with another claim", otherClaim)
				try("a wresult (JWT) with another signature", otherSignature)
			}
		},
	},
	{
		ID: "ENR-45", Level: report.Should, On: "federated", Title: "each sign-in returns another wresult",
		Rule:    "Two sign-ins return two values of wresult: a constant value is a password that everybody who signs in learns.",
		Source:  "MS-MDE2 3.2; CWE-330",
		Fix:     "Make wresult random for each sign-in, or sign the user, the time and an identifier.",
		Mutants: []*mutants.Mutant{mutants.EnrWresultSame},
		Under:   []string{"ENR-06"},
		Run: func(t *T) {
			_, r := pageOf(t)
			first, second := wresult(t, r), wresult(t, r)
			if first == second {
				// A signed token with a time may be the same within one second.
				t.Until(time.Now().Add(1100 * time.Millisecond))
				second = wresult(t, r)
			}
			t.Check(first != second, "another wresult for each sign-in", "the same wresult twice")
		},
	},
	{
		ID: "ENR-46", Level: report.Should, On: "federated", Title: "the sign-in page returns wresult to apps only",
		Rule:    "appru is the address of an app, ms-app://. The page does not return wresult to any other address, and does not redirect there: the token is worth a password.",
		Source:  "Learn, \"Federated authentication device enrollment\"; CWE-601",
		Fix:     "Refuse an appru whose scheme is not ms-app.",
		Mutants: []*mutants.Mutant{mutants.EnrAppruAny},
		Under:   []string{"ENR-06"},
		Run: func(t *T) {
			_, r := pageOf(t)
			wresult(t, r) // the page works
			for _, elsewhere := range []string{"https://localhost:1/elsewhere", "javascript:alert(1)"} {
				t.Try("appru "+elsewhere, func() { staysAt(t, r, elsewhere) })
			}
		},
	},
	{
		ID: "ENR-47", Level: report.Must, On: "federated", Title: "a server with a sign-in page renews certificates",
		Rule:    "No user signs in to renew a certificate. A server that enrolls devices by its sign-in page therefore renews their certificates over TLS with the old certificate.",
		Source:  "Learn, \"Certificate renewal\" (Automatic certificate renewal)",
		Fix:     "Accept RequestType Renew over TLS with the old certificate, without a token of the sign-in page.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewRefused},
		Under:   []string{"ENR-21"},
		Run: func(t *T) {
			d := t.Device()
			err := d.Enroll()
			if r := d.Discovered(); r != nil && r.AuthPolicy != "Federated" {
				t.NotApplicable("the server answers AuthPolicy %s, so there is no sign-in page", suite.Show(r.AuthPolicy))
			}
			if err != nil {
				t.Excused(err)
				t.Blocked(suite.By("ENR-44", "ENR-06", "ENR-36"), "no device could be enrolled: %v", err)
			}
			renewable(d)
			if err := d.Renew(t.Context()); err != nil {
				keepLast(d, "the renewal")
				t.Excused(err)
				tooYoung(d, err)
				t.Fail("a renewed certificate", said(err))
			}
		},
	},
}

// pageOf returns a device that signed in on the server's page, and the Discover reply
// that names the page.
func pageOf(t *T) (*Device, *enroll.DiscoverResponse) {
	d := t.Specimen()
	r := discoveredBy(d)
	switch {
	case r.AuthPolicy != "Federated":
		t.NotApplicable("the server answers AuthPolicy %s, so there is no sign-in page", suite.Show(r.AuthPolicy))
	case hasDirectory(t):
		t.NotApplicable("devices get their tokens from a directory (target.directory, target.hooks.token), so they open no page")
	}
	return d, r
}

// wresult signs in on the page and returns its result.
func wresult(t *T, r *enroll.DiscoverResponse) string {
	token, err := t.Lab.SignIn(t.Context(), caller(t).Device, r)
	if err != nil {
		t.Excused(err)
		t.Blocked(suite.By("ENR-06"), "the sign-in page returns no wresult: %s", said(err))
	}
	return string(token)
}

// enrolledBy fails if the server refused a device because of its wresult.
func enrolledBy(t *T, d *Device) {
	err := d.EnrollError()
	t.Excused(err)
	var e *enroll.Error
	switch {
	case err == nil || d.Provisioning() != nil:
	case errors.As(err, &e) && e.Step == enroll.StepSignIn:
		t.Blocked(suite.By("ENR-06"), "the sign-in page returns no wresult: %s", said(err))
	case errors.As(err, &e) && e.Refused():
		t.Fail(e.Step+" accepts wresult of the server's own page", said(err))
	default:
		t.Blocked(suite.By(suite.Enrolls), "the enrollment failed for another reason: %v", err)
	}
}

// policiesRefuse fails unless GetPolicies refuses a credential.
func policiesRefuse(d *Device, r *enroll.DiscoverResponse, credential *enroll.Credential, what string) {
	c := caller(d.T)
	_, err := c.EnrollmentClient(dmclient.EnrollOptions{Credential: credential}).Policies(d.T.Context(), r.PolicyURL)
	keepLast(c, what)
	unlessAlways(d, enroll.StepPolicies, err)
	mustRefuse(d.T, err, "the policy")
}

// tokenRefuses fails unless RST refuses a credential.
func tokenRefuses(d *Device, r *enroll.DiscoverResponse, rst *enroll.TokenRequest, credential *enroll.Credential, what string) {
	c := caller(d.T)
	_, err := c.EnrollmentClient(dmclient.EnrollOptions{Credential: credential}).Token(d.T.Context(), r.EnrollmentURL, rst.CSR, rst.Context)
	keepLast(c, what)
	unlessAlways(d, enroll.StepToken, err)
	mustRefuse(d.T, err, "a certificate")
}

// unlessAlways ends the body as blocked if a bad request broke the server just like
// the device's own: then the credential is not the reason.
func unlessAlways(d *Device, step string, err error) {
	if err != nil && !refusedBy(err) {
		exchangeOf(d, step)
	}
}

// spoil changes the character in the middle of a token. An XML document is changed in
// several places: its signature need not cover all of it, such as its own KeyInfo.
func spoil(token string) string {
	b, parts := []byte(token), 2
	if strings.HasPrefix(strings.TrimSpace(token), "<") {
		parts = 8
	}
	for i := 1; i < parts; i++ {
		c := &b[i*len(b)/parts]
		*c = another(*c)
	}
	return string(b)
}

// another is a character of the same kind.
func another(c byte) byte {
	switch {
	case c == 'A', c == 'a', c == '0':
		return c + 1
	case c >= 'a' && c <= 'z':
		return 'a'
	case c >= '0' && c <= '9':
		return '0'
	}
	return 'A'
}

// staysAt signs in with an appru that is no app's, and fails if wresult or the
// browser goes there.
func staysAt(t *T, r *enroll.DiscoverResponse, elsewhere string) {
	if !t.Lab.Config.Target.SignIn.Default() {
		t.NotApplicable("devices sign in as target.signin says, and dmwake does not know how another appru gets into that")
	}
	c := caller(t)
	page := signIn(c, r)
	page.AppRU = elsewhere
	_, err := page.Token(t.Context())
	keepLast(c, "the sign-in page with appru "+elsewhere)
	if err == nil {
		t.Fail("an appru that is not of an app is refused", "the page returns wresult to "+elsewhere)
	}
	for _, ex := range c.EnrollExchanges() {
		t.Check(!strings.HasPrefix(ex.URL, elsewhere), "an appru that is not of an app is refused", "a redirect to "+elsewhere)
	}
	t.Excused(err) // a page that cannot be filled in decides nothing
	t.Evidence("appru %s: %s", elsewhere, said(err))
}
