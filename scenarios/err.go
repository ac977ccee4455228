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

// deviceErrors are the ERR scenarios; the first four are the reports that this
// project began with.
var deviceErrors = []Scenario{
	{ID: "ERR-01", Level: report.Must, Title: "Add of Push answers 418: the server goes on",
		Rule:    "A device on which Push is already there answers 418 to its Add. The node is what the server wanted: the session goes on and the PFN is set.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Read 418 for Add of Push as done.",
		Mutants: []string{"err-push-418"},
		Run: func(t *T) {
			d := preparedDevice(t, "")
			need418(d, "/Push")
			sessionsEnded(d)
			if d.PFN() == "" {
				d.Sync(dmclient.SyncOptions{})
			}
			t.Expect(len(d.PFNWrites()), "Add or Replace of .../Push/PFN in the first two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-02", Level: report.Must, Title: "Add of the PFN answers 418: Replace, or look at it",
		Rule:    "A device on which a PFN is already there answers 418 to its Add. Which PFN it is the server cannot know: it writes its own by Replace or reads the node, in that session or the next.",
		Source:  "MS-MDM 3.1.5.1.1; " + firstReports,
		Fix:     "Send Replace of the PFN after 418, or Get it and compare.",
		Mutants: []string{"err-pfn-418"},
		Run: func(t *T) {
			d := preparedDevice(t, "99999another.app_8wekyb3d8bbwe")
			need418(d, "/Push/PFN")
			sessionsEnded(d)
			d.Sync(dmclient.SyncOptions{})
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
		Run: func(t *T) {
			d := unregistrable(t)
			for range 2 {
				d.Sync(dmclient.SyncOptions{})
			}
			need500(d)
			for _, s := range d.Sessions() {
				t.Expect(len(suite.Writes(s)), "attempts to set the PFN in session %s", s.ID).To(BeNumerically("<=", 3))
			}
			sessionsEnded(d)
		}},
	{ID: "ERR-04", Level: report.Must, Profile: "wp81", Needs: []Need{NeedQueue}, Title: "418 and then 500: the other commands are unharmed",
		Rule:    "Add of the PFN answers 418, Replace answers 500: what else is queued for the device is delivered all the same, in that session or the next.",
		Source:  firstReports,
		Fix:     "Send the other commands whatever the PFN answers.",
		Mutants: []string{"err-500-first"},
		Run: func(t *T) {
			d := t.Device()
			if err := d.Enroll(); err != nil {
				t.NotApplicable("no device could be enrolled: %v (see the ENR scenarios)", err)
			}
			hard(d)
			t.Queue(d, work)
			d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			d.Sync(dmclient.SyncOptions{})
			need500(d)
			n := 0
			for _, s := range d.Sessions() {
				for _, c := range s.Find(syncml.Get, workNode) {
					if c.Code == syncml.OK {
						n++
					}
				}
			}
			t.Expect(n, "deliveries of the queued Get in the two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-06", Level: report.Must, Title: "Get of ChannelURI fails: the session ends, the next one too",
		Rule:    "A device answers Get of ChannelURI with 404, 405, 406 or 500. That is an answer to one command: the session runs to its end, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 10; " + learnCSP,
		Fix:     "Note the status of Get of ChannelURI, and go on.",
		Mutants: []string{"err-channel-fails"},
		Run: func(t *T) {
			for _, code := range []int{404, 405, 406, 500} {
				d := t.EnrolledOnly()
				d.AddFault(&dmclient.AnswerWith{Verb: syncml.Get, Suffix: "/Push/ChannelURI", Code: code})
				d.Survives(2, "Get of ChannelURI answering %d", code)
			}
		}},
	{ID: "ERR-07", Level: report.Must, Needs: []Need{NeedQueue}, Title: "commands that are refused are not sent without end",
		Rule:    "A command that the device answers with 401, 403 or 425 failed. The server notes it and does not send it in every session: at most three times in four.",
		Source:  "OMA DM RepPro 1.2.1 section 10; the bound is ours",
		Fix:     "Take a command that failed out of the queue, or retry it a few times at most.",
		Mutants: []string{"err-cmd-forever"},
		Run: func(t *T) {
			for _, code := range []int{401, 403, 425} {
				repeats(t, code, 3)
			}
		}},
	{ID: "ERR-10", Level: report.Must, Needs: []Need{NeedQueue}, Title: "415: the same is not sent again unchanged",
		Rule:    "415 says that the format is wrong for the node. The same command would be answered the same.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 415",
		Fix:     "Take a command that answered 415 out of the queue.",
		Mutants: []string{"err-cmd-forever"},
		Run:     func(t *T) { repeats(t, 415, 1) }},
	{ID: "ERR-12", Level: report.Must, Needs: []Need{NeedQueue}, Title: "214 and 215 are understood",
		Rule:    "214 (the operation was cancelled) and 215 (not executed) are answers like any other: the session runs to its end.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 214 and 215",
		Fix:     "Read every status by its class.",
		Mutants: []string{"err-215-fails"},
		Run: func(t *T) {
			for _, code := range []int{214, 215} {
				answeredWith(t, code)
			}
		}},
	{ID: "ERR-13", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a status that nobody knows counts as its class",
		Rule:    "599 is in no list; like every 5xx it means that the command failed, and the session runs to its end.",
		Source:  "OMA DM RepPro 1.2.1 section 10 (classes of status codes)",
		Fix:     "Read every status by its class.",
		Mutants: []string{"err-599-panics"},
		Run:     func(t *T) { answeredWith(t, 599) }},
	{ID: "ERR-14", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a Status that is missing: the command stays pending",
		Rule:    "A command without a Status may not have been executed. The session ends without an error, and the command is sent again in the next.",
		Source:  "MS-MDM 2.2.6.1 (every command gets a Status)",
		Fix:     "Queue a command again that has no Status when the session ends.",
		Mutants: []string{"psh-sent-done"},
		Run: func(t *T) {
			d := t.Enrolled()
			t.Queue(d, work)
			t.Misbehaves(d, "drop-status=Get")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Get, workNode)) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.Survived(s, "a Status that is missing")
			d.ClearFaults()
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(syncml.Get, workNode)), "the queued Get in the session after it got no Status").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-15", Level: report.Must, Title: "a Status that comes twice is counted once",
		Rule:    "A device sends a Status twice. The session runs to its end, and nothing is done twice for it.",
		Source:  "MS-MDM 2.2.6.1; seen on devices",
		Fix:     "Ignore a second Status for the same command.",
		Mutants: []string{"err-double-fails"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			t.Misbehaves(d, "double-status")
			d.Survives(2, "Statuses that come twice")
		}},
	{ID: "ERR-16", Level: report.Must, Title: "Results without a Status",
		Rule:    "A device sends the Results of a Get and leaves its Status out. The session runs to its end.",
		Source:  "MS-MDM 2.2.6.1; seen on devices",
		Fix:     "Take Results in whether or not their Status came.",
		Mutants: []string{"err-results-fail"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			t.Misbehaves(d, "results-without-status")
			d.Survives(2, "Results without a Status")
		}},
	{ID: "ERR-17", Level: report.Must, Profile: "wp81", Only: true, Title: "a later success clears an earlier failure",
		Rule:    "A PFN that could not be registered because the phone had no network is set again, and works, once it has one: within the next three sessions.",
		Source:  firstReports + "; the bound is ours",
		Fix:     "Forget earlier failures when the PFN answers 200.",
		Mutants: []string{"err-500-giveup"},
		Run: func(t *T) {
			d := unregistrable(t)
			need500(d)
			d.SetWNSOffline(false)
			for range 3 {
				d.Sync(dmclient.SyncOptions{})
				if d.ChannelURI() != "" && d.Told() {
					return
				}
			}
			wellSet(d)
			t.Fail("a PFN that is registered and a channel that is asked for within three sessions after the network is back", "PFN "+suite.Show(d.PFN())+", "+
				fmt.Sprint(len(d.PFNWrites()))+" attempts to set it in all")
		}},
}

// answered lets a queued command be answered with a code: the session must run
// to its end, and the next.
func answeredWith(t *T, code int) *Device {
	d := t.Next()
	t.Queue(d, work)
	d.AddFault(&dmclient.AnswerWith{Verb: work.Verb, Suffix: workNode, Code: code})
	s := t.Managed(d.Sync(dmclient.SyncOptions{}))
	if len(s.Find(work.Verb, workNode)) == 0 {
		t.NotApplicable("the queued Get was not in the session (see PSH-01)")
	}
	d.Survived(s, "a command answering %d", code)
	d.Survives(1, "a command that answered %d", code)
	return d
}

// repeats counts how often a command is sent that is answered with a code.
func repeats(t *T, code, most int) {
	d := answeredWith(t, code)
	d.Survives(2, "a command that answered %d", code)
	n := 0
	list := d.Sessions()
	for _, s := range list[len(list)-4:] {
		n += len(s.Find(work.Verb, workNode))
	}
	t.Expect(n, "times the command that answers %d was sent in four sessions", code).To(BeNumerically("<=", most))
}

// prepared is a device that has Push, and a PFN where one is given, before its
// first session, as after an earlier enrollment; it had that session.
func preparedDevice(t *T, pfn string) *Device {
	d := t.EnrolledOnly()
	d.Tree().Provision(d.PushURI(), "")
	if pfn != "" {
		d.Tree().Provision(d.PushURI()+"/PFN", pfn)
	}
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	return d
}

// hard makes a device answer 418 to Add and 500 to Replace of the PFN: both
// nodes are there, and its WNS client is offline.
func hard(d *Device) {
	d.Tree().Provision(d.PushURI(), "")
	d.Tree().Provision(d.PushURI()+"/PFN", "99999another.app_8wekyb3d8bbwe")
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
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	return d
}

// need418 ends the body as not applicable unless the server added the node and
// was told that it is there.
func need418(d *Device, node string) {
	for _, s := range d.Sessions() {
		for _, c := range s.Find(syncml.Add, node) {
			if c.Code == syncml.AlreadyExists {
				d.T.Evidence("session %s: Add %s -> 418", s.ID, c.LocURI)
				return
			}
		}
	}
	d.T.NotApplicable("the server did not try to Add ...%s", node)
}

func need500(d *Device) {
	for _, c := range d.PFNWrites() {
		if c.Code == syncml.CommandFailed {
			return
		}
	}
	d.T.NotApplicable("the server did not write the PFN by Replace, so that there was no 500")
}

// wellSet ends the body as not applicable where the PFN could not work whatever
// happened: how it is written is the verdict of others.
func wellSet(d *Device) {
	for _, c := range d.PFNWrites() {
		switch {
		case dmclient.CheckPFN(c.Data) != nil || c.Data != strings.ToLower(c.Data) || d.Foreign(c.Data):
			d.T.NotApplicable("the PFN %s is none that could be registered (see PFN-02 to PFN-04, PFN-13, and wns.app)", c.Data)
		case !strings.Contains(c.LocURI, dmclient.ProviderURI(d.Provider())[1:]):
			d.T.NotApplicable("the PFN is set in another account: %s (see PFN-05)", c.LocURI)
		}
	}
	for _, s := range d.Sessions() {
		if len(s.Find(syncml.Get, "/Push/ChannelURI")) > 0 {
			return
		}
	}
	d.T.NotApplicable("the server never asks for the channel URI (see PFN-09)")
}

// ended fails unless every session in which the server dealt with the PFN came
// to its end.
func sessionsEnded(d *Device) {
	for _, s := range d.Sessions() {
		if err := suite.Broken(s); err != nil && len(suite.Writes(s)) > 0 {
			d.T.Exchanges(s)
			d.T.Control()
			d.T.Fail(fmt.Sprintf("session %s to run to its end", s.ID), err.Error())
		}
	}
}
