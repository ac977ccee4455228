package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// enrollmentMessages are the ENR scenarios about the messages of all services:
// HTTP, SOAP and its header.
var enrollmentMessages = []Scenario{
	{
		ID: "ENR-01", Level: report.Must, Title: "GET on the discovery URL answers 200",
		Rule:    "Before Discover, a device sends a GET to the discovery URL to check that the server is there. The server answers 200, if need be at the end of redirects.",
		Source:  "MS-MDE2 3.1.4.1",
		Fix:     "Answer GET on the discovery path with 200 and an empty body, besides POST.",
		Mutants: []*mutants.Mutant{mutants.EnrGet404},
		Run: func(t *T) {
			ex := reached(t.Specimen(), enroll.StepReach)
			switch {
			case ex == nil:
				t.Error("the device sent no GET")
			case ex.Err != nil:
				t.Fail("a reply to GET "+ex.URL, ex.Err.Error())
			}
			t.Expect(ex.Status, "HTTP status of GET %s", ex.URL).To(Equal(200))
		},
	},
	{
		ID: "ENR-02", Level: report.Must, Title: "enrollment replies are SOAP with a Content-Length",
		Rule:    "The replies to Discover, GetPolicies and RST are application/soap+xml with a Content-Length. The enrollment client does not support chunked transfer, and asks for no compression.",
		Source:  "MS-MDE2 3.1.4.1, 3.3.4.1, 3.4.4.1; Learn, \"On-premises authentication device enrollment\"; RFC 9110 12.5.3",
		Fix:     "Buffer the whole SOAP body, set Content-Length and application/soap+xml, and do not flush before. A proxy in front of the server must not change that.",
		Mutants: []*mutants.Mutant{mutants.EnrChunked, mutants.EnrGzip},
		Run: func(t *T) {
			d := t.Specimen()
			for _, step := range services {
				t.Try(step, func() { framed(t, exchangeOf(d, step)) })
			}
		},
	},
	{
		ID: "ENR-03", Level: report.Must, Title: "RelatesTo echoes MessageID",
		Rule:    "a:RelatesTo in each reply is the a:MessageID of the request.",
		Source:  "MS-MDE2 3.1.4.1.1.2; WS-Addressing 1.0 Core 3.4",
		Fix:     "Copy a:MessageID of the request into a:RelatesTo of the reply, in all three services.",
		Mutants: []*mutants.Mutant{mutants.EnrRelatesTo},
		Run: func(t *T) {
			d := t.Specimen()
			for _, step := range services {
				t.Try(step, func() {
					sent, got := envelopesOf(d, step)
					t.Check(got.RelatesTo == sent.MessageID, "RelatesTo equal to MessageID of the request", suite.Show(got.RelatesTo))
				})
			}
		},
	},
	{
		ID: "ENR-19", Level: report.Should, Title: "malformed SOAP gets a fault or 4xx",
		Rule:    "A message that is not SOAP is answered with a SOAP fault or HTTP 4xx, not with a dropped connection or the error page of a crash.",
		Source:  "SOAP 1.2 part 1, section 5.4; RFC 9110 15.5",
		Fix:     "Handle errors of the XML parser, and answer with a SOAP fault with subcode MessageFormat.",
		Mutants: []*mutants.Mutant{mutants.EnrSOAPPanic},
		Run: func(t *T) {
			d := t.Specimen()
			r := discoveredBy(d)
			discovery := exchangeOf(d, enroll.StepDiscover).URL // after redirects
			for i, to := range []string{discovery, r.PolicyURL, r.EnrollmentURL} {
				for _, body := range [][2]string{{"empty body", ""}, {"plain text", "hello, server"}, {"cut tag", "<s:Envelope"}, {"Envelope without Body", "<Envelope/>"}} {
					what := services[i] + " (" + body[0] + ")"
					t.Try(what, func() { malformed(d, services[i], what, to, body[1]) })
				}
			}
		},
	},
	{
		ID: "ENR-26", Level: report.Should, Title: "timestamps are current, ActivityIds are unique",
		Rule:    "A WS-Security timestamp in a reply is the time of the reply, and Expires is later. An ActivityId, which identifies a reply in logs, is not used twice, and not for another device either.",
		Source:  "WS-Security 1.1 section 10; MS-MDE2 3.1.4.1.1.2, 3.4.4.1.1.2",
		Fix:     "Write the time of the reply into the timestamp, and a new UUID into ActivityId.",
		Mutants: []*mutants.Mutant{mutants.EnrTimestampOld, mutants.EnrExpiresEarly, mutants.EnrActivityConstant, mutants.EnrActivityByService},
		Run: func(t *T) {
			d := t.Specimen()
			seen := map[string]string{}
			for _, step := range services {
				t.Try("ActivityId of "+step, func() { tracedBy(t, d, step, seen) })
				t.Try("timestamp of "+step, func() { stamped(t, d, step) })
			}
			t.Try("Discover of another device", func() {
				exchangeOf(d, enroll.StepDiscover)
				c := caller(t)
				if _, err := c.EnrollmentClient(dmclient.EnrollOptions{}).Discover(t.Context()); err != nil {
					t.Excused(err)
					t.Blocked(suite.By(suite.Enrolls), "Discover was not answered: %v", err)
				}
				keepLast(c, "Discover of another device")
				tracedBy(t, c, enroll.StepDiscover, seen)
				stamped(t, c, enroll.StepDiscover)
			})
		},
	},
	{
		ID: "ENR-27", Level: report.Must, Title: "each reply has its Action",
		Rule:    "The SOAP header of a reply contains its Action, as a full URI.",
		Source:  "MS-MDE2 3.1.4.1.1.2, 3.3.4.1.1.2, 3.4.4.1.1.2; WS-Addressing 1.0 Core 3.2",
		Fix:     "Write the full URI of the operation's response into a:Action.",
		Mutants: []*mutants.Mutant{mutants.EnrActionShort},
		Run: func(t *T) {
			d := t.Specimen()
			actions := map[string]string{enroll.StepDiscover: enroll.ActionDiscoverResponse, enroll.StepPolicies: enroll.ActionGetPoliciesResponse, enroll.StepToken: enroll.ActionRequestTokenReply}
			for _, step := range services {
				t.Try(step, func() {
					_, got := envelopesOf(d, step)
					t.Check(got.Action == actions[step], "Action: the full URI of the response, such as "+actions[step], suite.Show(got.Action))
				})
			}
		},
	},
	{
		ID: "ENR-30", Level: report.Should, Title: "SOAP is XML: white space, prefixes, order of attributes",
		Rule:    "Indentation, other prefixes or another order of attributes do not change a request. A MessageID with an ampersand comes back in RelatesTo, escaped.",
		Source:  "XML 1.0; Namespaces in XML 1.0",
		Fix:     "Read and write SOAP with an XML library, and match elements by namespace and local name, not by text.",
		Mutants: []*mutants.Mutant{mutants.EnrSOAPStrict, mutants.EnrRelatesRaw, mutants.EnrRelatesRawRST},
		Under:   []string{"ENR-03"},
		Run: func(t *T) {
			d := t.Specimen()
			for _, step := range services {
				t.Try(step, func() { reformed(t, d, step) })
			}
			for _, step := range services {
				t.Try(step+" with MessageID "+oddMessageID, func() { escapes(t, d, step) })
			}
		},
	},
	{
		ID: "ENR-90", Level: report.Should, Title: "replies are SOAP by their namespaces",
		Rule:    "Envelope, Header and Body of each reply are in the namespace of SOAP 1.2 or 1.1, Action and RelatesTo in that of WS-Addressing. (Learn's sample of the reply to RST has an Action without prefix.)",
		Source:  "MS-WSTEP 2.1; MS-MDE2 2.1, 2.2.1; WS-Addressing 1.0 Core 3.2",
		Fix:     "Bind the prefixes of Envelope and of its header to these namespaces, and use them on every element.",
		Mutants: []*mutants.Mutant{mutants.EnrEnvelopeOwn, mutants.EnrActionBare},
		Under:   []string{"ENR-03", "ENR-27"},
		Run: func(t *T) {
			d := t.Specimen()
			for _, step := range services {
				t.Try(step, func() { namespaced(t, d, step) })
			}
		},
	},
}

// oddMessageID has characters that XML escapes, and that templates expand.
const oddMessageID = "urn:example:a?b=1&c=$1"

// escapes fails unless a request with such a MessageID is answered, and the reply
// relates to it. A token may be good for one RST only, so another device enrolls.
func escapes(t *T, d *Device, step string) {
	sent := exchangeOf(d, step)
	if signed(t) && step != enroll.StepDiscover {
		t.NotApplicable("the request is signed (target.certificate), so its MessageID cannot be changed")
	}
	odd := editor(func(env *etree.Element) { env.FindElement("./Header/MessageID").SetText(oddMessageID) })
	var reply []byte
	if step == enroll.StepToken {
		c := t.DeviceWith(func(c *dmclient.Config) { c.EditRST = odd })
		err := c.Enroll()
		ex := reached(c, step)
		if ex == nil {
			t.Excused(err)
			t.Blocked(suite.By(suite.Enrolls), "the enrollment did not get as far as RST: %v", err)
		}
		if err != nil {
			t.Excused(err)
			if usual := d.EnrollError(); usual != nil {
				t.Blocked(suite.By(suite.Enrolls), "a device with an ordinary MessageID does not enroll either: %v", usual)
			}
			t.Fail("the same answer to another MessageID", said(err))
		}
		reply = ex.Response
	} else {
		c := caller(t)
		err := send(c, step+" with MessageID "+oddMessageID, sent.URL, odd(sent.Request))
		if err != nil && send(c, step+" as before", sent.URL, sent.Request) != nil {
			t.NotApplicable("the server does not accept the same request twice: %s", said(err))
		}
		if err != nil {
			t.Fail("the same answer to another MessageID", said(err))
		}
		exs := c.EnrollExchanges()
		reply = exs[len(exs)-1].Response
	}
	if _, usual := envelopesOf(d, step); usual.RelatesTo == "" {
		t.Blocked(suite.By("ENR-03"), "replies have no RelatesTo")
	}
	got, err := enroll.ReadEnvelope(reply)
	if err != nil {
		t.Fail("a SOAP envelope in reply to another MessageID", err.Error())
	}
	t.Check(got.RelatesTo == oddMessageID, "RelatesTo "+oddMessageID, suite.Show(got.RelatesTo))
}

// namespaced fails unless a reply's envelope and the header blocks that devices read
// are in their namespaces.
func namespaced(t *T, d *Device, step string) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(exchangeOf(d, step).Response); err != nil {
		t.Blocked(suite.By(suite.Enrolls), "the %s reply is not XML: %v", step, err)
	}
	for _, path := range []string{"/Envelope", "/Envelope/Header", "/Envelope/Body"} {
		for _, e := range doc.FindElements(path) {
			ns := e.NamespaceURI()
			t.Check(ns == soap12 || ns == soap11, e.Tag+" of SOAP 1.2 or 1.1", "namespace "+suite.Show(ns))
		}
	}
	for _, name := range []string{"Action", "RelatesTo"} {
		list := doc.FindElements("/Envelope/Header/" + name) // a header may have others of that name
		right := slices.ContainsFunc(list, func(e *etree.Element) bool { return e.NamespaceURI() == enroll.NamespaceAddressing })
		if len(list) > 0 {
			t.Check(right, name+" in namespace "+enroll.NamespaceAddressing, "namespace "+suite.Show(list[0].NamespaceURI()))
		}
	}
}

// framed checks the HTTP framing of a reply. HTTP/2 has no chunked transfer and
// needs no Content-Length.
func framed(t *T, ex *dmclient.Exchange) {
	// Its case does not matter, and it may have parameters (RFC 9110 8.3.1).
	t.Expect(strings.ToLower(ex.Reply.Get("Content-Type")), "Content-Type").To(HavePrefix("application/soap+xml"))
	t.Check(!ex.Chunked, "a Content-Length", "chunked transfer")
	how := ex.Reply.Get("Content-Encoding")
	t.Check(how == "" || strings.EqualFold(how, "identity"), "no Content-Encoding, as the request asks for none", how)
	switch n := len(ex.Response); {
	case ex.ContentLength >= 0:
		t.Check(ex.ContentLength == int64(n), "a Content-Length equal to the length of the body", fmt.Sprintf("Content-Length %d, %d bytes", ex.ContentLength, n))
	case ex.Proto != "HTTP/2.0":
		t.Fail("a Content-Length", "none")
	}
}

// malformed fails unless a body is answered with a SOAP fault or 4xx. If the
// service does not answer a valid request either, the body is blocked.
func malformed(d *Device, step, what, to, body string) {
	t := d.T
	switch {
	case to == "":
		t.NotApplicable("the Discover reply names no policy service, which is optional")
	case !absolute(to):
		t.Blocked(suite.By("ENR-05"), "its URL is not an absolute https URL")
	}
	err := send(caller(t), what, to, []byte(body))
	if refusedBy(err) {
		return
	}
	exchangeOf(d, step)
	saw := "HTTP 200, as for a valid request"
	if err != nil {
		saw = said(err)
	}
	t.Fail("a SOAP fault, or HTTP 4xx", saw)
}

// timely is how far a server's clock may differ from ours.
const timely = 10 * time.Minute

// tracedBy fails if the ActivityId of a reply, if present, is that of another one.
func tracedBy(t *T, d *Device, step string, seen map[string]string) {
	_, got := envelopesOf(d, step)
	if id := got.ActivityID; id != "" {
		first, used := seen[id]
		t.Check(!used, "an ActivityId that no other reply has", id+", as in the reply to "+first)
		seen[id] = step + " (" + d.Identity().DeviceID + ")"
	}
}

// stamped checks the timestamp of a reply, if present.
func stamped(t *T, d *Device, step string) {
	_, got := envelopesOf(d, step)
	if got.Created == "" {
		return
	}
	at, err := time.Parse(time.RFC3339, got.Created)
	t.Check(err == nil, "a time in Created of the timestamp", got.Created)
	now := exchangeOf(d, step).At
	t.Check(now.Sub(at).Abs() < timely, "a timestamp within ten minutes of "+now.UTC().Format(time.RFC3339), got.Created)
	if got.Expires != "" {
		until, err := time.Parse(time.RFC3339, got.Expires)
		t.Check(err == nil && until.After(at), "an Expires later than Created, "+got.Created, got.Expires)
	}
}

// reformed repeats the request of a step in another form of the same XML. The
// rule does not apply to a server that rejects the same request twice.
func reformed(t *T, d *Device, step string) {
	sent := exchangeOf(d, step)
	switch {
	case signed(t) && step != enroll.StepDiscover:
		t.NotApplicable("the request is signed (target.certificate), so its form cannot be changed")
	case step == enroll.StepToken && t.Lab.Config.Target.Shared():
		t.NotApplicable("it would re-enroll the device that all scenarios share (target.shared_device)")
	}
	other, err := enroll.Reform(sent.Request)
	if err != nil {
		t.Error("the request cannot be written in another form: %v", err)
	}
	c := caller(t)
	err = send(c, step+" in another form of the same XML", sent.URL, other)
	if err == nil {
		return
	}
	if again := send(c, step+" as before", sent.URL, sent.Request); again != nil {
		t.NotApplicable("the server does not accept the same request twice: %s", said(again))
	}
	t.Fail("the same answer to another form of the same XML", said(err))
}
