package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// referenceErrors are the ERR scenarios about Statuses that refer to something
// unusual, or never come.
var referenceErrors = []Scenario{
	{ID: "ERR-20", Level: report.Should, Uses: []Need{NeedWork}, Title: "Statuses with TargetRef are understood",
		Rule:    "A device names the node of a command in the TargetRef of its Status. It is the same answer as without: the session completes, and nothing is sent again.",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.12; OMA SyncML RepPro 1.2.2, TargetRef",
		Fix:     "Find the command of a Status by MsgRef and CmdRef, with or without TargetRef.",
		Mutants: []*mutants.Mutant{mutants.ErrTargetRef, mutants.ErrTargetRefAgain},
		Under:   []string{"PSH-02"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(&namesTargets{})
			from := d.SessionCount()
			if !t.CanWork() {
				holdSessions(d, 2, "Statuses with TargetRef")
				needCommand(d, from, "")
				return
			}
			w := t.Work()
			runsToEnd(d, gives(d, w), "Statuses with TargetRef")
			holdSessions(d, 2, "Statuses with TargetRef")
			t.Expect(w.Times(d.SessionsSince(from)...), "deliveries of %s, whose Status has a TargetRef", w).To(BeNumerically("<=", w.AtMost(d)))
		}},
	{ID: "ERR-21", Level: report.Should, Uses: []Need{NeedWork}, Title: "a Status for a Status does no harm",
		Rule:    "A device also answers the server's Status for SyncHdr. Such a Status needs no answer: the session completes, and so does the next.",
		Source:  "MS-MDM 2.2.6.1; OMA DM Protocol 1.2.1 section 6 (a Status for a Status is ignored)",
		Fix:     "Ignore a Status that answers none of your commands.",
		Mutants: []*mutants.Mutant{mutants.ErrStatusStatus},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(rewrite(answersStatus))
			from := d.SessionCount()
			runsToEnd(d, busy(d), "a Status for a Status")
			holdSessions(d, 1, "a Status for a Status")
			needCommand(d, from, "")
		}},
	{ID: "ERR-25", Level: report.Should, Needs: []Need{NeedLeave}, Ends: true, Title: "Unenroll has no Status, and the next session tells the end",
		Rule:    "A device ends the session at once when it executes Unenroll, and reports its departure in a new session, with Alert 1226. The server takes that, or no longer knows the device.",
		Source:  "Learn, \"Disconnecting from MDM\", server-initiated disconnection",
		Fix:     "Expect no Status for Unenroll. Answer the Alert with 200, and stop managing the device then.",
		Mutants: []*mutants.Mutant{mutants.ErrUnenroll404, mutants.ErrUnenrollRefused},
		Under:   []string{"SES-25", "PFN-14", "SES-09"},
		Run:     farewellInTwoSessions},
}

// namesTargets gives each Status the TargetRef of what it answers. The device executes
// commands in the order of its Statuses; where the numbers differ, because a command
// has several Items, it names none.
type namesTargets struct{ done []string }

// Fault implements dmclient.Fault.
func (*namesTargets) Fault() string { return "names the node of each command in its Status" }

// Answer implements dmclient.Answerer; the device answers as usual.
func (f *namesTargets) Answer(verb syncml.Verb, locURI string) (code int, ok bool) {
	f.done = append(f.done, string(verb)+" "+locURI)
	return 0, false
}

// Rewrite implements dmclient.Rewriter.
func (f *namesTargets) Rewrite(m *syncml.Message, _ int) {
	done := f.done
	f.done = nil
	var list []*syncml.Command
	for i := range m.Body {
		if st := &m.Body[i]; st.Verb == syncml.Status && slices.Contains(suite.OfNodes, syncml.Verb(st.Cmd)) && len(st.TargetRef) == 0 {
			list = append(list, st)
		}
	}
	if len(list) != len(done) {
		return
	}
	for i, st := range list {
		if verb, uri, _ := strings.Cut(done[i], " "); verb == st.Cmd {
			st.TargetRef = []string{uri}
		}
	}
}

// answersStatus adds a Status for the server's Status for SyncHdr. In most messages
// that is its first command.
func answersStatus(m *syncml.Message) {
	for i := range m.Body {
		if st := &m.Body[i]; st.Verb == syncml.Status && st.CmdRef == "0" {
			m.Body = append(slices.Clone(m.Body), syncml.Command{Verb: syncml.Status, CmdID: strconv.Itoa(900 + len(m.Body)), MsgRef: st.MsgRef, CmdRef: "1", Cmd: string(syncml.Status), Data: "200"})
			return
		}
	}
}

// leavesAtOnce is a device that ends the session when it executes Unenroll.
type leavesAtOnce struct{ told bool }

// Fault implements dmclient.Fault.
func (*leavesAtOnce) Fault() string { return "ends the session at Unenroll" }

// Answer implements dmclient.Answerer.
func (f *leavesAtOnce) Answer(verb syncml.Verb, locURI string) (code int, ok bool) {
	if verb != syncml.Exec || !strings.HasSuffix(strings.ToLower(locURI), "/unenroll") {
		return 0, false
	}
	f.told = true
	return syncml.OK, true
}

// Gate implements dmclient.Gate.
func (f *leavesAtOnce) Gate(_ context.Context, _ dmclient.Clock, n int) error {
	if f.told && n > 1 {
		return dmclient.ErrStop
	}
	return nil
}

func farewellInTwoSessions(t *T) {
	d := t.Enrolled()
	d.First()
	leaves := &leavesAtOnce{}
	d.AddFault(leaves)
	t.Hook(t.Lab.Unenroll(t.Context(), d.Device))
	s := d.Sync(dmclient.SyncOptions{})
	if !leaves.told {
		t.NotApplicable("the server sent no Exec of Unenroll in the session after it unenrolled the device: %s", s.End)
	}
	told, err := d.Unenroll(t.Context())
	if told == nil {
		t.Error("the session in which the device reports its departure could not be held: %v", err)
	}
	t.Exchanges(told)
	if len(told.Exchanges) == 0 {
		t.Error("the session in which the device reports its departure could not be held: %v", told.Err)
	}
	const expected = "an answer to the session in which the device reports its departure"
	switch last := told.Exchanges[len(told.Exchanges)-1]; {
	case last.Err != nil:
		t.Control()
		t.Fail(expected, last.Err.Error())
	case last.Status >= http.StatusInternalServerError:
		t.Control()
		t.Fail(expected, fmt.Sprintf("HTTP status %d", last.Status))
	case len(told.Received) == 0:
		return // the server does not know the device any more
	}
	at := answeringPackageOne(told)
	if code := hdrStatus(told.Received[at]).Code(); code >= 400 {
		t.Check(code < 500, "an answer to the device's last session, or a refusal", fmt.Sprintf("Status %d for SyncHdr", code))
		return
	}
	for i := range told.Sent[at].Body {
		if c := &told.Sent[at].Body[i]; c.Verb == syncml.Alert && c.Code() == syncml.AlertGeneric {
			st := statusIn(told.Received[at], c)
			if st == nil {
				t.Fail("a Status for the Alert that reports the device's departure", "none")
			}
			t.Check(syncml.Success(st.Code()), "a success Status for the Alert that reports the device's departure", suite.Show(st.Data))
		}
	}
}
