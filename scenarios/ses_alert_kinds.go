package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// alertKinds are the SES scenarios about Alerts that are rarer than those of package 1.
var alertKinds = []Scenario{
	{ID: "SES-69", Level: report.Should, Title: "an Alert of an unknown type is accepted, or answered with 406 or 415",
		Rule:    "The Status for an Alert of a type that the server does not know is 200 or 202 if it takes it all the same, and otherwise 415 or 406. The only other errors for such an Alert are 401, 407, 412 and 500.",
		Source:  "OMA DM Protocol 1.2.1 section 8.7 (415); OMA DM RepPro 1.2.1 section 6.6.2 (406)",
		Fix:     "Answer Alert 1226 of an unknown type with 415, Alert 1224 with 406, or both with 200.",
		Mutants: []*mutants.Mutant{mutants.SesAlert404},
		Under:   []string{"SES-24"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, code := range []int{syncml.AlertGeneric, syncml.AlertClientEvent} {
				t.Try(fmt.Sprintf("Alert %d of an unknown type", code), func() {
					st := statusOfAlert(t.Managed(d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{unknownAlert(code)}})), isUnknown)
					if st == nil {
						t.Blocked(suite.By("SES-24", "SES-09"), "the Alert got no Status")
					}
					t.Check(slices.Contains([]int{syncml.OK, syncml.Accepted, 401, 406, 407, 412, 415, 500}, st.Code()), "Status 200, 202, 406 or 415 for the Alert", suite.Show(st.Data))
				})
			}
		}},
	{ID: "SES-70", Level: report.Should, Ends: true, Uses: []Need{NeedWork}, Title: "every Item of an Alert counts",
		Rule:    "An Alert may have several Items, and each is handled: an unenrollment in the second Item ends the management of the device.",
		Source:  "OMA DM Protocol 1.2.1 section 8.7; OMA DM RepPro 1.2.1 section 6.6.2",
		Fix:     "Handle all Items of an Alert, not the first one only.",
		Mutants: []*mutants.Mutant{mutants.SesAlertFirstItem},
		Under:   []string{"SEC-06", "SES-24"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			ghost := t.Copy(d)
			both := dmclient.UnenrollAlert(t.Profile())
			both.Items = append(slices.Clone(unknownAlert(syncml.AlertGeneric).Items), both.Items...)
			s := d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{both}})
			if len(s.Received) == 0 {
				t.Blocked(suite.By("SES-24", "SES-48", string(suite.Talks)), "the session with the Alert got no readable reply: %s", suite.Unread(s))
			}
			turnsAwayFrom(t, d, visitor{who: "a device whose Alert had the unenrollment in its second Item", device: ghost, over: true, as: dmclient.SyncOptions{SessionID: ownSession}})
		}},
	{ID: "SES-71", Level: report.Should, Uses: []Need{NeedWork}, Title: "a device may say that its answer is pending",
		Rule:    "A slow device sends messages with Alert 1224 of type com.microsoft.mdm.requestpending, no Status and no Final. They keep the session open: the answer that follows is taken.",
		Source:  "MS-MDE2 2.2.9.3 and Learn, \"DMClient CSP\", EnableOmaDmKeepAliveMessage (they do not say what the server answers)",
		Fix:     "Answer such a message with Statuses, keep the session, and wait for the device's next message.",
		Mutants: []*mutants.Mutant{mutants.SesPendingEnds, mutants.SesPendingFails},
		Run:     answersLate},
	{ID: "SES-72", Level: report.Should, Title: "DevicePrepSync gets a Status, whatever it says",
		Rule:    "A newly enrolled device with the device preparation page sends Alert 1224 of type com.microsoft/MDM/DevicePrepSync in package 1. It gets a Status with each of its four values, and the session goes on.",
		Source:  "MS-MDM 3.2.5.1.6, 2.2.6.1",
		Fix:     "Answer Alerts of types that you do not know with a Status, and go on.",
		Mutants: []*mutants.Mutant{mutants.SesPrepFails},
		Under:   []string{"SES-24"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, says := range []string{"PendingProvisioning", "Bootstrapping", "ExecutingProvisioning", "ProvisioningComplete"} {
				t.Try(says, func() {
					event := clientEvent("com.microsoft/MDM/DevicePrepSync", says)
					s := runsToEnd(d, d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{event}}), "Alert DevicePrepSync, %s", says)
					if statusOfAlert(s, func(c *syncml.Command) bool { return isEvent(c, "DevicePrepSync") }) == nil {
						t.Blocked(suite.By("SES-24", "SES-09"), "the Alert got no Status")
					}
				})
			}
		}},
	{ID: "SES-73", Level: report.Should, Uses: []Need{NeedWork}, Title: "Alert 1225 does not end the management",
		Rule:    "Alert 1225 says that the end of an object in chunks did not come. It gets a Status, the session goes on to its end, and the next one is an ordinary one.",
		Source:  "MS-MDM 2.2.7.2; OMA DM Protocol 1.2.1 section 7 (what else follows is ours)",
		Fix:     "Answer Alert 1225 with a Status. Send the object again if you sent one in chunks.",
		Mutants: []*mutants.Mutant{mutants.Ses1225Fails},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			told := false
			d.AddFault(rewrite(func(m *syncml.Message) {
				if told || slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Verb == syncml.Replace }) {
					return // package 1, perhaps again with a credential
				}
				told = true
				m.Body = append(m.Body, syncml.Command{Verb: syncml.Alert, CmdID: strconv.Itoa(len(m.Body) + 100), Data: strconv.Itoa(syncml.AlertNoEndOfData)})
			}))
			s := busy(d)
			d.ClearFaults()
			if !told {
				t.Managed(s)
				t.NotApplicable("the server sent no commands in the session, so the device had no second message to put the Alert into")
			}
			runsToEnd(d, s, "Alert 1225")
			runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a session with Alert 1225")
		}},
	{ID: "SES-74", Level: report.Must, Title: "the server sends no Alert 1226", Hears: sendsNoGenericAlert, Run: talk,
		Rule:    "Generic Alerts are the client's: in no message of the run does the server send Alert 1226.",
		Source:  "OMA DM Protocol 1.2.1 section 8.7; MS-MDM 2.2.7.2",
		Fix:     "Answer the device's Alert with a Status, not with the same Alert.",
		Mutants: []*mutants.Mutant{mutants.SesAlert1226}},
}

// clientEvent is an Alert 1224 of Microsoft's.
func clientEvent(kind, data string) syncml.Command {
	return syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{{Meta: &syncml.Meta{Type: kind}, Data: data, HasData: true}}}
}

// isEvent reports whether an Alert has a type that ends like this.
func isEvent(c *syncml.Command, kind string) bool {
	return c.Verb == syncml.Alert && len(c.Items) > 0 && c.Items[0].Meta != nil && strings.HasSuffix(c.Items[0].Meta.Type, kind)
}

// statusOfAlert returns the Status for an Alert of package 1; nil if there is none.
func statusOfAlert(s *dmclient.Session, is func(*syncml.Command) bool) *syncml.Command {
	at := answeringPackageOne(s)
	for i := range s.Sent[at].Body {
		if c := &s.Sent[at].Body[i]; is(c) {
			return statusIn(s.Received[at], c)
		}
	}
	return nil
}

// answersLate has a device say twice that its answer is pending, and then answer.
func answersLate(t *T) {
	d := t.Enrolled()
	d.First()
	from := d.SessionCount()
	var w *suite.Work
	if t.CanWork() {
		w = t.Work()
		w.Give(d)
	}
	s := d.Sync(dmclient.SyncOptions{Pending: 2})
	pending := 0
	for i, m := range s.Sent {
		if !slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return isEvent(&c, "requestpending") }) {
			continue
		}
		pending++
		if i < len(s.Received) {
			hdr := hdrStatus(s.Received[i])
			t.Check(hdr.Data == "" || syncml.Success(hdr.Code()), "a success Status for SyncHdr in reply to a message that says that the answer is pending", suite.Show(hdr.Data))
		}
	}
	if pending == 0 {
		t.Managed(s)
		t.NotApplicable("the server sent no commands in the session, so the device had nothing to answer late")
	}
	runsToEnd(d, s, "messages that say that the answer is pending")
	next := runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a session with an answer that came late")
	if w != nil && w.Queued() && w.Times(d.SessionsSince(from)[0]) > 0 {
		t.Expect(w.Times(next), "deliveries of %s in the session after the one in which it was answered late", w).To(BeZero())
	}
}

func sendsNoGenericAlert(h *suite.Heard) {
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if c.Verb == syncml.Alert && c.Code() == syncml.AlertGeneric {
				h.Breach(i, "no Alert 1226 from the server", "Alert 1226 with CmdID %s", c.CmdID)
			}
		})
	}
}
