package scenarios

import (
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

// notificationHeaders are the WNS scenarios about headers that a notification need not
// have.
var notificationHeaders = []Scenario{
	{ID: "WNS-17", Level: report.Should, Needs: []Need{NeedPush}, Title: "no headers for tiles and toasts",
		Rule:    "X-WNS-Tag, X-WNS-Group and X-WNS-SuppressPopup are for tiles and toasts; to a Windows channel the last one is an error. X-WNS-RequestForStatus, if sent, is true or false.",
		Source:  learnWNS,
		Fix:     "Send X-WNS-Type, X-WNS-Cache-Policy and X-WNS-RequestForStatus, and no other X-WNS headers.",
		Mutants: []*mutants.Mutant{mutants.WnsTag, mutants.WnsStatusOne},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			e := notification(t)
			for _, name := range []string{"X-WNS-Tag", "X-WNS-Group", "X-WNS-SuppressPopup", "X-WNS-Match"} {
				v := e.Header.Get(name)
				t.Check(v == "", "no "+name+" in a raw notification", name+": "+v)
			}
			v := e.Violated(fakewns.RuleStatusAsked)
			t.Check(v == "", "X-WNS-RequestForStatus: true or false", v)
		}},
	{ID: "WNS-18", Level: report.Should, Needs: []Need{NeedPush}, Title: "an MS-CV of one's own is new for each notification",
		Rule:    "A server may send a correlation vector in MS-CV, which WNS then uses in its logs. Two notifications never have the same one.",
		Source:  learnWNS + ", MS-CV; Correlation Vector 2.1",
		Fix:     "Make a new vector for each notification, or leave MS-CV out.",
		Mutants: []*mutants.Mutant{mutants.WnsVectorSame},
		Run: func(t *T) {
			d := t.WithChannel()
			seen := map[string]bool{}
			for range 2 {
				m := d.Mark()
				t.Push(d)
				d.AwaitPushes(m, 1)
				d.Settle(m)
				own := map[string]bool{}
				for _, e := range d.Pushes(m) {
					if v := e.Header.Get("MS-CV"); v != "" {
						t.Evidence("MS-CV: %s", v)
						own[v] = true
						t.Check(!seen[v], "another MS-CV in the second notification", v+" in both")
					}
				}
				seen = own
			}
		}},
	{ID: "WNS-19", Level: report.Should, Needs: []Need{NeedPush}, Title: "no Expect: 100-continue",
		Rule:    "A sender that waits for 100 Continue before it sends a few bytes delays each notification by a round trip.",
		Source:  learnWNS + ", unsupported HTTP features",
		Fix:     "Turn Expect: 100-continue off in the HTTP client.",
		Mutants: []*mutants.Mutant{mutants.WnsExpect},
		Run: func(t *T) {
			v := strings.Join(notification(t).Header.Values("Expect"), ", ")
			t.Check(v == "", "no Expect header", "Expect: "+v)
		}},
}
