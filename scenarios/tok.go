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
	{ID: "TOK-04", Level: report.Should, Needs: []Need{NeedPush}, Title: "one token serves many pushes",
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
	{ID: "TOK-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "a token is renewed when it expires",
		Rule:   "The server gets a new token before or after expires_in passed, and pushes go on.",
		Source: learnToken + "; PushSharp issues 691, 743",
		Run:    tokenRenewal},
	{ID: "TOK-06", Level: report.Should, Needs: []Need{NeedPush}, Title: "50 pushes at once cause at most two token requests",
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
		for _, e := range d.Pushes(m) {
			if e.Status != http.StatusUnauthorized || e.Violated(fakewns.RuleAuthorization) != "" {
				t.NotApplicable("WNS answers the server's notifications with %d: %s (see the WNS scenarios)", e.Status, e.Error)
			}
		}
		for _, e := range t.Lab.WNS.Journal().Since(m.journal, nil) {
			t.Evidence("%s", e)
		}
		t.Fail("a notification that WNS accepts within "+t.Lab.Config.Timeouts.Push.String(), "none")
	}
	return list[0]
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
