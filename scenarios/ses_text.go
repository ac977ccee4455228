package scenarios

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionText are the SES scenarios about XML and WBXML, in both directions.
var sessionText = []Scenario{
	{ID: "SES-23", Level: report.Must, Title: "XML is XML: white space, prefixes, a declaration, CDATA",
		Rule:    "A server reads everything XML allows: a declaration, white space between elements, prefixed names, CDATA and character references.",
		Source:  "XML 1.0; Namespaces in XML; MS-MDM 2.2",
		Fix:     "Parse messages with an XML parser, by namespace and local name, not as text.",
		Mutants: []*mutants.Mutant{mutants.SesCompactOnly},
		Under:   []string{"ROB-01"},
		Run: func(t *T) {
			for _, f := range forms {
				t.Try(f.name, func() {
					d := t.Next()
					s := d.First()
					if isWBXML(s.Exchanges[0].Header.Get("Content-Type")) {
						t.NotApplicable("the provisioning document asks for messages in WBXML")
					}
					d.AddFault(f)
					runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "another form of the same XML")
				})
			}
		}},
	{ID: "SES-33", Level: report.Should, On: "wbxml", Title: "WBXML is answered in WBXML",
		Rule:    "A server whose provisioning document sets DEFAULTENCODING to application/vnd.syncml.dm+wbxml reads WBXML and answers in WBXML.",
		Source:  "Learn, \"w7 APPLICATION CSP\", DEFAULTENCODING; OMA SyncML HTTP binding",
		Fix:     "Answer in the encoding of the request's Content-Type.",
		Mutants: []*mutants.Mutant{mutants.SesWBXMLXML},
		Run: func(t *T) {
			d := t.Enrolled()
			sessions := d.Sessions()
			s := sessions[len(sessions)-1]
			if len(s.Exchanges) == 0 {
				t.Error("no session could be held: %v", s.Err)
			}
			if !isWBXML(s.Exchanges[0].Header.Get("Content-Type")) {
				t.NotApplicable("the provisioning document does not set DEFAULTENCODING to %s, so devices send XML", syncml.MediaTypeWBXML)
			}
			for i, ex := range s.Exchanges {
				if len(ex.Response) > 0 && ex.Status == http.StatusOK {
					t.Expect(ex.Reply.Get("Content-Type"), "Content-Type of reply %d to a message in WBXML", i+1).To(HavePrefix(syncml.MediaTypeWBXML))
				}
			}
			if err := suite.Broken(s); err != nil || len(s.Received) == 0 {
				t.Exchanges(s)
				if err == nil {
					t.ControlReply()
					t.Fail("a SyncML message in WBXML", suite.Unread(s))
				}
				t.Fail("a session in WBXML that completes", err.Error())
			}
		}},
	{ID: "SES-38", Level: report.Must, Uses: []Need{NeedWork}, Title: "replies are well-formed, prefixes bound, text escaped",
		Rule:    "Every reply is well-formed XML in the SyncML 1.2 namespace. Every prefix is bound. The characters & and < are escaped exactly once in all values, from the device and from the queue. A device with such an id gets a sound provisioning document, or is refused.",
		Source:  "MS-MDM 2.2.1; Namespaces in XML 1.0 section 5",
		Fix:     "Read and build messages with an XML library, not by string search and concatenation.",
		Mutants: []*mutants.Mutant{mutants.SesUnboundPrefix, mutants.SesUnescaped, mutants.SesIDEscaped, mutants.SesIDRaw},
		Run: func(t *T) {
			t.Try("a device with & and < in its model", func() {
				d := t.Enrolled()
				for _, s := range d.Sessions() {
					lint(t, s)
				}
				s := d.Sync(dmclient.SyncOptions{Model: "R&D <1>"})
				lint(t, s)
				runsToEnd(d, s, "a model with & and <")
			})
			if c, ok := markup(t); ok {
				t.Try("a queued value with & and <", func() { queuedMarkup(t.Next(), c) })
			}
			if !t.Lab.Config.Target.Shared() {
				t.Try("a device with & and < in its id", func() { markupInID(t) })
			}
		}},
}

// lint fails if a reply is not sound XML.
func lint(t *T, s *dmclient.Session) {
	for i, ex := range s.Exchanges {
		if len(ex.Response) == 0 || ex.Status != http.StatusOK || isWBXML(ex.Reply.Get("Content-Type")) {
			continue
		}
		if strings.HasPrefix(ex.Reply.Get("Content-Type"), "text/html") || ex.Reply.Get("Content-Encoding") != "" {
			continue // SES-15 judges other bodies, SES-28 compression
		}
		if faults := syncml.Lint(ex.Response); len(faults) > 0 {
			t.Fail("replies that are well-formed XML, with all prefixes bound", fmt.Sprintf("reply %d of session %s: %s", i+1, s.ID, strings.Join(faults, "; ")))
		}
	}
}

// markup returns a command with a value that must be escaped, if the queue takes one.
func markup(t *T) (lab.Command, bool) {
	const value, document = "a & b <c> \"d\"", "<VPNProfile><!-- a & b \"d\" --></VPNProfile>"
	return t.Form(
		lab.Command{Verb: syncml.Replace, LocURI: "./DevDetail/Ext/Microsoft/DeviceName", Format: "chr", Data: value},
		lab.Command{Verb: syncml.Add, LocURI: "./Vendor/MSFT/VPNv2/dmwake/ProfileXML", Format: "chr", Data: document},
		lab.Command{Verb: syncml.Exec, LocURI: anyExec, Format: "chr", Data: value})
}

// queuedMarkup queues a command of markup, and checks how its value arrives.
func queuedMarkup(d *Device, c lab.Command) {
	t := d.T
	from := d.SessionCount()
	t.Queue(d, c)
	d.Sync(dmclient.SyncOptions{})
	for _, s := range d.SessionsSince(from) {
		lint(t, s) // an unreadable message delivers nothing
	}
	for _, got := range delivered(d, from, c).Find(c.Verb, c.LocURI[1:]) {
		t.Check(got.Data == c.Data, "the value as queued: "+c.Data, suite.Show(got.Data))
	}
}

// markupInID checks the replies to a device whose id must be escaped: Target
// contains it. A server may refuse to enroll such a device, with a SOAP fault or HTTP
// 4xx.
func markupInID(t *T) {
	plain := t.Enrolled()
	d := t.DeviceWith(func(c *dmclient.Config) { c.Identity.DeviceID = "R&D<1>" + c.Identity.DeviceID[6:] })
	if err := d.Enroll(); err != nil {
		t.Excused(err)
		var e *enroll.Error
		if errors.As(err, &e) && e.Step != enroll.StepSignIn && !refusedBy(err) {
			t.Fail("an enrollment of a device with & and < in its id, or a refusal: a SOAP fault or HTTP 4xx", err.Error())
		}
		t.Evidence("the server did not enroll a device with & and < in its id: %v", err)
		return
	}
	id := d.Identity().DeviceID
	s := begins(d)
	lint(t, s)
	for i, m := range s.Received {
		if got := m.Hdr.Target.LocURI; strings.Contains(got, html.EscapeString(id)) {
			t.FailBy("the server stores values from the enrollment XML (ContextItem) without unescaping them",
				fmt.Sprintf("Target of message %d: %s", i+1, id), got)
		}
		if plain.First().Received[0].Hdr.Target.LocURI != plain.Identity().DeviceID {
			continue // SES-07 judges a wrong Target, or one swapped with Source
		}
		t.Expect(m.Hdr.Target.LocURI, "Target of message %d", i+1).To(Equal(id))
	}
	if suite.Broken(s) != nil && !(len(s.Exchanges) > 0 && refusedPolitely(s)) {
		d.Survived(s, "an id with & and <")
	}
}

// form is another way to write the same message.
type form struct {
	name  string
	write func(body []byte) []byte
}

// Fault implements dmclient.Fault.
func (f form) Fault() string { return "writes " + f.name }

// Scramble implements dmclient.Scrambler.
func (f form) Scramble(body []byte, _ int) []byte { return f.write(body) }

var dataText = regexp.MustCompile(`<Data>([A-Za-z0-9])`)

var forms = []form{
	{"an XML declaration", func(body []byte) []byte {
		return append([]byte(`<?xml version="1.0" encoding="UTF-8"?>`), body...)
	}},
	{"white space between elements", func(body []byte) []byte {
		return rebuilt(body, func(doc *etree.Document) {
			doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
		})
	}},
	{"prefixed names", func(body []byte) []byte {
		return rebuilt(body, func(doc *etree.Document) {
			root := doc.Root()
			prefix(root, syncml.Namespace)
			root.CreateAttr("xmlns:s", syncml.Namespace)
			root.CreateAttr("xmlns:m", syncml.MetaNamespace)
		})
	}},
	{"CDATA", func(body []byte) []byte {
		return rebuilt(body, func(doc *etree.Document) {
			for _, e := range doc.FindElements("//Data") {
				if len(e.ChildElements()) == 0 {
					e.SetCData(e.Text())
				}
			}
		})
	}},
	{"character references", func(body []byte) []byte {
		return dataText.ReplaceAllFunc(body, func(b []byte) []byte { return fmt.Appendf(nil, "<Data>&#%d;", b[len(b)-1]) })
	}},
}

// rebuilt parses a message, changes it and writes it again.
func rebuilt(body []byte, change func(*etree.Document)) []byte {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(body); err != nil || doc.Root() == nil {
		return body
	}
	change(doc)
	out, err := doc.WriteToBytes()
	if err != nil {
		return body
	}
	return out
}

// prefix replaces the default namespace of an element and its children with a
// prefix.
func prefix(e *etree.Element, namespace string) {
	if a := e.SelectAttr("xmlns"); a != nil {
		namespace = a.Value
		e.RemoveAttr("xmlns")
	}
	e.Space = "s"
	if namespace == syncml.MetaNamespace {
		e.Space = "m"
	}
	for _, c := range e.ChildElements() {
		prefix(c, namespace)
	}
}
