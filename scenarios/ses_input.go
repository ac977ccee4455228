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
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionInput are the SES scenarios about what devices may send, and about the
// form of what they are answered.
var sessionInput = []Scenario{
	{ID: "SES-03", Level: report.Should, Title: "replies are not chunked",
		Rule:    "Replies carry a Content-Length; Windows' client was seen to insist on it in enrollment, and nothing is gained by chunks.",
		Source:  "MS-MDE2 2.1; MS-MDM 2.1",
		Fix:     "Write the reply into memory and set Content-Length.",
		Mutants: []string{"ses-chunked"},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				t.Expect(ex.Chunked, "reply %d being chunked", i+1).To(BeFalse())
			}
		}},
	{ID: "SES-04", Level: report.Must, Title: "namespace, VerDTD and VerProto are right",
		Rule:    "A message is of the namespace SYNCML:SYNCML1.2, its VerDTD is 1.2 and its VerProto DM/1.2.",
		Source:  "MS-MDM 2.2.3.10, 2.2.3.11; OMA SyncML RepPro 1.2.2",
		Fix:     "Write xmlns=\"SYNCML:SYNCML1.2\", VerDTD 1.2 and VerProto DM/1.2.",
		Mutants: []string{"ses-version"},
		Run: func(t *T) {
			for i, m := range t.Enrolled().First().Received {
				t.Expect(m.Namespace, "namespace of message %d", i+1).To(Equal(syncml.Namespace))
				t.Expect(m.Hdr.VerDTD, "VerDTD of message %d", i+1).To(Equal(syncml.VerDTD))
				t.Expect(m.Hdr.VerProto, "VerProto of message %d", i+1).To(Equal(syncml.VerProto))
			}
		}},
	{ID: "SES-07", Level: report.Must, Title: "Target is the device, Source the server",
		Rule:    "In the server's messages Target names the device, as its Source did, and Source the server.",
		Source:  "MS-MDM 2.2.3.9, 2.2.3.12",
		Fix:     "Put the device's Source into Target, and the server's URL into Source.",
		Mutants: []string{"ses-swapped"},
		Run: func(t *T) {
			d := t.Enrolled()
			for i, m := range d.First().Received {
				t.Expect(m.Hdr.Target.LocURI, "Target of message %d", i+1).To(Equal(d.Identity().DeviceID))
				t.Expect(m.Hdr.Source.LocURI, "Source of message %d", i+1).To(And(Not(BeEmpty()), Not(Equal(d.Identity().DeviceID))))
			}
		}},
	{ID: "SES-11", Level: report.Must, Title: "MsgRef names the message that is answered",
		Rule:    "A Status carries the MsgID of the message it answers, in the second message and later, too.",
		Source:  "MS-MDM 2.2.3.7",
		Fix:     "Set MsgRef to the MsgID of the message that is answered, not to 1.",
		Mutants: []string{"ses-msgref"},
		Run: func(t *T) {
			s := t.Enrolled().First()
			if len(s.Received) < 2 {
				t.NotApplicable("the server sent one message only")
			}
			for i, m := range s.Received {
				for _, st := range statuses(m) {
					t.Expect(st.MsgRef, "MsgRef of the Status for CmdRef %s in message %d", st.CmdRef, i+1).To(Equal(s.Sent[i].Hdr.MsgID))
				}
			}
		}},
	{ID: "SES-15", Level: report.Must, Title: "a session ends by a message without commands, or an empty 200",
		Rule:    "The server's last word is a message that is Final and has no commands, or, as some servers do, an empty body with 200.",
		Source:  "OMA DM Protocol 1.2.1 section 8.2; the empty body was seen",
		Fix:     "End with a message that has the Status for SyncHdr and Final only.",
		Mutants: []string{"ses-bye"},
		Decides: []suite.Premise{suite.Talks},
		Run: func(t *T) {
			s := t.Enrolled().First()
			last := s.Exchanges[len(s.Exchanges)-1]
			if len(last.Response) == 0 && last.Err == nil {
				t.Expect(last.Status, "HTTP status of the last reply, which is empty").To(Equal(200))
				return
			}
			if _, err := syncml.Read(last.Response); err != nil {
				t.Fail("a message without commands, or an empty body, at the end", fmt.Sprintf("HTTP %d with %d bytes that are no SyncML", last.Status, len(last.Response)))
			}
		}},
	{ID: "SES-17", Level: report.Must, Title: "SessionID is any text of up to four characters",
		Rule:    "A device chooses its SessionID: A, 1F and FFFF are as good as 1.",
		Source:  "MS-MDM 2.2.3.8; hexadecimal from SyncApplicationVersion 2.0 on (Learn, \"DMClient CSP\")",
		Fix:     "Keep SessionID as text.",
		Mutants: []string{"ses-id-decimal"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, id := range []string{"A", "1F", "FFFF"} {
				d.Survived(d.Sync(dmclient.SyncOptions{SessionID: id}), "SessionID %s", id)
			}
		}},
	{ID: "SES-18", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a Get that answers 404 does not stall the rest",
		Rule:    "A node that is not there is an answer to one command; what is queued after it is sent all the same.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 404",
		Fix:     "Note 404 as the command's result, and go on with the next.",
		Mutants: []string{"ses-404-stalls"},
		Run: func(t *T) {
			d := t.Enrolled()
			t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: "./Vendor/MSFT/NoSuchNode/AtAll"})
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if got := s.Find(syncml.Get, "/NoSuchNode/AtAll"); len(got) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.Survived(s, "a Get that answers 404")
			t.Queue(d, work)
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(syncml.Get, workNode)), "what was queued after the Get that answered 404").To(BeNumerically(">", 0))
		}},
	{ID: "SES-21", Level: report.Should, Title: "nobody logged in: no commands for ./User",
		Rule:    "LoginStatus none says that no user is logged in; commands for ./User would be answered 405.",
		Source:  "Learn, \"OMA DM protocol support\", user targeted settings; fleet issue 49250",
		Fix:     "Look at the LoginStatus alert before commands for ./User are sent.",
		Mutants: []string{"ses-user-always"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.SetLogin(dmclient.LoginNone)
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			for _, c := range s.Commands {
				if strings.HasPrefix(strings.ToLower(c.LocURI), "./user/") {
					t.Fail("no command for ./User while nobody is logged in", fmt.Sprintf("%s of %s -> %d", c.Verb, c.LocURI, c.Code))
				}
			}
		}},
	{ID: "SES-22", Level: report.Must, Needs: []Need{NeedQueue}, Title: "405 for ./User: not again in the same session",
		Rule:    "A command for ./User that is answered 405 because nobody is logged in is sent once in a session, not again and again.",
		Source:  "Learn, \"OMA DM protocol support\"; fleet issue 49250",
		Fix:     "Note 405 as the command's result for this session; try again in a later one whose LoginStatus is user.",
		Mutants: []string{"ses-405-loop"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.SetLogin(dmclient.LoginNone)
			const node = "./User/Vendor/MSFT/Policy/Result/Experience"
			t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: node})
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			got := s.Find(syncml.Get, node[1:])
			if len(got) == 0 {
				t.NotApplicable("the server kept the command back, which is its right (see SES-21)")
			}
			t.Expect(len(got), "the Get of ./User in one session").To(Equal(1))
		}},
	{ID: "SES-23", Level: report.Must, Title: "XML is XML: white space, prefixes, a declaration, CDATA",
		Rule:    "What a device may write in XML a server reads: an XML declaration, indentation, prefixed names, CDATA and character references.",
		Source:  "XML 1.0; Namespaces in XML; MS-MDM 2.2",
		Fix:     "Read messages with an XML parser, by namespace and local name, not by text.",
		Mutants: []string{"ses-compact-only"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "indented")
			d.Survived(d.Sync(dmclient.SyncOptions{}), "XML that is written in another way")
		}},
	{ID: "SES-24", Level: report.Must, Title: "an Alert of an unknown type gets a Status",
		Rule:    "A generic Alert whose type the server does not know is answered with a Status, whatever it says, and the session goes on.",
		Source:  "MS-MDM 2.2.6.1; OMA DM Protocol 1.2.1 section 8.7",
		Fix:     "Answer an Alert of an unknown type with a Status, 200 or 406, and go on.",
		Mutants: []string{"ses-unknown-alert"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "unknown-alert")
			s := d.Sync(dmclient.SyncOptions{})
			d.Survived(s, "an Alert of an unknown type")
			t.Managed(s)
			for _, c := range s.Sent[0].Body {
				if c.Verb == syncml.Alert && !slices.ContainsFunc(statuses(s.Received[0]), func(st syncml.Command) bool { return st.CmdRef == c.CmdID }) {
					t.Fail("a Status for every Alert, the unknown one included", "none for the Alert with CmdID "+c.CmdID)
				}
			}
		}},
	{ID: "SES-25", Level: report.Must, Ends: true, Title: "a user who disconnects is acknowledged",
		Rule:    "Alert 1226 of type com.microsoft:mdm.unenrollment.userrequest is answered with a Status of success: the device leaves management.",
		Source:  "MS-MDM 3.1.7.1.3; Learn, \"Disconnecting from MDM\"",
		Fix:     "Answer the Alert with 200, then end the management of the device.",
		Mutants: []string{"ses-unenroll-404"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s, err := d.Unenroll(t.Context())
			if s == nil || len(s.Received) == 0 {
				t.Fail("a reply to the session in which the user disconnects", suite.Show(err))
			}
			for _, c := range s.Sent[0].Body {
				if c.Verb != syncml.Alert || c.Code() != syncml.AlertGeneric {
					continue
				}
				for _, st := range statuses(s.Received[0]) {
					if st.CmdRef == c.CmdID {
						t.Expect(syncml.Success(st.Code()), "Status %s for the Alert of unenrollment being a success", st.Data).To(BeTrue())
						return
					}
				}
			}
			t.Fail("a Status for the Alert of unenrollment", "none")
		}},
	{ID: "SES-26", Level: report.Must, Title: "Alert 1223 ends the session; the next one is clean",
		Rule:    "A device that aborts a session by Alert 1223 is asked for nothing more in it, and its next session runs as ever.",
		Source:  "OMA DM Protocol 1.2.1 section 8.6; seen on devices",
		Fix:     "At Alert 1223 drop the session, and nothing else.",
		Mutants: []string{"ses-abort-wedge"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "abort")
			d.Sync(dmclient.SyncOptions{})
			d.ClearFaults()
			d.Survived(d.Sync(dmclient.SyncOptions{}), "a session that was aborted by Alert 1223")
		}},
}
