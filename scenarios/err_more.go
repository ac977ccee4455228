package scenarios

import (
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// moreErrors are the ERR scenarios about what only some servers send: Atomic,
// Delete.
var moreErrors = []Scenario{
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
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(syncml.Delete, "/Push")) == 0 {
				t.NotApplicable("the server deletes no Push (see PFN-14)")
			}
			d.Survived(s, "Delete of Push answering 404")
		}},
	{ID: "ERR-08", Level: report.Must, Needs: []Need{NeedQueue}, On: "atomic", Title: "an Atomic that fails: 507, with 216 or 516 inside",
		Rule:    "A device answers 507 for an Atomic of which one command failed, 216 for those it rolled back and 516 where it could not. The session runs to its end, and so does the next.",
		Source:  "MS-MDM 2.2.7.3, 3.1.5.1.2; OMA DM RepPro 1.2.1 section 10",
		Fix:     "Note 507, 216 and 516 as results of their commands, and go on.",
		Mutants: []string{"err-507-fails"},
		Run: func(t *T) {
			for _, rollbackFails := range []bool{false, true} {
				d := t.Next()
				d.First()
				if rollbackFails {
					t.Misbehaves(d, "rollback-fails")
				}
				queueGroup(t, d, "./Vendor/MSFT/dmwake-knows-no-such-node")
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				atomicsOf(t, s)
				d.Survived(s, "an Atomic that fails")
				d.Survives(1, "an Atomic that failed")
			}
		}},
	{ID: "ERR-09", Level: report.Must, Needs: []Need{NeedQueue}, On: "atomic", Title: "no Atomic in an Atomic",
		Rule:    "An Atomic inside another is not supported: Windows answers 500 for the inner and 507 for the outer one.",
		Source:  "MS-MDM 2.2.7.3; Learn, \"OMA DM protocol support\"",
		Fix:     "Put all commands into one Atomic, or into several one after the other.",
		Mutants: []string{"err-atomic-nested"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			queueGroup(t, d, "./Vendor/MSFT/VPNv2/dmwake/RememberCredentials")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			for _, m := range atomicsOf(t, s) {
				for i := range m.Commands {
					if m.Commands[i].Verb == syncml.Atomic {
						t.Fail("no Atomic inside an Atomic", "Atomic "+m.Commands[i].CmdID+" inside Atomic "+m.CmdID)
					}
				}
			}
		}},
	{ID: "ERR-11", Level: report.Must, Needs: []Need{NeedQueue}, Title: "400 with an empty CmdRef is tolerated",
		Rule:    "A device that cannot read a command's CmdID answers 400 with an empty CmdRef. It belongs to no command; the session runs to its end.",
		Source:  "Learn, \"OMA DM protocol support\"; MS-MDM 2.2.6.1",
		Fix:     "Ignore a Status whose CmdRef is empty.",
		Mutants: []string{"err-empty-cmdref"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Queue(d, work)
			d.AddFault(&dmclient.AnswerWith{Verb: work.Verb, Suffix: workNode, Code: syncml.BadRequest})
			t.Misbehaves(d, "empty-cmdref")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if len(s.Find(work.Verb, workNode)) == 0 {
				t.NotApplicable("the queued Get was not in the session (see PSH-01)")
			}
			d.Survived(s, "400 with an empty CmdRef")
			d.Survives(1, "400 with an empty CmdRef")
		}},
}

// group queues two commands that a server may put into one Atomic.
func queueGroup(t *T, d *Device, second string) {
	t.Queue(d, lab.Command{Verb: syncml.Replace, LocURI: "./DevDetail/Ext/Microsoft/DeviceName", Format: "chr", Data: "dmwake"})
	t.Queue(d, lab.Command{Verb: syncml.Replace, LocURI: second, Format: "bool", Data: "true"})
}

// atomic gives the Atomics of a session; without one the body is not
// applicable.
func atomicsOf(t *T, s *dmclient.Session) (out []syncml.Command) {
	for _, m := range s.Received {
		for _, c := range m.Body {
			if c.Verb == syncml.Atomic {
				out = append(out, c)
			}
		}
	}
	if len(out) == 0 {
		t.NotApplicable("the server put what was queued into no Atomic")
	}
	return out
}
