package scenarios

import (
	"fmt"
	"strconv"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// The codes of a failed Atomic.
const (
	atomicFailed     = 507
	atomicRolledBack = 216
	rollBackFailed   = 516
	atomicTooLarge   = 517
)

// atomicErrors are the ERR scenarios about Atomic, which only some servers send.
var atomicErrors = []Scenario{
	{ID: "ERR-08", Level: report.Must, Needs: []Need{NeedWork}, On: "atomic", Title: "a failed Atomic: 507, with 216 or 516 inside",
		Rule:    "If a command in an Atomic fails, the device answers 507 for the Atomic, 216 for each command it rolled back and 516 for each it could not. The session completes, and so does the next.",
		Source:  "MS-MDM 2.2.7.3, 3.1.5.1.3; OMA DM RepPro 1.2.1 section 10",
		Fix:     "Record 507, 216 and 516 as results of their commands, and go on.",
		Mutants: []*mutants.Mutant{mutants.Err507Fails},
		Run: func(t *T) {
			for _, code := range []int{atomicRolledBack, rollBackFailed} {
				t.Try(fmt.Sprintf("507 with %d inside", code), func() {
					d := t.Next()
					d.First()
					if code == rollBackFailed {
						t.Misbehaves(d, "rollback-fails")
					}
					s := failingGroup(d)
					runsToEnd(d, s, "a failed Atomic")
					holdSessions(d, 1, "a failed Atomic")
					if nestedAtomic(s) != "" {
						t.Blocked(suite.By("ERR-09"), "the server sent an Atomic inside an Atomic")
					}
					if !answered(s, atomicFailed) || !answered(s, code) {
						t.NotApplicable("the server's Atomics had one command each, so there was nothing to roll back")
					}
				})
			}
		}},
	{ID: "ERR-09", Level: report.Must, Needs: []Need{NeedWork}, On: "atomic", Title: "no Atomic in an Atomic",
		Rule:    "An Atomic inside another is not supported: Windows answers 500 for the inner and 507 for the outer one.",
		Source:  "MS-MDM 2.2.7.3; Learn, \"OMA DM protocol support\"",
		Fix:     "Put all commands into one Atomic, or into several in sequence.",
		Mutants: []*mutants.Mutant{mutants.ErrAtomicNested},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			if nested := nestedAtomic(soundGroup(d)); nested != "" {
				t.Fail("no Atomic inside an Atomic", nested)
			}
		}},
	{ID: "ERR-19", Level: report.Must, Needs: []Need{NeedWork}, On: "atomic", Title: "517 for an Atomic is understood",
		Rule:    "517 says that the answer to an Atomic was too large for one message: the device rolled it back. The session completes, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 6.6.3, 10",
		Fix:     "Treat 517 like 507: the commands of the Atomic were not executed. Send them in smaller groups.",
		Mutants: []*mutants.Mutant{mutants.Err517Fails},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(rewrite(tooLarge))
			s := soundGroup(d)
			runsToEnd(d, s, "an Atomic answered with 517")
			holdSessions(d, 1, "an Atomic answered with 517")
			if !answered(s, atomicTooLarge) {
				t.Error("the device answered no Atomic with 517")
			}
		}},
}

// tooLarge answers an Atomic with 517, and every command in it with 216.
func tooLarge(m *syncml.Message) {
	inside := false
	for i := range m.Body {
		switch st := &m.Body[i]; {
		case st.Verb != syncml.Status || st.CmdRef == "0":
		case st.Cmd == string(syncml.Atomic):
			st.Data, inside = strconv.Itoa(atomicTooLarge), true
		case inside && st.Cmd != string(syncml.Get): // Statuses of an Atomic's commands follow its own
			st.Data = strconv.Itoa(atomicRolledBack)
		}
	}
}

// failingGroup returns a session with an Atomic whose second command fails.
func failingGroup(d *Device) *dmclient.Session {
	const unknown = "./Vendor/MSFT/dmwake-knows-no-such-node"
	if d.T.QueueTakes(groupOf(unknown)...) {
		return groupedSession(d, unknown)
	}
	return groupedWork(d, func(w *suite.Work) { d.AddFault(w.AnsweredAfter(1, syncml.CommandFailed)) })
}

// soundGroup returns a session with an Atomic.
func soundGroup(d *Device) *dmclient.Session {
	if d.T.QueueTakes(groupOf(settled)...) {
		return groupedSession(d, settled)
	}
	return groupedWork(d, func(*suite.Work) {})
}

// groupedWork returns the session that brought work, if that comes in an Atomic.
func groupedWork(d *Device, before func(*suite.Work)) *dmclient.Session {
	w := d.T.Work()
	before(w)
	if w.Queued() {
		w.Give(d) // the first of a group
	} else if !w.Atomic() {
		d.T.NotApplicable("the server sent %s without an Atomic", w)
	}
	s := gives(d, w)
	if len(atomicsOf(s)) == 0 {
		d.T.NotApplicable("the server sent %s without an Atomic", w)
	}
	return s
}

// groupedSession queues two commands and returns the session that brought them in
// an Atomic. If they arrive one by one, the scenario is not applicable.
func groupedSession(d *Device, second string) *dmclient.Session {
	from := d.SessionCount()
	queued := queueGroup(d, second)
	s := d.Sync(dmclient.SyncOptions{})
	if len(atomicsOf(s)) > 0 {
		return s
	}
	s = delivered(d, from, queued[0])
	if len(atomicsOf(s)) == 0 {
		d.T.NotApplicable("the server sent the queued commands one by one, without an Atomic")
	}
	return s
}

// atomicsOf returns the Atomics of a session.
func atomicsOf(s *dmclient.Session) (out []syncml.Command) {
	for _, m := range s.Received {
		for _, c := range m.Body {
			if c.Verb == syncml.Atomic {
				out = append(out, c)
			}
		}
	}
	return out
}

// nestedAtomic names an Atomic inside another one; empty if there is none.
func nestedAtomic(s *dmclient.Session) string {
	for _, m := range atomicsOf(s) {
		found := ""
		m.Walk(func(c *syncml.Command) { // a Sequence may stand between
			if found == "" && c != &m && c.Verb == syncml.Atomic {
				found = "the Atomic with CmdID " + c.CmdID + " inside the Atomic with CmdID " + m.CmdID
			}
		})
		if found != "" {
			return found
		}
	}
	return ""
}

// answered reports whether the device answered any command with that code.
func answered(s *dmclient.Session, code int) bool {
	for _, m := range s.Sent {
		for _, st := range statuses(m) {
			if st.Data == strconv.Itoa(code) {
				return true
			}
		}
	}
	return false
}
