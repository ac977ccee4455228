package scenarios

import (
	"strconv"
	"time"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
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
		t.Expect(violations(list, rules...), "what is wrong with the notification").To(BeEmpty())
	}
}

// notifications are the WNS scenarios.
var notifications = []Scenario{
	{ID: "WNS-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "the notification is a POST",
		Rule: "A notification is sent by POST; anything else is answered 405.", Source: learnWNS, Run: keeps(fakewns.RuleMethod)},
	{ID: "WNS-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "Authorization is Bearer and the token",
		Rule: "Authorization is \"Bearer \" followed by the access token as it was issued.", Source: learnWNS, Run: keeps(fakewns.RuleAuthorization)},
	{ID: "WNS-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Type is exactly application/octet-stream",
		Rule: "A raw notification has Content-Type application/octet-stream and nothing more.", Source: learnWNS, Run: keeps(fakewns.RuleContentType)},
	{ID: "WNS-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "X-WNS-Type is wns/raw",
		Rule: "Only a raw notification wakes DMClient; X-WNS-Type says wns/raw.", Source: learnWNS + "; " + learnPush,
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d)
			e := d.AwaitPushes(m, 1)[0]
			t.Expect(e.Header.Get("X-WNS-Type"), "X-WNS-Type").To(Equal("wns/raw"))
		}},
	{ID: "WNS-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "Content-Length is right, no chunking",
		Rule: "The notification carries the Content-Length of its body and is not chunked.", Source: learnWNS, Run: keeps(fakewns.RuleContentLength)},
	{ID: "WNS-06", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is not empty",
		Rule:   "The body has at least one byte; its content does not matter. WNS takes an empty one, but the device refuses it and no session starts.",
		Source: "the first public reports of this path; 0x80070057 seen on devices", Run: keeps(fakewns.RuleEmpty)},
	{ID: "WNS-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "the body is under 5 KB",
		Rule: "The body has at most 5,000 bytes; more is answered 413.", Source: learnWNS, Run: keeps(fakewns.RuleSize)},
	{ID: "WNS-08", Level: report.Must, Needs: []Need{NeedPush}, Title: "the channel URI is used byte for byte",
		Rule:   "The channel URI is opaque: the request goes to it as the device gave it, its token neither decoded nor encoded again.",
		Source: learnPush + "; Learn, \"WNS overview\"", Run: keeps(fakewns.RuleURI)},
	{ID: "WNS-09", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-Cache-Policy is cache",
		Rule:   "With X-WNS-Cache-Policy: cache WNS keeps the notification for a device that is offline; the default for raw is not to.",
		Source: learnWNS, Run: keeps(fakewns.RuleCachePolicy)},
}

// wnsErrors are the WER scenarios.
var wnsErrors = []Scenario{
	{ID: "WER-01", Level: report.Must, Needs: []Need{NeedPush}, Title: "401: one refresh, one retry, delivered",
		Rule:   "On 401 the server gets a new token once and sends the notification again.",
		Source: learnWNS + ", 401",
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d) // so that the server has a token
			d.AwaitPushes(m, 1)
			m = d.Mark()
			t.Lab.WNS.RevokeTokens()
			t.Push(d)
			d.awaitDelivered(m)
			refused := 0
			for _, e := range d.Pushes(m) {
				t.Evidence("%s", e)
				if e.Status == 401 {
					refused++
				}
			}
			t.Expect(refused, "notifications answered 401 before one was delivered").To(BeNumerically("<=", 1))
		}},
	{ID: "WER-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "404: the channel is dropped",
		Rule:   "After 404 the channel URI is not used any more.",
		Source: learnWNS + ", 404",
		Run: func(t *T) {
			d := t.WithChannel()
			defer t.Lab.WNS.Inject(fakewns.Fault{Name: "channel unknown", On: fakewns.Notification, Channel: d.ChannelURI(), Status: 404})()
			t.dropped(d, 404)
		}},
	{ID: "WER-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "410: the channel is dropped, no further push",
		Rule:   "After 410 the channel URI is not used any more.",
		Source: learnWNS + ", 410; " + learnPush,
		Run: func(t *T) {
			d := t.WithChannel()
			t.Lab.WNS.CloseChannel(d.ChannelURI())
			t.dropped(d, 410)
		}},
	{ID: "WER-06", Level: report.Must, Needs: []Need{NeedPush}, Profile: "wp81", MustOn: []string{"wp81"}, Title: "after 410 the PFN is set again in the next session",
		Rule:   "Older Windows can fail to renew its channel; the documented cure is that a server which gets 410 sets the PFN again in the next session.",
		Source: learnPush,
		Run: func(t *T) {
			d := t.WithChannel()
			t.Lab.WNS.CloseChannel(d.ChannelURI())
			m := d.Mark()
			t.Push(d)
			d.AwaitStatus(m, 410)
			t.Quiet() // the server may take note of the 410 after it answered the hook
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(writes(s)), "Add or Replace of .../Push/PFN in the session after the 410").To(BeNumerically(">", 0))
		}},
	{ID: "WER-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "406 with Retry-After is respected",
		Rule:   "After 406 with Retry-After nothing is sent to the channel until that time has passed.",
		Source: learnWNS + ", 406 and Retry-After",
		Run: func(t *T) {
			const after = 2
			d := t.WithChannel()
			defer t.Lab.WNS.Inject(fakewns.Fault{Name: "throttled", On: fakewns.Notification, Channel: d.ChannelURI(), Status: 406, RetryAfter: strconv.Itoa(after), Times: 1})()
			m := d.Mark()
			t.Push(d)
			first := d.AwaitStatus(m, 406)
			// A tenth of a second for clocks that round.
			t.until(first.At.Add(after*time.Second - 100*time.Millisecond))
			early := d.Pushes(m)[1:]
			for _, e := range early {
				t.Evidence("%s", e)
			}
			t.Expect(len(early), "notifications within the %d seconds of Retry-After", after).To(BeZero())
		}},
	{ID: "WER-10", Level: report.Must, Needs: []Need{NeedPush}, Title: "500: bounded retries with back-off",
		Rule:   "A WNS that answers 500 is asked again a few times, with growing pauses: here at most five times in three seconds.",
		Source: learnWNS + ", 500; the bound is ours",
		Run: func(t *T) {
			const most, span = 5, 3 * time.Second
			d := t.WithChannel()
			defer t.Lab.WNS.Inject(fakewns.Fault{Name: "internal error", On: fakewns.Notification, Channel: d.ChannelURI(), Status: 500})()
			m := d.Mark()
			t.Push(d)
			first := d.AwaitStatus(m, 500)
			t.until(first.At.Add(span))
			t.Expect(len(d.Pushes(m)), "notifications within %s of the first 500", span).To(BeNumerically("<=", most))
		}},
}

// dropped pushes once into a channel that is gone and once more: the second
// must not reach it.
func (t *T) dropped(d *Device, status int) {
	m := d.Mark()
	t.Push(d)
	t.Evidence("%s", d.AwaitStatus(m, status))
	t.Quiet() // a retry at once would come now
	t.Expect(len(d.Pushes(m)), "notifications to a channel that answered %d", status).To(Equal(1))
	if err := t.TryPush(d); err != nil {
		t.Evidence("asked to push again, the server said: %v", err)
	}
	t.Quiet()
	t.Expect(len(d.Pushes(m))-1, "further notifications to a channel that answered %d", status).To(BeZero())
}
