package scenarios

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

const learnWNS = "Learn, \"Push notification service request and response headers\""

// notifications are the WNS scenarios about one notification.
var notifications = []Scenario{
	{ID: "WNS-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "the notification is a POST",
		Rule:    "A notification is sent by POST; WNS answers anything else with 405.",
		Source:  learnWNS,
		Fix:     "Send the notification with POST.",
		Mutants: []*mutants.Mutant{mutants.WnsPut},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Expect(notification(t).Method, "method of the notification").To(Equal(http.MethodPost))
		}},
	{ID: "WNS-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "Authorization is Bearer plus the token",
		Rule:    "Authorization is \"Bearer \" followed by the access token exactly as issued.",
		Source:  learnWNS,
		Fix:     "Set Authorization to \"Bearer \" plus the token.",
		Mutants: []*mutants.Mutant{mutants.WnsBearer, mutants.WnsTokenSpoilt},
		Decides: []suite.Premise{suite.Notifies},
		Run:     authorization},
	{ID: "WNS-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Type is exactly application/octet-stream",
		Rule:    "A raw notification has Content-Type application/octet-stream and nothing more.",
		Source:  learnWNS,
		Fix:     "Set Content-Type to application/octet-stream, without a charset.",
		Mutants: []*mutants.Mutant{mutants.WnsContentType},
		Under:   []string{"WNS-04"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Expect(notification(t).Header.Get("Content-Type"), "Content-Type").To(Equal("application/octet-stream"))
		}},
	{ID: "WNS-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "X-WNS-Type is wns/raw",
		Rule:    "Only a raw notification wakes DMClient, so X-WNS-Type is wns/raw.",
		Source:  learnWNS + "; " + learnPush,
		Fix:     "Set X-WNS-Type: wns/raw.",
		Mutants: []*mutants.Mutant{mutants.WnsType},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Expect(notification(t).Header.Get("X-WNS-Type"), "X-WNS-Type").To(Equal("wns/raw"))
		}},
	{ID: "WNS-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Length is right, no chunking",
		Rule:    "The notification carries the Content-Length of its body and is not chunked.",
		Source:  learnWNS,
		Fix:     "Send Content-Length; give the HTTP client a body of known length.",
		Mutants: []*mutants.Mutant{mutants.WnsChunked},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			e := notification(t)
			t.Check(!e.Chunked, "a Content-Length", "a chunked body")
			v := e.Violated(fakewns.RuleContentLength)
			t.Check(v == "", "a Content-Length, and a body of that length", v)
		}},
	{ID: "WNS-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is not empty",
		Rule:    "The body has at least one byte, whatever it is. WNS accepts an empty body, but the device rejects it and starts no session.",
		Source:  "the first public reports of this path; 0x80070057 seen on devices",
		Fix:     "Send a few bytes; their content does not matter.",
		Mutants: []*mutants.Mutant{mutants.WnsEmpty},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Check(bodySize(notification(t)) > 0, "a body of at least one byte", "an empty body, which a device rejects with 0x80070057")
		}},
	{ID: "WNS-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is under 5 KB",
		Rule:    "The body has at most 5,000 bytes; WNS answers more with 413.",
		Source:  learnWNS,
		Fix:     "Send a few bytes: the device ignores them.",
		Mutants: []*mutants.Mutant{mutants.WnsLarge},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Expect(bodySize(notification(t)), "bytes in the body").To(BeNumerically("<=", fakewns.MaxPayload))
		}},
	{ID: "WNS-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "the channel URI is used byte for byte",
		Rule:    "The channel URI is opaque: the server posts to it exactly as the device sent it, without decoding or re-encoding its token.",
		Source:  learnPush + "; Learn, \"WNS overview\"",
		Fix:     "Use the URI exactly as received; do not decode and re-encode its query.",
		Mutants: []*mutants.Mutant{mutants.WnsURI},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			e := notification(t)
			if e.Violated(fakewns.RuleURI) == "" && e.Channel != "" {
				return
			}
			_, want, _ := strings.Cut(t.Devices()[0].ChannelURI(), "?")
			path, got, _ := strings.Cut(e.Target, "?")
			t.Check(path == "/", "path of the channel URI: /", path)
			t.Fail(fmt.Sprintf("the query of the channel URI, %d characters, as the device sent it", len(want)), fmt.Sprintf("%d characters; %s", len(got), difference(want, got)))
		}},
	{ID: "WNS-09", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-Cache-Policy is cache",
		Rule:    "With X-WNS-Cache-Policy: cache WNS keeps the notification for an offline device. By default it does not keep raw notifications.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-Cache-Policy: cache.",
		Mutants: []*mutants.Mutant{mutants.WnsNoCache},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			t.Expect(notification(t).Header.Get("X-WNS-Cache-Policy"), "X-WNS-Cache-Policy").To(Equal("cache"))
		}},
	{ID: "WNS-10", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-TTL, if present, is a number of seconds",
		Rule:    "X-WNS-TTL says for how many seconds the notification is worth delivering: a number above 0.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-TTL in seconds, or leave it out.",
		Mutants: []*mutants.Mutant{mutants.WnsTTLZero},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			for _, v := range notification(t).Header.Values("X-WNS-TTL") {
				n, err := strconv.Atoi(v)
				t.Check(err == nil && n > 0, "X-WNS-TTL: a number of seconds above 0", v)
			}
		}},
	{ID: "WNS-11", Level: report.Should, Needs: []Need{NeedPush}, Title: "the body identifies nobody",
		Rule:    "The device ignores the payload, and it passes through a third party: it contains no device id, user, password or token.",
		Source:  learnPush + " (the content is ignored)",
		Fix:     "Send a constant; commands belong in the session.",
		Mutants: []*mutants.Mutant{mutants.WnsBodyNames},
		Run: func(t *T) {
			e := notification(t)
			id, cfg := t.Devices()[0].Identity(), &t.Lab.Config.Target
			var found []string
			for _, s := range []struct{ what, value string }{{"the DeviceID", id.DeviceID}, {"the hardware id", id.HWDevID},
				{"the user", cfg.Username}, {"the password", cfg.Password.Value()}, {"the access token", e.BearerToken()}} {
				if len(s.value) > 3 && strings.Contains(string(e.Body), s.value) {
					found = append(found, s.what)
				}
			}
			t.Check(len(found) == 0, "a body that identifies nobody", "a body with "+strings.Join(found, ", "))
		}},
	{ID: "WNS-12", Level: report.Info, Needs: []Need{NeedPush}, Title: "the sender requests diagnostics",
		Rule:    "With X-WNS-RequestForStatus: true WNS says whether the device is connected. An MS-CV from the sender ties logs together.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-RequestForStatus: true, and log the reply.",
		Mutants: []*mutants.Mutant{mutants.WnsNoStatus},
		Run: func(t *T) {
			h := notification(t).Header
			t.Check(strings.EqualFold(h.Get("X-WNS-RequestForStatus"), "true") || h.Get("MS-CV") != "", "X-WNS-RequestForStatus: true, or an MS-CV", "neither")
		}},
	{ID: "WNS-16", Level: report.Must, Needs: []Need{NeedPush}, Title: "the notification is accepted",
		Rule:    "WNS answers 200 if each header appears once with a valid value, the token belongs to the channel's app, and the channel is the device's latest.",
		Source:  learnWNS,
		Fix:     "Look at X-WNS-Error-Description in the answer: it says what WNS rejects.",
		Mutants: []*mutants.Mutant{mutants.WnsHeaderTwice},
		Under:   []string{"WNS-01", "WNS-02", "WNS-03", "WNS-04", "WNS-05", "WNS-07", "WNS-08", "WNS-09", "WNS-10", "WNS-17", "WNS-22", "TOK-05", "WER-01"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			if e := notification(t); e.Status != http.StatusOK {
				t.FailBy(wnsRefuses(e), "a notification that WNS answers with 200", fmt.Sprintf("%d: %s", e.Status, e.Error))
			}
		}},
}

// wnsRefuses returns the cause of failures due to a notification that WNS refuses.
func wnsRefuses(e *fakewns.Entry) string {
	return fmt.Sprintf("WNS refuses the server's notifications: %d, %s", e.Status, e.Error)
}

// notification returns one notification from the server, whatever WNS answered. It
// skips one with an old token: WNS may revoke a token, and the server then fetches
// a new one.
func notification(t *T) *fakewns.Entry {
	d := t.WithChannel()
	m := d.Mark()
	t.Push(d)
	e := d.AwaitPushes(m, 1)[0]
	if staleToken(e) {
		t.Evidence("%s", e)
		t.Push(d)
		if other := d.AwaitOne(m, func(e *fakewns.Entry) bool { return !staleToken(e) }); other != nil {
			e = other
		} else {
			list := d.Pushes(m)
			e = list[len(list)-1]
		}
	}
	t.Evidence("%s", e)
	return e
}

// staleToken reports whether WNS refused a notification only for its token.
func staleToken(e *fakewns.Entry) bool {
	return e.Status == http.StatusUnauthorized && e.Violated(fakewns.RuleToken) != ""
}

// authorization checks the header, and that WNS knows the token of a server that
// has just got one.
func authorization(t *T) {
	begun := t.Lab.WNS.Journal().Mark()
	e := notification(t)
	header := e.Header.Values("Authorization")
	const expected = `the access token in Authorization, with the scheme "Bearer"`
	switch {
	case len(header) == 0:
		t.Fail(expected, "no such header")
	case len(header) > 1:
		t.Fail(expected, fmt.Sprintf("%d such headers", len(header)))
	case e.Violated(fakewns.RuleAuthorization) != "":
		scheme, _, two := strings.Cut(header[0], " ")
		if two && len(scheme) < 16 {
			t.Fail(expected, "the scheme "+strconv.Quote(scheme))
		}
		t.Fail(expected, "a header without a scheme")
	}
	if !staleToken(e) {
		return
	}
	for _, r := range t.Lab.WNS.Journal().Since(begun, suite.IsToken) {
		if r.Status == http.StatusOK && r.Seq < e.Seq {
			t.Fail("the access token as issued", "a token that WNS does not know, although it has just issued one")
		}
	}
	t.Blocked(suite.By("TOK-05", "WER-01"), "the server keeps using a token that WNS refuses, and requests no new one")
}

// bodySize returns the length of the body; the journal does not keep the whole of
// an oversized one.
func bodySize(e *fakewns.Entry) int { return max(len(e.Body), int(e.ContentLength)) }
