package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessions are the SES scenarios.
var sessions = []Scenario{
	{ID: "SES-01", Level: report.Must, Title: "the first session after enrollment is accepted",
		Rule:    "A device that just enrolled opens a session by itself; the server answers its package 1 with 200 and a SyncML message whose Status for SyncHdr is a success.",
		Source:  "MS-MDE2 1.3; MS-MDM 3.1.5",
		Fix:     "Look at the server's log for this device: the message it fails at is below.",
		Mutants: []string{"ses-first-500"},
		Decides: []suite.Premise{suite.Talks},
		Run: func(t *T) {
			s := t.EnrolledOnly().Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			t.Exchanges(s)
			if err := suite.Broken(s); err != nil {
				t.Fail("the first session to run to its end", err.Error())
			}
			if len(s.Received) == 0 {
				t.Fail("a SyncML message in reply to package 1", "an empty reply")
			}
		}},
	{ID: "SES-02", Level: report.Must, Title: "replies are application/vnd.syncml.dm+xml",
		Rule:    "The Content-Type of every reply with a message is application/vnd.syncml.dm+xml.",
		Source:  "MS-MDM 2.1; OMA DM HTTP Binding",
		Fix:     "Set the Content-Type of session replies to application/vnd.syncml.dm+xml.",
		Mutants: []string{"ses-content-type"},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				if len(ex.Response) > 0 {
					t.Expect(ex.Reply.Get("Content-Type"), "Content-Type of reply %d", i+1).To(HavePrefix(syncml.MediaType))
				}
			}
		}},
	{ID: "SES-05", Level: report.Must, Title: "SessionID is echoed",
		Rule:    "Every message of a session carries the SessionID that the device chose.",
		Source:  "MS-MDM 2.2.3.8",
		Fix:     "Copy SessionID from the device's message.",
		Mutants: []string{"ses-session-id"},
		Run: func(t *T) {
			s := t.Managed(t.Enrolled().Sync(dmclient.SyncOptions{SessionID: "47"}))
			for i, m := range s.Received {
				t.Expect(m.Hdr.SessionID, "SessionID of the server's message %d", i+1).To(Equal("47"))
			}
		}},
	{ID: "SES-06", Level: report.Must, Title: "the server's MsgID starts at 1 and grows by 1",
		Rule:    "Each side numbers its messages from 1 in every session.",
		Source:  "MS-MDM 2.2.3.6",
		Fix:     "Count the server's messages per session, from 1; do not copy the device's MsgID.",
		Mutants: []string{"ses-msg-id"},
		Run: func(t *T) {
			d := t.Enrolled()
			for _, s := range []*dmclient.Session{d.First(), t.Managed(d.Sync(dmclient.SyncOptions{}))} {
				for i, m := range s.Received {
					t.Expect(m.Hdr.MsgID, "MsgID of the server's message %d in session %s", i+1, s.ID).To(Equal(strconv.Itoa(i + 1)))
				}
			}
			if len(d.First().Received) < 2 {
				t.NotApplicable("the server sent one message a session only, so that its numbering does not show")
			}
		}},
	{ID: "SES-08", Level: report.Must, Title: "the Status for SyncHdr comes first",
		Rule:    "The first Status of a message answers SyncHdr: CmdRef 0, Cmd SyncHdr.",
		Source:  "MS-MDM 2.2.3.3, 2.2.6.1; OMA SyncML RepPro 1.2.2, Status",
		Fix:     "Write the Status with CmdRef 0 and Cmd SyncHdr before all others, in every message.",
		Mutants: []string{"ses-hdr-status-missing", "ses-hdr-status-last"},
		Run: func(t *T) {
			for i, m := range t.Enrolled().First().Received {
				k := slices.IndexFunc(m.Body, func(c syncml.Command) bool { return c.Verb == syncml.Status })
				if k < 0 {
					t.Fail(fmt.Sprintf("a Status for SyncHdr in the server's message %d", i+1), "no Status at all")
				}
				c := m.Body[k]
				t.Expect(c.CmdRef, "CmdRef of the first Status in message %d", i+1).To(Equal("0"))
				t.Expect(c.Cmd, "Cmd of the first Status in message %d", i+1).To(Equal("SyncHdr"))
			}
		}},
	{ID: "SES-09", Level: report.Must, Title: "exactly one Status for every command of package 1",
		Rule:    "Every Alert and Replace of package 1 is answered with exactly one Status that echoes its CmdID and its name. CmdIDs are any numbers: this case starts at 7 and leaves gaps.",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.2",
		Fix:     "Take CmdRef from the CmdID of the command that is answered; it is any number, not its place.",
		Mutants: []string{"ses-cmdref-fixed", "ses-alert-unanswered"},
		Run: func(t *T) {
			s := t.Managed(t.Enrolled().Sync(dmclient.SyncOptions{FirstCmdID: 7, CmdIDStep: 4}))
			for _, st := range statuses(s.Received[0]) {
				t.Evidence("Status CmdRef %s, Cmd %s, Data %s", st.CmdRef, st.Cmd, st.Data)
			}
			for _, c := range s.Sent[0].Body {
				var refs []string
				for _, st := range statuses(s.Received[0]) {
					if st.CmdRef == c.CmdID {
						refs = append(refs, st.Cmd)
					}
				}
				t.Expect(strings.Join(refs, ", "), "the Cmd of the one Status for %s with CmdID %s", c.Verb, c.CmdID).To(Equal(string(c.Verb)))
			}
		}},
	{ID: "SES-10", Level: report.Must, Title: "Statuses come in the order of the commands",
		Rule:    "The Statuses of a message stand in the order of the commands they answer.",
		Source:  "OMA SyncML RepPro 1.2.2, Status; OMA DM Protocol 1.2.1 section 8.2",
		Fix:     "Write Statuses while the commands are walked in document order.",
		Mutants: []string{"ses-status-order"},
		Run: func(t *T) {
			s := t.Managed(t.Enrolled().Sync(dmclient.SyncOptions{FirstCmdID: 3, CmdIDStep: 2}))
			place := map[string]int{} // where SyncHdr's stands is SES-08's verdict
			for i, c := range s.Sent[0].Body {
				place[c.CmdID] = i
			}
			var order []int
			var refs []string
			for _, st := range statuses(s.Received[0]) {
				if p, ok := place[st.CmdRef]; ok {
					order, refs = append(order, p), append(refs, st.CmdRef)
				}
			}
			t.Evidence("CmdRefs in the order of the reply: %v", refs)
			t.Expect(slices.IsSorted(order), "Statuses in the order of the commands").To(BeTrue())
		}},
	{ID: "SES-12", Level: report.Must, Title: "the server's CmdIDs are unique in their message and never 0",
		Rule:    "A CmdID is unique in its message, those of nested commands included, and is never 0, which means SyncHdr.",
		Source:  "MS-MDM 2.2.3.2",
		Fix:     "Number commands of a message from 1 with one counter, those inside Atomic included.",
		Mutants: []string{"ses-cmdid-repeated", "ses-cmdid-zero"},
		Run: func(t *T) {
			for i, m := range t.Enrolled().First().Received {
				seen := map[string]syncml.Verb{}
				m.Walk(func(c *syncml.Command) {
					if c.CmdID == "" || c.CmdID == "0" {
						t.Fail(fmt.Sprintf("a CmdID other than 0 for %s in message %d", c.Verb, i+1), suite.Show(c.CmdID))
					}
					if other, ok := seen[c.CmdID]; ok {
						t.Fail(fmt.Sprintf("every CmdID once in message %d", i+1), fmt.Sprintf("%s for %s and for %s", c.CmdID, other, c.Verb))
					}
					seen[c.CmdID] = c.Verb
				})
			}
		}},
	{ID: "SES-13", Level: report.Must, Title: "Final stands on the last message of the package",
		Rule:    "The last message of a package has exactly one Final; a message that has none is followed by another of the same package.",
		Source:  "MS-MDM 2.2.3.4; OMA DM Protocol 1.2.1 section 6",
		Fix:     "Write Final into the last message of each package.",
		Mutants: []string{"ses-no-final"},
		Run: func(t *T) {
			d := t.Enrolled()
			for _, s := range []*dmclient.Session{d.First(), t.Managed(d.Sync(dmclient.SyncOptions{}))} {
				for i, m := range s.Received {
					t.Expect(m.FinalCount, "Final elements in message %d of session %s", i+1, s.ID).To(BeNumerically("<=", 1))
				}
				last := s.Received[len(s.Received)-1]
				t.Expect(last.Final, "Final on the last message of session %s", s.ID).To(BeTrue())
			}
		}},
	{ID: "SES-14", Level: report.Must, Title: "a session ends",
		Rule:    "A session of a device for which nothing is left to do ends: after the first two sessions, within ten messages.",
		Source:  "OMA DM Protocol 1.2.1 section 8.3; MS-MDM 3.1.5",
		Fix:     "Send what is new only; a server that has nothing left sends a message without commands.",
		Mutants: []string{"ses-endless"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.Sync(dmclient.SyncOptions{})
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Evidence("the session ended: %s", s.End)
			if !s.Received[len(s.Received)-1].Final {
				t.NotApplicable("the server never sent Final, so that the device had to go on asking (see SES-13)")
			}
			t.Expect(len(s.Sent), "messages of the device in its third session").To(BeNumerically("<=", 10))
		}},
	{ID: "SES-16", Level: report.Must, Title: "SessionID 0 is accepted",
		Rule:    "A SessionID is opaque; Windows was seen to send 0.",
		Source:  "MS-MDM 2.2.3.8; seen on Windows (fleet issue 25581)",
		Fix:     "Do not take SessionID 0 for an absent one.",
		Mutants: []string{"ses-zero-refused"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s := d.Sync(dmclient.SyncOptions{SessionID: "0"})
			d.Survived(s, "SessionID 0")
		}},
	{ID: "SES-43", Level: report.Must, Title: "later sessions of a device with nothing to do run to their end",
		Rule:    "A device that polls is answered in every session, the second and third as well as the first, whether or not there is anything for it to do.",
		Source:  "OMA DM Protocol 1.2.1 section 8.3; MS-MDM 3.1.5",
		Fix:     "Look at the server's log for this device: the message it fails at is below.",
		Mutants: []string{"psh-empty-404"},
		Decides: []suite.Premise{suite.Talks},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First() // the first one is another scenario's
			for range 2 {
				s := d.Sync(dmclient.SyncOptions{})
				t.Exchanges(s)
				if err := suite.Broken(s); err != nil {
					t.Fail("a later session that runs to its end", err.Error())
				}
				t.Check(len(s.Received) > 0, "a SyncML message in reply to package 1 of a later session", "an empty reply")
			}
		}},
	{ID: "SES-44", Level: report.Must, Needs: []Need{NeedQueue}, Title: "what is queued is in the next session",
		Rule:    "A command that is queued for a device is sent in its next session, however that came about.",
		Source:  "MS-MDM 3.1.4; " + learnPush,
		Fix:     "Look up what is queued for the device whenever it opens a session.",
		Mutants: []string{"psh-skip-session"},
		Decides: []suite.Premise{suite.Delivers},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Queue(d, work)
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(work.Verb, workNode)), "times the queued Get was in the next session").To(BeNumerically(">", 0))
		}},
	{ID: "SES-36", Level: report.Must, Title: "Content-Length is the number of bytes sent",
		Rule:    "The Content-Length of a reply is the length of its body.",
		Source:  "RFC 9110 8.6; a device was seen to go on all the same",
		Fix:     "Compute Content-Length from the bytes that are written, after encoding.",
		Mutants: []string{"ses-content-length"},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				if ex.ContentLength >= 0 {
					t.Expect(int64(len(ex.Response)), "bytes in reply %d, whose Content-Length is %d", i+1, ex.ContentLength).To(Equal(ex.ContentLength))
				}
			}
		}},
	{ID: "SES-37", Level: report.Must, Title: "no Status for a command the device never sent",
		Rule:    "A Status answers a command of the message its MsgRef names.",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.3",
		Fix:     "Write Statuses for commands of the message that came, and for nothing else.",
		Mutants: []string{"ses-extra-status"},
		Run: func(t *T) {
			s := t.Enrolled().First()
			for i, m := range s.Received {
				for _, st := range statuses(m) {
					if !sent(s, st) {
						t.Fail("every Status to answer a command of the device",
							fmt.Sprintf("in message %d a Status for MsgRef %s, CmdRef %s, Cmd %s, which was never sent", i+1, st.MsgRef, st.CmdRef, st.Cmd))
					}
				}
			}
		}},
	{ID: "SES-38", Level: report.Must, Title: "replies are well-formed, prefixes bound, text escaped",
		Rule:    "Every reply is well-formed XML in the SyncML 1.2 namespace, every prefix is bound, and & and < in values are escaped, the device's own as well as queued ones.",
		Source:  "MS-MDM 2.2.1; Namespaces in XML 1.0 section 5",
		Fix:     "Build messages with an XML writer, not by putting strings together.",
		Mutants: []string{"ses-unbound-prefix", "ses-unescaped"},
		Run:     wellFormed},
}

func wellFormed(t *T) {
	d := t.Enrolled()
	const value = "a & b <c> \"d\""
	all := []*dmclient.Session{d.Sync(dmclient.SyncOptions{Model: "R&D <1>"})}
	queued := t.Lab.Config.Target.Hooks.Queue != nil
	if queued {
		t.Queue(d, lab.Command{Verb: syncml.Replace, LocURI: "./DevDetail/Ext/Microsoft/DeviceName", Format: "chr", Data: value})
		all = append(all, d.Sync(dmclient.SyncOptions{}))
	}
	// Replies name the device in their Target: one whose id needs escaping, if
	// the server takes it in at all.
	odd := t.DeviceWith(func(c *dmclient.Config) { c.Identity.DeviceID = "R&D<1>" + c.Identity.DeviceID[6:] })
	if err := odd.Enroll(); err != nil {
		t.Evidence("a device with & and < in its id was not taken in: %v", err)
	} else {
		s := odd.Sync(dmclient.SyncOptions{})
		for i, m := range s.Received {
			t.Expect(m.Hdr.Target.LocURI, "Target of message %d to a device with & and < in its id", i+1).To(Equal(odd.Identity().DeviceID))
		}
		all = append([]*dmclient.Session{s}, all...)
	}
	for _, s := range all {
		for i, ex := range s.Exchanges {
			if len(ex.Response) > 0 && ex.Status == 200 {
				t.Expect(syncml.Lint(ex.Response), "what is wrong with reply %d", i+1).To(BeEmpty())
			}
		}
	}
	if !queued {
		return
	}
	for _, c := range all[len(all)-1].Find(syncml.Replace, "/DeviceName") {
		t.Expect(c.Data, "value of the queued Replace as it arrived").To(Equal(value))
	}
}

func statuses(m *syncml.Message) (out []syncml.Command) {
	for _, c := range m.Body {
		if c.Verb == syncml.Status {
			out = append(out, c)
		}
	}
	return out
}

// sent tells whether a Status answers something the device sent.
func sent(s *dmclient.Session, st syncml.Command) bool {
	for _, m := range s.Sent {
		if m.Hdr.MsgID != st.MsgRef {
			continue
		}
		if st.CmdRef == "0" {
			return true
		}
		for _, c := range m.Body {
			if c.CmdID == st.CmdRef {
				return !c.Verb.IsReply() || c.Verb == syncml.Results // some servers answer Results, which is allowed
			}
		}
	}
	return false
}
