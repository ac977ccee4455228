package scenarios

import (
	"fmt"
	"regexp"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// security are the SEC scenarios.
var security = []Scenario{
	{ID: "SEC-01", Level: report.Must, Title: "no certificate and no credential is refused",
		Rule:    "The management endpoint serves nobody who does not prove which device he is: TLS refuses him, or HTTP 4xx, or Status 401 or 407 for SyncHdr and no command.",
		Source:  "MS-MDM 5.1; MS-MDE2 5.1; fleet issues 14626, 46197",
		Fix:     "Ask for a client certificate in TLS (tls.RequireAnyClientCert or the like), and refuse who has none with 403.",
		Mutants: []string{"sec-no-cert"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			turnedAway(t, d.Sync(dmclient.SyncOptions{NoCertificate: true}), "a session without a certificate")
		}},
	{ID: "SEC-02", Level: report.Must, Title: "a certificate of another CA is refused",
		Rule:    "Only certificates that the server's own CA issued identify a device.",
		Source:  "MS-MDM 5.1; RFC 5280 6.1",
		Fix:     "Verify the client certificate against the server's own device CA only.",
		Mutants: []string{"sec-any-ca"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			cert, err := t.Lab.CA.ClientCert(d.Identity().DeviceID)
			if err != nil {
				t.NotApplicable("%v", err)
			}
			turnedAway(t, d.Sync(dmclient.SyncOptions{Certificate: cert}), "a session with a certificate of another CA that names the same device")
		}},
	{ID: "SEC-03", Level: report.Must, Title: "device A's certificate with device B's Source is refused",
		Rule:    "The Source of a message is the device whose certificate the connection presents.",
		Source:  "MS-MDM 5.1; fleet issues 14626, 46197",
		Fix:     "Compare the device of the certificate with Source of the message.",
		Mutants: []string{"sec-source"},
		Run: func(t *T) {
			a, b := t.Enrolled(), t.Enrolled()
			a.First()
			b.First()
			turnedAway(t, a.Sync(dmclient.SyncOptions{Source: b.Identity().DeviceID}), "a session of device A in the name of device B")
		}},
	{ID: "SEC-09", Level: report.Must, Title: "entities are harmless",
		Rule:    "A DOCTYPE is refused or ignored: an external entity is not fetched, entities that grow do not fill the memory, and the device's next session runs as ever.",
		Source:  "CWE-611, CWE-776",
		Fix:     "Turn DOCTYPE and external entities off in the XML reader.",
		Mutants: []string{"sec-xxe"},
		Run:     entities},
	{ID: "SEC-10", Level: report.Must, Title: "a device's name is text",
		Rule:    "Quotes, angle brackets, semicolons and the like in DeviceName are stored as text: the device enrolls and its session runs to its end.",
		Source:  "CWE-89, CWE-79; XML 1.0 section 2.4",
		Fix:     "Use parameters in SQL, and escape names in pages and XML.",
		Mutants: []string{"sec-name"},
		Run: func(t *T) {
			t.Enrolled().First() // where no device can hold a session this says nothing
			d := t.DeviceWith(func(c *dmclient.Config) { c.Identity.Name = `O'Brien"; DROP TABLE devices;-- <b>&amp;` })
			if err := d.Enroll(); err != nil {
				t.Fail("a device named "+d.Identity().Name+" to enroll", err.Error())
			}
			d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the first one is SES-01's
			d.Survived(d.Sync(dmclient.SyncOptions{}), "a device's name with quotes and angle brackets")
		}},
	{ID: "SEC-15", Level: report.Should, Title: "errors say nothing of the inside",
		Rule:    "The answer to broken input holds no stack trace and no path of a source file.",
		Source:  "CWE-209",
		Fix:     "Answer errors with a fixed text, and log the rest.",
		Mutants: []string{"sec-trace"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, body := range []string{"hello, server", "<SyncML", messageOf(d, "<Alert>")} {
				ex := d.Post(fmt.Sprintf("the body %q", suite.Show(body)), syncml.MediaType, body, dmclient.SyncOptions{})
				if m := inside.Find(ex.Response); m != nil {
					t.Fail("an error that says nothing of the server's inside", string(m))
				}
			}
		}},
}

// inside is what traces of the common languages look like.
var inside = regexp.MustCompile(`goroutine \d+ \[|[\w/]+\.go:\d+|Traceback \(most recent|File "[^"]+", line \d+|\bat [\w.$]+\([\w.]+:\d+\)|\.cs:line \d+|\bin /[\w/]+\.php|/node_modules/`)

// entities sends a message with an external entity that leads to a trap, and
// one whose entities grow to a gigabyte.
func entities(t *T) {
	d := t.Enrolled()
	d.First()
	trap := t.Trap()
	whole := messageOf(d, `<Alert><CmdID>2</CmdID><Data>&x;</Data></Alert>`)
	bearsInput(d, "an external entity", `<!DOCTYPE SyncML [<!ENTITY x SYSTEM "http://`+trap.Addr+`/x">]>`+whole)
	bearsInput(d, "an external DTD", `<!DOCTYPE SyncML SYSTEM "http://`+trap.Addr+`/dtd">`+strings.Replace(whole, "&x;", "1201", 1))
	t.Expect(trap.Caught(), "connections to the host that an entity named").To(BeZero())
	var b strings.Builder
	b.WriteString(`<!DOCTYPE SyncML [<!ENTITY a0 "0123456789">`)
	for i := range 8 {
		fmt.Fprintf(&b, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	bearsInput(d, "entities that grow", b.String()+`<!ENTITY x "&a8;">]>`+whole)
}

// refused fails unless a session was turned away in one of the ways that the
// standard knows.
func turnedAway(t *T, s *dmclient.Session, what string) {
	t.Exchanges(s)
	if len(s.Exchanges) == 0 {
		t.NotApplicable("the session could not be tried: %v", s.Err)
	}
	turnsAway(t, s.Exchanges[0], what)
}

// turnsAway fails unless a message was answered by TLS, HTTP or SyncML as that
// of somebody who is not let in.
func turnsAway(t *T, ex *dmclient.Exchange, what string) {
	switch {
	case ex.Err != nil && strings.Contains(ex.Err.Error(), "tls:"):
		return
	case ex.Err != nil:
		t.Fail(what+" to be refused by TLS, HTTP or SyncML", "the connection broke without an answer: "+ex.Err.Error())
	case ex.Status >= 400 && ex.Status < 500:
		return
	case ex.Status >= 500:
		t.Fail(what+" to be refused with 4xx", fmt.Sprintf("HTTP status %d", ex.Status))
	}
	if m, err := syncml.Read(ex.Response); err == nil {
		c := hdrStatus(m).Code()
		if (c == syncml.InvalidCredential || c == syncml.MissingCredential || c == syncml.Forbidden) && !m.HasCommands() {
			return
		}
	}
	t.Fail(what+" to be refused", fmt.Sprintf("HTTP status %d and an answer of %d bytes, as to any device", ex.Status, len(ex.Response)))
}
