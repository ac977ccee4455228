package scenarios

import (
	"context"
	"sync"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

const learnToken = "Learn, \"WNS overview\", authenticating your cloud server; RFC 6749 4.4"

// tokens are the TOK scenarios.
var tokens = []Scenario{
	{ID: "TOK-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "the token is asked for by a form POST over TLS",
		Rule:    "The access token is requested by POST over TLS with an application/x-www-form-urlencoded body.",
		Source:  learnToken,
		Fix:     "POST application/x-www-form-urlencoded to the token endpoint.",
		Mutants: []string{"tok-json"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			for _, e := range tokenRequests(t) {
				t.Expect(e.Method, "method of the token request").To(Equal("POST"))
				t.Expect(e.TLS, "the token request coming over TLS").To(BeTrue())
				t.Expect(e.Violated(fakewns.RuleForm), "what is wrong with the form").To(BeEmpty())
			}
		}},
	{ID: "TOK-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "grant_type, client_id, client_secret and scope are right",
		Rule:    "grant_type is client_credentials, client_id the Package SID, client_secret the app's, scope notify.windows.com.",
		Source:  learnToken,
		Fix:     "Send grant_type client_credentials, client_id, client_secret, and the scope of the app's kind.",
		Mutants: []string{"tok-scope"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			list := tokenRequests(t)
			t.Expect(suite.Violations(list, fakewns.RuleGrantType, fakewns.RuleScope, fakewns.RuleClientID, fakewns.RuleClientSecret),
				"what is wrong with the token request").To(BeEmpty())
		}},
	{ID: "TOK-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "client_id is percent-encoded",
		Rule:    "The form is encoded: \"ms-app://\" does not stand in it plainly, nor do \"+\" and \"/\" of the secret.",
		Source:  learnToken + "; WHATWG URL, application/x-www-form-urlencoded",
		Fix:     "Encode the form with a form encoder, so that ms-app:// becomes ms-app%3A%2F%2F.",
		Mutants: []string{"tok-plain-sid"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			t.Expect(suite.Violations(tokenRequests(t), fakewns.RulePercentEncoding), "what is wrong with the form").To(BeEmpty())
		}},
	{ID: "TOK-04", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "one token serves many pushes",
		Rule:    "A token is used until it expires; a sender that fetches one for each push is throttled.",
		Source:  learnToken + "; PushSharp issue 619",
		Fix:     "Keep the token until expires_in has passed or a 401 comes.",
		Mutants: []string{"tok-every-push"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			for i := range 5 {
				t.Push(d)
				d.AwaitPushes(m, i+1)
			}
			t.Expect(len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)), "token requests for five pushes").To(BeNumerically("<=", 1))
		}},
	{ID: "TOK-05", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "a token is renewed when it expires",
		Rule:    "The server gets a new token before or after expires_in passed, and pushes go on.",
		Source:  learnToken + "; PushSharp issues 691, 743",
		Fix:     "Fetch a new token when expires_in has passed, or at a 401.",
		Mutants: []string{"tok-never-renewed"},
		Decides: []suite.Premise{suite.Tokens, suite.Notifies},
		Run:     tokenRenewal},
	{ID: "TOK-06", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "50 pushes at once cause at most two token requests",
		Rule:    "Pushes that find no valid token share the request for one.",
		Source:  "PushSharp issue 619; WNS throttles token requests",
		Fix:     "Let pushes that find no token wait for one request.",
		Mutants: []string{"tok-stampede"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d) // so that the server has a token
			d.AwaitPushes(m, 1)
			// A token endpoint that takes its time, so that all pushes find no
			// token.
			defer t.Inject(fakewns.Fault{Name: "slow token", On: fakewns.Token, Delay: t.Lab.Config.Timeouts.Quiet})()
			m = d.Mark()
			t.RevokeTokens()
			var wg sync.WaitGroup
			errs := make([]error, 50)
			for i := range errs {
				wg.Go(func() { errs[i] = t.AskToPush(d) })
			}
			wg.Wait()
			for _, err := range errs {
				t.Hook(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), t.Lab.Config.Timeouts.Push)
			defer cancel()
			if _, err := t.Lab.WNS.Journal().Await(ctx, m.Journal, 1, suite.IsToken); err != nil {
				t.NotApplicable("the server asked for no token after its old one was refused (see TOK-05)")
			}
			t.Wait(2) // requests that were waiting are in the journal by then
			t.Expect(len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)), "token requests for 50 pushes at once").To(BeNumerically("<=", 2))
		}},
	{ID: "TOK-07", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "invalid_client: no storm of retries",
		Rule:    "A secret that is refused is refused again: the server does not ask without end, here at most five times in three seconds, and pushes are sent again once the secret is right.",
		Source:  learnToken + " (RFC 6749 5.2); the bound is ours",
		Fix:     "Wait between token requests that fail, longer each time; do not give up for good.",
		Mutants: []string{"tok-storm", "tok-dead"},
		Run:     func(t *T) { tokenTrouble(t, "status=400") }},
	{ID: "TOK-08", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "500 at the token endpoint: back-off, and pushes come back",
		Rule:    "While the token endpoint fails it is not asked without end, here at most five times in three seconds; once it is up again pushes are sent again.",
		Source:  learnToken + "; the bound is ours",
		Fix:     "Wait between token requests that fail, longer each time; do not give up for good.",
		Mutants: []string{"tok-storm"},
		Run:     func(t *T) { tokenTrouble(t, "status=500") }},
	{ID: "TOK-09", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "answers that are no token: it goes on",
		Rule:    "JSON that breaks off, a page in its place, a missing expires_in, a token of 60,000 bytes: errors of this one request, after which pushes are sent again.",
		Source:  "RFC 6749 5.1 (expires_in is only recommended); the push path cannot be relied on without it",
		Fix:     "Treat an answer that is no token as a failure of that request; assume an hour where expires_in is missing.",
		Mutants: []string{"tok-no-json-dead"},
		Run: func(t *T) {
			d := t.WithChannel()
			for _, fault := range []string{"bad-json", "html", "no-expires", "huge-token"} {
				t.Evidence("the token endpoint: %s", fault)
				remove := t.FaultForAll(fault)
				t.RevokeTokens()
				askForToken(t, d)
				t.Quiet() // so that the server has read it
				remove()
				t.RevokeTokens()
				m := d.Mark()
				// What it was given may have to fail first.
				for i := range 3 {
					t.PushInBackground(d)
					if d.AwaitAccepted(m) != nil {
						break
					} else if i == 2 {
						d.NeedAccepted(m)
						t.Fail("a notification that WNS accepts after the token endpoint answered so: "+fault, "none")
					}
				}
			}
		}},
	{ID: "TOK-10", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the certificate of the token endpoint is verified",
		Rule:    "A server that presents a certificate of another name than the token endpoint's does not get the client secret.",
		Source:  "RFC 6749 section 1.6; RFC 6125",
		Fix:     "Do not turn certificate checks off in the HTTP client.",
		Mutants: []string{"wns-tls-any"},
		Run:     func(t *T) { strangers(t, fakewns.Token) }},
}

// tokenTrouble lets the token endpoint fail for a while and watches.
func tokenTrouble(t *T, fault string) {
	d := t.WithChannel()
	remove := t.FaultForAll(fault + " on=token")
	defer remove()
	m := d.Mark()
	t.RevokeTokens()
	first := askForToken(t, d)
	t.Until(first.At.Add(patientSpan))
	list := upTo(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken), first.At.Add(patientSpan))
	for _, e := range list[:min(len(list), 10)] {
		t.Evidence("%s", e)
	}
	t.Expect(len(list), "token requests within %s of the first that failed", patientSpan).To(BeNumerically("<=", patient))
	remove()
	m = d.Mark()
	for range 3 {
		t.PushInBackground(d)
		if d.AwaitAccepted(m) != nil {
			return
		}
	}
	d.NeedAccepted(m)
	t.Fail("a notification that WNS accepts after the token endpoint is up again", "none within three times "+t.Lab.Config.Timeouts.Push.String())
}

// askForToken makes the server ask for a token, after its own was revoked: at
// the first push, or at the second once WNS refused the old one.
func askForToken(t *T, d *Device) *fakewns.Entry {
	m := d.Mark()
	for range 2 {
		t.PushInBackground(d)
		ctx, cancel := context.WithTimeout(t.Context(), t.Lab.Config.Timeouts.Push)
		list, err := t.Lab.WNS.Journal().Await(ctx, m.Journal, 1, suite.IsToken)
		cancel()
		if err == nil {
			return list[0]
		}
	}
	t.NotApplicable("the server asked for no token after its old one was refused (see TOK-05)")
	return nil
}

// tokenRequests are the server's token requests in this run; one is provoked
// where there was none.
func tokenRequests(t *T) []*fakewns.Entry {
	j := t.Lab.WNS.Journal()
	d := t.WithChannel()
	if list := j.Since(0, suite.IsToken); len(list) > 0 {
		return list
	}
	t.Push(d)
	ctx, cancel := context.WithTimeout(t.Context(), t.Lab.Config.Timeouts.Push)
	defer cancel()
	list, err := j.Await(ctx, 0, 1, suite.IsToken)
	if err != nil {
		t.Fail("a token request after the server was asked to push", "none within "+t.Lab.Config.Timeouts.Push.String())
	}
	return list
}

// awaitDelivered waits for a notification that was accepted since m. One that
// is refused for another reason than its token makes the scenario not
// applicable.
func awaitDelivered(d *Device, m Mark) *fakewns.Entry {
	t := d.T
	e := d.AwaitAccepted(m)
	if e == nil {
		d.NeedAccepted(m)
		for _, e := range t.Lab.WNS.Journal().Since(m.Journal, nil) {
			t.Evidence("%s", e)
		}
		t.Fail("a notification that WNS accepts within "+t.Lab.Config.Timeouts.Push.String(), "none")
	}
	return e
}

// shortToken is the life of the token in TOK-05; seconds are the unit of
// expires_in, and one would be lost in rounding.
const shortToken = 2 * time.Second

func tokenRenewal(t *T) {
	d := t.WithChannel()
	normal := t.Inject(fakewns.Fault{Name: "short-lived token", On: fakewns.Token, TokenLifetime: shortToken})
	defer normal()
	m := d.Mark()
	t.RevokeTokens()
	// The first push may be lost to the 401; the second must have a new token.
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e := awaitDelivered(d, m)
	normal() // tokens live as long as ever from here on
	used := e.BearerToken()
	t.Until(e.At.Add(shortToken + 100*time.Millisecond))
	m = d.Mark()
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e = awaitDelivered(d, m)
	t.Expect(e.BearerToken() != used, "another token being used after the first expired").To(BeTrue())
}
