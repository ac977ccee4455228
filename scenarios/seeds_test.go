package scenarios

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

var (
	seeds  = flag.Int("seeds", 0, "compare the verdicts over that many seeds")
	everyN = flag.Int("every", 10, "with -seeds: on every so many mutants")
)

// TestSeeds: no verdict depends on the seed, which draws identities, tokens and
// the order. What may change places is failed and blocked inside one cause. It
// is run by make seeds.
func TestSeeds(t *testing.T) {
	if *seeds == 0 {
		t.Skip("run by make seeds; TestReferencePasses runs one order")
	}
	all := mutants.All()
	servers := [][]*mutants.Mutant{nil}
	for i := 0; i < len(all); i += *everyN {
		servers = append(servers, all[i:i+1])
	}
	besides(servers, func(_ int, broken []*mutants.Mutant) {
		var first *report.Report
		for seed := range *seeds {
			r := strict(t, uint64(seed+1), broken...)
			if first == nil {
				first = r
			}
			lines := differences(first, r)
			if len(broken) > 0 && slices.Contains(byChance, broken[0]) {
				lines = nothingFound(r)
			}
			for _, line := range lines {
				t.Errorf("mutant %s, seeds 1 and %d: %s", called(broken), seed+1, line)
			}
		}
		t.Logf("mutant %s: %d passed, %d failed, %d warned, %d blocked", called(broken), first.Summary.Passed, first.Summary.Failed, first.Summary.Warned, first.Summary.Blocked)
	})
}

// byChance are mutants whose harm depends on the order of the scenarios or on their
// timing, so no two runs have to agree.
var byChance = []*mutants.Mutant{
	mutants.PshWrongDevice,     // which device comes next
	mutants.WerChannelHoldsAll, // from the first throttled channel on no push leaves the server
}

// nothingFound is what a run against one of byChance must not be: without a failure, or
// with a crash of the suite. That a block is of no other scenario's making can be true.
func nothingFound(r *report.Report) (out []string) {
	if r.Summary.Failed == 0 {
		out = append(out, "nothing failed")
	}
	for i := range r.Scenarios {
		if x := &r.Scenarios[i]; x.Outcome == report.Errored && strings.Contains(x.Reason, "crashed") {
			out = append(out, x.ID+" error: "+x.Reason)
		}
	}
	return out
}

// differences between two runs of one list.
func differences(a, b *report.Report) (out []string) {
	for i := range a.Scenarios {
		x, y := &a.Scenarios[i], &b.Scenarios[i]
		switch {
		case x.ID != y.ID:
			return []string{"the runs are of different lists"}
		case x.Outcome == y.Outcome && x.Outcome != report.Errored:
		case one(x) && one(y) && sameCause(a, b, x.ID):
		default:
			out = append(out, x.ID+" "+string(x.Outcome)+" and "+string(y.Outcome)+": "+x.Reason+x.Saw+" / "+y.Reason+y.Saw)
		}
	}
	return out
}

// one tells whether a result may be another of its kind with another seed.
func one(r *report.Result) bool { return r.Broken() || r.Outcome == report.Blocked }

// sameCause tells whether a scenario is of one cause in two runs: what failed in
// one is of the other's, too.
func sameCause(a, b *report.Report, id string) bool {
	of := func(r *report.Report) []string {
		for _, c := range r.Causes {
			if slices.Contains(c.Scenarios, id) || slices.Contains(c.Blocked, id) {
				return slices.Concat(c.Scenarios, c.Blocked)
			}
		}
		return nil
	}
	other := of(b)
	return slices.ContainsFunc(of(a), func(x string) bool { return x != id && slices.Contains(other, x) })
}

// TestDifferences: what make seeds would find, it finds.
func TestDifferences(t *testing.T) {
	run := func(results ...report.Result) *report.Report {
		r := &report.Report{Scenarios: results}
		r.Finish()
		return r
	}
	failed := func(id string) report.Result {
		return report.Result{ID: id, Level: report.Must, Outcome: report.Failed}
	}
	blocked := func(id, by string) report.Result {
		return report.Result{ID: id, Level: report.Must, Outcome: report.Blocked, BlockedBy: by}
	}
	passed := func(id string) report.Result {
		return report.Result{ID: id, Level: report.Must, Outcome: report.Passed}
	}
	under := failed("B")
	under.Under = []string{"A"}
	for i, c := range []struct {
		a, b *report.Report
		n    int
	}{
		{run(failed("A"), passed("B")), run(failed("A"), passed("B")), 0},
		{run(failed("A"), under), run(failed("A"), blocked("B", "A")), 0},
		{run(failed("A"), blocked("B", "A")), run(blocked("A", "B"), failed("B")), 0},
		{run(failed("A"), failed("B")), run(failed("A"), blocked("B", "A")), 1},
		{run(failed("A"), passed("B")), run(failed("A"), blocked("B", "A")), 1},
		{run(failed("A")), run(passed("A")), 1},
		{run(report.Result{ID: "A", Outcome: report.Errored}), run(report.Result{ID: "A", Outcome: report.Errored}), 1},
	} {
		if got := differences(c.a, c.b); len(got) != c.n {
			t.Errorf("case %d: %v, want %d", i, got, c.n)
		}
	}
}

func called(broken []*mutants.Mutant) string {
	if len(broken) == 0 {
		return "none"
	}
	return broken[0].Name
}
