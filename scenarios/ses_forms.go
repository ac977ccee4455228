package scenarios

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionForms are the SES scenarios about large, late, concurrent and
// differently encoded messages.
var sessionForms = []Scenario{
	{ID: "SES-19", Level: report.Must, Needs: []Need{NeedQueue}, On: "small", Title: "Results in several messages are put together",
		Rule:    "A result that is larger than the server's MaxMsgSize comes in parts, each but the last with MoreData, in messages of one package. The server asks for the next by Alert 1222, or goes on, and the session runs to its end.",
		Source:  "OMA SyncML RepPro 1.2.2 section 5.4 (MoreData); OMA DM Protocol 1.2.1 section 6.2",
		Fix:     "Answer a message without Final by Alert 1222, and put items with MoreData together.",
		Mutants: []string{"ses-chunk-refused"},
		Run: func(t *T) {
			d := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "large-objects") })
			enrolls(d)
			const node = "./Vendor/MSFT/VPNv2/dmwake/ProfileXML"
			d.Tree().Provision(node, "<VPNProfile>"+strings.Repeat("<Route/>", 1500)+"</VPNProfile>")
			t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: node})
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Get, node[1:])) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.Survived(s, "Results in parts")
			parts := 0
			for _, m := range s.Sent {
				parts += len(slices.DeleteFunc(slices.Clone(m.Body), func(c syncml.Command) bool {
					return c.Verb != syncml.Results || len(c.Items) == 0 || len(c.Items[0].Data) < 100
				}))
			}
			if parts < 2 {
				t.NotApplicable("the server's MaxMsgSize lets 12,000 characters into one message")
			}
			last := s.Sent[len(s.Sent)-1].Body
			k := slices.IndexFunc(last, func(c syncml.Command) bool { return c.Verb == syncml.Results })
			if k < 0 || last[k].Items[0].MoreData {
				t.Fail("to be asked for all parts of the result", fmt.Sprintf("the session ended after %d of them: %s", parts, s.End))
			}
		}},
	{ID: "SES-20", Level: report.Must, Needs: []Need{NeedQueue}, Profile: "win11", Title: "202, and the result in an Alert later",
		Rule:    "A command that is answered 202 goes on by itself. The session runs to its end, the command is not sent again, and the Alert 1226 that brings its result later gets a Status.",
		Source:  "MS-MDM 2.2.7.2, 3.1.5.1.3; Learn, \"Enterprise app management\"",
		Fix:     "Note 202 as under way, answer Alert 1226 with a Status, and keep the command from being sent again.",
		Mutants: []string{"ses-202-fails", "ses-202-again", "ses-1226-fails"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			m := d.SessionCount()
			install(t, d, "1.0.0.0")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			awaitInstalled(t, d, m, s)
		}},
	{ID: "SES-27", Level: report.Should, Needs: []Need{NeedQueue}, Title: "the device's MaxMsgSize is honoured",
		Rule:    "A device that names a MaxMsgSize gets no larger message; what does not fit comes in the next.",
		Source:  "OMA SyncML RepPro 1.2.2, MaxMsgSize; MS-MDM 2.2.5.1",
		Fix:     "Stop adding commands when MaxMsgSize is near, and send the rest in the next message.",
		Mutants: []string{"ses-max-size"},
		Run: func(t *T) {
			const most = 5000
			d := t.Enrolled()
			d.First()
			d.AddFault(rewrite(func(m *syncml.Message) { m.Hdr.Meta = &syncml.Meta{MaxMsgSize: strconv.Itoa(most)} }))
			for i := range 4 {
				t.Queue(d, lab.Command{Verb: syncml.Replace, LocURI: "./DevDetail/Ext/Microsoft/DeviceName", Format: "chr", Data: strings.Repeat(strconv.Itoa(i), 1800)})
			}
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			got := len(s.Find(syncml.Replace, "/DeviceName"))
			if got == 0 {
				t.NotApplicable("what was queued was not in the session (see PSH-01)")
			}
			for i, ex := range s.Exchanges {
				t.Expect(len(ex.Response), "bytes of the server's message %d to a device whose MaxMsgSize is %d", i+1, most).To(BeNumerically("<=", most))
			}
			t.Expect(got, "the four queued commands in the session").To(Equal(4))
		}},
	{ID: "SES-28", Level: report.Should, Title: "query, HTTP/2 and encoding",
		Rule:    "The query that Windows adds, mode and Platform, does not matter; a device that speaks HTTP/2 is served as well; and no reply is compressed, which no device asked for.",
		Source:  "MS-MDM 2.1; RFC 9110 12.5.3; seen on Windows",
		Fix:     "Route by path without the query, and compress only where Accept-Encoding asks for it.",
		Mutants: []string{"ses-gzip", "ses-query-mode"},
		Run: func(t *T) {
			d := t.Enrolled()
			for i, ex := range d.Sessions()[0].Exchanges {
				t.Expect(ex.Reply.Get("Content-Encoding"), "Content-Encoding of reply %d", i+1).To(BeEmpty())
			}
			d.First()
			d.SetLogin(dmclient.LoginNone) // mode=Machine
			machine := d.Sync(dmclient.SyncOptions{})
			d.Survived(machine, "mode=Machine in the query")
			if t.Lab.Config.Target.Shared() {
				return
			}
			modern := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "http2") })
			enrolls(modern)
			s := modern.Sync(dmclient.SyncOptions{})
			modern.Survived(s, "offering HTTP/2")
			for i, ex := range s.Exchanges {
				t.Evidence("message %d: %s", i+1, ex.Proto)
			}
		}},
	{ID: "SES-33", Level: report.Should, On: "wbxml", Title: "WBXML is answered in WBXML",
		Rule:    "A server whose document says DEFAULTENCODING application/vnd.syncml.dm+wbxml reads WBXML and answers in it.",
		Source:  "Learn, \"w7 APPLICATION CSP\", DEFAULTENCODING; OMA SyncML HTTP binding",
		Fix:     "Answer in the encoding of the request's Content-Type.",
		Mutants: []string{"ses-wbxml-xml"},
		Run: func(t *T) {
			d := t.Enrolled()
			asked := d.Provisioning() != nil && strings.EqualFold(d.Provisioning().App.Parms["DEFAULTENCODING"], syncml.MediaTypeWBXML)
			if !asked {
				t.NotApplicable("DEFAULTENCODING of the document is not %s", syncml.MediaTypeWBXML)
			}
			s := d.First()
			for i, ex := range s.Exchanges {
				if len(ex.Response) > 0 {
					t.Expect(ex.Reply.Get("Content-Type"), "Content-Type of reply %d to a message in WBXML", i+1).To(HavePrefix(syncml.MediaTypeWBXML))
				}
			}
			d.Survived(s, "messages in WBXML")
		}},
	{ID: "SES-34", Level: report.Must, Title: "two sessions of one device at once do not mix",
		Rule:    "A device that opens a second session before the first ended gets in each what belongs to it, or the older one is refused with 4xx; never a reply in the name of the other.",
		Source:  "MS-MDM 2.2.3.8; OMA DM Protocol 1.2.1 section 8",
		Fix:     "Keep sessions by device and SessionID, or refuse messages of one that a newer replaced.",
		Mutants: []string{"ses-mixed"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for _, step := range [][2]string{{"A1", "1"}, {"B2", "1"}, {"A1", "2"}, {"B2", "2"}} {
				body := ""
				if step[1] == "2" {
					body = `<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>`
				}
				whole := strings.NewReplacer("<SessionID>9<", "<SessionID>"+step[0]+"<", "<MsgID>1<", "<MsgID>"+step[1]+"<").Replace(messageOf(d, body))
				ex := d.Post("message "+step[1]+" of session "+step[0], syncml.MediaType, whole, dmclient.SyncOptions{})
				what := "message " + step[1] + " of session " + step[0]
				switch {
				case ex.Err != nil:
					t.Fail("an answer to "+what, ex.Err.Error())
				case ex.Status >= 500:
					t.Fail("an answer or 4xx to "+what, fmt.Sprintf("HTTP status %d", ex.Status))
				case ex.Status != http.StatusOK || len(ex.Response) == 0:
					if step[1] == "1" {
						t.NotApplicable("%s was answered with HTTP status %d and %d bytes", what, ex.Status, len(ex.Response))
					}
					continue
				}
				m, err := syncml.Read(ex.Response)
				if err != nil {
					t.Fail("a SyncML message in answer to "+what, err.Error())
				}
				t.Expect(m.Hdr.SessionID, "SessionID of the answer to %s", what).To(Equal(step[0]))
			}
		}},
	{ID: "SES-35", Level: report.Should, On: "limited", Title: "429 says when to come again",
		Rule:    "A server that has enough of a device's sessions answers 429 with Retry-After; the device waits that long.",
		Source:  "MS-MDM 3.1.6; RFC 6585 section 4",
		Fix:     "Send Retry-After with 429.",
		Mutants: []string{"ses-429-bare"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			for i := range 20 {
				whole := strings.Replace(messageOf(d, ""), "<SessionID>9<", fmt.Sprintf("<SessionID>%X<", 0x40+i), 1)
				ex := d.Post(fmt.Sprintf("session %X", 0x40+i), syncml.MediaType, whole, dmclient.SyncOptions{})
				if ex.Status != http.StatusTooManyRequests {
					continue
				}
				v := ex.Reply.Get("Retry-After")
				_, err := strconv.Atoi(v)
				if _, at := http.ParseTime(v); err != nil && at != nil {
					t.Fail("429 with a Retry-After of seconds or a date", suite.Show(v))
				}
				return
			}
			t.NotApplicable("20 sessions one after the other were not answered with 429")
		}},
	{ID: "SES-39", Level: report.Should, Title: "a wrong version, and a package that is not complete",
		Rule:    "A message of another VerDTD or VerProto is answered 505 or 513 (or 4xx). A message without Final is one of several: the server sends no commands of its own before the last.",
		Source:  "OMA SyncML RepPro 1.2.2, VerDTD, VerProto; OMA DM Protocol 1.2.1 section 6.2",
		Fix:     "Compare VerDTD and VerProto first; send no command before a message with Final came.",
		Mutants: []string{"ses-any-version", "ses-part-commands"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "wrong-version")
			s := d.Sync(dmclient.SyncOptions{})
			t.Exchanges(s)
			if len(s.Exchanges) == 0 {
				t.NotApplicable("no session could be tried: %v", s.Err)
			}
			if st := s.Exchanges[0].Status; st < 400 || st >= 500 {
				t.Managed(s)
				hdr := hdrStatus(s.Received[0])
				told := hdr.Code() == syncml.DTDNotSupported || hdr.Code() == syncml.ProtoNotSupported
				t.Expect(told, "Status %s for SyncHdr in answer to VerDTD 1.1 and VerProto DM/1.1 being 505 or 513", suite.Show(hdr.Data)).To(BeTrue())
			}
			d.ClearFaults()
			t.Misbehaves(d, "no-final")
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			for _, c := range s.Received[0].Body {
				if !c.Verb.IsReply() && c.Verb != syncml.Alert {
					t.Fail("no command in answer to a message without Final", fmt.Sprintf("%s with CmdID %s", c.Verb, c.CmdID))
				}
			}
		}},
	{ID: "SES-42", Level: report.Must, Title: "Results without MsgRef are of message 1",
		Rule:    "A device may leave MsgRef out of Results; they then answer a command of message 1, and the session runs to its end.",
		Source:  "MS-MDM 2.2.7.8; OMA SyncML RepPro 1.2.2, MsgRef",
		Fix:     "Read a MsgRef that is missing in Results as 1.",
		Mutants: []string{"ses-results-msgref"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(implicitMsgRef)
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			d.Survived(s, "Results without MsgRef")
			for _, m := range s.Sent {
				for _, c := range m.Body {
					if c.Verb == syncml.Results && c.MsgRef == "" {
						return
					}
				}
			}
			t.NotApplicable("the server's first message asked for nothing")
		}},
}

// implicitMsgRef lets a device leave MsgRef out of Results where it is 1.
var implicitMsgRef = rewrite(func(m *syncml.Message) {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Results && c.MsgRef == "1" {
			c.MsgRef = ""
		}
	}
})

// enrolls enrolls a device that was made in a way of its own.
func enrolls(d *Device) {
	if err := d.Enroll(); err != nil {
		d.T.NotApplicable("no device could be enrolled: %v (see the ENR scenarios)", err)
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
}

const testApp = "dmwake.App_8wekyb3d8bbwe"

var appNode = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/" + url.PathEscape(testApp) + "/HostedInstall"

// install queues the installation of an app, as Learn describes it: Add of the
// node, Exec with what to install.
func install(t *T, d *Device, version string) {
	if version == "1.0.0.0" {
		t.Queue(d, lab.Command{Verb: syncml.Add, LocURI: appNode})
	}
	t.Queue(d, lab.Command{Verb: syncml.Exec, LocURI: appNode, Format: "xml", Data: `<Application PackageUri="https://apps.example/dmwake.App_` + version + `_x64.appx"/>`})
}

// installed follows an installation that s was asked for: 202 once, and later an
// Alert with the result that gets a Status.
func awaitInstalled(t *T, d *Device, mark int, s *dmclient.Session) {
	execs := s.Find(syncml.Exec, "/HostedInstall")
	if len(execs) == 0 {
		t.NotApplicable("the queued Exec was not in the session (see PSH-01)")
	}
	t.Expect(execs[0].Code, "the device's answer to the installation").To(Equal(syncml.Accepted))
	d.Survived(s, "a command that answers 202")
	carries := func(s *dmclient.Session) bool { return alertWith(s, "EnterpriseHostedAppInstall.result") != nil }
	told, err := d.AwaitSession(t.Context(), mark, t.Lab.Config.Timeouts.Push, carries)
	if err != nil {
		told = d.Sync(dmclient.SyncOptions{})
		if !carries(told) {
			t.NotApplicable("the device has not installed the app yet")
		}
	}
	d.Survived(told, "the Alert with the result of an installation")
	t.Managed(told)
	alert := alertWith(told, "EnterpriseHostedAppInstall.result")
	k := slices.IndexFunc(statuses(told.Received[0]), func(st syncml.Command) bool { return st.CmdRef == alert.CmdID })
	if k < 0 {
		t.Fail("a Status for the Alert 1226 that brings the result of the installation", "none")
	}
	d.Sync(dmclient.SyncOptions{})
	n := 0
	for _, s := range d.SessionsSince(mark) {
		n += len(s.Find(syncml.Exec, "/HostedInstall"))
	}
	t.Expect(n, "times the installation was sent").To(Equal(1))
}

// alertWith is the Alert 1226 of a type in a session's first message.
func alertWith(s *dmclient.Session, kind string) *syncml.Command {
	if len(s.Sent) == 0 {
		return nil
	}
	for i := range s.Sent[0].Body {
		c := &s.Sent[0].Body[i]
		if c.Verb == syncml.Alert && c.Code() == syncml.AlertGeneric && len(c.Items) > 0 && c.Items[0].Meta != nil && strings.Contains(c.Items[0].Meta.Type, kind) {
			return c
		}
	}
	return nil
}

// certificate is the device's certificate in DER.
func certificateOf(d *Device) []byte { return bytes.Clone(d.Certificate().Certificate[0]) }
