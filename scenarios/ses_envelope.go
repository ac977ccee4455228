package scenarios

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionEnvelope are the SES scenarios about HTTP and SyncHdr.
var sessionEnvelope = []Scenario{
	{ID: "SES-02", Level: report.Must, Title: "replies are application/vnd.syncml.dm+xml",
		Rule:    "The Content-Type of every reply with a message is application/vnd.syncml.dm+xml (or +wbxml in reply to WBXML).",
		Source:  "MS-MDM 2.1; OMA DM HTTP Binding",
		Fix:     "Set the Content-Type of session replies to application/vnd.syncml.dm+xml.",
		Mutants: []*mutants.Mutant{mutants.SesContentType},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				if len(ex.Response) == 0 || ex.Status != 200 {
					continue
				}
				got := ex.Reply.Get("Content-Type")
				if isWBXML(ex.Header.Get("Content-Type")) && isWBXML(got) {
					continue // SES-33 judges that
				}
				media, _, _ := strings.Cut(strings.ToLower(got), ";")
				t.Check(strings.TrimSpace(media) == syncml.MediaType, fmt.Sprintf("Content-Type of reply %d: %s", i+1, syncml.MediaType), suite.Show(got))
			}
		}},
	{ID: "SES-03", Level: report.Should, Title: "replies are not chunked",
		Rule:    "Replies carry a Content-Length. The Windows client has been seen to insist on it in enrollment, and chunking has no use here.",
		Source:  "MS-MDE2 2.1; MS-MDM 2.1",
		Fix:     "Buffer the reply and set Content-Length.",
		Mutants: []*mutants.Mutant{mutants.SesChunked},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				t.Check(!ex.Chunked, fmt.Sprintf("a Content-Length in reply %d", i+1), "Transfer-Encoding: chunked")
			}
		}},
	{ID: "SES-04", Level: report.Must, Title: "namespace, VerDTD and VerProto are right",
		Rule:    "A message is in the namespace SYNCML:SYNCML1.2, with VerDTD 1.2 and VerProto DM/1.2.",
		Source:  "MS-MDM 2.2.3.10, 2.2.3.11; OMA SyncML RepPro 1.2.2",
		Fix:     "Write xmlns=\"SYNCML:SYNCML1.2\", VerDTD 1.2 and VerProto DM/1.2.",
		Mutants: []*mutants.Mutant{mutants.SesVersion},
		Run: func(t *T) {
			for i, m := range t.Enrolled().First().Received {
				t.Expect(m.Namespace, "namespace of message %d", i+1).To(Equal(syncml.Namespace))
				t.Expect(m.Hdr.VerDTD, "VerDTD of message %d", i+1).To(Equal(syncml.VerDTD))
				t.Expect(m.Hdr.VerProto, "VerProto of message %d", i+1).To(Equal(syncml.VerProto))
			}
		}},
	{ID: "SES-05", Level: report.Must, Title: "SessionID is echoed",
		Rule:    "Every message of a session carries the SessionID that the device chose.",
		Source:  "MS-MDM 2.2.3.8",
		Fix:     "Copy SessionID from the device's message.",
		Mutants: []*mutants.Mutant{mutants.SesSessionID},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s := runsToEnd(d, d.Sync(dmclient.SyncOptions{SessionID: "47"}), "SessionID 47")
			for i, m := range s.Received {
				t.Expect(m.Hdr.SessionID, "SessionID of the server's message %d", i+1).To(Equal("47"))
			}
		}},
	{ID: "SES-06", Level: report.Must, Uses: []Need{NeedWork}, Title: "the server's MsgID starts at 1 and increases by 1",
		Rule:    "Each side numbers its messages from 1 in every session, in the element MsgID of SyncHdr. The server counts on its own, even if the device starts at another number.",
		Source:  "MS-MDM 2.2.3.6",
		Fix:     "Write an element MsgID. Count the server's messages in each session from 1; do not copy the device's MsgID.",
		Mutants: []*mutants.Mutant{mutants.SesMsgID, mutants.SesMsgIDSpelling, mutants.SesMsgIDCopied},
		Run: func(t *T) {
			d := t.Enrolled()
			t.Try("sessions that start at MsgID 1", func() {
				numbered := false
				for _, s := range append(twoSessions(d), t.Managed(busy(d))) {
					ownMsgIDs(t, s)
					numbered = numbered || len(replies(s)) > 1
				}
				if !numbered {
					t.NotApplicable("the server sent only one message in each of three sessions, so there is no second number")
				}
			})
			t.Try("a session that starts at MsgID 7", func() {
				s := d.Sync(dmclient.SyncOptions{FirstMsgID: 7})
				if len(s.Received) == 0 || !answersCommands(s.Received[0]) {
					t.NotApplicable("the server does not accept a session that starts at MsgID 7: %s", s.End)
				}
				ownMsgIDs(t, s)
			})
		}},
	{ID: "SES-07", Level: report.Must, Title: "Target is the device, Source the server",
		Rule:    "In the server's messages, Target is what the device sent as Source, and Source is the server.",
		Source:  "MS-MDM 2.2.3.9, 2.2.3.11",
		Fix:     "Put the device's Source into Target, and the server's URL into Source.",
		Mutants: []*mutants.Mutant{mutants.SesSwapped},
		Run: func(t *T) {
			d := t.Enrolled()
			for i, m := range d.First().Received {
				t.Expect(m.Hdr.Target.LocURI, "Target of message %d", i+1).To(Equal(d.Identity().DeviceID))
				t.Expect(m.Hdr.Source.LocURI, "Source of message %d", i+1).To(And(Not(BeEmpty()), Not(Equal(d.Identity().DeviceID))))
			}
		}},
	{ID: "SES-13", Level: report.Must, Title: "the last message of a package has Final",
		Rule:    "The last message of a package has exactly one Final. A message without Final is followed by another message of the same package.",
		Source:  "MS-MDM 2.2.3.4; OMA DM Protocol 1.2.1 section 6",
		Fix:     "Write Final into the last message of each package, even without commands.",
		Mutants: []*mutants.Mutant{mutants.SesNoFinal, mutants.SesFinalIdle},
		Run: func(t *T) {
			for _, s := range twoSessions(t.Enrolled()) {
				for i, m := range s.Received {
					t.Expect(m.FinalCount, "Final elements in message %d of session %s", i+1, s.ID).To(BeNumerically("<=", 1))
				}
				last := len(s.Received)
				if s.Received[last-1].Final {
					continue
				}
				if err := suite.Broken(s); err != nil {
					t.Blocked(suite.By(suite.Talks), "session %s broke off before its last message: %v", s.ID, err)
				}
				t.Evidence("session %s ended: %s", s.ID, s.End)
				t.Fail(fmt.Sprintf("Final in message %d, the last one of session %s", last, s.ID), "no Final")
			}
		}},
	{ID: "SES-16", Level: report.Must, Title: "SessionID 0 is accepted",
		Rule:    "SessionID is any text; Windows has been seen to send 0.",
		Source:  "MS-MDM 2.2.3.8; seen on Windows (fleet issue 25581)",
		Fix:     "Do not treat SessionID 0 as missing.",
		Mutants: []*mutants.Mutant{mutants.SesZeroRefused},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			runsToEnd(d, d.Sync(dmclient.SyncOptions{SessionID: "0"}), "SessionID 0")
		}},
	{ID: "SES-17", Level: report.Must, Title: "SessionID is any text of up to four characters",
		Rule:    "A device chooses its SessionID: A, 1F and FFFF are as valid as 1.",
		Source:  "MS-MDM 2.2.3.8; hexadecimal from SyncApplicationVersion 2.0 on (Learn, \"DMClient CSP\")",
		Fix:     "Keep SessionID as text.",
		Mutants: []*mutants.Mutant{mutants.SesIDDecimal},
		Run: func(t *T) {
			for _, id := range []string{"A", "1F", "FFFF"} {
				t.Try("SessionID "+id, func() {
					d := t.Next()
					d.First()
					runsToEnd(d, d.Sync(dmclient.SyncOptions{SessionID: id}), "a hexadecimal SessionID")
				})
			}
		}},
	{ID: "SES-28", Level: report.Should, Title: "query, HTTP/2 and encoding",
		Rule:    "The query that Windows adds, mode and Platform, does not matter. A device that offers HTTP/2 is served. No reply is compressed, since no device asks for compression.",
		Source:  "MS-MDM 2.1; RFC 9110 12.5.3; seen on Windows",
		Fix:     "Route by the path without the query, and compress only if Accept-Encoding asks for it.",
		Mutants: []*mutants.Mutant{mutants.SesGzip, mutants.SesQueryMode},
		Run: func(t *T) {
			t.Try("a request without Accept-Encoding", func() {
				s := t.Enrolled().Sessions()[0]
				for i, ex := range s.Exchanges {
					if v := ex.Reply.Get("Content-Encoding"); v != "" {
						t.FailBy(compressed(s), fmt.Sprintf("no Content-Encoding in reply %d", i+1), v)
					}
				}
			})
			t.Try("mode=Machine in the query", func() {
				d := t.Next()
				d.First()
				d.SetLogin(dmclient.LoginNone)
				runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a request with mode=Machine in the query")
			})
			if t.Lab.Config.Target.Shared() {
				return // the shared device does not offer it
			}
			t.Try("a device that offers HTTP/2", func() {
				d := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "http2") })
				enrolls(d)
				s := runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "an offer of HTTP/2")
				for i, ex := range s.Exchanges {
					t.Evidence("message %d: %s", i+1, ex.Proto)
				}
			})
		}},
	{ID: "SES-36", Level: report.Must, Title: "Content-Length is the number of bytes sent",
		Rule:    "The Content-Length of a reply is the length of its body.",
		Source:  "RFC 9110 8.6; a device was seen to go on all the same",
		Fix:     "Compute Content-Length from the bytes written, after encoding.",
		Mutants: []*mutants.Mutant{mutants.SesContentLength},
		Run: func(t *T) {
			for i, ex := range t.Enrolled().First().Exchanges {
				if ex.ContentLength >= 0 && ex.Err == nil {
					t.Check(int64(len(ex.Response)) == ex.ContentLength, fmt.Sprintf("%d bytes in reply %d, as its Content-Length says", ex.ContentLength, i+1), fmt.Sprintf("%d bytes", len(ex.Response)))
				}
			}
		}},
}

// anyMsgID matches the start tag MsgID in any letter case.
var anyMsgID = regexp.MustCompile(`(?i)<(?:\w+:)?(msgid)\s*>`)

// misspeltMsgID returns the reply's wrong spelling of MsgID, if any.
func misspeltMsgID(m reply) string {
	if m.Hdr.MsgID != "" || isWBXML(m.ex.Reply.Get("Content-Type")) {
		return ""
	}
	if found := anyMsgID.FindSubmatch(m.ex.Response); found != nil && string(found[1]) != "MsgID" {
		return string(found[1])
	}
	return ""
}

// compressed returns the cause of a session that failed because the server
// compresses its replies; empty if it does not.
func compressed(s *dmclient.Session) string {
	for _, ex := range s.Exchanges {
		if ex.Reply.Get("Content-Encoding") != "" {
			return "the server compresses its replies, although no device asks for it"
		}
	}
	return ""
}

func isWBXML(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), syncml.MediaTypeWBXML)
}

// ownMsgIDs fails unless the server numbers its messages of a session from 1.
func ownMsgIDs(t *T, s *dmclient.Session) {
	for i, m := range replies(s) {
		if other := misspeltMsgID(m); other != "" {
			t.FailBy("the server spells the element MsgID of SyncHdr "+other+"; XML is case-sensitive", "the element MsgID in SyncHdr", "the element "+other)
		}
		t.Expect(m.Hdr.MsgID, "MsgID of the server's message %d in session %s", i+1, s.ID).To(Equal(strconv.Itoa(i + 1)))
	}
}

// answersCommands reports whether a message does not refuse the device's message,
// except for its credential.
func answersCommands(m *syncml.Message) bool {
	code := hdrStatus(m).Code()
	return code == 0 || syncml.Success(code) || code == syncml.MissingCredential || code == syncml.InvalidCredential
}
