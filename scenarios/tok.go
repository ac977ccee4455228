package scenarios

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

const learnToken = "Learn, \"WNS overview\", authenticating your cloud server; RFC 6749 4.4"

// tokens are the TOK scenarios.
var tokens = []Scenario{
	{ID: "TOK-01", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the token request is a form POST over TLS",
		Rule:    "The server requests the access token by POST over TLS with an application/x-www-form-urlencoded body.",
		Source:  learnToken,
		Fix:     "POST application/x-www-form-urlencoded to the token endpoint.",
		Mutants: []*mutants.Mutant{mutants.TokJSON},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			for _, e := range tokenRequests(t) {
				t.Expect(e.Method, "method of the token request").To(Equal("POST"))
				t.Check(e.TLS, "the token request over TLS", "plain HTTP")
				v := e.Violated(fakewns.RuleForm)
				t.Check(v == "", "an application/x-www-form-urlencoded body", v)
			}
		}},
	{ID: "TOK-02", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "grant_type, client_id, client_secret and scope are right",
		Rule:    "grant_type is client_credentials, client_id the Package SID, client_secret the app's, scope notify.windows.com.",
		Source:  learnToken,
		Fix:     "Send grant_type client_credentials, client_id, client_secret, and the scope for this kind of app. The app must be the one in wns.app.",
		Mutants: []*mutants.Mutant{mutants.TokScope},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			list := tokenForms(t)
			v := suite.Violations(list, fakewns.RuleGrantType, fakewns.RuleScope, fakewns.RuleClientID, fakewns.RuleClientSecret)
			t.Check(len(v) == 0, "grant_type client_credentials, the app's client_id and client_secret, and the scope for its kind", strings.Join(v, "; "))
			for _, e := range list {
				t.Check(e.Status == http.StatusOK || e.Fault != "" || len(e.Violations) > 0, "a token request answered with 200", fmt.Sprintf("%d: %s", e.Status, e.Error))
			}
		}},
	{ID: "TOK-03", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "client_id and client_secret are percent-encoded",
		Rule:    "The form is encoded: it contains no literal \"ms-app://\", nor a literal \"+\" or \"/\" of the secret.",
		Source:  learnToken + "; WHATWG URL, application/x-www-form-urlencoded",
		Fix:     "Encode the form with a form encoder, so that ms-app:// becomes ms-app%3A%2F%2F.",
		Mutants: []*mutants.Mutant{mutants.TokPlainSID, mutants.TokPlainSecret},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			v := suite.Violations(tokenForms(t), fakewns.RulePercentEncoding)
			t.Check(len(v) == 0, "percent-encoded values, as in client_id=ms-app%3A%2F%2F...", strings.Join(v, "; "))
		}},
	{ID: "TOK-04", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "one token serves many pushes",
		Rule:    "A token is used until it expires. A sender that fetches a token for each push is throttled.",
		Source:  learnToken + "; PushSharp issue 619",
		Fix:     "Keep the token until expires_in has passed or a 401 arrives.",
		Mutants: []*mutants.Mutant{mutants.TokEveryPush},
		Decides: []suite.Premise{suite.Tokens},
		Run: func(t *T) {
			d := t.WithChannel()
			d.Settle(soundPush(d)) // each refused push may cause a token request
			m := d.Mark()
			for i := range 5 {
				t.Push(d)
				d.AwaitPushes(m, i+1)
			}
			t.Expect(len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)), "token requests for five pushes").To(BeNumerically("<=", 1))
		}},
	{ID: "TOK-05", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "a token is renewed when it expires",
		Rule:    "The server gets a new token before or after expires_in has passed, and pushes continue.",
		Source:  learnToken + "; PushSharp issues 691, 743",
		Fix:     "Fetch a new token when expires_in has passed, or after a 401.",
		Mutants: []*mutants.Mutant{mutants.TokNeverRenewed},
		Under:   []string{"WNS-02"},
		Decides: []suite.Premise{suite.Tokens, suite.Notifies},
		Run:     tokenRenewal},
	{ID: "TOK-06", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "50 pushes at once cause at most two token requests",
		Rule:    "Pushes without a valid token share one token request.",
		Source:  "PushSharp issue 619; WNS throttles token requests",
		Fix:     "Let pushes without a token wait for one shared request.",
		Mutants: []*mutants.Mutant{mutants.TokStampede},
		Under:   []string{"TOK-04"},
		Run:     pushesAtOnce},
	{ID: "TOK-07", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "invalid_client: no retry storm",
		Rule:    "A refused secret will be refused again: the server does not keep asking, here at most five times in three seconds. Pushes resume once the secret is right.",
		Source:  learnToken + " (RFC 6749 5.2); the bound is ours",
		Fix:     "Back off between failed token requests, longer each time; do not give up for good.",
		Mutants: []*mutants.Mutant{mutants.TokStorm, mutants.TokDead},
		Run:     func(t *T) { tokenTrouble(t, tokenAnswer{http.StatusBadRequest, "invalid_client"}) }},
	{ID: "TOK-08", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "500 at the token endpoint: back-off, and pushes resume",
		Rule:    "While the token endpoint fails, the server does not keep asking, here at most five times in three seconds. Once it is up again, pushes resume.",
		Source:  learnToken + "; the bound is ours",
		Fix:     "Back off between failed token requests, longer each time; do not give up for good.",
		Mutants: []*mutants.Mutant{mutants.TokStorm},
		Under:   []string{"TOK-07"},
		Run:     func(t *T) { tokenTrouble(t, tokenAnswer{http.StatusInternalServerError, "server_error"}) }},
	{ID: "TOK-09", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "invalid token replies: the server recovers",
		Rule:    "Truncated JSON, an HTML page instead, a missing expires_in, a token of 60,000 bytes: each fails only this one request. Pushes resume afterwards.",
		Source:  "RFC 6749 5.1 (expires_in is only recommended); without it the push path is not reliable",
		Fix:     "Treat an invalid reply as a failure of that request; assume an hour if expires_in is missing.",
		Mutants: []*mutants.Mutant{mutants.TokNoJSONDead},
		Under:   []string{"TOK-07"},
		Run:     func(t *T) { failingTokens(t, "bad-json", "html", "no-expires", "huge-token") }},
	{ID: "TOK-10", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the certificate of the token endpoint is verified",
		Rule:    "A host whose certificate does not match the token endpoint's name does not get the client secret.",
		Source:  "RFC 6749 section 1.6; RFC 6125",
		Fix:     "Do not turn off certificate checks in the HTTP client.",
		Mutants: []*mutants.Mutant{mutants.WnsTLSAny},
		Under:   []string{"WNS-13"},
		Run:     strangerForToken},
}

// tokenAnswer is an error reply of the token endpoint.
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

// tokenTrouble makes the token endpoint fail for a while and watches the server.
func tokenTrouble(t *T, answer tokenAnswer) {
	d := t.WithChannel()
	d.Settle(soundPush(d)) // without the fault, WNS accepts notifications
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
	t.Expect(len(list), "token requests within %s of the first failed one", patientSpan).To(BeNumerically("<=", patient))
	remove()
	t.Check(comesBack(t, d), "a notification that WNS accepts, after the token endpoint is up again", "none within "+backWithin(t).String())
}

// failingTokens answers token requests with one fault after the other, and checks
// that pushes resume after each.
func failingTokens(t *T, faults ...string) {
	d := t.WithChannel()
	d.Settle(soundPush(d)) // without the fault, WNS accepts notifications
	for _, fault := range faults {
		alive := false
		t.Try(fault, func() {
			remove := t.FaultForAll(fault)
			defer remove()
			t.RevokeTokens()
			askForToken(t, d)
			remove()
			t.RevokeTokens()
			// The first notification may still be under way while the server reads the
			// invalid reply; the second is not.
			if alive = comesBack(t, d); alive {
				alive = comesBack(t, d)
			}
			t.Check(alive, "a notification that WNS accepts, after such a reply of the token endpoint", "none within "+backWithin(t).String())
		})
		if !alive {
			return // the inputs after it would fail as well
		}
	}
}

// askForToken makes the server request a token after its own was revoked: at the
// first push, or at the second once WNS refused the old token.
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

// noTokenAsked ends the body as blocked because the server requested no token
// since m although its old one was revoked. It says why.
func noTokenAsked(d *Device, m Mark) {
	t := d.T
	d.NeedAccepted(m)
	if len(d.Pushes(m)) == 0 {
		t.Blocked(suite.By(suite.Pushes), "neither a token request nor a notification arrived within %s of the trigger", t.Lab.Config.Timeouts.Push)
	}
	t.Blocked(suite.By("TOK-05", "WER-01"), "the server requested no token after WNS refused its old one with 401")
}

// tokenRequests returns the server's token requests in this run. If there are none,
// the server may have a token from before, and one is provoked.
func tokenRequests(t *T) []*fakewns.Entry {
	d := t.WithChannel()
	if list := t.Lab.WNS.Journal().Since(0, suite.IsToken); len(list) > 0 {
		return list
	}
	t.RevokeTokens()
	return []*fakewns.Entry{askForToken(t, d)}
}

// tokenForms returns the token requests that are forms, as TOK-01 requires.
func tokenForms(t *T) (forms []*fakewns.Entry) {
	for _, e := range tokenRequests(t) {
		if e.Violated(fakewns.RuleForm) == "" {
			forms = append(forms, e)
		}
	}
	if len(forms) == 0 {
		t.Blocked(suite.By("TOK-01"), "the token request is not a form")
	}
	return forms
}

// awaitDelivered waits for a notification since m that WNS accepts. The body is
// blocked if WNS refuses it for any reason but its token.
func awaitDelivered(d *Device, m Mark) *fakewns.Entry {
	t := d.T
	e := firstSound(d, m)
	switch {
	case e == nil:
		list := d.Pushes(m)
		noteFirst(t, list)
		t.Fail("a notification that WNS accepts within "+t.Lab.Config.Timeouts.Push.String(), fmt.Sprintf("none; notifications answered with 401: %d", len(list)))
	case e.Status != http.StatusOK:
		t.Blocked(suite.By(suite.Notifies), "%s", wnsRefuses(e))
	}
	return e
}

// shortToken is the lifetime of the token in TOK-05. expires_in counts seconds, and
// a single second could be lost in rounding.
const shortToken = 2 * time.Second

func tokenRenewal(t *T) {
	d := t.WithChannel()
	normal := t.Inject(fakewns.Fault{Name: "short-lived token", On: fakewns.Token, TokenLifetime: shortToken})
	m := d.Mark()
	t.RevokeTokens()
	// The first push may be lost to a 401; the second must have a new token.
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	e := awaitDelivered(d, m)
	normal() // from here on, tokens have their usual lifetime
	t.Until(e.At.Add(shortToken + 100*time.Millisecond))
	m = d.Mark()
	for i := range 2 {
		t.Push(d)
		d.AwaitPushes(m, i+1)
	}
	awaitDelivered(d, m)
}

// gate delays the replies of WNS until it is opened, or the sender gives up.
type gate chan struct{}

// Fault implements fakewns.Action.
func (gate) Fault() string { return "an answer that takes its time" }

// Send implements fakewns.Sender: it leaves the answer to the service.
func (g gate) Send(_ http.ResponseWriter, r *http.Request, _ *fakewns.Reply) bool {
	select {
	case <-g:
	case <-r.Context().Done():
	}
	return false
}

// holdTokens lets no push find a token until open is called.
func holdTokens(t *T) (open func()) {
	g := make(gate)
	open = sync.OnceFunc(func() { close(g) })
	t.After(open)
	t.Inject(fakewns.Fault{Name: g.Fault(), On: fakewns.Token, Do: g})
	return open
}

// mostTokens is how many token requests many pushes at once may cause.
const mostTokens = 2

func pushesAtOnce(t *T) {
	d := t.WithChannel()
	d.Settle(soundPush(d)) // now the server has a token
	open := holdTokens(t)
	m := d.Mark()
	t.RevokeTokens()
	var asking sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		asking.Go(func() { errs[i] = t.AskToPush(d) })
	}
	first := t.AwaitToken(m)
	if first != nil {
		t.Quiet() // the other pushes send their requests now
	}
	open()
	asking.Wait()
	requests := func() int { return len(t.Lab.WNS.Journal().Since(m.Journal, suite.IsToken)) }
	if requests() <= mostTokens { // more need no hook that ends in time
		for _, err := range errs {
			t.Hook(err)
		}
	}
	if first == nil {
		noTokenAsked(d, m)
	}
	// The server repeats what WNS refused for the old token, perhaps with a token
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
	t.Expect(requests(), "token requests for 50 pushes at once").To(BeNumerically("<=", mostTokens))
}

// backWithin is how long a server may take to push again after a failure is over:
// it may still be backing off.
func backWithin(t *T) time.Duration { return 3 * t.Lab.Config.Timeouts.Push }

// comesBack asks the server to push, again and again, until WNS accepts a
// notification. It returns false if that does not happen in time. The body is
// blocked if WNS refuses for any reason but the token.
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
