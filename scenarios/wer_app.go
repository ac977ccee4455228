package scenarios

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary
)

// appAnswers are the WER scenarios about answers of WNS as people meet them today: some
// are about the whole app, some about one channel only.
var appAnswers = []Scenario{
	{ID: "WER-25", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "406 appthrottled holds the pushes of all devices",
		Rule:    "406 says that the cloud service exceeded its limit, and X-WNS-Status appthrottled that it is the whole app. Until Retry-After has passed, nothing is sent to any channel; then pushes resume.",
		Source:  learnWNS + ", 406 and Retry-After; appthrottled seen with Retry-After 900 (https://github.com/web-push-libs/web-push-csharp/issues/93)",
		Fix:     "At X-WNS-Status appthrottled keep the wait for the app, not for the channel.",
		Mutants: []*mutants.Mutant{mutants.WerAppHoldsOne},
		Under:   []string{"WER-07"},
		Run:     appThrottled},
	{ID: "WER-26", Level: report.Should, Needs: []Need{NeedPush}, Title: "429 without Retry-After: growing pauses",
		Rule:    "WNS was seen to throttle with 429 where its page says 406. Without Retry-After the sender waits longer each time: here at most five notifications in three seconds.",
		Source:  "RFC 6585 section 4; seen (https://github.com/microsoft/WindowsAppSDK/issues/3501); the bound is ours",
		Fix:     "Treat 429 like 406: double the pause after each.",
		Mutants: []*mutants.Mutant{mutants.Wer429Steady},
		Under:   []string{"WER-08"},
		Run:     func(t *T) { patientAt(t, http.StatusTooManyRequests) }},
	{ID: "WER-27", Level: report.Should, Needs: []Need{NeedPush}, Title: "403 without a header of WNS: no retry, and pushes resume",
		Rule:    "Where nobody mapped the Entra app to the PFN, WNS answers 403, with or without X-WNS headers. Sending the same again changes nothing. Once the app is mapped, pushes resume.",
		Source:  learnWNS + ", 403; seen without headers (https://github.com/microsoft/WindowsAppSDK/issues/6301) and with them (https://github.com/MicrosoftDocs/windows-dev-docs/issues/5027)",
		Fix:     "Do not retry after 403, whatever its headers; log X-WNS-Error-Description if there is one.",
		Mutants: []*mutants.Mutant{mutants.Wer403BareRetry},
		Under:   []string{"WER-03"},
		Run: func(t *T) {
			for _, how := range []string{"bare", "described"} {
				t.Try("403, "+how, func() { notMapped(t.Next().Ready(), how) })
			}
		}},
	{ID: "WER-28", Level: report.Should, Needs: []Need{NeedPush}, Title: "dropped: the notification is not repeated at once and often",
		Rule:    "WNS was seen to drop notifications although the device is connected, for minutes after its restart. A sender that repeats them at once gains nothing: here at most five notifications in three seconds.",
		Source:  learnWNS + ", X-WNS-Status; seen (https://github.com/MicrosoftDocs/windows-dev-docs/issues/5133); the bound is ours",
		Fix:     "After dropped leave the work to the next push or poll.",
		Mutants: []*mutants.Mutant{mutants.WerDroppedLoop},
		Run: func(t *T) {
			d := t.WithChannel()
			usual := usualPushes(d)
			t.Fault("dropped", d)
			watchSender(t, d, usual)
		}},
	{ID: "WER-29", Level: report.Should, Needs: []Need{NeedPush}, Title: "channelthrottled holds that channel only",
		Rule:    "X-WNS-Status channelthrottled is about one channel. Notifications to other devices are sent as before.",
		Source:  learnWNS + ", X-WNS-Status",
		Fix:     "Keep the pause after channelthrottled for the channel, not for the app.",
		Mutants: []*mutants.Mutant{mutants.WerChannelHoldsAll},
		Under:   []string{"WER-15", "CHN-06"},
		Run: func(t *T) {
			t.OneDevice("it needs two devices")
			throttled, other := t.WithChannel(), t.WithChannel()
			pushesNow(other)
			t.Fault("channelthrottled", throttled)
			m := throttled.Mark()
			t.Push(throttled)
			faulted(throttled, m)
			t.Quiet() // the server has read the answer
			m = other.Mark()
			t.PushInBackground(other)
			if other.AwaitOne(m, nil) == nil {
				t.Fail("a notification to the other device within "+t.Lab.Config.Timeouts.Push.String(), "none after WNS throttled the first one's channel")
			}
		}},
}

// appThrottled makes WNS throttle the app in its answer to one device, and has the
// server push to another one: nothing may come until the time has passed.
func appThrottled(t *T) {
	t.OneDevice("it needs two devices")
	one, other := t.WithChannel(), t.WithChannel()
	usual, took := usualPush(one)
	_, otherTook := usualPush(other)
	quiet := t.Lab.Config.Timeouts.Quiet
	watch := longEnough(shortWait, max(took, otherTook)) + (quiet + time.Second - 1).Truncate(time.Second)
	remove := t.Fault(fmt.Sprintf("appthrottled=%d times=%d", int(watch/time.Second), usual), one)
	m := one.Mark()
	t.PushInBackground(one)
	end := faulted(one, m).At.Add(watch - 100*time.Millisecond) // for clocks that round
	t.Quiet()                                                   // the server has read the answer
	m = other.Mark()
	t.PushInBackground(other)
	t.Until(end)
	list := noteFirst(t, upTo(other.Pushes(m), end))
	remove()
	t.Expect(len(list), "notifications to another device of the app within %s, after WNS throttled the app", watch).To(BeZero())
	goesOn(t, other, "the wait that WNS asked for")
}

// notMapped pushes once while the app is not mapped, and once more when it is.
func notMapped(d *Device, how string) {
	t := d.T
	usual := usualPushes(d)
	remove := t.Fault("not-mapped="+how, d)
	m := d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	t.Wait(2)
	list := noteFirst(t, d.PushesFrom(m, first))
	t.Expect(len(list), "notifications, all answered with 403, for one push").To(BeNumerically("<=", usual))
	remove()
	d.Sync(dmclient.SyncOptions{}) // a server may set the PFN again and ask for the channel
	goesOn(t, d, "the 403")
}

// tokensFor403 counts the token requests that follow a notification which WNS answers
// with 403: its token is valid, and another one would be the same. What the sender
// fetches before it, or after every notification, is its own affair.
func tokensFor403(t *T) {
	d := t.WithChannel()
	d.Settle(soundPush(d)) // now the server has a token
	after := func(m Mark, first *fakewns.Entry) int {
		return len(t.Lab.WNS.Journal().Since(m.Journal, func(e *fakewns.Entry) bool { return suite.IsToken(e) && e.Seq > first.Seq }))
	}
	m := soundPush(d)
	d.Settle(m)
	usual := after(m, d.Pushes(m)[0])
	t.Fault("not-mapped", d)
	m = d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	t.Wait(2)
	for _, e := range t.Lab.WNS.Journal().Since(m.Journal, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Token || e.Kind == fakewns.Notification }) {
		t.Evidence("%s", e)
	}
	t.Expect(after(m, first), "token requests after a notification that WNS answered with 403, where %d are usual", usual).To(BeNumerically("<=", usual))
}
