package scenarios

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// How much a patient sender sends while WNS refuses; our bounds.
const (
	patient     = 5
	patientSpan = 3 * time.Second
)

// wnsErrors are the WER scenarios.
var wnsErrors = []Scenario{
	{ID: "WER-01", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "401: one refresh, one retry, delivered",
		Rule:    "After 401 the server gets a new token once and sends the notification again.",
		Source:  learnWNS + ", 401",
		Fix:     "After 401, drop the token, fetch a new one, and send once more.",
		Mutants: []*mutants.Mutant{mutants.TokNeverRenewed, mutants.Wer401Stop},
		Under:   []string{"WNS-02", "TOK-05"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			d := t.WithChannel()
			usual := usualPushes(d) // now the server has a token
			m := d.Mark()
			t.RevokeTokens()
			t.Push(d)
			accepted := awaitDelivered(d, m)
			refused := 0
			for _, e := range d.Pushes(m) {
				t.Evidence("%s", e)
				if e.Status == http.StatusUnauthorized && e.Seq < accepted.Seq {
					refused++
				}
			}
			t.Expect(refused, "notifications answered with 401 before one was accepted").To(BeNumerically("<=", usual))
		}},
	{ID: "WER-02", Level: report.Must, Needs: []Need{NeedPush}, Title: "401 with a fresh token: the server stops, no loop",
		Rule:    "If a notification with a fresh token is answered with 401, the server gives up. More than five attempts in three seconds are a loop; that one more attempt is enough is WER-18.",
		Source:  learnWNS + ", 401; PushSharp issue 690; the bound is ours",
		Fix:     "Stop after the second 401.",
		Mutants: []*mutants.Mutant{mutants.Wer401Loop},
		Run:     func(t *T) { patientAt(t, 401) }},
	{ID: "WER-03", Level: report.Should, Needs: []Need{NeedPush}, Title: "403: no retry",
		Rule:    "403 says that token and channel belong to different apps. Sending the same again changes nothing.",
		Source:  learnWNS + ", 403",
		Fix:     "Do not retry after 403: token and channel belong to different apps.",
		Mutants: []*mutants.Mutant{mutants.Wer403Retry},
		Run:     func(t *T) { refusedForGood(t, t.WithChannel(), 403) }},
	{ID: "WER-04", Level: report.Must, Needs: []Need{NeedPush}, Title: "404: the channel is dropped",
		Rule:    "After 404 the channel URI is no longer used.",
		Source:  learnWNS + ", 404",
		Fix:     "Drop the channel URI after 404.",
		Mutants: []*mutants.Mutant{mutants.Wer404Keep},
		Run: func(t *T) {
			d := t.WithChannel()
			channelDropped(t, d, func() {
				t.Inject(fakewns.Fault{Name: "channel unknown", On: fakewns.Notification, Channel: d.ChannelURI(), Status: http.StatusNotFound})
			}, http.StatusNotFound)
		}},
	{ID: "WER-05", Level: report.Must, Needs: []Need{NeedPush}, Title: "410: the channel is dropped, no more pushes",
		Rule:    "After 410 the channel URI is no longer used.",
		Source:  learnWNS + ", 410; " + learnPush,
		Fix:     "Drop the channel URI after 410.",
		Mutants: []*mutants.Mutant{mutants.Wer410Keep},
		Run: func(t *T) {
			d := t.WithChannel()
			channelDropped(t, d, func() { t.CloseChannel(d) }, http.StatusGone)
		}},
	{ID: "WER-06", Level: report.Should, Needs: []Need{NeedPush}, Profile: "wp81", Title: "after 410 the PFN is set again in the next session",
		Rule:    "Older Windows can fail to renew its channel. The remedy that Microsoft's page gave until 2024: a server that gets 410 sets the PFN again in the next session.",
		Source:  learnPush + ", before July 2024",
		Fix:     "Set the PFN again in the session after a 410.",
		Mutants: []*mutants.Mutant{mutants.Wer410NoPFN},
		Run: func(t *T) {
			d := channelOfAny(t)
			t.CloseChannel(d)
			m := d.Mark()
			t.Push(d)
			d.AwaitStatus(m, http.StatusGone)
			t.Quiet() // the server may record the 410 after it answered the hook
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(suite.Writes(s)), "Add or Replace of .../Push/PFN in the session after the 410").To(BeNumerically(">", 0))
		}},
	{ID: "WER-07", Level: report.Should, Needs: []Need{NeedPush}, Title: "406 with Retry-After is respected",
		Rule:    "After 406 with Retry-After nothing is sent to the channel until that time has passed.",
		Source:  learnWNS + ", 406 and Retry-After",
		Fix:     "Wait as long as Retry-After says.",
		Mutants: []*mutants.Mutant{mutants.Wer406Now, mutants.Wer406One},
		Run:     func(t *T) { retryAfter(t, 406) }},
	{ID: "WER-08", Level: report.Should, Needs: []Need{NeedPush}, Title: "406 without Retry-After: growing pauses",
		Rule:    "A sender that is throttled without Retry-After waits longer each time: here at most five notifications in three seconds.",
		Source:  learnWNS + ", 406; the bound is ours",
		Fix:     "Double the pause after each 406.",
		Mutants: []*mutants.Mutant{mutants.Wer406Steady},
		Under:   []string{"WER-07"},
		Run:     func(t *T) { patientAt(t, 406) }},
	{ID: "WER-09", Level: report.Should, Needs: []Need{NeedPush}, Title: "413: the notification is not sent again",
		Rule:    "413 says that the payload is too large. Sending it again unchanged changes nothing.",
		Source:  learnWNS + ", 413",
		Fix:     "Do not retry after 413.",
		Mutants: []*mutants.Mutant{mutants.Wer413Retry},
		Run:     func(t *T) { refusedForGood(t, t.WithChannel(), 413) }},
	{ID: "WER-10", Level: report.Should, Needs: []Need{NeedPush}, Title: "500: bounded retries with back-off",
		Rule:    "After 500 from WNS the server retries a few times, with growing pauses: here at most five notifications in three seconds.",
		Source:  learnWNS + ", 500; the bound is ours",
		Fix:     "Retry a few times with growing pauses, then leave it to polling.",
		Mutants: []*mutants.Mutant{mutants.Wer500Hammer},
		Run:     func(t *T) { patientAt(t, 500) }},
	{ID: "WER-11", Level: report.Should, Needs: []Need{NeedPush}, Title: "503 with Retry-After is respected",
		Rule:    "After 503 with Retry-After nothing is sent to the channel until that time has passed.",
		Source:  learnWNS + ", 503 and Retry-After",
		Fix:     "Wait as long as Retry-After says.",
		Mutants: []*mutants.Mutant{mutants.Wer406Now, mutants.Wer406One},
		Under:   []string{"WER-07"},
		Run:     func(t *T) { retryAfter(t, 503) }},
	{ID: "WER-12", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "dropped is not delivered: the command comes with the next poll",
		Rule:    "200 with X-WNS-Status dropped means that the device did not get the notification. The command stays queued and is sent when the device polls.",
		Source:  learnWNS + ", X-WNS-Status; WindowsAppSDK issue 3677",
		Fix:     "Keep commands queued until their Status arrives. A 200 from WNS proves nothing.",
		Mutants: []*mutants.Mutant{mutants.WerDroppedDone},
		Under:   []string{"PSH-01", "PSH-02", "PSH-06"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			t.Fault("dropped", d)
			m := d.Mark()
			w.Give(d)
			t.Trigger(d)
			faulted(d, m)
			t.Quiet()
			t.Expect(polled(d, w, 2), "%s in the next two polls", w).To(Equal(1))
		}},
	{ID: "WER-13", Level: report.Should, Needs: []Need{NeedPush}, Title: "channelthrottled: the server backs off",
		Rule:    "X-WNS-Status channelthrottled says that too much was sent to the channel. The sender does not send more right away: here at most one more notification in the quiet time after it, though it is asked to push twice.",
		Source:  learnWNS + ", X-WNS-Status; the bound is ours",
		Fix:     "Do not push to that channel for a while.",
		Mutants: []*mutants.Mutant{mutants.WerThrottledAgain, mutants.WerThrottledForgets},
		Run:     func(t *T) { notAtOnce(t.WithChannel(), "channelthrottled") }},
	{ID: "WER-14", Level: report.Should, Needs: []Need{NeedPush}, Title: "connection resets: bounded retries",
		Rule:    "If a connection ends without an answer, the server retries a few times, with growing pauses: here at most five times in three seconds.",
		Source:  learnWNS + "; the bound is ours",
		Fix:     "Treat a broken connection like a 500.",
		Mutants: []*mutants.Mutant{mutants.WerResetHammer},
		Run: func(t *T) {
			d := t.WithChannel()
			usual := usualPushes(d)
			t.Fault("reset", d)
			watchSender(t, d, usual)
		}},
	{ID: "WER-15", Level: report.Must, Needs: []Need{NeedPush}, Title: "one bad channel does not delay the others",
		Rule:    "While WNS is slow to answer one device's notification, another device's notification is sent.",
		Source:  "without it the push path is not reliable; the bound is timeouts.push",
		Fix:     "Send to channels in parallel, with a timeout per request.",
		Mutants: []*mutants.Mutant{mutants.WerSerial},
		Under:   []string{"CHN-06"},
		Run: func(t *T) {
			slow, other := t.WithChannel(), t.WithChannel()
			span := 2 * t.Lab.Config.Timeouts.Push
			pushesNow(other)
			t.Fault("delay="+span.String(), slow)
			m := slow.Mark()
			t.PushInBackground(slow)
			faulted(slow, m)
			m = other.Mark()
			t.PushInBackground(other)
			if other.AwaitOne(m, nil) == nil {
				t.Fail("a notification to the other device within "+t.Lab.Config.Timeouts.Push.String(), "none while WNS delayed the first one")
			}
		}},
	{ID: "WER-16", Level: report.Must, Needs: []Need{NeedPush}, Title: "a malformed HTTP answer: the server goes on",
		Rule:    "A malformed answer from WNS fails only that push; the next one is sent.",
		Source:  "RFC 9112 section 2.2; without it the push path is not reliable",
		Fix:     "Handle the HTTP client's error like a 500.",
		Mutants: []*mutants.Mutant{mutants.WerBadReplyDead},
		Under:   []string{"CHN-06"},
		Run: func(t *T) {
			d := t.WithChannel()
			remove := t.Fault("bad-headers times=1", d)
			m := d.Mark()
			t.PushInBackground(d)
			faulted(d, m)
			remove()
			t.Quiet() // let the server read it
			goesOn(t, d, "the malformed answer")
		}},
	{ID: "WER-17", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "WNS down for a while: polling delivers, and pushes resume",
		Rule:    "While WNS answers 503, commands arrive when the device polls. Once WNS is up again, pushes resume.",
		Source:  learnPush + " (polling continues alongside push); WindowsAppSDK issue 4546",
		Fix:     "Keep answering polls while WNS fails, and push again later.",
		Mutants: []*mutants.Mutant{mutants.WerDownDead},
		Under:   []string{"PSH-01", "PSH-02", "CHN-06"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			remove := t.Fault("status=503", d)
			m := d.Mark()
			w.Give(d)
			t.HookMissing(t.AskToTrigger(d))
			faulted(d, m)
			t.Expect(polled(d, w, 2), "%s in the next two polls, while WNS was down", w).To(Equal(1))
			remove()
			t.Quiet()
			goesOn(t, d, "the outage")
		}},
}

// faulted waits for a notification since m that hit the scenario's fault. If WNS
// refuses a notification for another reason, it never hits the fault and the body
// is blocked. A 401 for an old token is skipped.
func faulted(d *Device, m Mark) *fakewns.Entry {
	for n := 1; ; n++ {
		e := d.AwaitPushes(m, n)[n-1]
		switch {
		case e.Fault != "":
			return e
		case staleToken(e) && n < 4:
		default:
			d.T.Blocked(suite.By(suite.Notifies), "%s", wnsRefuses(e))
		}
	}
}

// firstSound waits for the first notification since m that WNS does not refuse for
// an old token: WNS accepts it, or refuses it for another reason. It returns nil if
// all have an old token.
func firstSound(d *Device, m Mark) *fakewns.Entry {
	if e := d.AwaitPushes(m, 1)[0]; !staleToken(e) {
		return e
	}
	return d.AwaitOne(m, func(e *fakewns.Entry) bool { return !staleToken(e) })
}

// usualPushes returns how many notifications the server sends for one push that
// WNS accepts: some servers send two.
func usualPushes(d *Device) int {
	usual, _ := usualPush(d)
	return usual
}

// usualPush is usualPushes, and how long it takes from the trigger to the last of
// them: a sender may need a token and a connection first, and a machine be busy.
func usualPush(d *Device) (usual int, took time.Duration) {
	asked := time.Now()
	m := soundPush(d)
	d.T.Quiet()
	for _, e := range d.Pushes(m) {
		if e.Status == http.StatusOK {
			usual++
			took = e.At.Sub(asked)
		}
	}
	return usual, took
}

// soundPush pushes once, and waits until WNS accepted it. The body is blocked if
// WNS refuses it.
func soundPush(d *Device) Mark {
	m := d.Mark()
	d.T.Push(d)
	switch e := firstSound(d, m); {
	case e == nil:
		d.T.Blocked(suite.By("TOK-05", "WER-01"), "WNS answers all notifications from the server with 401")
	case e.Status != http.StatusOK:
		d.T.Blocked(suite.By(suite.Notifies), "%s", wnsRefuses(e))
	}
	return m
}

// channelOfAny returns a device with a channel: of the scenario's profile, or of
// the newest one if the server's PFN yields no channel on the former.
func channelOfAny(t *T) *Device {
	d := t.Enrolled()
	if d.ChannelURI() == "" {
		d.Sync(dmclient.SyncOptions{})
	}
	if d.ChannelURI() == "" && len(d.PFNWrites()) > 0 && t.Newest() {
		return t.WithChannel()
	}
	return d.Ready()
}

// polled counts deliveries of work in the device's next n polls.
func polled(d *Device, w *suite.Work, n int) int {
	var list []*dmclient.Session
	for range n {
		list = append(list, d.T.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule})))
	}
	return w.Times(list...)
}

// patientAt watches a sender whose notifications WNS refuses with a status.
func patientAt(t *T, status int) {
	d := t.WithChannel()
	usual := usualPushes(d)
	t.Inject(fakewns.Fault{Name: "always " + strconv.Itoa(status), On: fakewns.Notification, Device: d.Identity().DeviceID, Status: status})
	watchSender(t, d, usual)
}

// watchSender counts the notifications of a push into a fault within patientSpan, where
// usual is what one push takes.
func watchSender(t *T, d *Device, usual int) {
	m := d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	end := first.At.Add(patientSpan)
	t.Until(end)
	list := upTo(d.PushesFrom(m, first), end)
	noteFirst(t, list)
	t.Expect(len(list), "notifications within %s of the first, where %d are usual for one push", patientSpan, usual).To(BeNumerically("<=", patient*usual))
}

// noteFirst adds the first few entries to the evidence, and returns them all.
func noteFirst(t *T, list []*fakewns.Entry) []*fakewns.Entry {
	for _, e := range list[:min(len(list), 10)] {
		t.Evidence("%s", e)
	}
	return list
}

// refusedForGood pushes into a refusal after which the server must not send the
// same notification again.
func refusedForGood(t *T, d *Device, status int) {
	usual := usualPushes(d)
	defer t.Fault("status="+strconv.Itoa(status), d)()
	m := d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	t.Wait(2)
	list := d.PushesFrom(m, first)
	noteFirst(t, list)
	t.Expect(len(list), "notifications, all answered with %d, for one push", status).To(BeNumerically("<=", usual))
}

// upTo returns the entries up to a point in time: the caller may be late.
func upTo(list []*fakewns.Entry, until time.Time) []*fakewns.Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e *fakewns.Entry) bool { return e.At.After(until) })
}

// goesOn checks that pushes resume after a failure. The server may still be backing
// off, so it is asked more than once.
func goesOn(t *T, d *Device, after string) {
	m := d.Mark()
	for range 3 {
		t.PushInBackground(d)
		if d.AwaitOne(m, nil) != nil {
			return
		}
	}
	t.Fail("a notification after "+after, "none within "+backWithin(t).String())
}

// channelDropped pushes once to a channel that is gone, and once more: no second
// notification may go there.
func channelDropped(t *T, d *Device, drop func(), status int) {
	usual := usualPushes(d)
	drop()
	m := d.Mark()
	t.Push(d)
	first := d.AwaitStatus(m, status)
	t.Quiet() // the server records it; a server that retries does so now
	list := noteFirst(t, d.PushesFrom(m, first))
	t.Expect(len(list), "notifications to a channel that answers %d, for one push", status).To(BeNumerically("<=", usual))
	again := d.Mark()
	if err := t.TryPush(d); err != nil {
		t.Evidence("asked to push again, the server said: %v", err)
	}
	t.Quiet()
	later := noteFirst(t, d.Pushes(again))
	t.Expect(len(later), "further notifications to a channel that answered %d", status).To(BeZero())
}
