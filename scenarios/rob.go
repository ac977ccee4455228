package scenarios

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const boundedInput = "RFC 9110 15.5; CWE-400"

// robustness are the ROB scenarios.
var robustness = []Scenario{
	{ID: "ROB-01", Level: report.Must, Title: "what is no SyncML gets an error, not a crash",
		Rule:    "An empty body, text, truncated XML, a wrong root and a wrong namespace are answered with 4xx or a SyncML status: no hang, no dropped connection, no 5xx.",
		Source:  "RFC 9110 15.5; OMA DM Protocol 1.2.1 section 10",
		Fix:     "Catch what the XML reader says, and answer 400.",
		Mutants: []string{"rob-panic"},
		Run: func(t *T) {
			d := t.Enrolled()
			whole := string(d.First().Exchanges[0].Request)
			takesInput(d, "an empty body", "")
			takesInput(d, "a body that is no XML", "hello, server")
			takesInput(d, "a truncated message", whole[:len(whole)*2/3])
			takesInput(d, "another root element", `<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/></Envelope>`)
			takesInput(d, "another namespace", strings.Replace(whole, syncml.Namespace, "urn:not:syncml", 1))
		}},
	{ID: "ROB-02", Level: report.Must, Title: "a message of 10 MB is bounded",
		Rule:    "A message of 10 MB is refused, or answered, and never with 5xx; the device's next session runs as ever.",
		Source:  boundedInput,
		Fix:     "Limit the body (http.MaxBytesReader or the like), and answer 413.",
		Mutants: []string{"rob-big"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			bearsInput(d, "a message of 10 MB", messageOf(d, `<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><!--`+strings.Repeat("x", 10<<20)+`-->`))
		}},
	{ID: "ROB-03", Level: report.Must, Title: "10,000 commands in one message are bounded",
		Rule:    "A message of 10,000 Alerts is refused, or answered, and never with 5xx; the device's next session runs as ever.",
		Source:  boundedInput,
		Fix:     "Limit the number of commands, or read them without quadratic work.",
		Mutants: []string{"rob-many"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			var b strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&b, "<Alert><CmdID>%d</CmdID><Data>1201</Data></Alert>", i+2)
			}
			bearsInput(d, "10,000 commands", messageOf(d, b.String()))
		}},
	{ID: "ROB-04", Level: report.Must, Title: "deep nesting is bounded",
		Rule:    "Elements that are nested 20,000 deep are refused, and never with 5xx; the device's next session runs as ever.",
		Source:  "CWE-674",
		Fix:     "Limit the depth of the XML reader.",
		Mutants: []string{"rob-deep"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			const deep = 20_000
			bearsInput(d, "nesting of 20,000", messageOf(d, strings.Repeat("<Sequence>", deep)+strings.Repeat("</Sequence>", deep)))
		}},
	{ID: "ROB-05", Level: report.Must, Title: "bytes that are no UTF-8",
		Rule:    "Invalid UTF-8 is not well-formed XML: it is refused, and never with 5xx; the device's next session runs as ever.",
		Source:  "XML 1.0 section 4.3.3",
		Fix:     "Catch what the XML reader says, and answer 400.",
		Mutants: []string{"rob-utf8"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			bearsInput(d, "invalid UTF-8", messageOf(d, "<Alert><CmdID>2</CmdID><Data>12\xff\xfe01</Data></Alert>"))
		}},
	{ID: "ROB-06", Level: report.Must, Title: "MsgIDs that are none",
		Rule:    "A MsgID that is repeated, skipped, huge or no number is refused or answered, and never with 5xx; the device's next session runs as ever.",
		Source:  "MS-MDM 2.2.3.6",
		Fix:     "Parse MsgID with error handling, and answer 400.",
		Mutants: []string{"rob-msgid"},
		Run: func(t *T) {
			d := t.Enrolled()
			whole := string(d.First().Exchanges[0].Request)
			for _, id := range []string{"x", "-1", "0", "7", "99999999999999999999", ""} {
				bearsInput(d, "MsgID "+suite.Show(id), strings.Replace(whole, "<MsgID>1</MsgID>", "<MsgID>"+id+"</MsgID>", 1))
			}
		}},
	{ID: "ROB-07", Level: report.Must, Title: "a message for a session that nobody opened",
		Rule:    "A second message of a session that never had a first is refused or answered, and never with 5xx; the device's next session runs as ever.",
		Source:  "MS-MDM 2.2.3.8; OMA DM Protocol 1.2.1 section 8",
		Fix:     "Answer 400 to a message of no session.",
		Mutants: []string{"rob-nosession"},
		Run: func(t *T) {
			d := t.Enrolled()
			s := d.First()
			whole := string(s.Exchanges[0].Request)
			whole = strings.Replace(whole, "<MsgID>1</MsgID>", "<MsgID>2</MsgID>", 1)
			whole = strings.Replace(whole, "<SessionID>"+s.Sent[0].Hdr.SessionID+"</SessionID>", "<SessionID>DEAD</SessionID>", 1)
			bearsInput(d, "a second message without a first", whole)
		}},
	{ID: "ROB-08", Level: report.Must, Title: "a slow device does not hold up the others",
		Rule:    "While one device sends its message byte by byte, another device's session runs to its end.",
		Source:  "CWE-400 (slow requests)",
		Fix:     "Read bodies outside of locks, and limit the time of one request.",
		Mutants: []string{"rob-serial"},
		Run: func(t *T) {
			slow, other := t.Enrolled(), t.Enrolled()
			whole := slow.First().Exchanges[0].Request
			other.First()
			body, feed := io.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				slow.PostFrom(t.Context(), "a message that comes byte by byte", syncml.MediaType, body, int64(len(whole)), dmclient.SyncOptions{})
			}()
			if _, err := feed.Write(whole[:1]); err != nil {
				t.NotApplicable("the slow message could not be begun: %v", err)
			}
			t.Quiet()
			start := time.Now()
			s := other.Sync(dmclient.SyncOptions{NoRetry: true})
			took := time.Since(start)
			feed.CloseWithError(io.ErrUnexpectedEOF)
			<-done
			other.Survived(s, "another device's message that is on its way for long")
			t.Expect(took < t.Lab.Config.Timeouts.Push, "the other device's session, which took %s, being done within %s", took.Round(time.Millisecond), t.Lab.Config.Timeouts.Push).To(BeTrue())
		}},
	{ID: "ROB-09", Level: report.Must, Title: "after a message that was cut off the next session is clean",
		Rule:    "A connection that breaks in the middle of a message leaves nothing behind: the device's next session runs as ever.",
		Source:  "OMA DM Protocol 1.2.1 section 8",
		Fix:     "Change state only after the whole message was read.",
		Mutants: []string{"rob-wedge"},
		Run: func(t *T) {
			d := t.Enrolled()
			whole := d.First().Exchanges[0].Request
			if err := d.Cut(t.Context(), whole, len(whole)/2, t.Lab.Config.Timeouts.Push); err != nil {
				t.NotApplicable("the connection could not be cut: %v", err)
			}
			s := d.Sync(dmclient.SyncOptions{})
			t.Exchanges(s)
			d.Survived(s, "a message that was cut off")
			t.Expect(len(s.Received), "messages of the server in the session after the cut").To(BeNumerically(">", 0))
		}},
}

// message is package 1 of a session of its own with this body.
func messageOf(d *Device, body string) string {
	return `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>9</SessionID><MsgID>1</MsgID><Target><LocURI>` +
		d.Address() + `</LocURI></Target><Source><LocURI>` + d.Identity().DeviceID + `</LocURI></Source></SyncHdr><SyncBody>` + body + `<Final/></SyncBody></SyncML>`
}

// takes fails unless a body is answered with 4xx or SyncML.
func takesInput(d *Device, what, body string) {
	t := d.T
	ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
	want := "4xx or a SyncML message in answer to " + what
	switch {
	case ex.Err != nil:
		t.Fail(want, "no reply: "+ex.Err.Error())
	case ex.Status >= 500:
		t.Fail(want, fmt.Sprintf("HTTP status %d", ex.Status))
	case ex.Status == 200 && len(ex.Response) > 0:
		if _, err := syncml.Read(ex.Response); err != nil {
			t.Fail(want, "200 with something else: "+err.Error())
		}
	}
	t.Evidence("%s: HTTP status %d", what, ex.Status)
}

// bears sends a body that may be refused in any way but by a crash: a server
// that has read enough may end the connection. Then a session must run.
func bearsInput(d *Device, what, body string) {
	t := d.T
	ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
	switch {
	case ex.Err != nil:
		t.Evidence("%s: the connection ended: %v", what, ex.Err)
	case ex.Status >= 500:
		t.Fail("4xx or a SyncML message in answer to "+what, fmt.Sprintf("HTTP status %d", ex.Status))
	default:
		t.Evidence("%s: HTTP status %d", what, ex.Status)
	}
	s := d.Sync(dmclient.SyncOptions{})
	d.Survived(s, "%s", what)
	t.Expect(len(s.Received), "messages of the server in the session after %s", what).To(BeNumerically(">", 0))
}
