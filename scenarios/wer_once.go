package scenarios

import (
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary
)

// onceMore is the WER scenario about how often a refused token is replaced.
var onceMore = []Scenario{
	{ID: "WER-18", Level: report.Should, Needs: []Need{NeedPush}, Title: "after 401 the notification is sent once more, not oftener",
		Rule:    "A sender that gets 401 fetches one new token and sends the notification once more. If that is refused, too, the token is not what is wrong.",
		Source:  "Learn, \"Windows Push Notification Services overview\"; " + learnWNS + ", 401",
		Fix:     "Fetch a token after the first 401, and give up after the second.",
		Mutants: []*mutants.Mutant{mutants.Wer401Thrice, mutants.Wer401Loop},
		Under:   []string{"WER-02"},
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
		}},
}
