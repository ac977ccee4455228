package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// TestEnrolledAfterSession: a server that knows a device only after its first session
// is told then; and if that step fails, the server is not blamed.
func TestEnrolledAfterSession(t *testing.T) {
	with := func(enrolled func(admin string) target.Hook) *lab.Lab {
		return foreign{hooks: func(admin string) target.Hooks {
			h, after := lab.ReferenceHooks(admin), enrolled(admin)
			after.After = target.AfterSession
			h.Push, h.Enrolled = nil, &after
			return h
		}}.start(t)
	}
	run := func(l *lab.Lab, id string) (report.Result, error) {
		all := All()
		return suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })])
	}
	l := with(func(admin string) target.Hook { // work for the next session
		return target.Hook{HTTP: &target.HTTPHook{URL: admin + "/devices/{{.DeviceID}}/commands", Body: `{"verb":"Get","locURI":"./DevInfo/Lang"}`}}
	})
	if r, err := run(l, "PSH-04"); r.Outcome != report.Passed || err != nil {
		t.Errorf("%s %s %s %v", r.Outcome, r.Reason, r.Saw, err)
	}
	ran := 0
	for _, o := range l.HookOutcomes("", time.Time{}) {
		if o.Hook == "enrolled" {
			ran++
		}
	}
	if ran == 0 {
		t.Error("the hook did not run")
	}
	l = with(func(string) target.Hook {
		return target.Hook{Exec: []string{"sh", "-c", "echo 'no group' >&2; exit 1"}}
	})
	if r, err := run(l, "PSH-04"); r.Outcome != report.Skipped || !strings.Contains(r.Reason, "the enrolled hook failed: sh: exit status 1: no group") || err == nil {
		t.Errorf("%s %s %s %v", r.Outcome, r.Reason, r.Saw, err)
	}
}
