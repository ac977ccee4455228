package scenarios

import (
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

const learnWNS = "Learn, \"Push notification service request and response headers\""

// keeps makes a body that asks one push about rules of the notification.
func keeps(rules ...fakewns.Rule) func(*T) {
	return func(t *T) {
		d := t.WithChannel()
		m := d.Mark()
		t.Push(d)
		list := d.AwaitPushes(m, 1)
		t.Evidence("%s", list[0])
		t.Expect(suite.Violations(list, rules...), "what is wrong with the notification").To(BeEmpty())
	}
}

// notifications are the WNS scenarios.
var notifications = []Scenario{
	{ID: "WNS-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "the notification is a POST",
		Rule: "A notification is sent by POST; anything else is answered 405.", Source: learnWNS,
		Fix:     "Send the notification with POST.",
		Mutants: []string{"wns-put"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleMethod)},
	{ID: "WNS-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "Authorization is Bearer and the token",
		Rule: "Authorization is \"Bearer \" followed by the access token as it was issued.", Source: learnWNS,
		Fix:     "Set Authorization to \"Bearer \" and the token.",
		Mutants: []string{"wns-bearer"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleAuthorization)},
	{ID: "WNS-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Type is exactly application/octet-stream",
		Rule: "A raw notification has Content-Type application/octet-stream and nothing more.", Source: learnWNS,
		Fix:     "Set Content-Type to application/octet-stream, without a charset.",
		Mutants: []string{"wns-content-type"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleContentType)},
	{ID: "WNS-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "X-WNS-Type is wns/raw",
		Rule: "Only a raw notification wakes DMClient; X-WNS-Type says wns/raw.", Source: learnWNS + "; " + learnPush,
		Fix:     "Set X-WNS-Type: wns/raw.",
		Mutants: []string{"wns-type"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			e := d.AwaitPushes(m, 1)[0]
			t.Expect(e.Header.Get("X-WNS-Type"), "X-WNS-Type").To(Equal("wns/raw"))
		}},
	{ID: "WNS-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Length is right, no chunking",
		Rule: "The notification carries the Content-Length of its body and is not chunked.", Source: learnWNS,
		Fix:     "Send Content-Length; give the HTTP client a body whose length it knows.",
		Mutants: []string{"wns-chunked"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleContentLength)},
	{ID: "WNS-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is not empty",
		Rule:    "The body has at least one byte; its content does not matter. WNS takes an empty one, but the device refuses it and no session starts.",
		Source:  "the first public reports of this path; 0x80070057 seen on devices",
		Fix:     "Send a few bytes, whatever they are.",
		Mutants: []string{"wns-empty"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleEmpty)},
	{ID: "WNS-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is under 5 KB",
		Rule: "The body has at most 5,000 bytes; more is answered 413.", Source: learnWNS,
		Fix:     "Send a few bytes: the device ignores them.",
		Mutants: []string{"wns-large"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleSize)},
	{ID: "WNS-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "the channel URI is used byte for byte",
		Rule:    "The channel URI is opaque: the request goes to it as the device gave it, its token neither decoded nor encoded again.",
		Source:  learnPush + "; Learn, \"WNS overview\"",
		Fix:     "Use the URI as the text that came; do not decode and encode its query.",
		Mutants: []string{"wns-uri"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleURI)},
	{ID: "WNS-09", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-Cache-Policy is cache",
		Rule:    "With X-WNS-Cache-Policy: cache WNS keeps the notification for a device that is offline; the default for raw is not to.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-Cache-Policy: cache.",
		Mutants: []string{"wns-no-cache"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleCachePolicy)},
	{ID: "WNS-10", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-TTL, where it is sent, is a number of seconds",
		Rule: "X-WNS-TTL holds how many seconds the notification is worth delivering: a number over 0.", Source: learnWNS,
		Fix:     "Send X-WNS-TTL in seconds, or leave it out.",
		Mutants: []string{"wns-ttl-zero"},
		Decides: []suite.Premise{suite.Notifies},
		Run:     keeps(fakewns.RuleTTL)},
	{ID: "WNS-11", Level: report.Should, Needs: []Need{NeedPush}, Title: "the body names nobody",
		Rule:    "The payload's content is ignored by the device and passes through a third party: it holds no device id, user, password or token.",
		Source:  learnPush + " (the content is ignored)",
		Fix:     "Send a constant; what the device is to do comes in the session.",
		Mutants: []string{"wns-body-names"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			e := d.AwaitPushes(m, 1)[0]
			body, cfg := string(e.Body), &t.Lab.Config.Target
			for what, secret := range map[string]string{"the DeviceID": d.Identity().DeviceID, "the hardware id": d.Identity().HWDevID,
				"the user": cfg.Username, "the password": cfg.Password.Value(), "the access token": e.BearerToken()} {
				if len(secret) > 3 && strings.Contains(body, secret) {
					t.Fail("a body that names nobody", what+" in it")
				}
			}
		}},
	{ID: "WNS-12", Level: report.Info, Needs: []Need{NeedPush}, Title: "the sender asks for what helps to find errors",
		Rule:    "X-WNS-RequestForStatus: true has WNS tell whether the device is connected; an MS-CV of one's own ties logs together.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-RequestForStatus: true, and log what comes back.",
		Mutants: []string{"wns-no-status"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			h := d.AwaitPushes(m, 1)[0].Header
			t.Expect(h.Get("X-WNS-RequestForStatus") == "true" || h.Get("MS-CV") != "", "X-WNS-RequestForStatus: true or an MS-CV being sent").To(BeTrue())
		}},
	{ID: "WNS-13", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the certificate of WNS is verified",
		Rule:    "A server that presents a certificate of another name than the channel's host gets no notification, and no token.",
		Source:  "RFC 6125; " + learnWNS,
		Fix:     "Do not turn certificate checks off in the HTTP client.",
		Mutants: []string{"wns-tls-any"},
		Run:     func(t *T) { strangers(t, fakewns.Notification) }},
	{ID: "WNS-14", Level: report.Must, Needs: []Need{NeedPush}, Title: "a redirect is not followed with the token",
		Rule:    "WNS does not redirect. A sender that follows a redirect takes its access token to wherever it leads.",
		Source:  "RFC 9110 section 15.4; " + learnWNS,
		Fix:     "Turn redirects off in the HTTP client.",
		Mutants: []string{"wns-redirect"},
		Run: func(t *T) {
			d := t.WithChannel()
			u, err := url.Parse(d.ChannelURI())
			if err != nil {
				t.NotApplicable("%v", err)
			}
			u.Path, u.RawQuery = "/elsewhere", "token=elsewhere"
			defer t.Fault("redirect="+u.String(), d)()
			m := d.Mark()
			t.PushInBackground(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			for _, e := range t.Lab.WNS.Journal().Since(m.Journal, nil) {
				if strings.HasPrefix(e.Target, "/elsewhere") && e.Header.Get("Authorization") != "" {
					t.Fail("the token going nowhere but to the channel's host", e.String())
				}
			}
		}},
	{ID: "WNS-15", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "connections are kept",
		Rule:    "A connection to WNS is used for more than one notification: here at most two are opened for four, one a while after the other.",
		Source:  "RFC 9112 section 9.3; the bound is ours",
		Fix:     "Share one HTTP client, and read and close the bodies of replies.",
		Mutants: []string{"wns-no-reuse"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			known, opened := map[string]bool{}, map[string]bool{}
			for _, e := range t.Lab.WNS.Journal().Since(0, nil) {
				known[e.Peer] = true
			}
			for i := range 4 {
				t.Push(d)
				for _, e := range d.AwaitPushes(m, i+1) {
					if !known[e.Peer] {
						opened[e.Peer] = true
					}
				}
				t.Quiet() // so that the server has read the answer, and its connection is free
			}
			t.Expect(len(opened), "connections opened for four notifications").To(BeNumerically("<=", 2))
		}},
}

// strangers makes WNS present a certificate of another name, and close the
// connections there were: no request may come over a new one.
func strangers(t *T, kind fakewns.Kind) {
	d := t.WithChannel()
	m := d.Mark()
	defer t.FaultForAll("wrong-name")()
	t.CutWNS()
	if kind == fakewns.Token {
		t.RevokeTokens()
	}
	shaken := func(e *fakewns.Entry) bool { return e.Kind == fakewns.Handshake }
	j := t.Lab.WNS.Journal()
	for range 3 {
		t.PushInBackground(d)
		t.Quiet()
		if len(j.Since(m.Journal, shaken)) > 0 {
			break
		}
	}
	met := map[string]bool{}
	for _, e := range j.Since(m.Journal, shaken) {
		met[e.Peer] = true
	}
	if len(met) == 0 {
		t.NotApplicable("the server opened no new connection")
	}
	t.Quiet()
	for _, e := range j.Since(m.Journal, func(e *fakewns.Entry) bool { return e.Kind != fakewns.Handshake }) {
		if met[e.Peer] {
			t.Fail("no request over a connection whose certificate is of another name", e.String())
		}
	}
}
