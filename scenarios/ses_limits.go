package scenarios

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionLimits are the SES scenarios about message sizes, chunked objects,
// versions and limits on sessions.
var sessionLimits = []Scenario{
	{ID: "SES-19", Level: report.Must, Uses: []Need{NeedQueue}, On: "small", Title: "Results in several messages are reassembled",
		Rule:    "A result larger than the server's MaxMsgSize comes in parts, all but the last with MoreData, in messages of one package. The server asks for the next part with Alert 1222, or goes on, and the session completes.",
		Source:  "OMA SyncML RepPro 1.2.2 section 5.4 (MoreData); OMA DM Protocol 1.2.1 section 6.2",
		Fix:     "Answer a message without Final with Alert 1222, and reassemble items with MoreData.",
		Mutants: []*mutants.Mutant{mutants.SesChunkRefused},
		Under:   []string{"SES-45"},
		Run: func(t *T) {
			d := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "large-objects", "-ignores-maxmsgsize") })
			enrolls(d)
			limit := announcedSize(d.First())
			if limit == 0 {
				t.NotApplicable("the server sends no MaxMsgSize in SyncHdr, so devices send Results in one message")
			}
			const most = 1 << 20
			if limit > most {
				t.NotApplicable("the server accepts messages of %d bytes (MaxMsgSize), and Results of that size are rare", limit)
			}
			node := "./Vendor/MSFT/VPNv2/dmwake/ProfileXML"
			d.Tree().Provision(node, "<VPNProfile>"+strings.Repeat("<Route/>", max(1500, limit/4))+"</VPNProfile>")
			s := runsToEnd(d, deliver(d, lab.Command{Verb: syncml.Get, LocURI: node}), "Results in parts")
			parts, whole := 0, false
			for _, m := range s.Sent {
				for _, c := range m.Body {
					if c.Verb == syncml.Results && len(c.Items) > 0 && strings.Contains(c.Items[0].Data, "<Route/>") {
						parts++
						whole = !c.Items[0].MoreData
					}
				}
			}
			if parts < 2 && whole {
				t.Error("the device sent its Results in %d part, although the server's MaxMsgSize is %d", parts, limit)
			}
			t.Check(whole, "a request for each part of the result", fmt.Sprintf("the session ended after %d parts: %s", parts, s.End))
		}},
	{ID: "SES-27", Level: report.Should, Needs: []Need{NeedWork}, Title: "the device's MaxMsgSize is honoured",
		Rule:    "A device that sends a MaxMsgSize gets no larger message. Commands that do not fit come in the next one.",
		Source:  "OMA SyncML RepPro 1.2.2, MaxMsgSize; MS-MDM 2.2.5.1",
		Fix:     "Stop adding commands when MaxMsgSize is near, and send the rest in the next message.",
		Mutants: []*mutants.Mutant{mutants.SesMaxSize},
		Under:   []string{"SES-44"},
		Run:     smallMessages},
	{ID: "SES-35", Level: report.Should, On: "limited", Title: "429 says when to come back",
		Rule:    "A server that limits a device's sessions answers 429 with Retry-After. The device waits that long.",
		Source:  "MS-MDM 3.1.6; RFC 6585 section 4",
		Fix:     "Answer 429 if a device opens too many sessions, with Retry-After.",
		Mutants: []*mutants.Mutant{mutants.Ses429Bare},
		Run: func(t *T) {
			const sessions = 20
			d := t.Enrolled()
			first := *d.First().Sent[0]
			for i := range sessions {
				first.Hdr.SessionID = strconv.Itoa(4001 + i)
				body, err := syncml.Write(&first)
				if err != nil {
					t.Error("the message could not be written: %v", err)
				}
				ex := d.Post("the first message of session "+first.Hdr.SessionID, syncml.MediaType, string(body), dmclient.SyncOptions{})
				switch {
				case ex.Err != nil:
					t.Control()
					t.Fail("an answer, or 429, to each of many sessions", fmt.Sprintf("no answer to session %d: %v", i+1, ex.Err))
				case ex.Status == http.StatusTooManyRequests:
					v := ex.Reply.Get("Retry-After")
					_, err := strconv.Atoi(v)
					if _, at := http.ParseTime(v); err != nil && at != nil {
						t.Fail("Retry-After with seconds or a date in the 429", suite.Show(v))
					}
					return
				case ex.Status != http.StatusOK:
					t.Control()
					t.Fail("an answer, or 429, to each of many sessions", fmt.Sprintf("HTTP status %d to session %d", ex.Status, i+1))
				}
			}
			t.NotApplicable("the server answered %d sessions in a row with 200, so it shows no limit", sessions)
		}},
	{ID: "SES-39", Level: report.Should, Title: "a message with another version is refused",
		Rule:    "A message with another VerDTD or VerProto is answered with 505 or 513, or HTTP 4xx.",
		Source:  "OMA SyncML RepPro 1.2.2, VerDTD, VerProto, section 10",
		Fix:     "Check VerDTD and VerProto before anything else in the message.",
		Mutants: []*mutants.Mutant{mutants.SesAnyVersion},
		Under:   []string{"SES-08"},
		Run: func(t *T) {
			for _, in := range []struct {
				what             string
				verDTD, verProto string
			}{{"VerDTD 1.1", "1.1", syncml.VerProto}, {"VerProto DM/1.1", syncml.VerDTD, "DM/1.1"}} {
				t.Try(in.what, func() {
					d := t.Next()
					d.First()
					d.AddFault(rewrite(func(m *syncml.Message) { m.Hdr.VerDTD, m.Hdr.VerProto = in.verDTD, in.verProto }))
					refusesVersion(t, d.Sync(dmclient.SyncOptions{}))
				})
			}
		}},
	{ID: "SES-45", Level: report.Should, Uses: []Need{NeedWork}, Title: "no commands before the device's package is complete",
		Rule:    "A message without Final is one of several. The server sends no commands before the last one has arrived, and asks for the next with Alert 1222.",
		Source:  "OMA DM Protocol 1.2.1 section 6.2",
		Fix:     "Answer a message without Final with Statuses and Alert 1222 only.",
		Mutants: []*mutants.Mutant{mutants.SesPartCommands},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			if t.CanWork() {
				t.Work().Give(d) // gives the server something to send
			}
			t.Misbehaves(d, "no-final")
			s := d.Sync(dmclient.SyncOptions{})
			if len(s.Received) == 0 {
				runsToEnd(d, s, "a message without Final")
			}
			for _, c := range s.Received[answeringPackageOne(s)].Body {
				if !c.Verb.IsReply() && c.Verb != syncml.Alert {
					t.Fail("no command in reply to a message without Final", fmt.Sprintf("%s %s", c.Verb, c.Target()))
				}
			}
		}},
}

// announcedSize returns the MaxMsgSize that the server sent in a session; 0 if it
// sent none.
func announcedSize(s *dmclient.Session) int {
	for _, m := range s.Received {
		if m.Hdr.Meta == nil {
			continue
		}
		if n, err := strconv.Atoi(m.Hdr.Meta.MaxMsgSize); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// refusesVersion fails unless the server refused the first message of a session
// for its version.
func refusesVersion(t *T, s *dmclient.Session) {
	const want = "Status 505 or 513 for SyncHdr, or HTTP 4xx"
	t.Exchanges(s)
	if len(s.Exchanges) == 0 {
		t.Error("no session could be tried: %v", s.Err)
	}
	at := answeringPackageOne(s) // the first may ask for a credential
	ex := s.Exchanges[min(at, len(s.Exchanges)-1)]
	switch {
	case ex.Err != nil:
		t.Control()
		t.Fail(want, ex.Err.Error())
	case ex.Status >= 400 && ex.Status < 500:
		return
	case ex.Status != http.StatusOK:
		t.Control()
		t.Fail(want, fmt.Sprintf("HTTP status %d", ex.Status))
	case len(s.Received) == 0:
		t.Fail(want, "a reply that is not SyncML")
	}
	code := hdrStatus(s.Received[at]).Code()
	t.Check(code != 0, want, "no Status for SyncHdr")
	t.Check(code == syncml.DTDNotSupported || code == syncml.ProtoNotSupported, want, fmt.Sprintf("Status %d for SyncHdr", code))
}
