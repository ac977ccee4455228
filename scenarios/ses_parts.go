package scenarios

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionParts are the SES scenarios about what the server answers when there is
// nothing to answer, and when there is more to come.
var sessionParts = []Scenario{
	{ID: "SES-46", Level: report.Must, Uses: []Need{NeedWork}, Title: "a message of Statuses only is answered by the Status for SyncHdr",
		Rule:    "A device that was asked for nothing, or has nothing of what it was asked for, sends only Statuses. The reply has the Status for SyncHdr and no Status for a command that was never sent, with and without a credential in the message.",
		Source:  "OMA DM Protocol 1.2.1 section 8; MS-MDM 2.2.6.1",
		Fix:     "Write the Status for SyncHdr in every reply, and a Status for each command of the device. A Status gets none.",
		Mutants: []*mutants.Mutant{mutants.SesStatusesSilent, mutants.SesStatusesEchoed},
		Under:   []string{"SES-08", "SES-37"},
		Run: func(t *T) {
			for what, quirk := range map[string]string{"without a credential": "-sends-cred", "with the credential, if the device has one": "sends-cred"} {
				t.Try(what, func() {
					d := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, quirk) })
					enrolls(d)
					onlyStatuses(d)
				})
			}
		}},
	{ID: "SES-50", Level: report.Should, Uses: []Need{NeedWork}, Title: "answers in several messages are awaited",
		Rule:    "A device may divide its answers among messages, with Final in the last. The server answers each part with the Status for SyncHdr and Alert 1222 (or 1223), without Final. It sends no new command before the last part. (Windows divides its answers only for a server with a MaxMsgSize.)",
		Source:  "OMA DM Protocol 1.2.1 section 6",
		Fix:     "Answer a message without Final with Statuses and Alert 1222, leave Final out, and send the next commands when Final has come.",
		Mutants: []*mutants.Mutant{mutants.SesPartCommands, mutants.SesPartFinal, mutants.SesPartSilent},
		Under:   []string{"SES-45"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			f := &answersInParts{}
			d.AddFault(f)
			s := busy(d)
			at := f.at(s)
			if at < 0 {
				t.Managed(s)
				t.NotApplicable("no message of the session had two commands of the server, so the device had no answers to divide")
			}
			runsToEnd(d, s, "answers in two messages")
			if at >= len(s.Received) {
				t.Fail("a reply to the first part of the answers", s.End)
			}
			if asksForRest(t, s.Received[at]) == syncml.AlertNextMessage {
				t.Check(f.sent, "a session that goes on until all answers are sent", s.End)
			}
		}},
}

// asksForRest fails unless a message asks for the rest of the device's package, or
// ends the session. It returns the Alert that does.
func asksForRest(t *T, m *syncml.Message) (alert int) {
	const want = "Alert 1222 (or 1223), no other command, and no Final, in reply to the first part of the answers"
	for _, c := range m.Body {
		switch {
		case c.Verb.IsReply():
		case c.Verb == syncml.Alert && (c.Code() == syncml.AlertNextMessage || c.Code() == syncml.AlertSessionAbort):
			alert = c.Code()
		default:
			t.Fail(want, fmt.Sprintf("%s %s%s", c.Verb, c.Target(), c.Data))
		}
	}
	t.Check(alert != 0, want, "no Alert")
	t.Check(!m.Final || alert == syncml.AlertSessionAbort, want, "Final beside the Alert")
	return alert
}

// answersInParts is a fault: the first message with two answers comes in two.
type answersInParts struct {
	rest []syncml.Command
	part string // MsgID of the first part
	sent bool
}

// Fault implements dmclient.Fault.
func (*answersInParts) Fault() string { return "divides its answers among two messages" }

// Rewrite implements dmclient.Rewriter.
func (f *answersInParts) Rewrite(m *syncml.Message, _ int) {
	switch {
	case f.sent:
	case f.rest != nil:
		m.Body = joined(m.Body, f.rest)
		f.sent, f.rest = true, nil
	case len(m.Body) > 2 && m.Body[0].CmdRef == "0" && m.Body[1].Verb == syncml.Status && m.Body[2].Verb.IsReply():
		f.part, f.rest = m.Hdr.MsgID, slices.Clone(m.Body[2:])
		m.Body, m.Final = m.Body[:2:2], false
	}
}

// at is the index of the message in its session that was the first part, or -1.
func (f *answersInParts) at(s *dmclient.Session) int {
	return slices.IndexFunc(s.Sent, func(m *syncml.Message) bool { return f.part != "" && m.Hdr.MsgID == f.part })
}

// joined puts commands behind those of a message, and numbers all of them.
func joined(body, rest []syncml.Command) []syncml.Command {
	out := slices.Concat(body, rest)
	for i := range out {
		out[i].CmdID = strconv.Itoa(i + 1)
	}
	return out
}

// onlyStatuses holds a session in which the device has no node that a Get asks for,
// and checks how its messages of Statuses only are answered.
func onlyStatuses(d *Device) {
	t := d.T
	d.First()
	d.AddFault(&dmclient.AnswerWith{Verb: syncml.Get, Code: syncml.NotFound})
	s := busy(d)
	runsToEnd(d, s, "a message of Statuses only")
	shown := false
	for i, m := range s.Sent[:min(len(s.Sent), len(s.Received))] { // the last reply may be empty
		if slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Verb != syncml.Status }) {
			continue
		}
		shown = true
		want := fmt.Sprintf("in reply to message %s, which has only Statuses, the Status for SyncHdr and no other", m.Hdr.MsgID)
		list := statuses(s.Received[i])
		t.Check(len(list) > 0 && list[0].CmdRef == "0", want, "no Status for SyncHdr")
		for _, st := range list[1:] {
			t.Fail(want, fmt.Sprintf("a Status with MsgRef %s, CmdRef %s, Cmd %s", suite.Show(st.MsgRef), suite.Show(st.CmdRef), suite.Show(st.Cmd)))
		}
	}
	if !shown && slices.ContainsFunc(s.Received, func(m *syncml.Message) bool { return !m.Final }) {
		t.Blocked(suite.By("SES-13"), "the server's messages have no Final, so that the device asks for their rest each time")
	}
	if !shown {
		t.NotApplicable("the server sent no command in the session, or answered its last message with an empty reply")
	}
}
