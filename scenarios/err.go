package scenarios

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const firstReports = "the first public reports of 418 and 500 on this path (seen)"

// deviceErrors are the ERR scenarios; the first four are the reports that this
// project began with.
var deviceErrors = []Scenario{
	{ID: "ERR-01", Level: report.Must, Title: "Add of Push answers 418: the server goes on",
		Rule:   "A device on which Push is already there answers 418 to its Add. The node is what the server wanted: the session goes on and the PFN is set.",
		Source: "MS-MDM 3.1.5.1.1; " + firstReports,
		Run: func(t *T) {
			d := t.prepared("")
			d.need418("/Push")
			d.ended()
			if d.PFN() == "" {
				d.Sync(dmclient.SyncOptions{})
			}
			t.Expect(len(d.pfnWrites()), "Add or Replace of .../Push/PFN in the first two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-02", Level: report.Must, Title: "Add of the PFN answers 418: Replace, or look at it",
		Rule:   "A device on which a PFN is already there answers 418 to its Add. Which PFN it is the server cannot know: it writes its own by Replace or reads the node, in that session or the next.",
		Source: "MS-MDM 3.1.5.1.1; " + firstReports,
		Run: func(t *T) {
			d := t.prepared("99999another.app_8wekyb3d8bbwe")
			d.need418("/Push/PFN")
			d.ended()
			d.Sync(dmclient.SyncOptions{})
			n := 0
			for _, s := range d.Sessions() {
				n += len(s.Find(syncml.Replace, "/Push/PFN")) + len(s.Find(syncml.Get, "/Push/PFN"))
			}
			t.Expect(n, "Replace or Get of .../Push/PFN in the first two sessions").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-03", Level: report.Must, Profile: "wp81", Title: "the PFN answers 500: the session ends, no endless repetition",
		Rule:   "A phone that cannot register the PFN answers 500. The server records it and does not send it again and again: at most three times in a session.",
		Source: firstReports + "; the bound is ours",
		Run: func(t *T) {
			d := t.unregistrable()
			for range 2 {
				d.Sync(dmclient.SyncOptions{})
			}
			d.need500()
			for _, s := range d.Sessions() {
				t.Expect(len(writes(s)), "attempts to set the PFN in session %s", s.ID).To(BeNumerically("<=", 3))
			}
			d.ended()
		}},
	{ID: "ERR-04", Level: report.Must, Profile: "wp81", Needs: []Need{NeedQueue}, Title: "418 and then 500: the other commands are unharmed",
		Rule:   "Add of the PFN answers 418, Replace answers 500: what else is queued for the device is delivered all the same, in that session or the next.",
		Source: firstReports,
		Run: func(t *T) {
			d := t.Device()
			if err := t.Lab.Enroll(t.ctx, d.Device); err != nil {
				t.NotApplicable("no device could be enrolled: %v (see the ENR scenarios)", err)
			}
			d.hard()
			t.Queue(d, work)
			d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			d.Sync(dmclient.SyncOptions{})
			d.need500()
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
		Rule:   "A device answers Get of ChannelURI with 404, 405, 406 or 500. That is an answer to one command: the session runs to its end, and so does the next.",
		Source: "OMA DM RepPro 1.2.1 section 10; " + learnCSP,
		Run: func(t *T) {
			for _, code := range []int{404, 405, 406, 500} {
				d := t.EnrolledOnly()
				d.AddFault(&dmclient.AnswerWith{Verb: syncml.Get, Suffix: "/Push/ChannelURI", Code: code})
				d.survives(2, "Get of ChannelURI answering %d", code)
			}
		}},
	{ID: "ERR-07", Level: report.Must, Needs: []Need{NeedQueue}, Title: "commands that are refused are not sent without end",
		Rule:   "A command that the device answers with 401, 403 or 425 failed. The server notes it and does not send it in every session: at most three times in four.",
		Source: "OMA DM RepPro 1.2.1 section 10; the bound is ours",
		Run: func(t *T) {
			for _, code := range []int{401, 403, 425} {
				t.repeats(code, 3)
			}
		}},
	{ID: "ERR-10", Level: report.Must, Needs: []Need{NeedQueue}, Title: "415: the same is not sent again unchanged",
		Rule:   "415 says that the format is wrong for the node. The same command would be answered the same.",
		Source: "OMA DM RepPro 1.2.1 section 10, 415",
		Run:    func(t *T) { t.repeats(415, 1) }},
	{ID: "ERR-12", Level: report.Must, Needs: []Need{NeedQueue}, Title: "214 and 215 are understood",
		Rule:   "214 (the operation was cancelled) and 215 (not executed) are answers like any other: the session runs to its end.",
		Source: "OMA DM RepPro 1.2.1 section 10, 214 and 215",
		Run: func(t *T) {
			for _, code := range []int{214, 215} {
				t.answered(code)
			}
		}},
	{ID: "ERR-13", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a status that nobody knows counts as its class",
		Rule:   "599 is in no list; like every 5xx it means that the command failed, and the session runs to its end.",
		Source: "OMA DM RepPro 1.2.1 section 10 (classes of status codes)",
		Run:    func(t *T) { t.answered(599) }},
	{ID: "ERR-14", Level: report.Must, Needs: []Need{NeedQueue}, Title: "a Status that is missing: the command stays pending",
		Rule:   "A command without a Status may not have been executed. The session ends without an error, and the command is sent again in the next.",
		Source: "MS-MDM 2.2.6.1 (every command gets a Status)",
		Run: func(t *T) {
			d := t.Enrolled()
			t.Queue(d, work)
			t.misbehaves(d, "drop-status=Get")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Get, workNode)) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.survived(s, "a Status that is missing")
			d.ClearFaults()
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(len(s.Find(syncml.Get, workNode)), "the queued Get in the session after it got no Status").To(BeNumerically(">", 0))
		}},
	{ID: "ERR-15", Level: report.Must, Title: "a Status that comes twice is counted once",
		Rule:   "A device sends a Status twice. The session runs to its end, and nothing is done twice for it.",
		Source: "MS-MDM 2.2.6.1; seen on devices",
		Run: func(t *T) {
			d := t.EnrolledOnly()
			t.misbehaves(d, "double-status")
			d.survives(2, "Statuses that come twice")
		}},
	{ID: "ERR-16", Level: report.Must, Title: "Results without a Status",
		Rule:   "A device sends the Results of a Get and leaves its Status out. The session runs to its end.",
		Source: "MS-MDM 2.2.6.1; seen on devices",
		Run: func(t *T) {
			d := t.EnrolledOnly()
			t.misbehaves(d, "results-without-status")
			d.survives(2, "Results without a Status")
		}},
	{ID: "ERR-17", Level: report.Must, Profile: "wp81", Only: true, Title: "a later success clears an earlier failure",
		Rule:   "A PFN that could not be registered because the phone had no network is set again, and works, once it has one: within the next three sessions.",
		Source: firstReports + "; the bound is ours",
		Run: func(t *T) {
			d := t.unregistrable()
			d.need500()
			d.SetWNSOffline(false)
			for range 3 {
				d.Sync(dmclient.SyncOptions{})
				if d.ChannelURI() != "" && d.told() {
					return
				}
			}
			d.wellSet()
			t.Fail("a PFN that is registered and a channel that is asked for within three sessions after the network is back", "PFN "+show(d.PFN())+", "+
				fmt.Sprint(len(d.pfnWrites()))+" attempts to set it in all")
		}},
}

// misbehaves gives a device a fault of package faults.
func (t *T) misbehaves(d *Device, spec string) {
	f, err := faults.New(spec)
	if err != nil {
		panic(err) // a mistake of the suite's
	}
	d.AddFault(f)
}

// survived fails unless a session ran to its end.
func (d *Device) survived(s *dmclient.Session, what string, args ...any) {
	if err := broken(s); err != nil {
		d.t.exchanges(s)
		d.t.control()
		d.t.Fail("a session that runs to its end after "+fmt.Sprintf(what, args...), err.Error())
	}
}

// survives holds sessions, each of which must run to its end. Where not even
// the first got a reply that is another scenario's verdict.
func (d *Device) survives(n int, what string, args ...any) {
	for i := range n {
		s := d.Sync(dmclient.SyncOptions{})
		if i == 0 {
			d.t.Managed(s)
		}
		d.survived(s, what, args...)
	}
}

// answered lets a queued command be answered with a code: the session must run
// to its end, and the next.
func (t *T) answered(code int) *Device {
	d := t.Next()
	t.Queue(d, work)
	d.AddFault(&dmclient.AnswerWith{Verb: work.Verb, Suffix: workNode, Code: code})
	s := t.Managed(d.Sync(dmclient.SyncOptions{}))
	if len(s.Find(work.Verb, workNode)) == 0 {
		t.NotApplicable("the queued Get was not in the session (see PSH-01)")
	}
	d.survived(s, "a command answering %d", code)
	d.survives(1, "a command that answered %d", code)
	return d
}

// repeats counts how often a command is sent that is answered with a code.
func (t *T) repeats(code, most int) {
	d := t.answered(code)
	d.survives(2, "a command that answered %d", code)
	n := 0
	list := d.Sessions()
	for _, s := range list[len(list)-4:] {
		n += len(s.Find(work.Verb, workNode))
	}
	t.Expect(n, "times the command that answers %d was sent in four sessions", code).To(BeNumerically("<=", most))
}

// prepared is a device that has Push, and a PFN where one is given, before its
// first session, as after an earlier enrollment; it had that session.
func (t *T) prepared(pfn string) *Device {
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
func (d *Device) hard() {
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
func (t *T) unregistrable() *Device {
	d := t.EnrolledOnly()
	d.hard()
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	return d
}

// need418 ends the body as not applicable unless the server added the node and
// was told that it is there.
func (d *Device) need418(node string) {
	for _, s := range d.Sessions() {
		for _, c := range s.Find(syncml.Add, node) {
			if c.Code == syncml.AlreadyExists {
				d.t.Evidence("session %s: Add %s -> 418", s.ID, c.LocURI)
				return
			}
		}
	}
	d.t.NotApplicable("the server did not try to Add ...%s", node)
}

func (d *Device) need500() {
	for _, c := range d.pfnWrites() {
		if c.Code == syncml.CommandFailed {
			return
		}
	}
	d.t.NotApplicable("the server did not write the PFN by Replace, so that there was no 500")
}

// wellSet ends the body as not applicable where the PFN could not work whatever
// happened: how it is written is the verdict of others.
func (d *Device) wellSet() {
	for _, c := range d.pfnWrites() {
		switch {
		case dmclient.CheckPFN(c.Data) != nil || c.Data != strings.ToLower(c.Data) || d.foreign(c.Data):
			d.t.NotApplicable("the PFN %s is none that could be registered (see PFN-02 to PFN-04, PFN-13, and wns.app)", c.Data)
		case !strings.Contains(c.LocURI, dmclient.ProviderURI(d.Provider())[1:]):
			d.t.NotApplicable("the PFN is set in another account: %s (see PFN-05)", c.LocURI)
		}
	}
	for _, s := range d.Sessions() {
		if len(s.Find(syncml.Get, "/Push/ChannelURI")) > 0 {
			return
		}
	}
	d.t.NotApplicable("the server never asks for the channel URI (see PFN-09)")
}

// ended fails unless every session in which the server dealt with the PFN came
// to its end.
func (d *Device) ended() {
	for _, s := range d.Sessions() {
		if err := broken(s); err != nil && len(writes(s)) > 0 {
			d.t.exchanges(s)
			d.t.control()
			d.t.Fail(fmt.Sprintf("session %s to run to its end", s.ID), err.Error())
		}
	}
}
