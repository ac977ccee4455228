package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/page"
)

// ofSession is a result with two messages of a session, and the steps around them.
func ofSession(area, title, expected, saw string) *Result {
	const (
		first = `<SyncML><SyncHdr><VerDTD>1.1</VerDTD><MsgID>1</MsgID><Target><LocURI>D</LocURI></Target></SyncHdr><SyncBody><Status><CmdRef>2</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>
<Add><Item><Target><LocURI>./Vendor/MSFT/DMClient/Provider/M/Push/PFN</LocURI></Target><Data>52314PUBLISHER.X_1</Data></Item></Add><Final/></SyncBody></SyncML>`
		second = `<SyncML><SyncHdr><MsgID>2</MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>`
	)
	s := &Result{Area: area, Title: title, Expected: expected, Saw: saw, Exchanges: []Exchange{
		{Status: 200, ContentType: "text/xml", Response: first}, {Status: 500, Response: second, What: "RST with no password"}}}
	add := func(from, to, text string, exchange int) {
		s.Steps = append(s.Steps, Step{From: from, To: to, Text: text, Exchange: exchange})
	}
	add(Device, Server, "enrollment: Discover", 0)
	add(Server, Device, "HTTP 200: DiscoverResponse", 0)
	add(Device, Server, "session 1, message 1: Alert 1201, Replace", 1) // 2
	add(Server, Device, "HTTP 200: Status 200, Add", 1)
	add(Device, Server, "session 1, message 2: Alert 1223", 2) // 4
	add(Server, Device, "HTTP 500", 2)
	add(Server, WNS, TokenRequest, 0) // 6
	add(WNS, Server, "200", 0)
	add(Server, WNS, "PUT notification", 0) // 8
	add(WNS, Server, "405 dropped", 0)
	add(Server, WNS, "POST notification", 0) // 10
	add(WNS, Server, "200 received", 0)
	return s
}

// TestCulprit: only what a failure is about is marked: its elements, and its step.
func TestCulprit(t *testing.T) {
	for _, c := range []struct {
		area, title, expected, saw string
		step                       int
		marked                     string
	}{
		{"PFN", "", "the PFN in lower case", "52314PUBLISHER.X_1", 3, "<Data>52314PUBLISHER.X_1</Data>"},
		{"SES", "", "VerDTD of the message to equal 1.2", "1.1", 3, "<VerDTD>1.1</VerDTD>"},
		{"PFN", "", "Add of ./Vendor/MSFT/DMClient/Provider/M/Push first", "Add of ./Vendor/MSFT/DMClient/Provider/M/Push/PFN first", 3, "<LocURI>./Vendor/MSFT/DMClient/Provider/M/Push/PFN</LocURI>"},
		{"SES", "", "MsgIDs that grow", "MsgID 2 instead of 3", 5, "<MsgID>2</MsgID>"},
		{"SES", "", "CmdRef of the first Status in message 1 of session 1: 0", "2", 3, "<CmdRef>2</CmdRef>"},
		{"SES", "", "a Status in the reply to Alert 1223", "none", 5, ""},
		{"SES", "", "Content-Type of reply 1: application/vnd.syncml.dm+xml", "text/xml", 3, ""},
		{"SES", "", "a session that completes", "HTTP status 500 to message 2", 5, ""},
		{"ENR", "", "a SOAP fault", "2 of 2: RST with no password: a certificate", 5, ""},
		{"SES", "MsgID and Final", "a session", "none", -1, ""},
		{"SES", "", "Final elements", "2", -1, ""}, // each message has one
		{"MSG", "", "VerDTD 1.2", "VerDTD 1.3, in SES-01, session 1, message 1; 4 places in all", 3, "<VerDTD>1.1</VerDTD>"},
		{"SES", "", "MsgID of message 7 in session 3: 7", "2", -1, ""}, // the report does not have it
		{"WNS", "", "method of the notification: POST", "PUT", 8, ""},
		{"WER", "", "further notifications to a channel that answered 404: none", "1", 10, ""},
		{"TOK", "", "token requests for five pushes: at most 1", "3", 6, ""},
	} {
		s := ofSession(c.area, c.title, c.expected, c.saw)
		got := find(s)
		var marked []string
		for i, e := range s.Exchanges {
			html := string(page.Message{Text: e.Response, Marks: got.marks[i]}.HTML())
			for _, part := range strings.Split(html, "<mark>")[1:] {
				part, _, _ = strings.Cut(part, "</mark>")
				marked = append(marked, strings.NewReplacer("<i>", "", "</i>", "", "&lt;", "<", "&gt;", ">").Replace(part))
			}
		}
		if got.step != c.step || strings.Join(marked, " ") != c.marked {
			t.Errorf("%s; %s: step %d, marked %q, want %d, %q", c.expected, c.saw, got.step, marked, c.step, c.marked)
		}
	}
}

// TestDiagramOfSteps: enrollments are folded except where they are the point, steps lead
// to their messages, and the culprit says what was seen.
func TestDiagramOfSteps(t *testing.T) {
	for area, want := range map[string]string{"SES": "enrollment enrollment          ", "ENR": "           "} {
		s := ofSession(area, "", "VerDTD 1.2", "VerDTD 1.1")
		s.ID = area + "-01"
		d := diagram(s, find(s))
		var folds []string
		for _, a := range d.Arrows {
			folds = append(folds, a.Fold)
		}
		if got := strings.Join(folds, " "); got != want {
			t.Errorf("%s folds %q, want %q", area, got, want)
		}
		if a := d.Arrows[3]; a.Href != "#"+s.ID+"-m1" || a.Culprit != "saw VerDTD 1.1" {
			t.Errorf("%+v", a)
		}
		if got := fmt.Sprint(d.Taking()); got != "[device server WNS]" || d.Arrows[0].Text != "Discover" {
			t.Errorf("%s, %+v", got, d.Arrows[0])
		}
	}
}

// TestPageSince: the page of a comparison begins with what changed, and links to what
// the later report has.
func TestPageSince(t *testing.T) {
	before := of("u", map[string]Outcome{"A-01": Passed, "A-02": Failed, "A-03": Passed})
	now := of("u", map[string]Outcome{"A-01": Failed, "A-02": Passed, "A-04": Passed})
	var b strings.Builder
	if err := now.WriteHTMLSince(&b, before); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 broken, 1 fixed, 1 new, 0 undecided, 1 other", `broken <a href="#A-01">A-01</a>`, `fixed <a href="#A-02">`, "other A-03", "passed -&gt; none", `data-change="broken"`, `data-key="change"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q on the page", want)
		}
	}
}
