package scenarios

import (
	"fmt"
	"net/http"
	"strings"
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
	{ID: "TOK-01", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the token is asked for by a form POST over TLS",
		Rule:    "The access token is requested by POST over TLS with an application/x-www-form-urlencoded body.",
		Source:  learnToken,
		Fix:     "POST application/x-www-form-urlencoded to the token endpoint.",
		Mutants: []string{"tok-json"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			for _, e := range tokenRequests(t) {
				t.Expect(e.Method, "method of the token request").To(Equal("POST"))
				t.Check(e.TLS, "the token request over TLS", "plain HTTP")
				v := e.Violated(fakewns.RuleForm)
				t.Check(v == "", "a body that is application/x-www-form-urlencoded", v)
			}
		}},
	{ID: "TOK-02", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "grant_type, client_id, client_secret and scope are right",
		Rule:    "grant_type is client_credentials, client_id the Package SID, client_secret the app's, scope notify.windows.com.",
		Source:  learnToken,
		Fix:     "Send grant_type client_credentials, client_id, client_secret, and the scope of the app's kind. The app must be the one of wns.app.",
		Mutants: []string{"tok-scope"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			list := tokenForms(t)
			v := suite.Violations(list, fakewns.RuleGrantType, fakewns.RuleScope, fakewns.RuleClientID, fakewns.RuleClientSecret)
			t.Check(len(v) == 0, "grant_type client_credentials, the app's client_id and client_secret, and the scope of its kind", strings.Join(v, "; "))
			for _, e := range list {
				t.Check(e.Status == http.StatusOK || e.Fault != "" || len(e.Violations) > 0, "a token request that is answered 200", fmt.Sprintf("%d: %s", e.Status, e.Error))
			}
		}},
	{ID: "TOK-03", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "client_id is percent-encoded",
		Rule:    "The form is encoded: \"ms-app://\" does not stand in it plainly, nor do \"+\" and \"/\" of the secret.",
		Source:  learnToken + "; WHATWG URL, application/x-www-form-urlencoded",
		Fix:     "Encode the form with a form encoder, so that ms-app:// becomes ms-app%3A%2F%2F.",
		Mutants: []string{"tok-plain-sid"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			v := suite.Violations(tokenForms(t), fakewns.RulePercentEncoding)
			t.Check(len(v) == 0, "client_id in percent-encoding: ms-app%3A%2F%2F...", strings.Join(v, "; "))
		}},
	{ID: "TOK-04", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "one token serves many pushes",
		Rule:    "A token is used until it expires; a sender that fetches one for each push is throttled.",
		Source:  learnToken + "; PushSharp issue 619",
		Fix:     "Keep the token until expires_in has passed or a 401 comes.",
		Mutants: []string{"tok-every-push"},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			d := t.WithChannel()
			usualPushes(d) // what WNS refuses may well cause a token request each
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
		Under:   []string{"WNS-02"},
		Decides: []suite.Premise{suite.Tokens, suite.Notifies},
		Run:     tokenRenewal},
	{ID: "TOK-06", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "50 pushes at once cause at most two token requests",
		Rule:    "Pushes that find no valid token share the request for one.",
		Source:  "PushSharp issue 619; WNS throttles token requests",
		Fix:     "Let pushes that find no token wait for one request.",
		Mutants: []string{"tok-stampede"},
		Under:   []string{"TOK-04"},
		Run:     pushesAtOnce},
	{ID: "TOK-07", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "invalid_client: no storm of retries",
		Rule:    "A secret that is refused is refused again: the server does not ask without end, here at most five times in three seconds, and pushes are sent again once the secret is right.",
		Source:  learnToken + " (RFC 6749 5.2); the bound is ours",
		Fix:     "Wait between token requests that fail, longer each time; do not give up for good.",
		Mutants: []string{"tok-storm", "tok-dead"},
		Run:     func(t *T) { tokenTrouble(t, tokenAnswer{http.StatusBadRequest, "invalid_client"}) }},
	{ID: "TOK-08", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "500 at the token endpoint: back-off, and pushes come back",
		Rule:    "While the token endpoint fails it is not asked without end, here at most five times in three seconds; once it is up again pushes are sent again.",
		Source:  learnToken + "; the bound is ours",
		Fix:     "Wait between token requests that fail, longer each time; do not give up for good.",
		Mutants: []string{"tok-storm"},
		Under:   []string{"TOK-07"},
		Run:     func(t *T) { tokenTrouble(t, tokenAnswer{http.StatusInternalServerError, "server_error"}) }},
	{ID: "TOK-09", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "answers that are no token: it goes on",
		Rule:    "JSON that breaks off, a page in its place, a missing expires_in, a token of 60,000 bytes: errors of this one request, after which pushes are sent again.",
		Source:  "RFC 6749 5.1 (expires_in is only recommended); the push path cannot be relied on without it",
		Fix:     "Treat an answer that is no token as a failure of that request; assume an hour where expires_in is missing.",
		Mutants: []string{"tok-no-json-dead"},
		Under:   []string{"TOK-07"},
		Run:     unreadableTokens},
	{ID: "TOK-10", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the certificate of the token endpoint is verified",
		Rule:    "A server that presents a certificate of another name than the token endpoint's does not get the client secret.",
		Source:  "RFC 6749 section 1.6; RFC 6125",
		Fix:     "Do not turn certificate checks off in the HTTP client.",
		Mutants: []string{"wns-tls-any"},
		Under:   []string{"WNS-13"},
		Run:     strangerForToken},
}

// tokenAnswer is an answer of the token endpoint that is no token.
type tokenAnswer struct {
	status int
	code   string
}

// Fault implements fakewns.Action.
func (a tokenAnswer) Fault() string { return fmt.Sprint("token endpoint: ", a.status, " ", a.code) }

// Answer implements fakewns.Answerer.
func (a tokenAnswer) Answer(_ http.Header, r *fakewns.Reply) {
	r.Status, r.Body = a.status, []byte(`{"error":"`+a.code+`"}`)
}

// tokenTrouble lets the token endpoint fail for a while and watches.
func tokenTrouble(t *T, answer tokenAnswer) {
	d := t.WithChannel()
	usualPushes(d) // while nothing is wrong, notifications are accepted
	remove := t.Inject(fakewns.Fault{Name: answer.Fault(), On: fakewns.Token, Do: answer})
	m := d.Mark()
	t.RevokeTokens()
	first := askForToken(t, d)
	end := first.At.Add(patientSpan)
	t.Until(end)
	list := upTo(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken), end)
	for _, e := range list[:min(len(list), 10)] {
		t.Evidence("%s", e)
	}
	t.Expect(len(list), "token requests within %s of the first that failed", patientSpan).To(BeNumerically("<=", patient))
	remove()
	t.Check(comesBack(t, d), "a notification that WNS accepts after the token endpoint is up again", "none within "+backWithin(t).String())
}

// unreadableTokens answers with what is no token, and looks whether pushes are sent
// afterwards.
func unreadableTokens(t *T) {
	d := t.WithChannel()
	usualPushes(d) // while nothing is wrong, notifications are accepted
	for _, fault := range []string{"bad-json", "html", "no-expires", "huge-token"} {
		alive := false
		t.Try(fault, func() {
			remove := t.FaultForAll(fault)
			defer remove()
			t.RevokeTokens()
			askForToken(t, d)
			remove()
			t.RevokeTokens()
			// The first one may still be on its way while the server reads what is no
			// token; the second is not.
			if alive = comesBack(t, d); alive {
				alive = comesBack(t, d)
			}
			t.Check(alive, "a notification that WNS accepts after such an answer of the token endpoint", "none within "+backWithin(t).String())
		})
		if !alive {
			return // what comes after it would fail because of it
		}
	}
}

// askForToken makes the server ask for a token, after its own was revoked: at
// the first push, or at the second once WNS refused the old one.
func askForToken(t *T, d *Device) *fakewns.Entry {
	m := d.Mark()
	t.PushInBackground(d)
	id := d.Identity().DeviceID
	if _, err := t.Await(m, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Token || e.Device == id }); err != nil {
		noTokenAsked(d, m)
	}
	t.Shortly(func() bool { return len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)) > 0 })
	if list := t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken); len(list) > 0 {
		return list[0]
	}
	t.PushInBackground(d) // WNS refused the first with 401
	if e := t.AwaitToken(m); e != nil {
		return e
	}
	noTokenAsked(d, m)
	return nil
}

// noTokenAsked ends the body as blocked, by the reason for which the server did
// not ask for a token since m though its old one was revoked.
func noTokenAsked(d *Device, m Mark) {
	t := d.T
	d.NeedAccepted(m)
	if len(d.Pushes(m)) == 0 {
		t.Blocked(suite.By(suite.Pushes), "neither a token request nor a notification came within %s of the trigger", t.Lab.Config.Timeouts.Push)
	}
	t.Blocked(suite.By("TOK-05", "WER-01"), "the server asked for no token after WNS refused its old one with 401")
}

// tokenRequests are the server's token requests in this run; one is provoked
// where there was none: a server may have a token from before.
func tokenRequests(t *T) []*fakewns.Entry {
	d := t.WithChannel()
	if list := t.Lab.WNS.Journal().Since(0, suite.IsToken); len(list) > 0 {
		return list
	}
	t.RevokeTokens()
	return []*fakewns.Entry{askForToken(t, d)}
}

// tokenForms are those of the token requests that are forms, as TOK-01 wants.
func tokenForms(t *T) (forms []*fakewns.Entry) {
	for _, e := range tokenRequests(t) {
		if e.Violated(fakewns.RuleForm) == "" {
			forms = append(forms, e)
		}
	}
	if len(forms) == 0 {
		t.Blocked(suite.By("TOK-01"), "the token request is no form")
	}
	return forms
}

// awaitDelivered waits for a notification that was accepted since m. One that
// is refused for another reason than its token makes the scenario blocked.
func awaitDelivered(d *Device, m Mark) *fakewns.Entry {
	t := d.T
	e := firstSound(d, m)
	switch {
	case e == nil:
		list := d.Pushes(m)
		noteFirst(t, list)
		t.Fail("a notification that WNS accepts within "+t.Lab.Config.Timeouts.Push.String(), fmt.Sprintf("none; notifications that WNS answered 401: %d", len(list)))
	case e.Status != http.StatusOK:
		t.Blocked(suite.By(suite.Notifies), "%s", wnsRefuses(e))
	}
	return e
}

// shortToken is the life of the token in TOK-05; seconds are the unit of
// expires_in, and one would be lost in rounding.
const shortToken = 2 * time.Second

func tokenRenewal(t *T) {
	d := t.WithChannel()
	normal := t.Inject(fakewns.Fault{Name: "short-lived token", On: fakewns.Token, TokenLifetime: shortToken})
	m := d.Mark()
	t.RevokeTokens()
	// The first push may be lost to the 401; the second must have a new token.
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e := awaitDelivered(d, m)
	normal() // tokens live as long as ever from here on
	t.Until(e.At.Add(shortToken + 100*time.Millisecond))
	m = d.Mark()
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	awaitDelivered(d, m)
}

// gate holds the answers of the token endpoint back until it is opened, so that
// all pushes meanwhile find no token.
type gate chan struct{}

// Fault implements fakewns.Action.
func (gate) Fault() string { return "a token endpoint that takes its time" }

// Send implements fakewns.Sender: it leaves the answer to the service.
func (g gate) Send(_ http.ResponseWriter, r *http.Request, _ *fakewns.Reply) bool {
	select {
	case <-g:
	case <-r.Context().Done():
	}
	return false
}

func pushesAtOnce(t *T) {
	d := t.WithChannel()
	usualPushes(d) // so that the server has a token
	g := make(gate)
	open := sync.OnceFunc(func() { close(g) })
	t.After(open)
	t.Inject(fakewns.Fault{Name: g.Fault(), On: fakewns.Token, Do: g})
	m := d.Mark()
	t.RevokeTokens()
	var asking sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		asking.Go(func() { errs[i] = t.AskToPush(d) })
	}
	first := t.AwaitToken(m)
	if first != nil {
		t.Quiet() // the requests of the other pushes come now
	}
	open()
	asking.Wait()
	for _, err := range errs {
		t.Hook(err)
	}
	if first == nil {
		noTokenAsked(d, m)
	}
	// What was refused with the old token is sent again, perhaps with a token
	// request for each.
	t.Shortly(func() bool {
		accepted, refused := 0, 0
		for _, e := range d.Pushes(m) {
			switch e.Status {
			case http.StatusOK:
				accepted++
			case http.StatusUnauthorized:
				refused++
			}
		}
		return accepted > 0 && accepted >= refused
	})
	t.Expect(len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)), "token requests for 50 pushes at once").To(BeNumerically("<=", 2))
}

// backWithin is how long a server may take to push again after a trouble that is
// over: it may be waiting still.
func backWithin(t *T) time.Duration { return 3 * t.Lab.Config.Timeouts.Push }

// comesBack asks the server to push, again and again, until WNS accepts a
// notification; false if that does not happen in time. Where WNS refuses for
// something else than the token, the body is blocked.
func comesBack(t *T, d *Device) bool {
	m := d.Mark()
	accepted := func() bool {
		for _, e := range d.Pushes(m) {
			if e.Status == http.StatusOK {
				return true
			}
		}
		return false
	}
	for end := time.Now().Add(backWithin(t)); time.Now().Before(end) && t.Context().Err() == nil; {
		t.PushInBackground(d)
		if t.Shortly(accepted) {
			d.Settle(m)
			return true
		}
	}
	d.NeedAccepted(m)
	return false
}
