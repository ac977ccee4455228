package scenarios

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// termsRefusals are the AAD scenarios about requests that the terms-of-use page must
// not serve.
var termsRefusals = []Scenario{
	{
		ID: "AAD-06", Level: report.Should, On: "entra", Stranger: true, Title: "the terms-of-use page verifies the token",
		Rule:    "Nobody accepts the terms without a token in the Authorization header that the directory signed for this application, and that is valid now.",
		Source:  termsDoc + ", Access token; RFC 8725",
		Fix:     "Verify the JWT with the directory's keys, as in the enrollment service: RS256 only, aud, iss, tid, exp and nbf.",
		Mutants: []*mutants.Mutant{mutants.AadTermsKey, mutants.AadTermsAud, mutants.AadTermsExp, mutants.AadTermsAnyone},
		Under:   []string{"AAD-05", "SEC-07"},
		Run: func(t *T) {
			p := issuing(t)
			accepts(t)
			turnsDown := func(what, token string) {
				t.Try(what, func() {
					v := openTerms(t, "the terms of use with "+what, func(x *enroll.Terms) { x.Token = token })
					t.Check(v.to == nil || !strings.EqualFold(v.answer("IsAccepted"), "true"), "no acceptance of the terms", "IsAccepted=true")
				})
			}
			turnsDown("no token", "")
			for _, kind := range entra.BadKinds() {
				turnsDown(string(kind), badToken(t, p, kind))
			}
		},
	},
	{
		ID: "AAD-10", Level: report.Should, On: "entra", Stranger: true, Title: "the terms-of-use page reports errors in a redirect",
		Rule:    "If the page cannot be shown, the server redirects to redirect_uri with error and error_description: invalid_request for an unknown api-version, unauthorized_client for a token that is not valid.",
		Source:  termsDoc + ", Terms Of Use Error handling",
		Fix:     "Redirect to redirect_uri with HTTP status 302, error and error_description, instead of an HTTP error.",
		Mutants: []*mutants.Mutant{mutants.AadErrorPlain, mutants.AadErrorMute, mutants.AadVersionAny},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			accepts(t)
			tells := func(what, code string, edit func(*enroll.Terms)) {
				t.Try(what, func() {
					v := openTerms(t, "the terms of use with "+what, edit)
					expected := "a redirect to redirect_uri with error=" + code + " and error_description"
					switch {
					case v.to == nil && len(v.pages) > 0:
						t.Fail(expected, "a page")
					case v.to == nil:
						t.Fail(expected, said(v.err))
					case strings.EqualFold(v.answer("IsAccepted"), "true") && code == "unauthorized_client":
						t.Blocked(suite.By("AAD-06"), "the page accepts %s", what)
					}
					t.Check(v.answer("error") == code, expected, "error="+suite.Show(v.answer("error")))
					t.Check(v.answer("error_description") != "", expected, "no error_description")
				})
			}
			tells("an api-version that does not exist", "invalid_request", func(x *enroll.Terms) { x.Version = "99.0" })
			tells("no token", "unauthorized_client", func(x *enroll.Terms) { x.Token = "" })
			if t.Lab.Directory != nil {
				tells("an expired token", "unauthorized_client", func(x *enroll.Terms) { x.Token = badToken(t, t.Lab.Directory, entra.Expired) })
			}
		},
	},
	{
		ID: "AAD-13", Level: report.Should, On: "entra", Stranger: true, Title: "the terms-of-use page redirects to Windows apps only",
		Rule:    "redirect_uri is the address of a Windows app, ms-appx-web://. The server does not redirect to any other address, neither with an answer nor with an error.",
		Source:  "CWE-601; " + termsDoc,
		Fix:     "Refuse a redirect_uri whose scheme is not ms-appx-web before you look at anything else.",
		Mutants: []*mutants.Mutant{mutants.AadRedirectAny, mutants.AadRedirectContains, mutants.AadErrorAny},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			accepts(t)
			for _, elsewhere := range []string{"https://localhost:1/elsewhere", "https://localhost:1/ms-appx-web://dmwake", "javascript:alert(1)"} {
				for _, what := range []string{"accepted", "without a token"} {
					t.Try(elsewhere+" "+what, func() {
						v := openTerms(t, "the terms of use with redirect_uri "+elsewhere+", "+what, func(x *enroll.Terms) {
							if x.Redirect = elsewhere; what != "accepted" {
								x.Token = ""
							}
						})
						gone := slices.ContainsFunc(v.went, func(to string) bool { return strings.HasPrefix(to, elsewhere) })
						t.Check(v.to == nil && !gone, "no redirect to an address that is not of a Windows app", "a redirect to "+elsewhere)
					})
				}
			}
		},
	},
	{
		ID: "AAD-14", Level: report.Should, On: "entra", Stranger: true, Title: "the terms-of-use page reflects no markup",
		Rule:    "The parameters of the request appear in the page only as text, or the server rejects them: they never become markup.",
		Source:  "CWE-79; " + termsDoc,
		Fix:     "Escape redirect_uri, client-request-id, api-version and mode in the page.",
		Mutants: []*mutants.Mutant{mutants.AadMarkup},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			accepts(t)
			page := enroll.Terms{URL: termsPage(t), RequestID: "34be581c-6ebd-49d6-a4e1-150eff4b7213"}
			for _, name := range []string{"redirect_uri", "client-request-id", "api-version", "mode"} {
				t.Try("markup in "+name, func() {
					at, err := page.At()
					if err != nil {
						t.Error("%v", err)
					}
					q := at.Query()
					q.Set(name, q.Get(name)+`/"><script>dmwake('x')</script><b a='`)
					at.RawQuery = q.Encode()
					body := fetched(t, "the terms of use with markup in "+name, at)
					t.Check(!bytes.Contains(body, []byte("<script>dmwake(")), "markup passed to the page is escaped, or rejected", "the page has a script element from "+name)
				})
			}
		},
	},
}

// accepts ends the body unless a good token leads to accepted terms.
func accepts(t *T) {
	v := openTerms(t, "the terms of use, accepted", nil)
	v.answered(false)
	if !strings.EqualFold(v.answer("IsAccepted"), "true") {
		t.Blocked(suite.By("AAD-07"), "accepted terms lead back with IsAccepted=%s", suite.Show(v.answer("IsAccepted")))
	}
}

// badToken is a bad token of a user whose device is not registered yet.
func badToken(t *T, p *entra.Provider, kind entra.Kind) string {
	token, err := p.Issue(kind, entra.Who{UPN: t.Lab.Config.Target.Username, Unregistered: true})
	if err != nil {
		t.Error("the directory issued no token: %v", err)
	}
	return token
}

// fetched opens the page by a URL with a good token, and returns the body of the reply.
func fetched(t *T, what string, at *url.URL) []byte {
	c := caller(t)
	client := c.EnrollmentClient(dmclient.EnrollOptions{}).HTTP
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		t.Error("%v", err)
	}
	req.Header.Set("Authorization", "Bearer "+userToken(t, c))
	resp, err := client.Do(req)
	if err != nil {
		t.Fail("an answer from the terms-of-use page", unanswered(t, err))
	}
	resp.Body.Close()
	keepLast(c, what)
	exs := c.EnrollExchanges()
	return exs[len(exs)-1].Response
}
