package scenarios

import (
	"context"
	"net/http"
	"sync"
	"time"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

const learnToken = "Learn, \"WNS overview\", authenticating your cloud server; RFC 6749 4.4"

// tokens are the TOK scenarios.
var tokens = []Scenario{
	{ID: "TOK-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "the token is asked for by a form POST over TLS",
		Rule:   "The access token is requested by POST over TLS with an application/x-www-form-urlencoded body.",
		Source: learnToken,
		Run: func(t *T) {
			for _, e := range t.tokenRequests() {
				t.Expect(e.Method, "method of the token request").To(Equal("POST"))
				t.Expect(e.TLS, "the token request coming over TLS").To(BeTrue())
				t.Expect(e.Violated(fakewns.RuleForm), "what is wrong with the form").To(BeEmpty())
			}
		}},
	{ID: "TOK-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "grant_type, client_id, client_secret and scope are right",
		Rule:   "grant_type is client_credentials, client_id the Package SID, client_secret the app's, scope notify.windows.com.",
		Source: learnToken,
		Run: func(t *T) {
			list := t.tokenRequests()
			t.Expect(violations(list, fakewns.RuleGrantType, fakewns.RuleScope, fakewns.RuleClientID, fakewns.RuleClientSecret),
				"what is wrong with the token request").To(BeEmpty())
		}},
	{ID: "TOK-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "client_id is percent-encoded",
		Rule:   "The form is encoded: \"ms-app://\" does not stand in it plainly, nor do \"+\" and \"/\" of the secret.",
		Source: learnToken + "; WHATWG URL, application/x-www-form-urlencoded",
		Run: func(t *T) {
			t.Expect(violations(t.tokenRequests(), fakewns.RulePercentEncoding), "what is wrong with the form").To(BeEmpty())
		}},
	{ID: "TOK-04", Level: report.Should, Alone: true, Needs: []Need{NeedPush}, Title: "one token serves many pushes",
		Rule:   "A token is used until it expires; a sender that fetches one for each push is throttled.",
		Source: learnToken + "; PushSharp issue 619",
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			for i := range 5 {
				t.Push(d)
				d.AwaitPushes(m, i+1)
			}
			t.Expect(len(t.Lab.WNS.Journal().Since(m.journal, isToken)), "token requests for five pushes").To(BeNumerically("<=", 1))
		}},
	{ID: "TOK-05", Level: report.Must, Alone: true, Needs: []Need{NeedPush}, Title: "a token is renewed when it expires",
		Rule:   "The server gets a new token before or after expires_in passed, and pushes go on.",
		Source: learnToken + "; PushSharp issues 691, 743",
		Run:    tokenRenewal},
	{ID: "TOK-06", Level: report.Should, Alone: true, Needs: []Need{NeedPush}, Title: "50 pushes at once cause at most two token requests",
		Rule:   "Pushes that find no valid token share the request for one.",
		Source: "PushSharp issue 619; WNS throttles token requests",
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d) // so that the server has a token
			d.AwaitPushes(m, 1)
			// A token endpoint that takes its time, so that all pushes find no
			// token.
			defer t.Lab.WNS.Inject(fakewns.Fault{Name: "slow token", On: fakewns.Token, Delay: t.Lab.Config.Timeouts.Quiet})()
			m = d.Mark()
			t.Lab.WNS.RevokeTokens()
			var wg sync.WaitGroup
			errs := make([]error, 50)
			for i := range errs {
				wg.Go(func() { errs[i] = t.push(d) })
			}
			wg.Wait()
			for _, err := range errs {
				t.hook(err)
			}
			ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
			defer cancel()
			if _, err := t.Lab.WNS.Journal().Await(ctx, m.journal, 1, isToken); err != nil {
				t.NotApplicable("the server asked for no token after its old one was refused (see TOK-05)")
			}
			t.wait(2) // requests that were waiting are in the journal by then
			t.Expect(len(t.Lab.WNS.Journal().Since(m.journal, isToken)), "token requests for 50 pushes at once").To(BeNumerically("<=", 2))
		}},
	{ID: "TOK-07", Level: report.Must, Alone: true, Needs: []Need{NeedPush}, Title: "invalid_client: no storm of retries",
		Rule:   "A secret that is refused is refused again: the server does not ask without end, here at most five times in three seconds, and pushes are sent again once the secret is right.",
		Source: learnToken + " (RFC 6749 5.2); the bound is ours",
		Run:    func(t *T) { t.tokenTrouble("status=400") }},
	{ID: "TOK-08", Level: report.Must, Alone: true, Needs: []Need{NeedPush}, Title: "500 at the token endpoint: back-off, and pushes come back",
		Rule:   "While the token endpoint fails it is not asked without end, here at most five times in three seconds; once it is up again pushes are sent again.",
		Source: learnToken + "; the bound is ours",
		Run:    func(t *T) { t.tokenTrouble("status=500") }},
	{ID: "TOK-09", Level: report.Must, Alone: true, Needs: []Need{NeedPush}, Title: "answers that are no token: it goes on",
		Rule:   "JSON that breaks off, a page in its place, a missing expires_in, a token of 60,000 bytes: errors of this one request, after which pushes are sent again.",
		Source: "RFC 6749 5.1 (expires_in is only recommended); the push path cannot be relied on without it",
		Run: func(t *T) {
			d := t.WithChannel()
			for _, fault := range []string{"bad-json", "html", "no-expires", "huge-token"} {
				t.Evidence("the token endpoint: %s", fault)
				remove := t.fault(fault, nil)
				t.Lab.WNS.RevokeTokens()
				t.askForToken(d)
				t.Quiet() // so that the server has read it
				remove()
				t.Lab.WNS.RevokeTokens()
				m := d.Mark()
				// What it was given may have to fail first.
				for i := range 3 {
					t.inBackground(d)
					if d.accepted(m) != nil {
						break
					} else if i == 2 {
						d.refusedOtherwise(m)
						t.Fail("a notification that WNS accepts after the token endpoint answered so: "+fault, "none")
					}
				}
			}
		}},
	{ID: "TOK-10", Level: report.Should, Alone: true, Needs: []Need{NeedPush}, Title: "the certificate of the token endpoint is verified",
		Rule:   "A server that presents a certificate of another name than the token endpoint's does not get the client secret.",
		Source: "RFC 6749 section 1.6; RFC 6125",
		Run:    func(t *T) { t.strangers(fakewns.Token) }},
}

// tokenTrouble lets the token endpoint fail for a while and watches.
func (t *T) tokenTrouble(fault string) {
	d := t.WithChannel()
	remove := t.fault(fault+" on=token", nil)
	defer remove()
	m := d.Mark()
	t.Lab.WNS.RevokeTokens()
	first := t.askForToken(d)
	t.until(first.At.Add(patientSpan))
	list := upTo(t.Lab.WNS.Journal().Since(m.journal, isToken), first.At.Add(patientSpan))
	for _, e := range list[:min(len(list), 10)] {
		t.Evidence("%s", e)
	}
	t.Expect(len(list), "token requests within %s of the first that failed", patientSpan).To(BeNumerically("<=", patient))
	remove()
	m = d.Mark()
	for range 3 {
		t.inBackground(d)
		if d.accepted(m) != nil {
			return
		}
	}
	d.refusedOtherwise(m)
	t.Fail("a notification that WNS accepts after the token endpoint is up again", "none within three times "+t.Lab.Config.Timeouts.Push.String())
}

// askForToken makes the server ask for a token, after its own was revoked: at
// the first push, or at the second once WNS refused the old one.
func (t *T) askForToken(d *Device) *fakewns.Entry {
	m := d.Mark()
	for range 2 {
		t.inBackground(d)
		ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
		list, err := t.Lab.WNS.Journal().Await(ctx, m.journal, 1, isToken)
		cancel()
		if err == nil {
			return list[0]
		}
	}
	t.NotApplicable("the server asked for no token after its old one was refused (see TOK-05)")
	return nil
}

// accepted waits for a notification since m that WNS accepts; nil if none comes
// in time.
func (d *Device) accepted(m Mark) *fakewns.Entry {
	ctx, cancel := context.WithTimeout(d.t.ctx, d.t.Lab.Config.Timeouts.Push)
	defer cancel()
	list, err := d.t.Lab.WNS.Journal().Await(ctx, m.journal, 1, func(e *fakewns.Entry) bool { return d.to(e) && e.Status == http.StatusOK })
	if err != nil {
		return nil
	}
	return list[0]
}

// tokenRequests are the server's token requests in this run; one is provoked
// where there was none.
func (t *T) tokenRequests() []*fakewns.Entry {
	j := t.Lab.WNS.Journal()
	d := t.WithChannel()
	if list := j.Since(0, isToken); len(list) > 0 {
		return list
	}
	t.Push(d)
	ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
	defer cancel()
	list, err := j.Await(ctx, 0, 1, isToken)
	if err != nil {
		t.Fail("a token request after the server was asked to push", "none within "+t.Lab.Config.Timeouts.Push.String())
	}
	return list
}

// awaitDelivered waits for a notification that was accepted since m. One that
// is refused for another reason than its token makes the scenario not
// applicable.
func (d *Device) awaitDelivered(m Mark) *fakewns.Entry {
	t := d.t
	ctx, cancel := context.WithTimeout(t.ctx, t.Lab.Config.Timeouts.Push)
	defer cancel()
	list, err := t.Lab.WNS.Journal().Await(ctx, m.journal, 1, func(e *fakewns.Entry) bool { return d.to(e) && e.Status == 200 })
	if err != nil {
		d.refusedOtherwise(m)
		for _, e := range t.Lab.WNS.Journal().Since(m.journal, nil) {
			t.Evidence("%s", e)
		}
		t.Fail("a notification that WNS accepts within "+t.Lab.Config.Timeouts.Push.String(), "none")
	}
	return list[0]
}

// refusedOtherwise ends the body as not applicable where WNS refuses
// notifications for something else than an old token.
func (d *Device) refusedOtherwise(m Mark) {
	for _, e := range d.Pushes(m) {
		if e.Status != http.StatusUnauthorized || e.Violated(fakewns.RuleAuthorization) != "" {
			d.t.NotApplicable("WNS answers the server's notifications with %d: %s (see the WNS scenarios)", e.Status, e.Error)
		}
	}
}

// shortToken is the life of the token in TOK-05; seconds are the unit of
// expires_in, and one would be lost in rounding.
const shortToken = 2 * time.Second

func tokenRenewal(t *T) {
	d := t.WithChannel()
	normal := t.Lab.WNS.Inject(fakewns.Fault{Name: "short-lived token", On: fakewns.Token, TokenLifetime: shortToken})
	defer normal()
	m := d.Mark()
	t.Lab.WNS.RevokeTokens()
	// The first push may be lost to the 401; the second must have a new token.
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e := d.awaitDelivered(m)
	normal() // tokens live as long as ever from here on
	used := e.BearerToken()
	t.until(e.At.Add(shortToken + 100*time.Millisecond))
	m = d.Mark()
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e = d.awaitDelivered(m)
	t.Expect(e.BearerToken() != used, "another token being used after the first expired").To(BeTrue())
}

// until waits for a moment that the protocol names, such as the end of a
// token's life or of a Retry-After.
func (t *T) until(at time.Time) {
	ctx, cancel := context.WithDeadline(t.ctx, at)
	defer cancel()
	<-ctx.Done()
}
