package scenarios

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
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
	{ID: "WNS-22", Level: report.Should, Needs: []Need{NeedPush}, Title: "X-WNS-TTL suits X-WNS-Cache-Policy",
		Rule:    "A TTL above 0 goes with cache, 0 with no-cache. WNS was seen to answer anything else with 400, \"Ttl value conflicts with X-WNS-Cache-Policy.\", which is 0 without a policy, too.",
		Source:  learnWNS + ", 400 (conflicting headers); seen on channels of web push (https://github.com/web-push-libs/pywebpush/issues/162)",
		Fix:     "Send X-WNS-Cache-Policy: cache with a TTL above 0, or leave X-WNS-TTL out.",
		Mutants: []*mutants.Mutant{mutants.WnsTTLNoCache, mutants.WnsTTLZero},
		Under:   []string{"WNS-10"},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			h := notification(t).Header
			policy := h.Get("X-WNS-Cache-Policy")
			n, err := strconv.Atoi(h.Get("X-WNS-TTL"))
			conflict := err == nil && (n == 0 && policy != "no-cache" || n > 0 && policy == "no-cache")
			t.Check(!conflict, "X-WNS-TTL above 0 with cache, or none", fmt.Sprintf("X-WNS-TTL: %d, X-WNS-Cache-Policy: %s", n, cmp.Or(policy, "none")))
		}},
}

// channelPaths are the WNS scenarios about channel URIs of the newer form.
var channelPaths = []Scenario{
	{ID: "WNS-21", Level: report.Should, Needs: []Need{NeedPush}, Title: "a channel URI with a path is used with its path",
		Rule:    "A channel URI is opaque: its host may change with each registration, and its path need not be /. Hosts of the newer form, wns2-, were seen with the path /w/.",
		Source:  "Learn, \"WNS overview\"; hosts change (https://github.com/MicrosoftDocs/windows-dev-docs/issues/4305); /w/ seen on channels of web push (https://github.com/bpolaszek/webpush-bundle/issues/48)",
		Fix:     "Check scheme and host of the URI only, and post to it as it is.",
		Mutants: []*mutants.Mutant{mutants.WnsPathLost},
		Under:   []string{"WNS-08", "CHN-01", "CHN-07"},
		Run:     channelWithPath},
}

// channelWithPath gives a device's channel the path /w/, and pushes to it.
func channelWithPath(t *T) {
	const path = "/w/"
	d := t.WithChannel()
	d.Settle(soundPush(d))
	own, err := url.Parse(d.ChannelURI())
	if err != nil {
		t.Error("the device's channel URI: %v", err)
	}
	moved := t.Lab.WNS.MoveChannel(d.ChannelURI(), path)
	t.After(func() { t.Lab.WNS.MoveChannel(moved, own.Path) })
	d = telling(d, moved)
	m := d.Mark()
	t.PushInBackground(d)
	list, err := t.Await(m, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification && e.Channel == moved })
	if err != nil {
		t.Fail("a notification to the device's channel URI, whose path is "+path, "none within "+t.Lab.Config.Timeouts.Push.String())
	}
	t.Evidence("%s", list[0])
	got, _, _ := strings.Cut(list[0].Target, "?")
	t.Check(got == path, "the path of the channel URI: "+path, got)
}
