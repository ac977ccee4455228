package scenarios

import (
	"encoding/json"
	"net/http"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// tokenEndpoint are the TOK scenarios about a token endpoint that answers less than
// usual, or not at all.
var tokenEndpoint = []Scenario{
	{ID: "TOK-11", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "a reply with little more than the token is taken",
		Rule:    "Only access_token is required in the reply of the token endpoint. A reply without token_type, or without expires_in, gives a token like any other.",
		Source:  learnWNS + ", access token response; RFC 6749 section 5.1 (it requires token_type, and recommends expires_in)",
		Fix:     "Require access_token alone; take token_type for bearer, and expires_in for an hour.",
		Mutants: []*mutants.Mutant{mutants.TokNeedsType, mutants.TokNeedsExpiry},
		Under:   []string{"TOK-05", "TOK-09", "WER-01"},
		Run: func(t *T) {
			for _, field := range []string{"token_type", "expires_in"} {
				t.Try("without "+field, func() { shortReply(t, without(field)) })
			}
		}},
	{ID: "TOK-12", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the token endpoint never answers: sessions go on",
		Rule:    "While the server waits for a token, devices open sessions as always.",
		Source:  "without it the push path is not reliable",
		Fix:     "Request tokens outside of sessions and locks, with a timeout.",
		Mutants: []*mutants.Mutant{mutants.TokHoldsSessions},
		Run: func(t *T) {
			d := t.WithChannel()
			d.Settle(soundPush(d)) // without the fault, WNS accepts notifications
			holdTokens(t)
			t.RevokeTokens()
			askForToken(t, d)
			s := d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule, NoRetry: true})
			if err := suite.Broken(s); err != nil {
				t.Exchanges(s)
				t.Fail("a session that completes while the token endpoint does not answer", err.Error())
			}
		}},
	// Alone, and so at the end: a server that fails this may push no more, and others
	// could not look.
	{ID: "TOK-13", Level: report.Should, Reach: suite.Alone, Needs: []Need{NeedPush}, Title: "the token endpoint breaks off: the server recovers",
		Rule:    "A connection that ends in the middle of the token endpoint's reply, or before it, fails only this one request. Pushes resume afterwards.",
		Source:  "RFC 9112 section 8; without it the push path is not reliable",
		Fix:     "Treat a reply that broke off, and a connection without a reply, like a 500 of the token endpoint.",
		Mutants: []*mutants.Mutant{mutants.TokCutDead, mutants.TokResetDead},
		Under:   []string{"TOK-07", "TOK-08", "TOK-09"},
		Run:     func(t *T) { failingTokens(t, "truncated on=token", "reset on=token") }},
	{ID: "TOK-14", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "403 for a notification causes no token request",
		Rule:    "403 says that WNS accepted the token and that its app may not send to this channel. Another token of the same app would get the same answer.",
		Source:  learnWNS + ", 403",
		Fix:     "Fetch a new token after 401 only, not after 403.",
		Mutants: []*mutants.Mutant{mutants.Tok403Refetch},
		Under:   []string{"TOK-04", "WER-03"},
		Run:     tokensFor403},
}

// without is a reply of the token endpoint that lacks a field.
type without string

// Fault implements fakewns.Action.
func (w without) Fault() string { return "no " + string(w) }

// Answer implements fakewns.Answerer.
func (w without) Answer(_ http.Header, r *fakewns.Reply) {
	var fields map[string]any
	if json.Unmarshal(r.Body, &fields) != nil {
		return
	}
	delete(fields, string(w))
	r.Body, _ = json.Marshal(fields) //nolint:errchkjson // strings and numbers, cannot fail
}

// shortReply makes the server request a token, and expects a notification that WNS
// accepts.
func shortReply(t *T, reply without) {
	d := t.Next().Ready()
	d.Settle(soundPush(d)) // without the fault, WNS accepts notifications
	remove := t.Inject(fakewns.Fault{Name: reply.Fault(), On: fakewns.Token, Do: reply})
	defer remove()
	m := d.Mark()
	t.RevokeTokens()
	askForToken(t, d)
	for range 2 { // the first may be lost to a 401
		if d.AwaitAccepted(m) != nil {
			return
		}
		t.PushInBackground(d)
	}
	d.NeedAccepted(m)
	t.Fail("a notification that WNS accepts, with a token from such a reply", "none within "+(2*t.Lab.Config.Timeouts.Push).String())
}
