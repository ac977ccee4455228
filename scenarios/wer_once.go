package scenarios

import (
	"net/http"
	"strconv"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary
)

// onceMore are the WER scenarios about how often a refused notification is sent again.
var onceMore = []Scenario{
	{ID: "WER-18", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "after 401 the notification is sent once more, not oftener",
		Rule:    "A sender that gets 401 fetches a new token, unless it fetched one for this very push, and sends the notification once more. If that is refused, too, the token is not what is wrong.",
		Source:  "Learn, \"Windows Push Notification Services overview\"; " + learnWNS + ", 401",
		Fix:     "Fetch a token after the first 401, and give up after the second.",
		Mutants: []*mutants.Mutant{mutants.Wer401Thrice, mutants.Wer401Loop, mutants.Wer401Stop, mutants.TokNeverRenewed},
		Under:   []string{"WER-01", "WER-02"},
		Run: func(t *T) {
			d := t.WithChannel()
			usual := usualPushes(d)
			t.Inject(fakewns.Fault{Name: "always 401", On: fakewns.Notification, Device: d.Identity().DeviceID, Status: http.StatusUnauthorized})
			m := d.Mark()
			t.PushInBackground(d)
			first := faulted(d, m)
			end := first.At.Add(patientSpan)
			t.Until(end)
			list := noteFirst(t, upTo(d.PushesFrom(m, first), end))
			t.Expect(len(list), "notifications answered with 401, where %d are usual for one push", usual).To(BeNumerically("<=", 2*usual))
			again := sentAgain(d, m, first)
			if again == nil {
				// The first token may have been fetched for this push: then some senders
				// stop at once. The next push has one that was there.
				m = d.Mark()
				t.PushInBackground(d)
				again = sentAgain(d, m, faulted(d, m))
			}
			t.Check(again != nil, "the notification once more, with another token, after WNS answered 401", "none within "+t.Lab.Config.Timeouts.Push.String())
		}},
	{ID: "WER-22", Level: report.Should, Needs: []Need{NeedPush}, Title: "400 and 405: the same is not sent again",
		Rule:    "400 says that headers of the notification are wrong, 405 that its method is. The same request would get the same answer.",
		Source:  learnWNS + ", 400 and 405",
		Fix:     "Log X-WNS-Error-Description after 400 or 405, and do not retry.",
		Mutants: []*mutants.Mutant{mutants.Wer400Retry, mutants.Wer405Retry},
		Run: func(t *T) {
			for _, status := range []int{http.StatusBadRequest, http.StatusMethodNotAllowed} {
				t.Try(strconv.Itoa(status), func() { refusedForGood(t, t.Next().Ready(), status) })
			}
		}},
}

// sentAgain waits for a notification since m with another token than the first one's;
// nil if none arrives in time.
func sentAgain(d *Device, m Mark, first *fakewns.Entry) *fakewns.Entry {
	return d.AwaitOne(m, func(e *fakewns.Entry) bool { return e.Seq > first.Seq && e.BearerToken() != first.BearerToken() })
}
