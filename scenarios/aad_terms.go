package scenarios

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// termsDoc is the part of the document about the page.
const termsDoc = entraDoc + ", Terms of Use protocol semantics"

// termsOfUse are the AAD scenarios about the terms-of-use page and what it answers.
var termsOfUse = []Scenario{
	{
		ID: "AAD-05", Level: report.Must, On: "entra", Stranger: true, Title: "the terms-of-use page opens",
		Rule:    "The server has a page with its terms of use. Windows opens it before the enrollment, with a token of the user.",
		Source:  entraDoc + ", MDM endpoints involved",
		Fix:     "Serve the page by GET to a user whose token is good. The token names no device: it is not registered yet.",
		Mutants: []*mutants.Mutant{mutants.AadTermsGone, mutants.AadTermsDevice},
		Run: func(t *T) {
			v := openTerms(t, "the terms of use", nil)
			switch {
			case len(v.pages) > 0: // what it answers to the user's choice is another rule
			case v.to == nil:
				t.Excused(v.err)
				t.Fail("the page, for a good token", said(v.err))
			case v.answer("error") != "":
				t.Fail("the page, for a good token", "a redirect with error="+v.answer("error")+", "+v.answer("error_description"))
			}
		},
	},
	{
		ID: "AAD-07", Level: report.Must, On: "entra", Stranger: true, Title: "accepted terms lead back with IsAccepted=true and OpaqueBlob",
		Rule:    "When the user accepts the terms, the server redirects to the redirect_uri of the request, with IsAccepted=true and an OpaqueBlob that is not empty.",
		Source:  termsDoc,
		Fix:     "Redirect to redirect_uri with IsAccepted=true and OpaqueBlob, a value that your enrollment service knows again.",
		Mutants: []*mutants.Mutant{mutants.AadAcceptSilent, mutants.AadNoBlob, mutants.AadRedirectFixed},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			t.Try("redirect_uri "+enroll.TermsRedirect, func() {
				v := openTerms(t, "the terms of use, accepted", nil)
				v.answered(true)
				t.Expect(strings.ToLower(v.answer("IsAccepted")), "IsAccepted in the redirect").To(Equal("true"))
				t.Check(v.answer("OpaqueBlob") != "", "OpaqueBlob in the redirect", "none")
			})
			t.Try("redirect_uri "+brokerApp, func() {
				v := openTerms(t, "the terms of use for another app, accepted", func(p *enroll.Terms) { p.Redirect = brokerApp })
				v.comesBack()
				if v.to == nil {
					t.Evidence("redirect_uri %s: %s", brokerApp, said(v.err)) // the server may know its apps
				}
			})
		},
	},
	{
		ID: "AAD-08", Level: report.Must, On: "entra", Stranger: true, Title: "declined terms lead back with IsAccepted=false",
		Rule:    "When a user who adds a work account declines the terms, the server redirects to redirect_uri with IsAccepted=false.",
		Source:  termsDoc,
		Fix:     "Redirect to redirect_uri with IsAccepted=false.",
		Mutants: []*mutants.Mutant{mutants.AadDeclineSilent, mutants.AadDeclineAccepts},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			v := openTerms(t, "the terms of use, declined", func(p *enroll.Terms) { p.Refuse = true })
			v.answered(true)
			t.Expect(strings.ToLower(v.answer("IsAccepted")), "IsAccepted in the redirect").To(Equal("false"))
		},
	},
	{
		ID: "AAD-09", Level: report.Should, On: "entra", Stranger: true, Title: "the page has Accept, and Decline unless the device joins",
		Rule:    "The page has a button to accept, and one to decline if a user adds a work account. In a join (mode=azureadjoin) nobody can decline.",
		Source:  termsDoc,
		Fix:     "Show Accept and Decline; leave Decline out if the request has mode=azureadjoin.",
		Mutants: []*mutants.Mutant{mutants.AadNoAccept, mutants.AadNoDecline, mutants.AadJoinDeclines},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			for _, join := range []bool{false, true} {
				what := map[bool]string{false: "a work account", true: "mode=azureadjoin"}[join]
				t.Try(what, func() {
					v := openTerms(t, "the terms of use for "+what, func(p *enroll.Terms) { p.Join = join })
					v.shown()
					accept, decline := v.offers()
					if !accept {
						t.Excused(v.err) // scripts may build the button
					}
					if !join && !decline {
						t.Excused(openTerms(t, "the terms of use, declined", func(p *enroll.Terms) { p.Refuse = true }).err)
					}
					t.Check(accept, "a button to accept the terms", "none")
					t.Check(join || decline, "a button to decline the terms", "none")
					t.Check(!join || !decline, "no button to decline the terms", "one")
				})
			}
		},
	},
	{
		ID: "AAD-11", Level: report.Should, On: "entra", Stranger: true, Title: "the redirect carries client-request-id",
		Rule:    "The redirect to redirect_uri carries the client-request-id of the request, so that logs of both sides can be compared.",
		Source:  termsDoc,
		Fix:     "Add client-request-id to the query of the redirect.",
		Mutants: []*mutants.Mutant{mutants.AadNoRequestID},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			v := openTerms(t, "the terms of use, accepted", nil)
			v.answered(false)
			t.Expect(strings.ToLower(v.answer("client-request-id")), "client-request-id in the redirect").To(Equal(v.terms.RequestID))
		},
	},
	{
		ID: "AAD-12", Level: report.Must, On: "entra", Stranger: true, Title: "the terms-of-use page asks for no password",
		Rule:    "The page does not ask the user for credentials: the token says who the user is. A one-time PIN is allowed.",
		Source:  entraDoc + ", MDM endpoints involved",
		Fix:     "Take the user from the token in the Authorization header.",
		Mutants: []*mutants.Mutant{mutants.AadPassword},
		Under:   []string{"AAD-05"},
		Run: func(t *T) {
			v := openTerms(t, "the terms of use, accepted", nil)
			if v.to == nil {
				v.shown()
			}
			for _, page := range v.pages {
				name := enroll.AsksPassword(page)
				t.Check(name == "", "a page without a password field", "the field "+name)
			}
		},
	},
	{
		ID: "AAD-15", Level: report.Must, On: "entra", Stranger: true, Title: "OpaqueBlob comes back as EnrollmentData",
		Rule:    "Windows sends the OpaqueBlob of the page, unchanged, as EnrollmentData in the AdditionalContext of the RST. The enrollment service accepts it.",
		Source:  entraDoc + ", Terms of Use endpoint processing logic and Enrollment protocol",
		Fix:     "Accept EnrollmentData, and compare it with the OpaqueBlob that the page gave this user, if you need it.",
		Mutants: []*mutants.Mutant{mutants.AadBlobRefused},
		Under:   []string{"AAD-07"},
		Run: func(t *T) {
			accepts(t)
			o := t.Lab.Leniency()
			o.IgnoreTerms = false
			var d *Device
			var err error
			for range 3 { // other devices of this user accept the terms at the same time
				d = t.Device()
				if err = d.EnrollWith(o); err == nil {
					return
				}
			}
			t.Excused(err)
			var e *enroll.Error
			switch {
			case !errors.As(err, &e):
			case e.Step == enroll.StepTerms:
				t.Blocked(suite.By("AAD-05", "AAD-07"), "%v", err)
			case e.Step == enroll.StepToken && !e.Limited():
				keepsEnrollment(d, "RST with EnrollmentData")
				o.IgnoreTerms = true
				if t.Device().EnrollWith(o) == nil {
					t.Fail("RST accepts EnrollmentData, which the server's own page gave", said(err))
				}
			}
			t.Blocked(suite.By("AAD-01", "AAD-02", string(suite.Enrolls)), "the enrollment failed for another reason: %v", err)
		},
	},
}

// brokerApp is a redirect_uri of another app.
const brokerApp = "ms-appx-web://microsoft.aad.brokerplugin/ToUResponse"

// termsPage returns the URL of the terms of use; it ends the body if there is none.
func termsPage(t *T) string {
	usesDirectory(t)
	at := t.Lab.Config.Target.TermsOfUse
	if at == "" {
		t.SkipUnset("target.terms_of_use", "nobody knows the server's terms of use: set target.terms_of_use to the page's URL, which a server for Entra must have")
	}
	return at
}

// termsVisit is what a user met on the way through the terms of use.
type termsVisit struct {
	t     *T
	terms *enroll.Terms
	to    *url.URL // the redirect to redirect_uri; nil if there was none
	went  []string // where the server redirected to, step by step
	pages [][]byte // what the server showed, with HTTP status 200
	app   string   // the app that the server redirected to instead
	err   error    // why there was no redirect
}

// openTerms goes through the terms of use with a good token and accepts them, unless edit
// changes that.
func openTerms(t *T, what string, edit func(*enroll.Terms)) *termsVisit {
	at := termsPage(t)
	c := caller(t)
	client := c.EnrollmentClient(dmclient.EnrollOptions{}).HTTP
	defer client.CloseIdleConnections()
	v := &termsVisit{t: t, terms: &enroll.Terms{HTTP: client, URL: at, RequestID: uuid.NewString()}}
	v.terms.Token = userToken(t, c)
	if edit != nil {
		edit(v.terms)
	}
	v.to, _, v.err = v.terms.Press(t.Context())
	for _, ex := range c.EnrollExchanges() {
		t.Keep(c, what, ex)
		if ex.Status == http.StatusOK && len(ex.Response) > 0 {
			v.pages = append(v.pages, ex.Response)
		}
		to, _, _ := strings.Cut(ex.Reply.Get("Location"), "?")
		v.went = append(v.went, to)
		if strings.HasPrefix(strings.ToLower(to), "ms-appx-web:") && v.to == nil {
			v.app = to
		}
	}
	if v.to == nil && len(c.EnrollExchanges()) == 0 {
		t.Error("the terms of use were not opened: %v", v.err)
	}
	return v
}

// userToken is the token of a user whose device is not registered yet.
func userToken(t *T, d *Device) string {
	cfg, err := t.Lab.DeviceConfig()
	if err != nil {
		t.Error("%v", err)
	}
	token, err := cfg.Tokens(t.Context(), dmclient.TokenRequest{Of: d.Device})
	if err != nil {
		t.Hook(err)
	}
	return token
}

// answer is a parameter of the redirect.
func (v *termsVisit) answer(name string) string { return v.to.Query().Get(name) }

// shown ends the body unless the server showed a page.
func (v *termsVisit) shown() {
	if len(v.pages) > 0 {
		return
	}
	if v.to != nil && v.answer("error") == "" {
		v.t.Fail("a page with the terms of use", "a redirect to redirect_uri at once")
	}
	v.blocked()
}

// offers reports which buttons the pages had.
func (v *termsVisit) offers() (accept, decline bool) {
	for i := range v.pages {
		a, d := v.terms.Offers(v.pages[i])
		accept, decline = accept || a, decline || d
	}
	return accept, decline
}

// comesBack fails if the server redirected to another app than the request named.
func (v *termsVisit) comesBack() {
	v.t.Check(v.app == "", "a redirect to the redirect_uri of the request", "a redirect to "+v.app)
}

// answered ends the body unless the user's answer led to redirect_uri. The scenarios
// about the answer fail, others are blocked.
func (v *termsVisit) answered(judges bool) {
	if v.to != nil && v.answer("error") == "" {
		return
	}
	if judges {
		v.comesBack()
	}
	v.blocked()
	saw := ""
	if v.to != nil {
		saw = "error=" + v.answer("error")
	} else {
		saw = said(v.err)
	}
	pressed := map[bool]string{false: "Accept", true: "Decline"}[v.terms.Refuse]
	if !judges {
		v.t.Blocked(suite.By("AAD-07"), "after %s: %s", pressed, saw)
	}
	v.t.Fail("a redirect to redirect_uri with IsAccepted after "+pressed, saw)
}

// blocked ends a body whose user could not press the button.
func (v *termsVisit) blocked() {
	t := v.t
	if v.to != nil {
		if len(v.pages) == 0 {
			t.Blocked(suite.By("AAD-05"), "the page redirects with error=%s", v.answer("error"))
		}
		return
	}
	for _, page := range v.pages {
		if name := enroll.AsksPassword(page); name != "" {
			t.Blocked(suite.By("AAD-12"), "the page asks for %s", name)
		}
	}
	t.Excused(v.err)
	if len(v.pages) == 0 {
		t.Blocked(suite.By("AAD-05"), "the page does not open: %s", said(v.err))
	}
	accept, decline := v.offers()
	if v.terms.Refuse && !decline || !v.terms.Refuse && !accept {
		t.Blocked(suite.By("AAD-09"), "%v", v.err)
	}
}
