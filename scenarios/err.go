package scenarios

import (
	"fmt"

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

// ended fails unless every session in which the server dealt with the PFN came
// to its end.
func (d *Device) ended() {
	for _, s := range d.Sessions() {
		if err := broken(s); err != nil && len(writes(s)) > 0 {
			d.t.exchanges(s)
			d.t.Fail(fmt.Sprintf("session %s to run to its end", s.ID), err.Error())
		}
	}
}
