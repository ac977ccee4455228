package scenarios

import (
	"slices"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Bounds of what a patient sender sends while WNS says no; ours.
const (
	patient     = 5
	patientSpan = 3 * time.Second
)

// wnsErrors are the WER scenarios.
var wnsErrors = []Scenario{
	{ID: "WER-01", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "401: one refresh, one retry, delivered",
		Rule:    "On 401 the server gets a new token once and sends the notification again.",
		Source:  learnWNS + ", 401",
		Fix:     "At 401 drop the token, fetch one, and send once more.",
		Mutants: []string{"tok-never-renewed", "wer-401-stop"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Push(d) // so that the server has a token
			d.AwaitPushes(m, 1)
			m = d.Mark()
			t.RevokeTokens()
			t.Push(d)
			awaitDelivered(d, m)
			refused := 0
			for _, e := range d.Pushes(m) {
				t.Evidence("%s", e)
				if e.Status == 401 {
					refused++
				}
			}
			t.Expect(refused, "notifications answered 401 before one was delivered").To(BeNumerically("<=", 1))
		}},
	{ID: "WER-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "401 with a fresh token: it stops, no loop",
		Rule:    "A notification that is answered 401 with a token just fetched is given up: here at most five attempts in three seconds.",
		Source:  learnWNS + ", 401; PushSharp issue 690; the bound is ours",
		Fix:     "Stop at the second 401.",
		Mutants: []string{"wer-401-loop"},
		Run:     func(t *T) { patientAt(t, "401", 401) }},
	{ID: "WER-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "403: no retry",
		Rule:    "403 says that token and channel are of different apps; sending the same again changes nothing.",
		Source:  learnWNS + ", 403",
		Fix:     "Do not send again after 403: the token is of another app than the channel.",
		Mutants: []string{"wer-403-retry"},
		Run:     func(t *T) { refusedForGood(t, 403) }},
	{ID: "WER-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "404: the channel is dropped",
		Rule:    "After 404 the channel URI is not used any more.",
		Source:  learnWNS + ", 404",
		Fix:     "Forget the channel URI at 404.",
		Mutants: []string{"wer-404-keep"},
		Run: func(t *T) {
			d := t.WithChannel()
			defer t.Inject(fakewns.Fault{Name: "channel unknown", On: fakewns.Notification, Channel: d.ChannelURI(), Status: 404})()
			channelDropped(t, d, 404)
		}},
	{ID: "WER-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "410: the channel is dropped, no further push",
		Rule:    "After 410 the channel URI is not used any more.",
		Source:  learnWNS + ", 410; " + learnPush,
		Fix:     "Forget the channel URI at 410.",
		Mutants: []string{"wer-410-keep"},
		Run: func(t *T) {
			d := t.WithChannel()
			t.CloseChannel(d)
			channelDropped(t, d, 410)
		}},
	{ID: "WER-06", Level: report.Should, Needs: []Need{NeedPush}, Profile: "wp81", Levels: mustOnPhones, Title: "after 410 the PFN is set again in the next session",
		Rule:    "Older Windows can fail to renew its channel; the documented cure is that a server which gets 410 sets the PFN again in the next session.",
		Source:  learnPush,
		Fix:     "Set the PFN again in the session after a 410.",
		Mutants: []string{"wer-410-no-pfn"},
		Run: func(t *T) {
			d := t.WithChannel()
			t.CloseChannel(d)
			m := d.Mark()
			t.Push(d)
			d.AwaitStatus(m, 410)
			t.Quiet() // the server may take note of the 410 after it answered the hook
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(suite.Writes(s)), "Add or Replace of .../Push/PFN in the session after the 410").To(BeNumerically(">", 0))
		}},
	{ID: "WER-07", Level: report.Must, Needs: []Need{NeedPush}, Title: "406 with Retry-After is respected",
		Rule:    "After 406 with Retry-After nothing is sent to the channel until that time has passed.",
		Source:  learnWNS + ", 406 and Retry-After",
		Fix:     "Wait as long as Retry-After says.",
		Mutants: []string{"wer-406-now"},
		Run:     func(t *T) { retryAfter(t, 406) }},
	{ID: "WER-08", Level: report.Should, Needs: []Need{NeedPush}, Title: "406 without Retry-After: growing pauses",
		Rule:    "Throttled without a Retry-After, a sender waits longer each time: here at most five notifications in three seconds.",
		Source:  learnWNS + ", 406; the bound is ours",
		Fix:     "Double the pause after each 406.",
		Mutants: []string{"wer-406-steady"},
		Run:     func(t *T) { patientAt(t, "406", 406) }},
	{ID: "WER-09", Level: report.Must, Needs: []Need{NeedPush}, Title: "413: the same is not sent again",
		Rule:    "413 says that the payload is too large; sending it again unchanged changes nothing.",
		Source:  learnWNS + ", 413",
		Fix:     "Do not send again after 413.",
		Mutants: []string{"wer-413-retry"},
		Run:     func(t *T) { refusedForGood(t, 413) }},
	{ID: "WER-10", Level: report.Must, Needs: []Need{NeedPush}, Title: "500: bounded retries with back-off",
		Rule:    "A WNS that answers 500 is asked again a few times, with growing pauses: here at most five times in three seconds.",
		Source:  learnWNS + ", 500; the bound is ours",
		Fix:     "Send again a few times with growing pauses, then leave it to polling.",
		Mutants: []string{"wer-500-hammer"},
		Run:     func(t *T) { patientAt(t, "internal error", 500) }},
	{ID: "WER-11", Level: report.Must, Needs: []Need{NeedPush}, Title: "503 with Retry-After is respected",
		Rule:    "After 503 with Retry-After nothing is sent to the channel until that time has passed.",
		Source:  learnWNS + ", 503 and Retry-After",
		Fix:     "Wait as long as Retry-After says.",
		Mutants: []string{"wer-406-now"},
		Run:     func(t *T) { retryAfter(t, 503) }},
	{ID: "WER-12", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Title: "dropped is not delivered: the command comes with the next poll",
		Rule:    "200 with X-WNS-Status dropped means that the device did not get the notification. What was to be done stays queued and is sent when the device polls.",
		Source:  learnWNS + ", X-WNS-Status; WindowsAppSDK issue 3677",
		Fix:     "Keep what is queued until its Status came; 200 of WNS says nothing of it.",
		Mutants: []string{"wer-dropped-done"},
		Run: func(t *T) {
			d := t.WithChannel()
			defer t.Fault("dropped", d)()
			m := d.Mark()
			t.Queue(d, work)
			t.Trigger(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			t.Expect(polled(d, 2), "the queued Get in the next two polls").To(Equal(1))
		}},
	{ID: "WER-13", Level: report.Must, Needs: []Need{NeedPush}, Title: "channelthrottled: it backs off",
		Rule:    "X-WNS-Status channelthrottled says that too much was sent to the channel; the sender does not send more at once. Here at most two notifications in the quiet time after it.",
		Source:  learnWNS + ", X-WNS-Status; the bound is ours",
		Fix:     "Do not push to that channel for a while.",
		Mutants: []string{"wer-throttled-again"},
		Run: func(t *T) {
			d := t.WithChannel()
			defer t.Fault("channelthrottled", d)()
			m := d.Mark()
			t.Push(d)
			d.AwaitPushes(m, 1)
			t.Quiet()
			t.Expect(len(d.Pushes(m)), "notifications to a channel that is throttled").To(BeNumerically("<=", 2))
		}},
	{ID: "WER-14", Level: report.Must, Needs: []Need{NeedPush}, Title: "connections that are reset: bounded retries",
		Rule:    "A connection that ends without an answer is tried again a few times, with growing pauses: here at most five times in three seconds.",
		Source:  learnWNS + "; the bound is ours",
		Fix:     "Treat a connection that breaks as 500.",
		Mutants: []string{"wer-reset-hammer"},
		Run: func(t *T) {
			d := t.WithChannel()
			defer t.Fault("reset", d)()
			watchSender(t, d)
		}},
	{ID: "WER-15", Level: report.Must, Needs: []Need{NeedPush}, Title: "one bad channel does not delay the others",
		Rule:    "While WNS takes its time with one device's notification, another device's is sent.",
		Source:  "the push path cannot be relied on without it; the bound is timeouts.push",
		Fix:     "Send to channels in parallel, with a timeout for each request.",
		Mutants: []string{"wer-serial"},
		Run: func(t *T) {
			slow, other := t.WithChannel(), t.WithChannel()
			span := 2 * t.Lab.Config.Timeouts.Push
			defer t.Fault("delay="+span.String(), slow)()
			m := slow.Mark()
			t.PushInBackground(slow)
			slow.AwaitPushes(m, 1)
			m = other.Mark()
			t.PushInBackground(other)
			if e := other.AwaitOwn(m); e == nil {
				t.Fail("a notification to the other device within "+t.Lab.Config.Timeouts.Push.String(), "none while WNS kept the first one waiting")
			}
		}},
	{ID: "WER-16", Level: report.Must, Needs: []Need{NeedPush}, Title: "an answer that is no HTTP: it goes on",
		Rule:    "A malformed answer of WNS is an error of this one push; the next one is sent.",
		Source:  "RFC 9112 section 2.2; the push path cannot be relied on without it",
		Fix:     "Catch what the HTTP client says, and treat it as 500.",
		Mutants: []string{"wer-bad-reply-dead"},
		Run: func(t *T) {
			d := t.WithChannel()
			remove := t.Fault("bad-headers times=1", d)
			defer remove()
			m := d.Mark()
			t.PushInBackground(d)
			d.AwaitPushes(m, 1)
			remove()
			t.Quiet() // so that the server has read it
			goesOn(t, d, "the answer that is no HTTP")
		}},
	{ID: "WER-17", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Title: "WNS down for a while: polling does the work, pushes come back",
		Rule:    "While WNS answers 503 commands arrive when the device polls; once it is up again pushes are sent again.",
		Source:  learnPush + " (polling goes on beside push); WindowsAppSDK issue 4546",
		Fix:     "Go on answering polls while WNS fails, and push again later.",
		Mutants: []string{"wer-down-dead"},
		Run: func(t *T) {
			d := t.WithChannel()
			remove := t.Fault("status=503", d)
			defer remove()
			m := d.Mark()
			t.Queue(d, work)
			t.HookMissing(t.AskToTrigger(d))
			d.AwaitPushes(m, 1)
			t.Expect(polled(d, 2), "the queued Get in the next two polls, while WNS was down").To(Equal(1))
			remove()
			t.Quiet()
			goesOn(t, d, "the outage")
		}},
}

// polled counts what was queued in the next polls of the device.
func polled(d *Device, n int) (got int) {
	for range n {
		got += len(d.T.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule})).Find(syncml.Get, workNode))
	}
	return got
}

// patience watches what a sender does whose notifications WNS refuses with a
// status.
func patientAt(t *T, name string, status int) {
	d := t.WithChannel()
	defer t.Inject(fakewns.Fault{Name: name, On: fakewns.Notification, Device: d.Identity().DeviceID, Status: status})()
	watchSender(t, d)
}

// watched pushes and counts what comes in the span of a patient sender.
func watchSender(t *T, d *Device) {
	m := d.Mark()
	t.PushInBackground(d)
	first := d.AwaitPushes(m, 1)[0]
	t.Until(first.At.Add(patientSpan))
	list := upTo(d.Pushes(m), first.At.Add(patientSpan))
	for _, e := range list[:min(len(list), 10)] {
		t.Evidence("%s", e)
	}
	t.Expect(len(list), "notifications within %s of the first", patientSpan).To(BeNumerically("<=", patient))
}

// final pushes into a refusal after which the same notification is not sent
// again.
func refusedForGood(t *T, status int) {
	d := t.WithChannel()
	defer t.Fault("status="+strconv.Itoa(status), d)()
	m := d.Mark()
	t.PushInBackground(d)
	first := d.AwaitStatus(m, status)
	t.Evidence("%s", first)
	t.Wait(2)
	t.Expect(len(d.PushesFrom(m, first)), "notifications, of which the first was answered %d", status).To(Equal(1))
}

// upTo are the entries up to a moment: who looks may be late.
func upTo(list []*fakewns.Entry, until time.Time) []*fakewns.Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e *fakewns.Entry) bool { return e.At.After(until) })
}

// retryAfter answers once with a status and Retry-After and watches until that
// has passed.
func retryAfter(t *T, status int) {
	const after = 2
	d := t.WithChannel()
	defer t.Inject(fakewns.Fault{Name: "wait", On: fakewns.Notification, Channel: d.ChannelURI(), Status: status, RetryAfter: strconv.Itoa(after), Times: 1})()
	m := d.Mark()
	t.PushInBackground(d)
	first := d.AwaitStatus(m, status)
	// A tenth of a second for clocks that round.
	t.Until(first.At.Add(after*time.Second - 100*time.Millisecond))
	early := upTo(d.PushesFrom(m, first)[1:], first.At.Add(after*time.Second-100*time.Millisecond))
	for _, e := range early {
		t.Evidence("%s", e)
	}
	t.Expect(len(early), "notifications within the %d seconds of Retry-After", after).To(BeZero())
}

// goesOn makes sure that pushes are sent again after something went wrong. The
// server may be waiting still, so it is asked more than once.
func goesOn(t *T, d *Device, after string) {
	m := d.Mark()
	for range 3 {
		t.PushInBackground(d)
		if d.AwaitOwn(m) != nil {
			return
		}
	}
	t.Fail("a notification after "+after, "none within three times "+t.Lab.Config.Timeouts.Push.String())
}

// dropped pushes once into a channel that is gone and once more: the second
// must not reach it.
func channelDropped(t *T, d *Device, status int) {
	m := d.Mark()
	t.Push(d)
	first := d.AwaitStatus(m, status)
	t.Evidence("%s", first)
	t.Quiet() // a retry at once would come now
	t.Expect(len(d.PushesFrom(m, first)), "notifications to a channel that answered %d", status).To(Equal(1))
	if err := t.TryPush(d); err != nil {
		t.Evidence("asked to push again, the server said: %v", err)
	}
	t.Quiet()
	t.Expect(len(d.PushesFrom(m, first))-1, "further notifications to a channel that answered %d", status).To(BeZero())
}
