package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const firstReports = "the first public reports of 418 and 500 on this path (seen)"

// anotherPFN is what a device has from an earlier management.
const anotherPFN = "99999another.app_8wekyb3d8bbwe"

// pfnErrors are the ERR scenarios about the push path: the first four are the
// reports that this project began with.
var pfnErrors = []Scenario{
	{ID: "ERR-01", Level: report.Must, Title: "Add of Push answers 418: the server goes on",
		Rule:    "A device on which Push is already there answers 418 to its Add. The node is what the server wanted: the session goes on and the PFN is set.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Read 418 for Add of Push as done.",
		Mutants: []string{"err-push-418"},
		Under:   []string{"PFN-01"},
		Run: func(t *T) {
			d := preparedDevice(t, "")
			need418(d, "/Push")
			holdSessions(d, 1, "418 for Add of Push")
			sessionsEnded(d, "418 for Add of Push")
			t.Expect(len(d.PFNWrites()), "Add or Replace of .../Push/PFN in the first two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-02", Level: report.Must, Title: "Add of the PFN answers 418: Replace, or look at it",
		Rule:    "A device on which a PFN is already there answers 418 to its Add. The server cannot know which PFN that is: it writes its own by Replace or reads the node, in that session or the next.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Send Replace of the PFN after 418, or Get it and compare.",
		Mutants: []string{"err-pfn-418"},
		Under:   []string{"ERR-01", "SES-06"},
		Run: func(t *T) {
			d := preparedDevice(t, anotherPFN)
			need418(d, "/Push/PFN")
			holdSessions(d, 1, "418 for Add of the PFN")
			sessionsEnded(d, "418 for Add of the PFN")
			n := 0
			for _, s := range d.Sessions() {
				n += len(s.Find(syncml.Replace, "/Push/PFN")) + len(s.Find(syncml.Get, "/Push/PFN"))
			}
			t.Expect(n, "Replace or Get of .../Push/PFN in the first two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-03", Level: report.Must, Profile: "wp81", Title: "the PFN answers 500: the session ends, no endless repetition",
		Rule:    "A phone that cannot register the PFN answers 500. The server records it and does not send it again and again: at most three times in a session.",
		Source:  firstReports + "; the bound is ours",
		Fix:     "Count the failures of setting the PFN, and leave it for a later session.",
		Mutants: []string{"err-500-forever"},
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
	{ID: "ERR-04", Level: report.Must, Profile: "wp81", Needs: []Need{NeedQueue}, Title: "418 and then 500: the other commands are unharmed",
		Rule:    "Add of the PFN answers 418, Replace answers 500. What else is queued for the device is delivered all the same, in that session or the next.",
		Source:  firstReports,
		Fix:     "Send the other commands whatever the PFN answers.",
		Mutants: []string{"err-500-first"},
		Under:   []string{"ERR-01", "ERR-02", "ERR-03", "SES-44"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			hard(d)
			t.Queue(d, work)
			begins(d)
			d.Sync(dmclient.SyncOptions{})
			need500(d)
			n := 0
			for _, s := range d.Sessions() {
				for _, c := range s.Find(work.Verb, workNode) {
					if c.Code == syncml.OK {
						n++
					}
				}
			}
			t.Expect(n, "deliveries of the queued Get in the two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-05", Level: report.Must, Needs: []Need{NeedLeave}, Ends: true, Title: "Delete of Push answers 404: the session ends",
		Rule:    "Push that is to be deleted and is not there is what the server wanted: the session runs to its end.",
		Source:  "MS-MDM 3.1.5.1.3; OMA DM RepPro 1.2.1 section 10, 404",
		Fix:     "Read 404 for Delete as done.",
		Mutants: []string{"err-delete-404"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(&dmclient.AnswerWith{Verb: syncml.Delete, Suffix: "/Push", Code: syncml.NotFound})
			t.Hook(t.Lab.Unenroll(t.Context(), d.Device))
			s := d.Sync(dmclient.SyncOptions{})
			if len(s.Find(syncml.Delete, "/Push")) == 0 {
				leavesOtherwise(d, s)
			}
			runsToEnd(d, s, "404 for Delete of Push")
		}},
	{ID: "ERR-06", Level: report.Must, Title: "Get of ChannelURI fails: the session ends, the next one too",
		Rule:    "A device answers Get of ChannelURI with 404, 405, 406 or 500. That is an answer to one command: the session runs to its end, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 10; " + learnCSP,
		Fix:     "Note the status of Get of ChannelURI, and go on.",
		Mutants: []string{"err-channel-fails", "err-channel-loop"},
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
					runsToEnd(d, s, "Get of ChannelURI that fails")
					holdSessions(d, 1, "Get of ChannelURI that fails")
					if !askedFor(d.SessionsSince(from)) {
						needPFN(d)
						t.Blocked(suite.By(suite.AsksURI), "the server did not ask for the channel URI in two sessions")
					}
				})
			}
		}},
	{ID: "ERR-17", Level: report.Must, Profile: "wp81", Only: true, Title: "a later success clears an earlier failure",
		Rule:    "A PFN that could not be registered because the phone had no network is set again, and works, once it has one: within the next three sessions.",
		Source:  firstReports + "; the bound is ours",
		Fix:     "Forget earlier failures when the PFN answers 200, and try again in a later session.",
		Mutants: []string{"err-500-giveup"},
		Under:   []string{"ERR-01", "ERR-02", "ERR-03"},
		Run: func(t *T) {
			if t.Lab.Config.Target.Push == "none" {
				t.NotApplicable("target.push is none, so that the phone has no WNS to register a PFN with")
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
			t.Fail("a PFN that the device registers, and a channel URI that the server reads, within three sessions after the network is back",
				fmt.Sprintf("PFN on the device: %s; attempts to set it in all: %d", suite.Show(d.PFN()), len(d.PFNWrites())))
		}},
}

// preparedDevice is a device that has Push, and a PFN where one is given, before
// its first session, as after an earlier enrollment; it had that session.
func preparedDevice(t *T, pfn string) *Device {
	d := t.EnrolledOnly()
	d.Tree().Provision(d.PushURI(), "")
	if pfn != "" {
		d.Tree().Provision(d.PushURI()+"/PFN", pfn)
	}
	begins(d)
	return d
}

// hard makes a device answer 418 to Add and 500 to Replace of the PFN: both
// nodes are there, and its WNS client is offline.
func hard(d *Device) {
	d.Tree().Provision(d.PushURI(), "")
	d.Tree().Provision(d.PushURI()+"/PFN", anotherPFN)
	d.SetWNSOffline(true)
	if !d.Profile().Quirks.PFNErrors {
		// Newer devices tell it in Push/Status instead; a fault gives them the
		// old answer.
		d.AddFault(&dmclient.AnswerWith{Verb: syncml.Replace, Suffix: "/Push/PFN", Code: syncml.CommandFailed})
	}
}

// unregistrable is a hard device after its first session.
func unregistrable(t *T) *Device {
	d := t.EnrolledOnly()
	hard(d)
	begins(d)
	return d
}

// need418 ends the body unless the server added the node and was told that it
// is there.
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
				t.NotApplicable("the server uses %s of ...%s and no Add, so that there is no 418", c.Verb, node)
			}
		}
	}
	needPFN(d)
	needGoodPFN(d)
	t.NotApplicable("the server sets the PFN without Add of ...%s, so that there is no 418", node)
}

// need500 ends the body unless the server was told that its PFN could not be
// set.
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
			t.NotApplicable("the server reads the PFN after 418 and does not write it by Replace, so that there is no 500")
		}
	}
	t.Blocked(suite.By("ERR-01", "ERR-02"), "the server did not write the PFN by Replace after 418, so that there was no 500")
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

// needGoodPFN ends the body where the PFN could not work whatever happened: how
// it is written is judged elsewhere.
func needGoodPFN(d *Device) {
	t := d.T
	for _, c := range d.PFNWrites() {
		switch {
		case d.Foreign(c.Data):
			t.Skip("the server set the PFN %s, but the fake WNS knows %s: set wns.app to the server's app identity", c.Data, t.Lab.Config.WNS.App.PFN)
		case dmclient.CheckPFN(c.Data) != nil || c.Data != strings.ToLower(c.Data):
			t.Blocked(suite.By(suite.GoodPFN), "the PFN %s cannot be registered", c.Data)
		case !strings.Contains(c.LocURI, dmclient.ProviderURI(d.Provider())[1:]):
			t.Blocked(suite.By(suite.GoodPFN), "the PFN is set in another account: %s", c.LocURI)
		case !syncml.Success(c.Code) && c.Code != syncml.AlreadyExists && c.Code != syncml.CommandFailed:
			t.Blocked(suite.By(suite.GoodPFN), "the device answered %s of the PFN with %d", c.Verb, c.Code)
		}
	}
}

// askedFor tells whether the server asked for the channel URI.
func askedFor(sessions []*dmclient.Session) bool {
	for _, s := range sessions {
		if len(s.Find(syncml.Get, "/Push/ChannelURI")) > 0 {
			return true
		}
	}
	return false
}

// sessionsEnded fails unless every session of the device that was answered ran
// to its end.
func sessionsEnded(d *Device, what string) {
	for _, s := range d.Sessions() {
		if len(s.Received) > 0 {
			runsToEnd(d, s, "%s", what)
		}
	}
}

// leavesOtherwise ends the body for a server that deletes no Push when it lets a
// device go.
func leavesOtherwise(d *Device, s *dmclient.Session) {
	t := d.T
	for _, c := range s.Commands {
		account := strings.EqualFold(c.LocURI, strings.TrimSuffix(d.PushURI(), "/Push")) && c.Verb == syncml.Delete
		if account || c.Verb == syncml.Exec && strings.HasSuffix(strings.ToLower(c.LocURI), "/unenroll") {
			t.NotApplicable("the server ends the management of a device by %s of %s and deletes no Push", c.Verb, c.LocURI)
		}
	}
	if t.Lab.Config.Target.Push == "none" {
		t.NotApplicable("target.push is none, and the server deletes no Push when it lets a device go")
	}
	t.Blocked(suite.By("PFN-14"), "the server let the device go without a word about Push: %s", s.End)
}
