package scenarios

import (
	"fmt"
	"slices"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// answerErrors are the ERR scenarios about unusual or missing answers of a device.
var answerErrors = []Scenario{
	{ID: "ERR-07", Level: report.Should, Needs: []Need{NeedWork}, Title: "refused commands are not repeated forever",
		Rule:    "A command that the device answers with 401, 403 or 425 failed. The server records that and does not send it in every session: at most three times in four sessions.",
		Source:  "OMA DM RepPro 1.2.1 section 10; the bound is ours",
		Fix:     "Remove a failed command from the queue, or retry it a few times at most.",
		Mutants: []*mutants.Mutant{mutants.ErrCmdForever},
		Run: func(t *T) {
			for _, code := range []int{401, 403, 425} {
				t.Try(fmt.Sprint(code), func() { repeats(t, code, 3) })
			}
		}},
	{ID: "ERR-10", Level: report.Should, Needs: []Need{NeedWork}, Title: "415: the command is not sent again unchanged",
		Rule:    "415 says that the format is wrong for the node. The same command would get the same answer.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 415",
		Fix:     "Remove a command answered with 415 from the queue.",
		Mutants: []*mutants.Mutant{mutants.ErrCmdForever},
		Under:   []string{"ERR-07", "PSH-02"},
		Run:     func(t *T) { repeats(t, 415, 1) }},
	{ID: "ERR-11", Level: report.Must, Needs: []Need{NeedWork}, Title: "400 with an empty CmdRef is tolerated",
		Rule:    "A device that cannot read a command's CmdID answers 400 with an empty CmdRef. This Status belongs to no command; the session completes.",
		Source:  "Learn, \"OMA DM protocol support\"; MS-MDM 2.2.6.1",
		Fix:     "Ignore a Status whose CmdRef is empty.",
		Mutants: []*mutants.Mutant{mutants.ErrEmptyCmdRef},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			d.First()
			d.AddFault(w.Answered(syncml.BadRequest))
			t.Misbehaves(d, "empty-cmdref")
			runsToEnd(d, gives(d, w), "400 with an empty CmdRef")
			holdSessions(d, 1, "400 with an empty CmdRef")
		}},
	{ID: "ERR-12", Level: report.Must, Needs: []Need{NeedWork}, Title: "214 and 215 are understood",
		Rule:    "214 (operation cancelled) and 215 (not executed) are answers like any other: the session completes, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 214 and 215",
		Fix:     "Interpret every status by its class.",
		Mutants: []*mutants.Mutant{mutants.Err215Fails},
		Run: func(t *T) {
			for _, code := range []int{214, 215} {
				t.Try(fmt.Sprint(code), func() { answeredWith(t, t.Work(), code) })
			}
		}},
	{ID: "ERR-13", Level: report.Must, Needs: []Need{NeedWork}, Title: "an unknown status counts as its class",
		Rule:    "599 is in no list. Like every 5xx it means that the command failed, and the session completes.",
		Source:  "OMA DM RepPro 1.2.1 section 10 (classes of status codes)",
		Fix:     "Interpret every status by its class.",
		Mutants: []*mutants.Mutant{mutants.Err599Panics},
		Run:     func(t *T) { answeredWith(t, t.Work(), 599) }},
	{ID: "ERR-14", Level: report.Must, Needs: []Need{NeedWork}, Title: "a command without an answer stays pending",
		Rule:    "A command that gets neither Status nor Results may not have been executed. The session ends without an error, and the next one sends the command again.",
		Source:  "MS-MDM 2.2.6.1 (every command gets a Status)",
		Fix:     "Requeue a command that has no answer when the session ends.",
		Mutants: []*mutants.Mutant{mutants.PshSentDone},
		Under:   []string{"SES-44"},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			d.First()
			d.AddFault(noAnswer(w))
			runsToEnd(d, gives(d, w), "a command without an answer")
			d.ClearFaults()
			s := runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "a command without an answer")
			if w.Times(s) == 0 {
				t.FailBy(takenForDone, w.String()+" again, in the session after the one that left it unanswered", "no such command")
			}
		}},
	{ID: "ERR-18", Level: report.Must, Needs: []Need{NeedWork}, Title: "404, 418 and 500 for a command: the session ends, and so does the next",
		Rule:    "A command whose node does not exist (404) or exists already (418), or that failed (500), is answered like any other: the session completes, and so does the next.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 404, 418 and 500",
		Fix:     "Record the status of the command, and go on.",
		Mutants: []*mutants.Mutant{mutants.ErrCmdFails},
		Run: func(t *T) {
			for _, code := range []int{404, 418, 500} {
				t.Try(fmt.Sprint(code), func() { answeredWith(t, t.Work(), code) })
			}
		}},
	{ID: "ERR-15", Level: report.Must, Uses: []Need{NeedWork}, Title: "a repeated Status counts once",
		Rule:    "A device sends each Status twice. The session completes, and so does the next.",
		Source:  "MS-MDM 2.2.6.1; seen on devices",
		Fix:     "Ignore a second Status for the same command.",
		Mutants: []*mutants.Mutant{mutants.ErrDoubleFails},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "double-status")
			from := d.SessionCount()
			runsToEnd(d, busy(d), "repeated Statuses")
			holdSessions(d, 1, "repeated Statuses")
			needCommand(d, from, "")
		}},
	{ID: "ERR-16", Level: report.Must, Uses: []Need{NeedWork}, Title: "Results without a Status",
		Rule:    "A device sends the Results of a Get and leaves its Status out. The session completes, and so does the next.",
		Source:  "MS-MDM 2.2.6.1; seen on devices",
		Fix:     "Accept Results with or without their Status.",
		Mutants: []*mutants.Mutant{mutants.ErrResultsFail},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			t.Misbehaves(d, "results-without-status")
			from := d.SessionCount()
			runsToEnd(d, busy(d), "Results without a Status")
			holdSessions(d, 1, "Results without a Status")
			needCommand(d, from, syncml.Get)
		}},
}

// answeredWith has the device answer work with a code: that session and the next
// must complete. It returns the device, and where its sessions with the work begin.
func answeredWith(t *T, w *suite.Work, code int) (d *Device, from int) {
	d = t.Next()
	d.First()
	d.AddFault(w.Answered(code))
	s := gives(d, w)
	from = d.SessionCount() - 1
	runsToEnd(d, s, "a command that the device answered with %d", code)
	holdSessions(d, 1, "a command that the device answered with %d", code)
	return d, from
}

// repeats counts how often, in four sessions, the server sends a command that the
// device answers with a code.
func repeats(t *T, code, most int) {
	w := t.Work()
	d, from := answeredWith(t, w, code)
	holdSessions(d, 2, "a command that the device answered with %d", code)
	list := d.SessionsSince(from)
	n := w.Times(list[:min(len(list), 4)]...)
	t.Expect(n, "sends, in four sessions, of a command that the device answers with %d", code).To(BeNumerically("<=", most))
}

// noAnswer drops Status and Results for the verbs of work.
func noAnswer(w *suite.Work) rewrite {
	return func(m *syncml.Message) {
		m.Body = slices.DeleteFunc(slices.Clone(m.Body), func(c syncml.Command) bool {
			return c.Verb == syncml.Results || c.Verb == syncml.Status && c.CmdRef != "0" && (w.Has(syncml.Verb(c.Cmd)) || w.Atomic() && c.Cmd == string(syncml.Atomic))
		})
	}
}

// needCommand ends the body unless the server sent a command in the sessions since
// from: without one there was nothing to answer.
func needCommand(d *Device, from int, verb syncml.Verb) {
	t := d.T
	sent := 0
	for _, s := range d.SessionsSince(from) {
		sent += len(s.Find(verb, ""))
	}
	switch what := string(verb); {
	case sent > 0:
	case t.CanWork() && (verb == "" || t.Work().Has(verb)):
		t.Blocked(suite.By(suite.Delivers), "%s did not arrive in two sessions", t.Work())
	default:
		if what == "" {
			what = "command"
		}
		t.NotApplicable("the server sent no %s in two sessions; target.hooks.queue would give it one to send", what)
	}
}
