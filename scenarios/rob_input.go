package scenarios

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const boundedInput = "RFC 9110 15.5; CWE-400"

// brokenInput are the ROB scenarios about messages that no real device sends.
var brokenInput = []Scenario{
	{ID: "ROB-01", Level: report.Must, Title: "a body that is not SyncML gets an error, not a crash",
		Rule:    "An empty body, plain text, truncated XML, a wrong root and a wrong namespace are answered with 4xx or a SyncML status: no hang, no dropped connection, no 5xx.",
		Source:  "RFC 9110 15.5; OMA DM Protocol 1.2.1 section 10",
		Fix:     "Handle errors of the XML parser, and answer 400.",
		Mutants: []*mutants.Mutant{mutants.RobPanic},
		Run:     func(t *T) { tryInputs(t, takesInput, notSyncML()...) },
	},
	{ID: "ROB-02", Level: report.Must, Title: "a message of 10 MB is bounded",
		Rule:    "A message of 10 MB is refused or answered, never with 5xx. The device's next session works normally.",
		Source:  boundedInput,
		Fix:     "Limit the body (http.MaxBytesReader or the like), and answer 413.",
		Mutants: []*mutants.Mutant{mutants.RobBig},
		Run: func(t *T) {
			d := exercisedDevice(t)
			bearsInput(d, "a message of 10 MB", messageOf(d, `<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><!--`+strings.Repeat("x", 10<<20)+`-->`))
		}},
	{ID: "ROB-03", Level: report.Must, Title: "10,000 commands in one message are bounded",
		Rule:    "A message of 10,000 Alerts is refused or answered, never with 5xx. The device's next session works normally.",
		Source:  boundedInput,
		Fix:     "Limit the number of commands, or process them in less than quadratic time.",
		Mutants: []*mutants.Mutant{mutants.RobMany},
		Run: func(t *T) {
			d := exercisedDevice(t)
			var b strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&b, "<Alert><CmdID>%d</CmdID><Data>1201</Data></Alert>", i+2)
			}
			bearsInput(d, "a message of 10,000 commands", messageOf(d, b.String()))
		}},
	{ID: "ROB-04", Level: report.Must, Title: "deep nesting is bounded",
		Rule:    "Elements nested 20,000 deep are refused, never with 5xx. The device's next session works normally.",
		Source:  "CWE-674",
		Fix:     "Limit the nesting depth in the XML parser.",
		Mutants: []*mutants.Mutant{mutants.RobDeep},
		Run: func(t *T) {
			d := exercisedDevice(t)
			const deep = 20_000
			bearsInput(d, "elements nested 20,000 deep", messageOf(d, strings.Repeat("<Sequence>", deep)+strings.Repeat("</Sequence>", deep)))
		}},
	{ID: "ROB-05", Level: report.Must, Title: "invalid UTF-8",
		Rule:    "Invalid UTF-8 is not well-formed XML: it is refused, never with 5xx. The device's next session works normally.",
		Source:  "XML 1.0 section 4.3.3",
		Fix:     "Handle errors of the XML parser, and answer 400.",
		Mutants: []*mutants.Mutant{mutants.RobUTF8},
		Run: func(t *T) {
			d := exercisedDevice(t)
			bearsInput(d, "a message with invalid UTF-8", messageOf(d, "<Alert><CmdID>2</CmdID><Data>12\xff\xfe01</Data></Alert>"))
		}},
	{ID: "ROB-06", Level: report.Must, Title: "invalid MsgIDs",
		Rule:    "A MsgID that is repeated, skipped, huge or not a number is refused or answered, never with 5xx. The device's next session works normally.",
		Source:  "MS-MDM 2.2.3.6",
		Fix:     "Parse MsgID with error handling, and answer 400.",
		Mutants: []*mutants.Mutant{mutants.RobMsgID},
		Run: func(t *T) {
			var list []input
			for _, id := range []string{"x", "-1", "0", "7", "99999999999999999999", ""} {
				what := "MsgID " + id
				if id == "" {
					what = "an empty MsgID"
				}
				list = append(list, input{what: what, body: func(d *Device) string {
					return rewritten(t, d.First().Sent[0], func(m *syncml.Message) { m.Hdr.MsgID = id })
				}})
			}
			tryInputs(t, bearsInput, list...)
		}},
	{ID: "ROB-07", Level: report.Must, Title: "a message for a session that nobody opened",
		Rule:    "A second message in a session that had no first is refused or answered, never with 5xx. The device's next session works normally.",
		Source:  "MS-MDM 2.2.3.8; OMA DM Protocol 1.2.1 section 8",
		Fix:     "Answer 400 to a message of an unknown session.",
		Mutants: []*mutants.Mutant{mutants.RobNoSession},
		Run: func(t *T) {
			d := exercisedDevice(t)
			bearsInput(d, "a second message without a first", rewritten(t, d.First().Sent[0], func(m *syncml.Message) { m.Hdr.SessionID, m.Hdr.MsgID = "DEAD", "2" }))
		}},
	{ID: "ROB-13", Level: report.Should, Title: "messages that lack a part",
		Rule:    "A SyncHdr without Target, Source, SessionID or MsgID, a message without SyncHdr, a generic Alert without an Item, or with one that has no Meta, Results without Meta or Source, and commands without Items are refused or answered, never with 5xx or a dropped connection. The device's next session works normally.",
		Source:  "CWE-476; MS-MDM 2.2.7.1, 2.2.6.3",
		Fix:     "Look whether Target, Source, Item and Meta are there before you read them.",
		Mutants: []*mutants.Mutant{mutants.RobNoItem, mutants.RobNoSource, mutants.RobNoTarget},
		Run: func(t *T) {
			var list []input
			for _, in := range [][2]string{
				{"Alert 1226 without an Item", `<Alert><CmdID>2</CmdID><Data>1226</Data></Alert>`},
				{"Alert 1226 with an Item that has no Meta", `<Alert><CmdID>2</CmdID><Data>1226</Data><Item><Data>1</Data></Item></Alert>`},
				{"Results without Meta", `<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>x</Data></Item></Results>`},
				{"Results without Source", `<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef><Item><Data>x</Data></Item></Results>`},
				{"Results without an Item", `<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef></Results>`},
				{"Replace without an Item", `<Replace><CmdID>2</CmdID></Replace>`},
				{"Status without CmdRef", `<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>`},
			} {
				list = append(list, input{what: in[0], body: func(d *Device) string { return messageOf(d, in[1]) }})
			}
			for _, name := range []string{"Target", "Source", "SessionID", "MsgID", "SyncHdr"} {
				part := regexp.MustCompile(`<` + name + `>.*?</` + name + `>`)
				list = append(list, input{what: "a message without " + name, body: func(d *Device) string {
					return part.ReplaceAllString(messageOf(d, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>"), "")
				}})
			}
			tryInputs(t, bearsInput, list...)
		}},
	{ID: "ROB-14", Level: report.Should, Title: "a device that the server does not know",
		Rule:    "A message whose Source is no device of the server is refused with HTTP 4xx or a Status such as 403 or 404 for SyncHdr, or served as the holder of its certificate. 500 says that the server failed, and the device tries again.",
		Source:  "OMA SyncML RepPro 1.2.2 section 10; RFC 9110 15.5",
		Fix:     "Handle the case that the database has no such device, and answer 403.",
		Mutants: []*mutants.Mutant{mutants.RobStranger},
		Run: func(t *T) {
			d := exercisedDevice(t)
			s := d.Sync(dmclient.SyncOptions{Source: strangeSource})
			if len(s.Exchanges) == 0 {
				t.Error("the session could not be held: %v", s.Err)
			}
			const want = "HTTP 4xx, or a Status below 500 for SyncHdr"
			ex := s.Exchanges[0]
			switch {
			case ex.Err != nil:
				t.Fail(want, unanswered(t, ex.Err))
			case ex.Status >= http.StatusInternalServerError:
				t.Fail(want, fmt.Sprintf("HTTP status %d", ex.Status))
			}
			if m, err := syncml.Read(ex.Response); err == nil {
				t.Check(hdrStatus(m).Code() < syncml.CommandFailed, want, "Status "+hdrStatus(m).Data+" for SyncHdr")
			}
			runsAsEver(d, "a message of an unknown device")
		}},
	{ID: "ROB-15", Level: report.Should, Title: "what is no SyncML is not a success",
		Rule:    "A body that is not SyncML is answered with 4xx, or with a SyncML message that says what is wrong. With an empty 200, whoever sent it believes that the session is over.",
		Source:  "RFC 9110 15.3.1, 15.5.1",
		Fix:     "Answer 400 where the message cannot be read.",
		Mutants: []*mutants.Mutant{mutants.RobGarbage200},
		Under:   []string{"ROB-01"},
		Run: func(t *T) {
			tryInputs(t, func(d *Device, what, body string) {
				ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
				_, err := replyOf(ex)
				t.Check(ex.Err != nil || ex.Status >= http.StatusBadRequest || err == nil, "4xx, or a SyncML message", fmt.Sprintf("HTTP status %d and %d bytes", ex.Status, len(ex.Response)))
			}, notSyncML()...)
		}},
}

// strangeSource is the Source of no device.
const strangeSource = "00000000000000000000000000000000"

// input is one of several bodies that a scenario tries.
type input struct {
	what  string
	body  func(*Device) string
	after func() // checks its effect; nil checks nothing
}

// notSyncML returns bodies that no SyncML parser accepts.
func notSyncML() []input {
	whole := func(d *Device) string { return messageOf(d, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>") }
	text := func(s string) func(*Device) string { return func(*Device) string { return s } }
	return []input{
		{what: "an empty body", body: text("")},
		{what: "a body that is not XML", body: text("hello, server")},
		{what: "a truncated message", body: func(d *Device) string { return whole(d)[:len(whole(d))*2/3] }},
		{what: "another root element", body: text(`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/></Envelope>`)},
		{what: "another namespace", body: func(d *Device) string { return strings.Replace(whole(d), syncml.Namespace, "urn:not:syncml", 1) }},
	}
}

// tryInputs sends inputs one by one, from the same device as long as nothing
// breaks, and from a new one after an input that did harm.
func tryInputs(t *T, send func(d *Device, what, body string), list ...input) {
	good := exercisedDevice(t)
	for _, in := range list {
		t.Try(in.what, func() {
			d := good
			if good = nil; d == nil {
				d = exercised(t.Next())
			}
			send(d, in.what, in.body(d))
			if in.after != nil {
				in.after()
			}
			good = d
		})
	}
}

// exercisedDevice returns an enrolled device that held two plain sessions, so that
// runsAsEver can tell damage by a message from sessions that fail anyway.
func exercisedDevice(t *T) *Device { return exercised(t.Enrolled()) }

func exercised(d *Device) *Device {
	d.First()
	for range plainSessions {
		d.Sync(dmclient.SyncOptions{})
	}
	return d
}

// plainSessions is the number of sessions that SES-43 judges.
const plainSessions = 2

// soundDevice returns a device whose plain sessions complete.
func soundDevice(t *T) *Device { return sound(t.Enrolled()) }

func sound(d *Device) *Device {
	exercised(d)
	needSound(d, d.Sessions())
	return d
}

// ran reports whether a session got a reply and completed.
func ran(s *dmclient.Session) bool { return suite.Broken(s) == nil && len(s.Received) > 0 }

// needSound ends the body as blocked if one of a device's last plain sessions did
// not complete.
func needSound(d *Device, sessions []*dmclient.Session) {
	for _, s := range sessions[max(0, len(sessions)-plainSessions):] {
		if !ran(s) {
			d.T.Blocked(suite.By(suite.Talks), "plain sessions do not complete: %s", broke(d.T, s))
		}
	}
}

// runsAsEver fails unless the device's next session completes. If its earlier
// sessions did not complete either, the body is blocked.
func runsAsEver(d *Device, after string) {
	before := d.Sessions()
	s := d.Sync(dmclient.SyncOptions{})
	if ran(s) {
		return
	}
	needSound(d, before)
	d.T.Exchanges(s)
	d.T.Fail("the device's next session after "+after+" completes", broke(d.T, s))
}

// messageOf returns package 1 of a separate session with this body.
func messageOf(d *Device, body string) string {
	return `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>9</SessionID><MsgID>1</MsgID><Target><LocURI>` +
		escaped(d.Address()) + `</LocURI></Target><Source><LocURI>` + escaped(d.Identity().DeviceID) + `</LocURI></Source></SyncHdr><SyncBody>` + body + `<Final/></SyncBody></SyncML>`
}

func escaped(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) //nolint:errcheck // a buffer
	return b.String()
}

// smallBody is how many bytes any server reads before it answers. A server may
// close the connection on a larger body.
const smallBody = 64 << 10

// takesInput fails unless a body is answered with 4xx or SyncML, and the next
// session completes.
func takesInput(d *Device, what, body string) {
	t := d.T
	ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
	const want = "4xx or a SyncML message in reply to a body that is not SyncML"
	switch {
	case ex.Err != nil:
		t.Fail(want, unanswered(t, ex.Err))
	case ex.Status >= 500:
		t.Fail(want, fmt.Sprintf("HTTP status %d", ex.Status))
	case ex.Status == http.StatusOK && len(ex.Response) > 0 && !cutOff(ex):
		if _, err := replyOf(ex); err != nil {
			t.Fail(want, "HTTP status 200 and a body that is not SyncML: "+err.Error())
		}
	}
	t.Evidence("%s: HTTP status %d", what, ex.Status)
	runsAsEver(d, "a body that is not SyncML")
}

// bearsInput sends a body that the server may refuse in any way but a crash. A
// server that has read enough may close the connection. The next session must
// complete.
func bearsInput(d *Device, what, body string) {
	t := d.T
	ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
	want := "4xx or a SyncML message in reply to " + what
	switch {
	case ex.Err != nil && (len(body) <= smallBody || late(ex.Err)):
		t.Fail(want, unanswered(t, ex.Err))
	case ex.Err != nil:
		t.Evidence("%s: the server closed the connection before it was complete: %s", what, ex.Err)
	case ex.Status >= 500:
		t.Fail(want, fmt.Sprintf("HTTP status %d", ex.Status))
	case cutOff(ex):
		t.Evidence("%s: HTTP status %d and more than 8 MiB, of which dmwake read 8 MiB", what, ex.Status)
	default:
		t.Evidence("%s: HTTP status %d", what, ex.Status)
	}
	runsAsEver(d, what)
}

// rewritten returns a message of a session, changed and encoded again.
func rewritten(t *T, m *syncml.Message, change func(*syncml.Message)) string {
	c := *m
	change(&c)
	body, err := syncml.Write(&c)
	if err != nil {
		t.Error("the message could not be written: %v", err)
	}
	return string(body)
}
