package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
)

func TestBlocked(t *testing.T) {
	cases := []struct {
		what string
		list []Scenario
		want []string
	}{
		{"by an id that failed", []Scenario{scenario("AAA-01", fails), scenario("AAA-02", blockedBy("AAA-01"))}, []string{"AAA-01 failed", "AAA-02 blocked by AAA-01"}},
		{"by one that comes later", []Scenario{scenario("AAA-01", blockedBy("AAA-02")), scenario("AAA-02", fails)}, []string{"AAA-01 blocked by AAA-02", "AAA-02 failed"}},
		{"by a SHOULD that warned", []Scenario{scenario("AAA-01", fails, level(report.Should)), scenario("AAA-02", blockedBy("AAA-01"))}, []string{"AAA-01 warned", "AAA-02 blocked by AAA-01"}},
		{"by a premise", []Scenario{scenario("AAA-01", fails, decides(SetsPFN)), scenario("AAA-02", blockedBy(string(SetsPFN)))}, []string{"AAA-01 failed", "AAA-02 blocked by AAA-01"}},
		{"by an area", []Scenario{scenario("AAA-01", passes), scenario("AAA-02", fails), scenario("BBB-01", blockedBy("AAA"))}, []string{"AAA-01 passed", "AAA-02 failed", "BBB-01 blocked by AAA-02"}},
		{"at second hand", []Scenario{scenario("AAA-01", fails), scenario("AAA-02", blockedBy("AAA-01")), scenario("AAA-03", blockedBy("AAA-02"))},
			[]string{"AAA-01 failed", "AAA-02 blocked by AAA-01", "AAA-03 blocked by AAA-01"}},
		{"by the MUST, not by the SHOULD before it", []Scenario{scenario("AAA-01", blockedBy(string(GoodPFN))), scenario("AAA-02", fails, level(report.Should), decides(GoodPFN)), scenario("AAA-03", fails, decides(GoodPFN))},
			[]string{"AAA-01 blocked by AAA-03", "AAA-02 warned", "AAA-03 failed"}},
		{"by the first name, whatever its level", []Scenario{scenario("AAA-01", fails), scenario("AAA-02", fails, level(report.Should)), scenario("AAA-03", blockedBy("AAA-02", "AAA-01"))},
			[]string{"AAA-01 failed", "AAA-02 warned", "AAA-03 blocked by AAA-02"}},
		{"by commands for another device, which wiped this one", []Scenario{scenario("AAA-01", fails, decides(Delivers)), scenario("AAA-02", func(t *T) { d := t.Enrolled(); d.Wipe(); d.Certificate() })},
			[]string{"AAA-01 failed", "AAA-02 blocked by AAA-01"}},
		{"by one that passed is an error", []Scenario{scenario("AAA-01", passes), scenario("AAA-02", blockedBy("AAA-01"))}, []string{"AAA-01 passed", "AAA-02 error"}},
		{"by nobody is an error", []Scenario{scenario("AAA-01", blockedBy())}, []string{"AAA-01 error"}},
		{"by each other is an error", []Scenario{scenario("AAA-01", blockedBy("AAA-02")), scenario("AAA-02", blockedBy("AAA-01"))}, []string{"AAA-01 error", "AAA-02 error"}},
	}
	for _, c := range cases {
		if got, _ := outcomes(t, c.list, Options{Parallel: 2}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// TestBlockedByTheFirst: among MUSTs of one premise the first of the catalogue is told,
// in whatever order they run. What is not to run is not waited for.
func TestBlockedByTheFirst(t *testing.T) {
	list := []Scenario{scenario("AAA-01", blockedBy(string(GoodPFN))), scenario("AAA-02", fails, decides(GoodPFN)), scenario("AAA-03", fails, decides(GoodPFN))}
	of := func(id string, o report.Outcome, by ...string) *verdict {
		return &verdict{result: report.Result{ID: id, Level: report.Must, Outcome: o}, by: by}
	}
	blocked := of("AAA-01", report.Blocked, string(GoodPFN))
	r := newRunner(newLab(t), list, Options{})
	r.of = map[string]*verdict{"AAA-01": blocked, "AAA-03": of("AAA-03", report.Failed)}
	if by, open := r.blockedSoFar(blocked); by != "AAA-03" || !open {
		t.Errorf("blocked by %s, open %t, before AAA-02 has run", by, open)
	}
	r.list = slices.Delete(slices.Clone(list), 1, 2)
	if by, open := r.blockedSoFar(blocked); by != "AAA-03" || open {
		t.Errorf("blocked by %s, open %t, although AAA-02 is not to run", by, open)
	}
	r.list = list
	r.of["AAA-02"] = of("AAA-02", report.Failed)
	if by, open := r.blockedSoFar(blocked); by != "AAA-02" || open {
		t.Errorf("blocked by %s, open %t, when all have run", by, open)
	}
}

// TestBlockedByWhatWasNotSelected: the scenario that blocks is run first, and
// told before the one that it blocks.
func TestBlockedByWhatWasNotSelected(t *testing.T) {
	pfn := scenario("AAA-01", fails, decides(SetsPFN))
	other := scenario("AAA-02", func(t *T) { t.Error("nobody asked for this one") })
	push := scenario("BBB-01", blockedBy(string(SetsPFN)))
	got, results := outcomes(t, []Scenario{push}, Options{Catalogue: []Scenario{pfn, other, push}})
	if want := []string{"AAA-01 failed", "BBB-01 blocked by AAA-01"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := results["BBB-01"]; r.Reason != "nothing to look at" {
		t.Errorf("the reason is lost: %+v", r)
	}
}

// TestBlockedByWhatDoesNotApply: where no scenario that decides a premise applies, nor
// does one that it blocks. One that applies and passed contradicts it, still.
func TestBlockedByWhatDoesNotApply(t *testing.T) {
	l := newLab(t)
	l.Config.Target.Push = "none"
	not := func(*T) { panic("this body must not run") }
	for _, c := range []struct {
		decides Premise // of the third
		want    report.Outcome
		says    string
	}{
		{SetsPFN, report.NotApplicable, "nothing to look at, and no scenario that judges this applies: " + noPush},
		{GoodPFN, report.Errored, "a bug in dmwake"},
	} {
		list := []Scenario{scenario("ERR-01", blockedBy(string(GoodPFN))), scenario("PFN-02", not, decides(GoodPFN)), scenario("ENR-01", passes, decides(c.decides)), scenario("PFN-04", not, decides(GoodPFN))}
		if r := Collect(t.Context(), l, list, Options{}).Results[0]; r.Outcome != c.want || !strings.Contains(r.Reason, c.says) || r.BlockedBy != "" {
			t.Errorf("%s: %s %q by %q", c.decides, r.Outcome, r.Reason, r.BlockedBy)
		}
	}
}
