package scenarios

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionWork are the SES scenarios about the server's commands and the device's
// answers.
var sessionWork = []Scenario{
	{ID: "SES-18", Level: report.Must, Needs: []Need{NeedWork}, Title: "a Get answered with 404 does not stall the rest",
		Rule:    "404 says that the node of one command does not exist. Commands queued after it are sent anyway.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 404",
		Fix:     "Record 404 as the command's result, and go on with the next command.",
		Mutants: []*mutants.Mutant{mutants.Ses404Stalls},
		Under:   []string{"SES-44"},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			missing := lab.Command{Verb: syncml.Get, LocURI: "./Vendor/MSFT/NoSuchNode/AtAll"}
			if t.QueueTakes(missing) {
				runsToEnd(d, deliver(d, missing), "a Get answered with 404")
			} else {
				d.First()
				d.AddFault(w.Answered(syncml.NotFound))
				runsToEnd(d, gives(d, w), "a command answered with 404")
				d.ClearFaults()
			}
			from := d.SessionCount()
			w.Give(d)
			if w.Bringing(d, from) == nil {
				w.NeedMore(d)
				t.Fail(w.String()+" that was given after a command was answered with 404, in one of the next two sessions", "no such command")
			}
		}},
	{ID: "SES-20", Level: report.Must, Needs: []Need{NeedWork}, Profile: "win11", Title: "202, and the result in an Alert later",
		Rule:    "A command answered with 202 is still running. The session completes, the command is not sent again, and the Alert 1226 that later carries its result gets a Status.",
		Source:  "MS-MDM 2.2.7.2, 3.1.5.1.5; Learn, \"Enterprise app management\"",
		Fix:     "Treat 202 as in progress, answer Alert 1226 with a Status, and do not send the command again.",
		Mutants: []*mutants.Mutant{mutants.Ses202Fails, mutants.Ses202Again, mutants.Ses1226Fails},
		Under:   []string{"SES-09", "PSH-02", "PSH-07", "PSH-12"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			if !t.QueueTakes(installation("1.0.0.0")...) {
				inProgress(d)
				return
			}
			from := d.SessionCount()
			exec := install(t, d, "1.0.0.0")
			awaitInstalled(t, d, from, delivered(d, from, exec))
		}},
	{ID: "SES-42", Level: report.Must, Uses: []Need{NeedWork}, Title: "Results without MsgRef belong to message 1",
		Rule:    "A device may leave MsgRef out of Results. They then answer a command of message 1, and the session completes.",
		Source:  "MS-MDM 2.2.7.8; OMA SyncML RepPro 1.2.2, MsgRef",
		Fix:     "Treat a missing MsgRef in Results as 1.",
		Mutants: []*mutants.Mutant{mutants.SesResultsMsgRef},
		Run: func(t *T) {
			d := t.Enrolled()
			if code := hdrStatus(d.First().Received[0]).Code(); !t.Lab.Config.Target.Shared() && (code == syncml.MissingCredential || code == syncml.InvalidCredential) {
				// The server's first message is a challenge, unless the device
				// shows its credential unasked.
				d = t.DeviceWith(func(c *dmclient.Config) { c.Profile.Quirks.SendsCred = true })
				enrolls(d)
			}
			d.AddFault(implicitMsgRef)
			s := runsToEnd(d, busy(d), "Results without MsgRef")
			for _, m := range s.Sent {
				for _, c := range m.Body {
					if c.Verb == syncml.Results && c.MsgRef == "" {
						return
					}
				}
			}
			if t.CanWork() && t.Work().Has(syncml.Get) && t.Work().Times(s) == 0 {
				t.Blocked(suite.By(suite.Delivers), "the session did not bring %s", t.Work())
			}
			t.NotApplicable("the server's first message in the session had no Get of a node that the device has")
		}},
}

// implicitMsgRef makes a device omit MsgRef 1 from Results.
var implicitMsgRef = rewrite(func(m *syncml.Message) {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Results && c.MsgRef == "1" {
			c.MsgRef = ""
		}
	}
})

const testApp = "dmwake.App_8wekyb3d8bbwe"

var (
	appPackage = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/" + url.PathEscape(testApp)
	appNode    = appPackage + "/HostedInstall"
)

// install queues the installation of an app as Learn describes it: Add of the
// package family name, then Exec of HostedInstall. An update takes the same two
// commands, because the device removes the node of an installed app. It returns the
// Exec.
func install(t *T, d *Device, version string) lab.Command {
	list := installation(version)
	for _, c := range list {
		t.Queue(d, c)
	}
	return list[1]
}

// installation are the commands of install.
func installation(version string) []lab.Command {
	return []lab.Command{{Verb: syncml.Add, LocURI: appPackage, Format: "node"},
		{Verb: syncml.Exec, LocURI: appNode, Format: "xml", Data: `<Application PackageUri="https://apps.example/dmwake.App_` + version + `_x64.appx"/>`}}
}

// inProgress has the device answer any work with 202, and report its result later.
func inProgress(d *Device) {
	t, w := d.T, d.T.Work()
	d.AddFault(w.Answered(syncml.Accepted))
	from := d.SessionCount()
	s := gives(d, w)
	runsToEnd(d, s, "a command that the device answered with 202")
	d.ClearFaults()
	_, node, _ := strings.Cut(w.Served(s), " ")
	result := syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertGeneric), Items: []syncml.Item{{
		Source: syncml.Loc{LocURI: node}, Meta: &syncml.Meta{Type: installResult, Format: "int"}, Data: "0", HasData: true}}}
	told := runsToEnd(d, d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{result}}), "the Alert with the result of a command answered with 202")
	answersResult(t, told)
	d.Sync(dmclient.SyncOptions{})
	t.Expect(w.Times(d.SessionsSince(from)...), "deliveries of %s, which the device answered with 202", w).To(Equal(1))
}

// installResult is the Type of the Alert with the result of an installation.
const installResult = "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseHostedAppInstall.result"

// answersResult fails unless the Alert with a result got a Status in a session.
func answersResult(t *T, told *dmclient.Session) {
	if statusIn(told.Received[answeringPackageOne(told)], alertWith(told, installResult)) == nil {
		t.Fail("a Status for the Alert 1226 with the result of the installation", "none")
	}
}

// awaitInstalled follows the installation that session s brought: one 202, and
// later an Alert with the result, which must get a Status.
func awaitInstalled(t *T, d *Device, mark int, s *dmclient.Session) {
	execs := s.Find(syncml.Exec, "/HostedInstall")
	if len(execs) == 0 {
		t.Blocked(suite.By(suite.Delivers), "the session did not bring the queued Exec")
	}
	if code := execs[0].Code; code != syncml.Accepted {
		added := len(s.Find(syncml.Add, appPackage[1:])) > 0
		t.Blocked(suite.By(suite.Delivers, "PSH-09"), "the device answered the installation with %d instead of 202 (Add of the node arrived: %v)", code, added)
	}
	runsToEnd(d, s, "a command that the device answered with 202")
	carrying := func() *dmclient.Session {
		for _, s := range d.SessionsSince(mark) {
			if alertWith(s, installResult) != nil {
				return s
			}
		}
		return nil
	}
	told := carrying() // a running device reports it by itself
	for range 2 {
		if told == nil {
			d.Sync(dmclient.SyncOptions{})
			told = carrying()
		}
	}
	if told == nil {
		t.Error("the device did not report the result of the installation")
	}
	runsToEnd(d, told, "the Alert with the result of an installation")
	answersResult(t, told)
	d.Sync(dmclient.SyncOptions{})
	n := 0
	for _, s := range d.SessionsSince(mark) {
		n += len(s.Find(syncml.Exec, "/HostedInstall"))
	}
	t.Expect(n, "Execs of the installation").To(Equal(1))
}

// alertWith returns the Alert 1226 of a type in a session's package 1, also when
// package 1 was sent again after a challenge.
func alertWith(s *dmclient.Session, kind string) *syncml.Command {
	if len(s.Sent) == 0 {
		return nil
	}
	body := s.Sent[answeringPackageOne(s)].Body
	k := slices.IndexFunc(body, func(c syncml.Command) bool {
		return c.Verb == syncml.Alert && c.Code() == syncml.AlertGeneric && len(c.Items) > 0 && c.Items[0].Meta != nil && strings.Contains(c.Items[0].Meta.Type, kind)
	})
	if k < 0 {
		return nil
	}
	return &body[k]
}
