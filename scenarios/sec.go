package scenarios

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// security are the SEC scenarios.
var security = []Scenario{
	{ID: "SEC-01", Level: report.Must, Title: "no certificate and no credential is refused",
		Rule:   "The management endpoint serves nobody who does not prove which device he is: TLS refuses him, or HTTP 4xx, or Status 401 or 407 for SyncHdr and no command.",
		Source: "MS-MDM 5.1; MS-MDE2 5.1; fleet issues 14626, 46197",
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.refused(d.Sync(dmclient.SyncOptions{NoCertificate: true}), "a session without a certificate")
		}},
	{ID: "SEC-02", Level: report.Must, Title: "a certificate of another CA is refused",
		Rule:   "Only certificates that the server's own CA issued identify a device.",
		Source: "MS-MDM 5.1; RFC 5280 6.1",
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			cert, err := t.Lab.CA.ClientCert(d.Identity().DeviceID)
			if err != nil {
				t.NotApplicable("%v", err)
			}
			t.refused(d.Sync(dmclient.SyncOptions{Certificate: cert}), "a session with a certificate of another CA that names the same device")
		}},
	{ID: "SEC-03", Level: report.Must, Title: "device A's certificate with device B's Source is refused",
		Rule:   "The Source of a message is the device whose certificate the connection presents.",
		Source: "MS-MDM 5.1; fleet issues 14626, 46197",
		Run: func(t *T) {
			a, b := t.Enrolled(), t.Enrolled()
			a.First()
			b.First()
			t.refused(a.Sync(dmclient.SyncOptions{Source: b.Identity().DeviceID}), "a session of device A in the name of device B")
		}},
}

// refused fails unless a session was turned away in one of the ways that the
// standard knows.
func (t *T) refused(s *dmclient.Session, what string) {
	t.exchanges(s)
	if len(s.Exchanges) == 0 {
		t.NotApplicable("the session could not be tried: %v", s.Err)
	}
	ex := s.Exchanges[0]
	switch {
	case ex.Err != nil && strings.Contains(ex.Err.Error(), "tls:"):
		return
	case ex.Err != nil:
		t.Fail(what+" to be refused by TLS, HTTP or SyncML", "the connection broke without an answer: "+ex.Err.Error())
	case ex.Status >= 400 && ex.Status < 500:
		return
	case ex.Status >= 500:
		t.Fail(what+" to be refused with 4xx", fmt.Sprintf("HTTP status %d", ex.Status))
	case len(s.Received) > 0:
		m := s.Received[0]
		for _, st := range statuses(m) {
			if c := st.Code(); st.CmdRef == "0" && (c == syncml.InvalidCredential || c == syncml.MissingCredential || c == syncml.Forbidden) && !m.HasCommands() {
				return
			}
		}
	}
	t.Fail(what+" to be refused", fmt.Sprintf("HTTP status %d, and the session went on: %s", ex.Status, s.End))
}

// robustness are the ROB scenarios.
var robustness = []Scenario{
	{ID: "ROB-01", Level: report.Must, Title: "what is no SyncML gets an error, not a crash",
		Rule:   "An empty body, text, truncated XML, a wrong root and a wrong namespace are answered with 4xx or a SyncML status: no hang, no dropped connection, no 5xx.",
		Source: "RFC 9110 15.5; OMA DM Protocol 1.2.1 section 10",
		Run:    brokenInput},
	{ID: "ROB-09", Level: report.Must, Title: "after a message that was cut off the next session is clean",
		Rule:   "A connection that breaks in the middle of a message leaves nothing behind: the device's next session runs as ever.",
		Source: "OMA DM Protocol 1.2.1 section 8",
		Run: func(t *T) {
			d := t.Enrolled()
			whole := d.First().Exchanges[0].Request
			if err := d.Cut(t.ctx, whole, len(whole)/2, t.Lab.Config.Timeouts.Push); err != nil {
				t.NotApplicable("the connection could not be cut: %v", err)
			}
			s := d.Sync(dmclient.SyncOptions{})
			t.exchanges(s)
			if err := broken(s); err != nil {
				t.Fail("a clean session after the cut", err.Error())
			}
			t.Expect(len(s.Received), "messages of the server in the session after the cut").To(BeNumerically(">", 0))
		}},
}

func brokenInput(t *T) {
	d := t.Enrolled()
	whole := string(d.First().Exchanges[0].Request)
	for _, c := range []struct{ what, body string }{
		{"an empty body", ""},
		{"a body that is no XML", "hello, server"},
		{"a truncated message", whole[:len(whole)*2/3]},
		{"another root element", `<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/></Envelope>`},
		{"another namespace", strings.Replace(whole, syncml.Namespace, "urn:not:syncml", 1)},
	} {
		ex := d.Post(t.ctx, syncml.MediaType, strings.NewReader(c.body), int64(len(c.body)), dmclient.SyncOptions{})
		want := "4xx or a SyncML message in answer to " + c.what
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
		t.Evidence("%s: HTTP status %d", c.what, ex.Status)
	}
}
