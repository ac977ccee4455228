package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// userNode is a node in the user's scope that no server asks for on its own.
const userNode = "./User/Vendor/MSFT/Policy/Result/Browser"

// sessionAlerts are the SES scenarios about the device's Alerts: login status,
// unenrollment, aborted sessions.
var sessionAlerts = []Scenario{
	{ID: "SES-21", Level: report.Should, Uses: []Need{NeedWork}, Title: "nobody logged in: no commands for ./User",
		Rule:    "LoginStatus none says that no user is logged in. The device would answer a command for ./User with 405.",
		Source:  "Learn, \"OMA DM protocol support\", user targeted settings; fleet issue 49250",
		Fix:     "Check the LoginStatus alert before you send commands for ./User.",
		Mutants: []*mutants.Mutant{mutants.SesUserAlways},
		Run:     func(t *T) { sparesUser(t, dmclient.LoginNone) }},
	{ID: "SES-60", Level: report.Should, Uses: []Need{NeedWork}, Title: "another user logged in: no commands for ./User",
		Rule:    "LoginStatus others says that the user who is logged in has no MDM account. Only settings of the device can be applied.",
		Source:  "Learn, \"OMA DM protocol support\", user targeted settings",
		Fix:     "Send commands for ./User only if LoginStatus is user.",
		Mutants: []*mutants.Mutant{mutants.SesUserOthers},
		Under:   []string{"SES-21"},
		Run:     func(t *T) { sparesUser(t, dmclient.LoginOthers) }},
	{ID: "SES-22", Level: report.Should, Needs: []Need{NeedWork}, Title: "405 for ./User: no retry in the same session",
		Rule:    "A command for ./User answered with 405 because nobody is logged in is sent at most once in a session. The server may also hold it back until a user logs in.",
		Source:  "Learn, \"OMA DM protocol support\"; fleet issue 49250",
		Fix:     "Record 405 as the command's result for this session. Try again in a later session whose LoginStatus is user.",
		Mutants: []*mutants.Mutant{mutants.Ses405Loop},
		Under:   []string{"PSH-12"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.SetLogin(dmclient.LoginNone)
			from := d.SessionCount()
			user := lab.Command{Verb: syncml.Get, LocURI: userNode}
			if !t.QueueTakes(user) {
				refusedForUser(d)
				return
			}
			t.Queue(d, user)
			s := d.Sync(dmclient.SyncOptions{})
			got := s.Find(syncml.Get, userNode[1:])
			t.Expect(len(got), "Gets of ./User in one session without a user").To(BeNumerically("<=", 1))
			if len(got) == 1 {
				return
			}
			if len(s.Received) == 0 {
				t.Blocked(suite.By("SES-28", string(suite.Talks)), "the session without a user got no reply that could be read: %s", suite.Unread(s))
			}
			d.SetLogin(dmclient.LoginUser) // if it comes now, the server held it back
			delivered(d, from, user)
		}},
	{ID: "SES-24", Level: report.Must, Title: "an Alert of an unknown type gets a Status",
		Rule:    "An Alert whose type the server does not know is answered with a Status, whatever its code. So are the commands after it, and the session goes on.",
		Source:  "MS-MDM 2.2.6.1; OMA DM Protocol 1.2.1 section 8.7",
		Fix:     "Answer an Alert of an unknown type with a Status (415 for 1226, 406 for 1224) and go on.",
		Mutants: []*mutants.Mutant{mutants.SesUnknownAlert, mutants.SesUnknownSilent},
		Under:   []string{"SES-09"},
		Run: func(t *T) {
			for _, code := range []int{syncml.AlertGeneric, syncml.AlertClientEvent} {
				what := fmt.Sprintf("Alert %d of an unknown type", code)
				t.Try(what, func() {
					d := t.Next()
					d.First()
					before := unansweredOf(d.Sync(dmclient.SyncOptions{}))
					s := runsToEnd(d, d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{unknownAlert(code)}}), "an Alert of an unknown type")
					at := answeringPackageOne(s)
					for i := range s.Sent[at].Body {
						c := &s.Sent[at].Body[i]
						switch {
						case c.Verb.IsReply() || statusIn(s.Received[at], c) != nil:
						case isUnknown(c) && slices.ContainsFunc(before, func(other string) bool { return strings.HasPrefix(other, string(syncml.Alert)) }):
							t.Blocked(suite.By("SES-09"), "the server does not answer Alerts of known types with a Status either")
						case isUnknown(c):
							t.Fail("a Status for the Alert of an unknown type", "none")
						case slices.Contains(before, nameOf(c)): // unanswered even without such an Alert: SES-09 judges that
						default:
							t.Fail("a Status for each command in a message with an Alert of an unknown type", fmt.Sprintf("none for %s with CmdID %s", c.Verb, c.CmdID))
						}
					}
				})
			}
		}},
	{ID: "SES-25", Level: report.Must, Ends: true, Title: "unenrollment by the user is acknowledged",
		Rule:    "Alert 1226 of type com.microsoft:mdm.unenrollment.userrequest is answered with a success Status: the device leaves management.",
		Source:  "MS-MDM 2.2.7.2; Learn, \"Disconnecting from MDM\"",
		Fix:     "Answer the Alert with 200, then stop managing the device.",
		Mutants: []*mutants.Mutant{mutants.SesUnenroll404, mutants.SesAlertCmd},
		Under:   []string{"SES-09", "SES-37", "SES-48"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s, err := d.Unenroll(t.Context())
			if s == nil {
				t.Error("the session in which the user disconnects could not be held: %v", err)
			}
			if len(s.Received) == 0 {
				t.Exchanges(s)
				t.ControlReply()
				t.Fail("a reply to the session in which the user disconnects", suite.Unread(s))
			}
			at := answeringPackageOne(s)
			for i := range s.Sent[at].Body {
				c := &s.Sent[at].Body[i]
				if c.Verb != syncml.Alert || c.Code() != syncml.AlertGeneric {
					continue
				}
				st := statusIn(s.Received[at], c)
				if st == nil {
					t.Fail("a Status for the unenrollment Alert", "none")
				}
				if why := misnames(st, c); why != "" {
					t.Fail("a Status for the unenrollment Alert, with Cmd Alert", why)
				}
				t.Check(syncml.Success(st.Code()), "a success Status, such as 200, for the unenrollment Alert", suite.Show(st.Data))
				return
			}
			t.Error("the device sent no unenrollment Alert")
		}},
	{ID: "SES-26", Level: report.Must, Uses: []Need{NeedWork}, Title: "Alert 1223 ends the session; the next one is clean",
		Rule:    "A reply to Alert 1223 has a Status for SyncHdr and one for the Alert, and no command, even if there is new work. The next session is an ordinary one.",
		Source:  "OMA DM Protocol 1.2.1 section 8.1; seen on devices",
		Fix:     "Answer Alert 1223 with Statuses only, then drop the session and nothing else.",
		Mutants: []*mutants.Mutant{mutants.SesAbortWedge, mutants.SesAbortCommands, mutants.SesAbortQueued, mutants.SesAbortSilent},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			quits := &abortsBusy{}
			if t.CanWork() {
				w := t.Work()
				quits.more = func() { w.TryGive(d) } //nolint:errcheck // without more work there is less to see
			}
			d.AddFault(quits)
			s := busy(d)
			d.ClearFaults()
			if !errors.Is(s.Err, dmclient.ErrAbort) {
				t.Managed(s)
				t.NotApplicable("the server sent no commands in the session, so there was nothing to abort")
			}
			last := s.Exchanges[len(s.Exchanges)-1]
			switch {
			case last.Err != nil:
				t.Control()
				t.Fail("a reply to Alert 1223", last.Err.Error())
			case last.Status >= http.StatusInternalServerError:
				t.Control()
				t.Fail("a reply to Alert 1223", fmt.Sprintf("HTTP status %d", last.Status))
			}
			answersAbort(t, s, last)
			runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a session aborted with Alert 1223")
		}},
	{ID: "SES-63", Level: report.Should, Needs: []Need{NeedPush}, OfPush: true, Ends: true, Title: "no push right after the user left",
		Rule:    "A device that reports its departure still has to remove its account. A server that pushes to see whether it is gone waits a while.",
		Source:  "Learn, \"Disconnecting from MDM\", user-initiated disconnection",
		Fix:     "Do not push when the unenrollment Alert arrives. Wait some minutes, or for the next poll.",
		Mutants: []*mutants.Mutant{mutants.SesLeavePush},
		Run: func(t *T) {
			d := t.WithChannel()
			t.Quiet() // a server may push for another reason
			m := d.Mark()
			s, err := d.Unenroll(t.Context())
			if s == nil || len(s.Received) == 0 {
				t.Blocked(suite.By("SES-25"), "the session in which the user disconnects got no reply: %v", err)
			}
			t.Quiet()
			list := d.Pushes(m)
			for _, e := range list {
				t.Evidence("%s", e)
			}
			t.Expect(len(list), "notifications within %s after the user left", t.Lab.Config.Timeouts.Quiet).To(BeZero())
		}},
}

// answersAbort looks at the reply to the last message of a session, Alert 1223. Some
// servers end sessions with an empty reply: SES-14 and PSH-03 judge those.
func answersAbort(t *T, s *dmclient.Session, last *dmclient.Exchange) {
	m, err := replyOf(last)
	if err != nil {
		return
	}
	if code := hdrStatus(m).Code(); code >= 400 {
		return // a server that asks for a credential with each message; SES-68 judges a refusal
	}
	for _, c := range m.Body {
		if !c.Verb.IsReply() && c.Verb != syncml.Alert {
			t.Fail("no command in the reply to Alert 1223", fmt.Sprintf("%s %s", c.Verb, c.Target()))
		}
	}
	t.Check(hdrStatus(m).Data != "", "a Status for SyncHdr in the reply to Alert 1223", "none")
	sent := s.Sent[len(s.Sent)-1]
	for i := range sent.Body {
		if c := &sent.Body[i]; c.Code() == syncml.AlertSessionAbort && c.Verb == syncml.Alert {
			if statusIn(m, c) == nil && alertUnanswered(s) {
				t.Blocked(suite.By("SES-09"), "the Alerts of package 1 get no Status either")
			}
			t.Check(statusIn(m, c) != nil, "a Status for the Alert in the reply to Alert 1223", "none")
		}
	}
}

// alertUnanswered reports whether an Alert of package 1 got no Status.
func alertUnanswered(s *dmclient.Session) bool {
	at := answeringPackageOne(s)
	return slices.ContainsFunc(s.Sent[at].Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Alert && statusIn(s.Received[at], &c) == nil
	})
}

// abortsBusy ends a session with Alert 1223 in place of its second message, right
// after the server got more work.
type abortsBusy struct{ more func() }

func (*abortsBusy) Fault() string { return "aborts the session, for which there is more work" }

// Gate implements dmclient.Gate.
func (f *abortsBusy) Gate(_ context.Context, _ dmclient.Clock, n int) error {
	if n < 2 {
		return nil
	}
	if f.more != nil {
		f.more()
	}
	return dmclient.ErrAbort
}

// sparesUser fails if a device whose enrolled user is not logged in gets commands for
// ./User.
func sparesUser(t *T, login dmclient.Login) {
	d := t.Enrolled()
	d.First()
	d.SetLogin(login)
	from := d.SessionCount()
	var w *suite.Work
	if t.CanWork() {
		w = t.Work() // it may have commands for ./User
		w.Give(d)
	}
	s := d.Sync(dmclient.SyncOptions{})
	if len(s.Received) == 0 {
		t.Blocked(suite.By("SES-28", string(suite.Talks)), "the session without the enrolled user got no reply that could be read: %s", suite.Unread(s))
	}
	list := d.SessionsSince(from) // a server may have pushed by itself
	for _, s := range list {
		for _, c := range s.Commands {
			if strings.HasPrefix(strings.ToLower(c.LocURI), "./user/") {
				t.Fail("no command for ./User while LoginStatus is "+string(login), fmt.Sprintf("%s of %s, which the device answered with %d", c.Verb, c.LocURI, c.Code))
			}
		}
	}
	if w == nil || w.Times(list...) > 0 {
		return
	}
	d.SetLogin(dmclient.LoginUser) // if it comes now, the server held it back
	if w.Bringing(d, from) == nil {
		w.NeedMore(d)
		t.Blocked(suite.By(suite.Delivers), "%s did not arrive in three sessions", w)
	}
}

// refusedForUser has a device without a user answer any work with 405.
func refusedForUser(d *Device) {
	t, w := d.T, d.T.Work()
	d.AddFault(w.Answered(syncml.NotAllowed))
	from := d.SessionCount()
	w.Give(d)
	s := t.Managed(d.Sync(dmclient.SyncOptions{}))
	n := w.Times(s)
	t.Expect(n, "deliveries of %s in one session without a user", w).To(BeNumerically("<=", 1))
	if n == 1 {
		return
	}
	d.ClearFaults()
	d.SetLogin(dmclient.LoginUser) // if it comes now, the server held it back
	if w.Bringing(d, from) == nil {
		t.Blocked(suite.By(suite.Delivers), "%s did not arrive in three sessions", w)
	}
}

// unknownAlert returns an Alert of a type that no server knows.
func unknownAlert(code int) syncml.Command {
	return syncml.Command{Verb: syncml.Alert, Data: fmt.Sprint(code), Items: []syncml.Item{
		{Meta: &syncml.Meta{Type: "com.dmwake/unknown", Format: "chr"}, Data: "1", HasData: true}}}
}

func isUnknown(c *syncml.Command) bool {
	return len(c.Items) > 0 && c.Items[0].Meta != nil && c.Items[0].Meta.Type == "com.dmwake/unknown"
}

// nameOf identifies a command of package 1, whatever its CmdID.
func nameOf(c *syncml.Command) string { return string(c.Verb) + " " + c.Data }

// unansweredOf returns the commands of a session's package 1 that got no Status.
func unansweredOf(s *dmclient.Session) (out []string) {
	if len(s.Received) == 0 {
		return nil
	}
	at := answeringPackageOne(s)
	for i := range s.Sent[at].Body {
		if c := &s.Sent[at].Body[i]; !c.Verb.IsReply() && statusIn(s.Received[at], c) == nil {
			out = append(out, nameOf(c))
		}
	}
	return out
}

// statusIn returns the Status for a command in a message; nil if there is none.
func statusIn(m *syncml.Message, c *syncml.Command) *syncml.Command {
	for _, st := range statuses(m) {
		if st.CmdRef == c.CmdID {
			return &st
		}
	}
	return nil
}
