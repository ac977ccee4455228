package scenarios

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// outcomes runs scenarios and returns their results by id.
func outcomes(t *testing.T, l *lab.Lab, ids ...string) map[string]report.Result {
	t.Helper()
	of := map[string]report.Result{}
	for _, r := range suite.Collect(t.Context(), l, only(t, ids...), suite.Options{Parallel: 2, Catalogue: All()}).Results {
		of[r.ID] = r
	}
	return of
}

// TestEveryReplyEmpty: a server that answers every message of a session with an empty
// 200 fails SES-01 and SES-43. Nothing that a device does unusually is blamed.
func TestEveryReplyEmpty(t *testing.T) {
	t.Parallel()
	l := against(t, "", onPost("MDM.svc", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	of := outcomes(t, l, "SES-01", "SES-43", "SES-23", "SES-25", "SES-28", "SES-38")
	for id, r := range of {
		switch id {
		case "SES-01", "SES-43":
			if r.Outcome != report.Failed {
				t.Errorf("%s: %s %s", id, r.Outcome, r.Reason)
			}
		default:
			if r.Outcome != report.Blocked || r.BlockedBy != "SES-01" || strings.Contains(r.Reason, "nil") || !strings.Contains(r.Reason, "HTTP 200 with an empty body") {
				t.Errorf("%s: %s by %s: %s; expected %s, saw %s", id, r.Outcome, r.BlockedBy, r.Reason, r.Expected, r.Saw)
			}
		}
	}
}

// TestTokenOrService: where GetPolicies fails for everybody, an altered token is not
// the reason; where RST takes any token, that is told all the same.
func TestTokenOrService(t *testing.T) {
	t.Parallel()
	down := onPost("Policy.svc", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "oops", http.StatusInternalServerError)
	})
	r := outcomes(t, against(t, mdmserver.Federated, down), "ENR-44")["ENR-44"]
	if r.Outcome != report.Blocked || r.BlockedBy != "ENR-08" {
		t.Errorf("%s by %s: %s; saw %s", r.Outcome, r.BlockedBy, r.Reason, r.Saw)
	}
}

// TestCauseOfOneBug: the scenario that states a rule tells of it, with all that it saw.
func TestCauseOfOneBug(t *testing.T) {
	t.Parallel()
	start := func(list ...*mutants.Mutant) *lab.Lab {
		l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys, Mutants: list})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	if r := outcomes(t, start(mutants.EnrVersionOne), "ENR-13")["ENR-13"]; r.Outcome != report.Blocked || r.BlockedBy != "ENR-87" {
		t.Errorf("version 1: %s by %s: %s; saw %s", r.Outcome, r.BlockedBy, r.Reason, r.Saw)
	}
	r := outcomes(t, start(mutants.EnrActivityConstant, mutants.EnrTimestampOld), "ENR-26")["ENR-26"]
	if !strings.Contains(r.Saw, "timestamp of RST") || !strings.Contains(r.Saw, "ActivityId of RST") {
		t.Errorf("two faults in a header: %s, saw %s", r.Outcome, r.Saw)
	}
}
