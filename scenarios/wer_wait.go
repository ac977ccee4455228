package scenarios

import (
	"net/http"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

// throttles are the WER scenarios about the ways in which WNS asks a sender to wait,
// beside a short Retry-After.
var throttles = []Scenario{
	{ID: "WER-20", Level: report.Should, Needs: []Need{NeedPush}, Title: "a long Retry-After is respected, and a date",
		Rule:    "Retry-After may be longer than half a minute, and it may be a date. Nothing is sent to the channel meanwhile, here in the first two seconds.",
		Source:  learnWNS + ", Retry-After; RFC 9110 section 10.2.3",
		Fix:     "Read Retry-After as seconds or as an HTTP date, and keep the time for the channel. If it is too long to wait, leave the work to polling.",
		Mutants: []*mutants.Mutant{mutants.WerLongNow, mutants.WerDateNow},
		Under:   []string{"WER-07"},
		Run: func(t *T) {
			for _, after := range []struct{ what, value string }{
				{"an hour in seconds", "3600"},
				{"a date in an hour", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)},
			} {
				t.Try(after.what, func() {
					waits(t, t.Next().Ready(), func(int) fakewns.Fault {
						return fakewns.Fault{Status: http.StatusServiceUnavailable, RetryAfter: after.value}
					})
				})
			}
		}},
	{ID: "WER-21", Level: report.Should, Needs: []Need{NeedPush}, Title: "429 and appthrottled mean to wait, too",
		Rule:    "WNS was seen to throttle with 429 and Retry-After, and to say of a whole app that it is throttled. Both are like 406 and channelthrottled: nothing is sent at once.",
		Source:  "RFC 6585 section 4; RFC 9110 section 10.2.3; " + learnWNS + ", X-WNS-Status (it may have further values)",
		Fix:     "Treat 429 like 406, and every X-WNS-Status but received like channelthrottled.",
		Mutants: []*mutants.Mutant{mutants.Wer429Now, mutants.WerAppThrottledAgain, mutants.WerThrottledForgets},
		Under:   []string{"WER-07", "WER-13"},
		Run: func(t *T) {
			t.Try("429 with Retry-After", func() { retryAfter(t, http.StatusTooManyRequests) })
			t.Try("X-WNS-Status appthrottled", func() { notAtOnce(t.Next().Ready(), "appthrottled") })
		}},
	{ID: "WER-24", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-CONTINUE-AFTER is respected",
		Rule:    "The older text of Microsoft's page names the header X-WNS-CONTINUE-AFTER for a throttled channel: so many seconds nothing is sent to it.",
		Source:  learnWNS + ", text of 2015 to 2023",
		Fix:     "Wait as long as X-WNS-CONTINUE-AFTER says where there is no Retry-After.",
		Mutants: []*mutants.Mutant{mutants.WerContinueNow},
		Under:   []string{"WER-07"},
		Run: func(t *T) {
			waits(t, t.WithChannel(), func(secs int) fakewns.Fault { return fakewns.Fault{Do: continueAfter(secs)} })
		}},
}

// continueAfter answers 406 with the older header, in seconds.
type continueAfter int

// Fault implements fakewns.Action.
func (continueAfter) Fault() string { return "406 with X-WNS-CONTINUE-AFTER" }

// Answer implements fakewns.Answerer.
func (a continueAfter) Answer(h http.Header, r *fakewns.Reply) {
	h["X-WNS-CONTINUE-AFTER"] = []string{strconv.Itoa(int(a))}
	r.Status = http.StatusNotAcceptable
}

// retryAfter makes WNS answer two pushes with a status and Retry-After, and watches the
// server until that time has passed since the first answer.
func retryAfter(t *T, status int) {
	waits(t, t.WithChannel(), func(secs int) fakewns.Fault {
		return fakewns.Fault{Status: status, RetryAfter: strconv.Itoa(secs)}
	})
}

// How long WNS asks to wait: at least shortWait, and longer for a sender that takes
// long to push. If a push came only after the wait, that would show nothing.
const (
	shortWait = 2 * time.Second
	longWait  = 30 * time.Second
)

// longEnough is how long to watch a sender that takes so long to push: at least
// that long, in full seconds, and so that a push that was asked for after the
// first quarter would be seen.
func longEnough(least, took time.Duration) time.Duration {
	return min(max(least, (4*took).Truncate(time.Second)+time.Second), longWait)
}

// waits makes WNS answer all notifications to a device with a fault that asks the
// server to wait so many seconds, and has it push twice. It watches for that time
// since the first answer.
//
// A push to another device, asked for right after the second one, tells whether that
// could have been seen. If it comes later than that time, the machine is too busy, or
// the server lets the whole app wait: it is asked to wait longer, once.
func waits(t *T, d *Device, ask func(secs int) fakewns.Fault) {
	usual, took := usualPush(d)
	witness := d
	if !t.Lab.Config.Target.Shared() {
		witness = t.Next().Ready()
	}
	watch := longEnough(shortWait, took)
	if !waited(d, witness, ask(int(watch/time.Second)), usual, watch) {
		watch = longEnough(3*watch, took)
		waited(t.Next().Ready(), witness, ask(int(watch/time.Second)), usual, watch)
	}
}

// waited is one round of waits. It tells whether the push to the witness came in time.
func waited(d, witness *Device, f fakewns.Fault, usual int, watch time.Duration) bool {
	t := d.T
	f.Name, f.On, f.Device = "wait", fakewns.Notification, d.Identity().DeviceID
	remove := t.Inject(f)
	defer remove()
	m := d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	// A tenth of a second for clocks that round.
	end := first.At.Add(watch - 100*time.Millisecond)
	t.Until(first.At.Add(watch / 4))
	second := witness.Mark()
	t.PushInBackground(d) // the time is the channel's, not that of one notification
	if witness != d {
		t.PushInBackground(witness)
	}
	t.Until(end)
	list := upTo(d.PushesFrom(m, first), end)
	noteFirst(t, list)
	t.Expect(len(list), "notifications for two pushes within %s, including the first, after WNS asked to wait", watch).To(BeNumerically("<=", usual))
	return witness == d || len(upTo(witness.Pushes(second), end)) > 0
}

// notAtOnce makes WNS answer 200 with an X-WNS-Status that says that too much was sent,
// has the server push twice more, and counts what it sends in the quiet time. One
// more is let pass: the server may have sent it before it had read the answer.
func notAtOnce(d *Device, wnsStatus string) {
	t := d.T
	usual, took := usualPush(d)
	t.Inject(fakewns.Fault{Name: wnsStatus, On: fakewns.Notification, Device: d.Identity().DeviceID, WNSStatus: wnsStatus})
	m := d.Mark()
	t.Push(d)
	first := faulted(d, m)
	watch := t.Lab.Config.Timeouts.Quiet
	if 4*took > watch {
		watch = longEnough(watch, took)
	}
	end := first.At.Add(watch)
	for part := range time.Duration(2) {
		t.Hold(first.At.Add((part + 1) * watch / 4)) // pushes that come after the quiet time show nothing
		t.PushInBackground(d)
	}
	t.Until(end)
	list := upTo(d.PushesFrom(m, first), end)
	noteFirst(t, list)
	t.Expect(len(list), "notifications for three pushes within %s, including the first, after X-WNS-Status %s", watch, wnsStatus).To(BeNumerically("<=", usual+1))
}
