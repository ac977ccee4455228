package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const firstReports = "the first public reports of 418 and 500 on this path (seen)"

// anotherPFN is a PFN left on a device by an earlier server.
const anotherPFN = "99999another.app_8wekyb3d8bbwe"

// pfnErrors are the ERR scenarios about the push path. The first four are the
// reports that started this project.
var pfnErrors = []Scenario{
	{ID: "ERR-01", Level: report.Must, Title: "Add of Push answers 418: the server goes on",
		Rule:    "A device that already has Push answers 418 to its Add. The server has the node it wanted: the session goes on and the PFN is set.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Treat 418 for Add of Push as success.",
		Mutants: []*mutants.Mutant{mutants.ErrPush418},
		Under:   []string{"PFN-01"},
		Run: func(t *T) {
			d := preparedDevice(t, "")
			need418(d, "/Push")
			holdSessions(d, 1, "418 for Add of Push")
			sessionsEnded(d, "418 for Add of Push")
			t.Expect(len(d.PFNWrites()), "Add or Replace of .../Push/PFN in the session with the 418 or the next").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-02", Level: report.Must, Title: "Add of the PFN answers 418: the server replaces or reads it",
		Rule:    "A device that already has a PFN answers 418 to its Add. The server cannot know which PFN that is: it writes its own with Replace or reads the node, in that session or the next.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Send Replace of the PFN after 418, or Get it and compare.",
		Mutants: []*mutants.Mutant{mutants.ErrPFN418},
		Under:   []string{"ERR-01"},
		Run: func(t *T) {
			d := preparedDevice(t, anotherPFN)
			need418(d, "/Push/PFN")
			holdSessions(d, 1, "418 for Add of the PFN")
			sessionsEnded(d, "418 for Add of the PFN")
			n := 0
			for _, s := range d.Sessions() {
				n += len(s.Find(syncml.Replace, "/Push/PFN")) + len(s.Find(syncml.Get, "/Push/PFN"))
			}
			t.Expect(n, "Replace or Get of .../Push/PFN in the session with the 418 or the next").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-03", Level: report.Must, Profile: "wp81", Title: "the PFN answers 500: the session ends, no endless retries",
		Rule:    "A phone that cannot register the PFN answers 500. The server records that and does not keep sending it: at most three times in a session.",
		Source:  firstReports + "; the bound is ours",
		Fix:     "Count failed attempts to set the PFN, and leave it for a later session.",
		Mutants: []*mutants.Mutant{mutants.Err500Forever},
		Under:   []string{"ERR-01", "ERR-02"},
		Run: func(t *T) {
			d := unregistrable(t)
			for range 2 {
				d.Sync(dmclient.SyncOptions{})
			}
			need500(d)
			for _, s := range d.Sessions() {
				t.Expect(len(suite.Writes(s)), "attempts to set the PFN in session %s", s.ID).To(BeNumerically("<=", 3))
			}
			sessionsEnded(d, "500 for Replace of the PFN")
		}},
	{ID: "ERR-04", Level: report.Must, Profile: "wp81", Needs: []Need{NeedWork}, Title: "418 and then 500: other commands are unaffected",
		Rule:    "Add of the PFN answers 418, Replace answers 500. Other queued commands are delivered anyway, in that session or the next.",
		Source:  firstReports,
		Fix:     "Send the other commands whatever the device answers for the PFN.",
		Mutants: []*mutants.Mutant{mutants.Err500First},
		Under:   []string{"ERR-01", "ERR-02", "ERR-03", "SES-44"},
		Run: func(t *T) {
			d, w := t.EnrolledOnly(), t.Work()
			hard(d)
			w.Give(d)
			begins(d)
			d.Sync(dmclient.SyncOptions{})
			need500(d)
			t.Expect(w.Times(d.Sessions()...), "deliveries of %s in the two sessions", w).To(BeNumerically(">", 0))
		}},
	{ID: "ERR-05", Level: report.Must, OfPush: true, Needs: []Need{NeedLeave}, Ends: true, Title: "Delete of Push answers 404: the session ends",
		Rule:    "The server wanted Push gone, and it is: the session completes.",
		Source:  "MS-MDM 3.1.5.1.4; OMA DM RepPro 1.2.1 section 10, 404",
		Fix:     "Treat 404 for Delete as success.",
		Mutants: []*mutants.Mutant{mutants.ErrDelete404},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(&dmclient.AnswerWith{Verb: syncml.Delete, Suffix: "/Push", Code: syncml.NotFound})
			t.Hook(t.Lab.Unenroll(t.Context(), d.Device))
			s := d.Sync(dmclient.SyncOptions{})
			if len(s.Find(syncml.Delete, "/Push")) == 0 {
				leavesOtherwise(d, s)
			}
			if last := s.Exchanges[len(s.Exchanges)-1]; len(s.Exchanges) > 1 && last.Status >= 400 && last.Status < 500 && len(s.Find(syncml.Exec, "/Unenroll")) > 0 {
				return // a server need not know a device any more that it sent Unenroll: Windows sends no Status for it
			}
			runsToEnd(d, s, "404 for Delete of Push")
		}},
	{ID: "ERR-06", Level: report.Must, Title: "Get of ChannelURI fails: the session ends, and so does the next",
		Rule:    "A device answers Get of ChannelURI with 404, 405, 406 or 500. Only that one command failed: the session completes, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 10; " + learnCSP,
		Fix:     "Record the status of Get of ChannelURI, and go on.",
		Mutants: []*mutants.Mutant{mutants.ErrChannelFails, mutants.ErrChannelLoop},
		Under:   []string{"ERR-01", "ERR-02"},
		Run: func(t *T) {
			for _, code := range []int{404, 405, 406, 500} {
				t.Try(fmt.Sprint(code), func() {
					var d *Device
					if t.Lab.Config.Target.Shared() {
						d = t.Next()
					} else {
						d = t.EnrolledOnly() // from its first session on
					}
					d.AddFault(&dmclient.AnswerWith{Verb: syncml.Get, Suffix: "/Push/ChannelURI", Code: code})
					from := d.SessionCount()
					s := begins(d)
					if !askedFor(d.SessionsSince(from)) {
						t.Managed(s)
					}
					runsToEnd(d, s, "a failed Get of ChannelURI")
					holdSessions(d, 1, "a failed Get of ChannelURI")
					if !askedFor(d.SessionsSince(from)) {
						needPFN(d)
						t.Blocked(suite.By(suite.AsksURI), "the server did not ask for the channel URI in two sessions")
					}
				})
			}
		}},
	{ID: "ERR-17", Level: report.Must, Profile: "wp81", Only: true, Title: "a later success clears an earlier failure",
		Rule:    "A PFN that could not be registered because the phone had no network is set again once the phone is back online, and works: within the next three sessions.",
		Source:  firstReports + "; the bound is ours",
		Fix:     "Forget earlier failures when the PFN answers 200, and try again in a later session.",
		Mutants: []*mutants.Mutant{mutants.Err500GiveUp},
		Under:   []string{"ERR-01", "ERR-02", "ERR-03"},
		Run: func(t *T) {
			if t.Lab.Config.Target.Push == "none" {
				t.NotApplicable("target.push is none, so the phone has no WNS to register a PFN with")
			}
			d := unregistrable(t)
			need500(d)
			d.SetWNSOffline(false)
			for range 3 {
				d.Sync(dmclient.SyncOptions{})
				if d.ChannelURI() != "" && d.Told() {
					return
				}
			}
			needGoodPFN(d)
			if !askedFor(d.Sessions()) {
				t.Blocked(suite.By(suite.AsksURI), "the server never asks for the channel URI")
			}
			t.Fail("a registered PFN, and a channel URI that the server reads, within three sessions after the network is back",
				fmt.Sprintf("PFN on the device: %s; attempts to set it: %d", suite.Show(d.PFN()), len(d.PFNWrites())))
		}},
}

// preparedDevice returns a device whose Push the server dealt with. Before its first
// session it already had Push, and the given PFN if any, as after an earlier
// enrollment.
func preparedDevice(t *T, pfn string) *Device {
	d := t.EnrolledOnly()
	d.Tree().Provision(d.PushURI(), "")
	if pfn != "" {
		d.Tree().Provision(d.PushURI()+"/PFN", pfn)
	}
	beginsPush(d)
	return d
}

// beginsPush is begins, and one more session if the server left Push alone: it may
// set the PFN in the second session.
func beginsPush(d *Device) {
	if s := begins(d); len(s.Find("", "/Push"))+len(s.Find("", "/Push/PFN")) == 0 {
		d.Sync(dmclient.SyncOptions{})
	}
}

// hard makes a device answer 418 to Add and 500 to Replace of the PFN: it already
// has both nodes, and its WNS client is offline.
func hard(d *Device) {
	d.Tree().Provision(d.PushURI(), "")
	d.Tree().Provision(d.PushURI()+"/PFN", anotherPFN)
	d.SetWNSOffline(true)
	if !d.Profile().Quirks.PFNErrors {
		// Newer devices report it in Push/Status instead; a fault gives them the
		// old answer.
		d.AddFault(&dmclient.AnswerWith{Verb: syncml.Replace, Suffix: "/Push/PFN", Code: syncml.CommandFailed})
	}
}

// unregistrable returns a hard device whose PFN the server tried to set.
func unregistrable(t *T) *Device {
	d := t.EnrolledOnly()
	hard(d)
	beginsPush(d)
	return d
}

// need418 ends the body unless the server added the node and got 418.
func need418(d *Device, node string) {
	t := d.T
	for _, s := range d.Sessions() {
		for _, c := range s.Find(syncml.Add, node) {
			if c.Code == syncml.AlreadyExists {
				t.Evidence("session %s: Add %s -> 418", s.ID, c.LocURI)
				return
			}
		}
	}
	d.First()
	for _, s := range d.Sessions() {
		for _, c := range s.Find("", node) {
			if c.Verb != syncml.Add {
				t.NotApplicable("the server uses %s of ...%s and no Add, so there is no 418", c.Verb, node)
			}
		}
	}
	needPFN(d)
	needGoodPFN(d)
	t.NotApplicable("the server sets the PFN without Add of ...%s, so there is no 418", node)
}

// need500 ends the body unless the server got a 500 for its PFN.
func need500(d *Device) {
	t := d.T
	for _, c := range d.PFNWrites() {
		if c.Code == syncml.CommandFailed {
			return
		}
	}
	d.First()
	needPFN(d)
	needGoodPFN(d)
	for _, s := range d.Sessions() {
		if len(s.Find(syncml.Get, "/Push/PFN")) > 0 {
			t.NotApplicable("the server reads the PFN after 418 and does not replace it, so there is no 500")
		}
	}
	t.Blocked(suite.By("ERR-01", "ERR-02"), "the server did not replace the PFN after 418, so there was no 500")
}

// needPFN ends the body unless the server set a PFN.
func needPFN(d *Device) {
	t := d.T
	switch {
	case len(d.PFNWrites()) > 0:
	case t.Lab.Config.Target.Push == "none":
		t.NotApplicable("the server set no PFN, and target.push is none")
	default:
		t.Blocked(suite.By(suite.SetsPFN), "the server set no PFN")
	}
}

// needGoodPFN ends the body if the PFN cannot work anyway. Other scenarios judge
// how it is written.
func needGoodPFN(d *Device) {
	t := d.T
	for _, c := range d.PFNWrites() {
		switch {
		case d.Foreign(c.Data):
			t.Skip("the server set the PFN %s, but the fake WNS knows %s: set wns.app to the server's app identity", c.Data, t.Lab.Config.WNS.App.PFN)
		case dmclient.CheckPFN(c.Data) != nil, d.Profile().Quirks.PFNLowerCase && c.Data != strings.ToLower(c.Data):
			t.Blocked(suite.By(suite.GoodPFN), "the PFN %s cannot be registered", c.Data)
		case !strings.Contains(c.LocURI, dmclient.ProviderURI(d.Provider())[1:]):
			t.Blocked(suite.By(suite.GoodPFN), "the PFN is set in another account: %s", c.LocURI)
		case !syncml.Success(c.Code) && c.Code != syncml.AlreadyExists && c.Code != syncml.CommandFailed:
			t.Blocked(suite.By(suite.GoodPFN), "the device answered %s of the PFN with %d", c.Verb, c.Code)
		}
	}
}

// askedFor reports whether the server asked for the channel URI.
func askedFor(sessions []*dmclient.Session) bool {
	for _, s := range sessions {
		if len(s.Find(syncml.Get, "/Push/ChannelURI")) > 0 {
			return true
		}
	}
	return false
}

// sessionsEnded fails unless every answered session of the device completed.
func sessionsEnded(d *Device, what string) {
	for _, s := range d.Sessions() {
		if len(s.Received) > 0 {
			runsToEnd(d, s, "%s", what)
		}
	}
}

// leavesOtherwise ends the body for a server that unenrolls a device without
// deleting Push.
func leavesOtherwise(d *Device, s *dmclient.Session) {
	t := d.T
	for _, c := range s.Commands {
		account := strings.EqualFold(c.LocURI, strings.TrimSuffix(d.PushURI(), "/Push")) && c.Verb == syncml.Delete
		if account || c.Verb == syncml.Exec && strings.HasSuffix(strings.ToLower(c.LocURI), "/unenroll") {
			t.NotApplicable("the server unenrolls a device with %s of %s and does not delete Push", c.Verb, c.LocURI)
		}
	}
	if t.Lab.Config.Target.Push == "none" {
		t.NotApplicable("target.push is none, and the server does not delete Push when it unenrolls a device")
	}
	t.Blocked(suite.By("PFN-14"), "the server unenrolled the device without touching Push: %s", s.End)
}
