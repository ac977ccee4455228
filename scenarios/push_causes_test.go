package scenarios

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// pushRun runs areas of the catalogue against the embedded server.
func pushRun(t *testing.T, o lab.Options, areas ...string) *report.Report {
	t.Helper()
	list, err := Select(nil, areas)
	if err != nil {
		t.Fatal(err)
	}
	o.Keys, o.Crowd = sharedKeys, 40
	l, err := lab.Start(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.Config.Timeouts.Latency = 20 * time.Second // how quick a busy machine is says nothing of causes
	r := &report.Report{Scenarios: suite.Collect(t.Context(), l, list, suite.Options{Parallel: 8, Catalogue: All()}).Results}
	r.Finish()
	return r
}

// TestRefusedPushesFail: a server whose notifications are all refused fails,
// whatever ran before. With seed 42 a scenario once ended between putting a fault
// into the token endpoint and taking it out again; a restart of the server later
// there was no token, no notification, and nothing failed.
func TestRefusedPushesFail(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 42} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := pushRun(t, lab.Options{Mutants: []*mutants.Mutant{mutants.WnsPut}, Seed: seed, Quiet: 500 * time.Millisecond, Push: 2 * time.Second}, "TOK", "ROB", "WNS")
			for _, s := range r.Scenarios {
				switch {
				case s.ID == "WNS-01" && s.Outcome != report.Failed:
					t.Errorf("WNS-01: %s %s", s.Outcome, s.Reason)
				case s.Outcome == report.Errored, s.Outcome == report.NotApplicable, s.Outcome == report.Blocked && s.BlockedBy == "":
					t.Errorf("%s: %s %s", s.ID, s.Outcome, s.Reason)
				}
			}
		})
	}
}

// TestPushPathIsToldOnce: what is wrong on the push path is one cause, with the
// scenarios that show it; the others are blocked by one of these or pass.
func TestPushPathIsToldOnce(t *testing.T) {
	t.Parallel()
	type bug struct {
		mutant *mutants.Mutant
		broken []string
		passes string // what must be judged all the same
	}
	for _, c := range sampled([]bug{
		{mutants.PshNever, []string{"PSH-01"}, "PFN-01"},
		{mutants.TokScope, []string{"TOK-02"}, "TOK-03"},
		{mutants.WnsPut, []string{"WNS-01", "WNS-16", "PSH-01"}, "WNS-03"},
		{mutants.WnsHeaderTwice, []string{"WNS-16", "PSH-01"}, "WNS-04"},
		{mutants.WnsNoCache, []string{"WNS-09"}, "PSH-06"},
		{mutants.PfnNever, []string{"PFN-01"}, "PFN-14"},
		{mutants.PfnChannelNever, []string{"PFN-09", "PFN-10", "PFN-11"}, "PFN-04"},
		{mutants.PfnChannelOnce, []string{"PFN-10", "CHN-10"}, "PSH-01"},
		{mutants.PfnStatusNever, []string{"PFN-11"}, "CHN-03"},
		{mutants.PfnUpperCase, []string{"PFN-03"}, "WER-06"},
		{mutants.PfnNoPushNode, []string{"PFN-07"}, "WER-06"},
	}) {
		t.Run(c.mutant.Name, func(t *testing.T) {
			t.Parallel()
			r := pushRun(t, lab.Options{Mutants: []*mutants.Mutant{c.mutant}, Seed: 1, Quiet: 300 * time.Millisecond, Push: 2500 * time.Millisecond}, "PFN", "CHN", "TOK", "WNS", "WER", "PSH")
			if len(r.Causes) != 1 {
				t.Errorf("%d causes: %+v", len(r.Causes), r.Causes)
			}
			for _, s := range r.Scenarios {
				switch {
				case s.Broken() != slices.Contains(c.broken, s.ID):
					t.Errorf("%s: %s; expected %s, saw %s", s.ID, s.Outcome, s.Expected, s.Saw)
				case s.Outcome != report.Passed && !s.Broken() && s.BlockedBy == "":
					t.Errorf("%s: %s %s", s.ID, s.Outcome, s.Reason)
				case s.ID == c.passes && s.Outcome != report.Passed && c.passes != "PFN-14":
					t.Errorf("%s: %s %s", s.ID, s.Outcome, s.Reason)
				}
			}
		})
	}
}

// TestRedirectsMayBeFollowed: a sender that follows a redirect to another host,
// and leaves its token behind, is right.
func TestRedirectsMayBeFollowed(t *testing.T) {
	all := All()
	l, err := lab.Start(nil, lab.Options{Variants: []*variants.Variant{variants.Redirects}, Seed: 1, Quiet: 500 * time.Millisecond, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	res, _ := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == "WNS-14" })])
	if res.Outcome != report.Passed {
		t.Errorf("%+v", res)
	}
}

// TestTakenForDone: a server that takes a command for done when it has sent it is told
// once, whatever ended the session.
func TestTakenForDone(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{mutants.PshSentDone}, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list, err := Select([]string{"PSH-13", "ERR-14"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Report{Scenarios: suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All()}).Results}
	r.Finish()
	if len(r.Causes) != 1 || r.Summary.Failed != 2 {
		t.Errorf("%d failed, causes %+v", r.Summary.Failed, r.Causes)
	}
}
