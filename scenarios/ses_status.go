package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionStatus are the SES scenarios about the server's Statuses and CmdIDs.
var sessionStatus = []Scenario{
	{ID: "SES-08", Level: report.Must, Title: "the Status for SyncHdr comes first",
		Rule:    "The first Status of every message answers SyncHdr: CmdRef 0, Cmd SyncHdr.",
		Source:  "MS-MDM 2.2.3.3, 2.2.6.1; OMA SyncML RepPro 1.2.2, Status",
		Fix:     "Write the Status with CmdRef 0 and Cmd SyncHdr before all others, in every message.",
		Mutants: []*mutants.Mutant{mutants.SesHdrStatusMissing, mutants.SesHdrStatusLast, mutants.SesNoStatus},
		Run: func(t *T) {
			for _, s := range twoSessions(t.Enrolled()) {
				for i, m := range s.Received {
					list := statuses(m)
					if len(list) == 0 {
						failForNoStatus(t, s, fmt.Sprintf("a Status for SyncHdr in message %d of session %s", i+1, s.ID))
					}
					t.Expect(list[0].CmdRef, "CmdRef of the first Status in message %d of session %s", i+1, s.ID).To(Equal("0"))
					t.Expect(list[0].Cmd, "Cmd of the first Status in message %d of session %s", i+1, s.ID).To(Equal("SyncHdr"))
				}
			}
		}},
	{ID: "SES-09", Level: report.Must, Title: "exactly one Status for every command of package 1",
		Rule:    "Every Alert and Replace of package 1 is answered with exactly one Status, or with one for each of its Items, with its CmdID as CmdRef and its name as Cmd. CmdIDs are arbitrary numbers: here they start at 7 and leave gaps.",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.2",
		Fix:     "Write a Status for every command. Copy the command's CmdID into CmdRef; it is an arbitrary number, not a position. Cmd is the command's name.",
		Mutants: []*mutants.Mutant{mutants.SesCmdRefFixed, mutants.SesAlertUnanswered, mutants.SesNoStatus, mutants.SesAlertCmd, mutants.SesReplaceUnanswered, mutants.MsgItemTwice},
		Under:   []string{"SES-08"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s := runsToEnd(d, d.Sync(dmclient.SyncOptions{FirstCmdID: 7, CmdIDStep: 4}), "CmdIDs with gaps")
			at := answeringPackageOne(s)
			list := statuses(s.Received[at])
			if len(list) == 0 {
				failForNoStatus(t, s, "a Status for each command of package 1")
			}
			for _, st := range list {
				t.Evidence("Status CmdRef %s, Cmd %s, Data %s", st.CmdRef, st.Cmd, st.Data)
			}
			for _, c := range s.Sent[at].Body {
				if c.Verb.IsReply() {
					continue // it answers the challenge
				}
				var found []syncml.Command
				var names []string
				for _, st := range list {
					if st.CmdRef == c.CmdID {
						found, names = append(found, st), append(names, st.Cmd)
					}
				}
				want := fmt.Sprintf("one Status for %s with CmdID %s, with Cmd %s", c.Verb, c.CmdID, c.Verb)
				switch {
				case len(found) == 0:
					t.Fail(want, "no Status with CmdRef "+c.CmdID)
				case len(found) > 1 && !forItems(&c, found):
					t.Fail(want, fmt.Sprintf("%d Statuses, with Cmd %s", len(found), strings.Join(names, " and ")))
				}
				for i := range found {
					if why := misnames(&found[i], &c); why != "" {
						t.Fail(want, why)
					}
				}
			}
		}},
	{ID: "SES-10", Level: report.Must, Title: "Statuses come in the order of the commands",
		Rule:    "The Statuses in a message have the order of the commands they answer.",
		Source:  "OMA SyncML RepPro 1.2.2, Status; OMA DM Protocol 1.2.1 section 8.2",
		Fix:     "Write the Statuses in the order of the commands in the device's message.",
		Mutants: []*mutants.Mutant{mutants.SesStatusOrder},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s := runsToEnd(d, d.Sync(dmclient.SyncOptions{FirstCmdID: 3, CmdIDStep: 2}), "CmdIDs with gaps")
			at := answeringPackageOne(s)
			place := map[string]int{} // without SyncHdr, which SES-08 judges
			for i, c := range s.Sent[at].Body {
				place[c.CmdID] = i
			}
			var order []int
			var refs []string
			for _, st := range statuses(s.Received[at]) {
				if p, ok := place[st.CmdRef]; ok {
					order, refs = append(order, p), append(refs, st.CmdRef)
				}
			}
			if len(order) < 2 {
				t.Blocked(suite.By("SES-09"), "only %d commands of package 1 got a Status with their CmdID, so there is no order to check", len(order))
			}
			var sent []string
			for _, c := range s.Sent[at].Body {
				if slices.Contains(refs, c.CmdID) {
					sent = append(sent, c.CmdID)
				}
			}
			t.Check(slices.IsSorted(order), "Statuses with CmdRefs in the order of the commands: "+strings.Join(sent, ", "), strings.Join(refs, ", "))
		}},
	{ID: "SES-11", Level: report.Must, Uses: []Need{NeedWork}, Title: "MsgRef names the answered message",
		Rule:    "A Status carries the MsgID of the message it answers, in every message of the session.",
		Source:  "MS-MDM 2.2.3.7",
		Fix:     "Set MsgRef to the MsgID of the answered message, not to 1.",
		Mutants: []*mutants.Mutant{mutants.SesMsgRef},
		Run: func(t *T) {
			d := t.Enrolled()
			second := false
			for _, s := range append(twoSessions(d), t.Managed(busy(d))) {
				second = second || len(s.Received) > 1
				for i, m := range s.Received {
					for _, st := range statuses(m) {
						t.Expect(st.MsgRef, "MsgRef of the Status for CmdRef %s in message %d of session %s", st.CmdRef, i+1, s.ID).To(Equal(s.Sent[i].Hdr.MsgID))
					}
				}
			}
			if !second {
				t.NotApplicable("the server sent only one message in each of three sessions, so it answered no message with a MsgID other than 1")
			}
		}},
	{ID: "SES-12", Level: report.Must, Uses: []Need{NeedWork}, On: "atomic", Title: "the server's CmdIDs are unique within a message and never 0",
		Rule:    "Every command and Status has a CmdID that is unique in its message and not 0, which stands for SyncHdr. This includes commands inside an Atomic.",
		Source:  "MS-MDM 2.2.3.2",
		Fix:     "Number all commands of a message from 1 with one counter, including commands inside an Atomic.",
		Mutants: []*mutants.Mutant{mutants.SesCmdIDRepeated, mutants.SesCmdIDZero},
		Run: func(t *T) {
			d := t.Enrolled()
			twoSessions(d)
			if t.CanWork() {
				t.Work().Give(d)
				if t.QueueTakes(groupOf(settled)...) {
					queueGroup(d, settled)
				}
				d.Sync(dmclient.SyncOptions{})
				d.Sync(dmclient.SyncOptions{})
			}
			for _, s := range d.Sessions() {
				for i, m := range s.Received {
					uniqueCmdIDs(t, m, fmt.Sprintf("message %d of session %s", i+1, s.ID))
				}
			}
		}},
	{ID: "SES-37", Level: report.Must, Uses: []Need{NeedWork}, Title: "no Status for a command the device never sent",
		Rule:    "A Status answers a command of the message that its MsgRef names. Its Cmd is the name of that command. A Status for Results names Results; whether there may be one is another rule (MSG-09).",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.3",
		Fix:     "Write Statuses only for the commands in the device's message. Do not answer a Status.",
		Mutants: []*mutants.Mutant{mutants.SesExtraStatus, mutants.SesAlertCmd, mutants.SesResultsCmd},
		Under:   []string{"SES-09"},
		Run: func(t *T) {
			d := t.Enrolled()
			for _, s := range append(twoSessions(d), t.Managed(busy(d))) {
				for i, m := range s.Received {
					for _, st := range statuses(m) {
						saw := ""
						if c := answeredBy(s, &st); c == nil {
							saw = "no such command"
						} else if why := misnames(&st, c); why != "" {
							saw = why
						}
						t.Check(saw == "", "every Status answers a command that the device sent", fmt.Sprintf("in message %d of session %s, a Status with MsgRef %s, CmdRef %s, Cmd %s: %s",
							i+1, s.ID, suite.Show(st.MsgRef), suite.Show(st.CmdRef), suite.Show(st.Cmd), saw))
					}
				}
			}
		}},
}

// failForNoStatus fails a scenario that looks for a Status in a message without
// any.
func failForNoStatus(t *T, s *dmclient.Session, expected string) {
	for _, m := range s.Received {
		if len(statuses(m)) > 0 {
			t.Fail(expected, "no Status in that message")
		}
	}
	t.FailBy("the server's messages carry no Status at all", expected, "no Status at all")
}

// answeringPackageOne returns the index of the message that answers package 1. A
// server that challenges gets package 1 twice.
func answeringPackageOne(s *dmclient.Session) int {
	for i, m := range s.Received {
		if code := hdrStatus(m).Code(); code != syncml.MissingCredential && code != syncml.InvalidCredential {
			return i
		}
	}
	return 0
}

func uniqueCmdIDs(t *T, m *syncml.Message, where string) {
	seen := map[string]syncml.Verb{}
	m.Walk(func(c *syncml.Command) {
		if c.CmdID == "" || c.CmdID == "0" {
			t.Fail(fmt.Sprintf("a CmdID other than 0 for %s in %s", c.Verb, where), "CmdID: "+suite.Show(c.CmdID))
		}
		if other, ok := seen[c.CmdID]; ok {
			t.Fail("each CmdID once in "+where, fmt.Sprintf("CmdID %s for %s and for %s", c.CmdID, other, c.Verb))
		}
		seen[c.CmdID] = c.Verb
	})
}

// settled is a node that the second command of a group may set.
const settled = "./Vendor/MSFT/VPNv2/dmwake/RememberCredentials"

// groupOf are two commands that a server may put into one Atomic.
func groupOf(second string) []lab.Command {
	return []lab.Command{
		{Verb: syncml.Replace, LocURI: "./DevDetail/Ext/Microsoft/DeviceName", Format: "chr", Data: "dmwake"},
		{Verb: syncml.Replace, LocURI: second, Format: "bool", Data: "true"},
	}
}

// queueGroup queues groupOf.
func queueGroup(d *Device, second string) (queued []lab.Command) {
	queued = groupOf(second)
	for _, c := range queued {
		d.T.Queue(d, c)
	}
	return queued
}

// answeredBy returns the device's command that a Status answers; nil if there is
// none. For SyncHdr, whose Status SES-08 judges, it has no verb.
func answeredBy(s *dmclient.Session, st *syncml.Command) *syncml.Command {
	for _, m := range s.Sent {
		if m.Hdr.MsgID != st.MsgRef {
			continue
		}
		if st.CmdRef == "0" {
			return &syncml.Command{}
		}
		for i := range m.Body {
			c := &m.Body[i]
			if c.CmdID == st.CmdRef && c.Verb != syncml.Status { // MSG-09 judges a Status for Results
				return c
			}
		}
	}
	return nil
}

// misnames describes a Status whose Cmd is not the name of the command it answers;
// empty if it is.
func misnames(st, c *syncml.Command) string {
	if c.Verb == "" || st.Cmd == string(c.Verb) {
		return ""
	}
	return fmt.Sprintf("Cmd %s, in reply to %s", suite.Show(st.Cmd), c.Verb)
}
