package scenarios

import (
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// workErrors are the ERR scenarios about work that ends in another way than its
// Status promised, or never. What the server tells its administrator cannot be seen
// from outside; whether it goes on can.
var workErrors = []Scenario{
	{ID: "ERR-22", Level: report.Should, Needs: []Need{NeedWipe}, Ends: true, Title: "a wipe that fails: the device stays managed",
		Rule:    "A device that answers a wipe with 500 was not reset. It goes on opening sessions, and the server answers them.",
		Source:  "Learn, \"RemoteWipe CSP\"; OMA DM RepPro 1.2.1 section 10, 500",
		Fix:     "Stop managing a wiped device at its success Status, or when it enrolls again, not when the wipe is sent.",
		Mutants: []*mutants.Mutant{mutants.ErrWipeSent},
		Under:   []string{"ERR-18"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(failsWipe{})
			from := d.SessionCount()
			t.Hook(t.Lab.Wipe(t.Context(), d.Device))
			wiped := func() bool {
				for _, s := range d.SessionsSince(from) {
					for _, c := range s.Commands {
						if isWipe(c.Verb, c.LocURI) {
							return true
						}
					}
				}
				return false
			}
			for range 2 {
				if s := d.Sync(dmclient.SyncOptions{}); !wiped() {
					d.Survived(s, "a wipe was asked for")
				}
			}
			if !wiped() {
				t.Blocked(suite.By(string(suite.Delivers), "PSH-07"), "the wipe did not arrive in two sessions")
			}
			for _, s := range append(d.SessionsSince(from), d.Sync(dmclient.SyncOptions{})) {
				runsToEnd(d, s, "a wipe that the device answered with 500")
				if code := hdrStatus(s.Received[len(s.Received)-1]).Code(); code >= 400 {
					t.Fail("sessions after a wipe that the device answered with 500", "Status "+strconv.Itoa(code)+" for SyncHdr")
				}
			}
		}},
	{ID: "ERR-23", Level: report.Should, Needs: []Need{NeedWork}, Title: "202, and later a failure",
		Rule:    "Work that the device accepted with 202 fails later: the Alert 1226 with its result carries an error. It gets a Status, and other work still arrives.",
		Source:  "MS-MDM 2.2.7.2; Learn, \"ClientCertificateInstall CSP\", \"EnterpriseModernAppManagement CSP\" (results of what runs on)",
		Fix:     "Record the error as the result of the command, and go on with the next.",
		Mutants: []*mutants.Mutant{mutants.ErrLateFails, mutants.ErrLateStalls},
		Under:   []string{"SES-09", "SES-20", "SES-44"},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			s := runsOn(d, w)
			_, node, _ := strings.Cut(w.Served(s), " ")
			failed := syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertGeneric), Items: []syncml.Item{{
				Source: syncml.Loc{LocURI: node}, Meta: &syncml.Meta{Type: installResult, Format: "int", Mark: "warning"}, Data: "-2147009287", HasData: true}}}
			told := runsToEnd(d, d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{failed}}), "an Alert that reports a failure")
			answersResult(t, told)
			d.ClearFaults()
			getsMore(d, w, "work that failed after 202")
		}},
	{ID: "ERR-24", Level: report.Should, Needs: []Need{NeedWork}, Title: "202, and no result ever",
		Rule:    "An installation that the device accepted with 202 may never report. The sessions after it complete, and other work still arrives.",
		Source:  "OMA DM RepPro 1.2.1 section 10, 202; seen on devices (an installation that waits for ever)",
		Fix:     "Do not hold work back until an earlier command has reported.",
		Mutants: []*mutants.Mutant{mutants.ErrNeverStalls},
		Under:   []string{"SES-20", "SES-44"},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			runsOn(d, w)
			d.ClearFaults()
			holdSessions(d, 2, "a command that the device answered with 202")
			getsMore(d, w, "work that never reported after 202")
		}},
}

// runsOn returns the session in which the device answers work with 202.
func runsOn(d *Device, w *suite.Work) *dmclient.Session {
	d.First()
	d.AddFault(w.Answered(syncml.Accepted))
	s := gives(d, w)
	return runsToEnd(d, s, "a command that the device answered with 202")
}

// getsMore fails unless a device gets more work in one of the next two sessions.
func getsMore(d *Device, w *suite.Work, what string) {
	from := d.SessionCount()
	w.Give(d)
	if s := w.Bringing(d, from); s != nil {
		runsToEnd(d, s, "%s", what)
		return
	}
	w.NeedMore(d)
	for _, s := range d.SessionsSince(from) {
		runsToEnd(d, s, "%s", what)
	}
	d.T.Fail(w.String()+" that was given after "+what+", in one of the next two sessions", "no such command")
}

// failsWipe is a device that cannot reset itself.
type failsWipe struct{}

// Fault implements dmclient.Fault.
func (failsWipe) Fault() string { return "answers a wipe with 500" }

// Answer implements dmclient.Answerer.
func (failsWipe) Answer(verb syncml.Verb, locURI string) (code int, ok bool) {
	return syncml.CommandFailed, isWipe(verb, locURI)
}

func isWipe(verb syncml.Verb, locURI string) bool {
	return verb == syncml.Exec && strings.Contains(strings.ToLower(locURI), "/remotewipe/dowipe")
}
