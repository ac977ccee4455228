package scenarios

import (
	"flag"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestMain lets more mutants run at a time than there are cores: they mostly
// wait. Under the race detector each takes five times the work, so they are fewer.
func TestMain(m *testing.M) {
	flag.Parse()
	atOnce := "16"
	if underRace() {
		atOnce = "8"
	}
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// underRace tells whether the race detector is on, as in make ci.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// sampled is all of a list of cases alike in make ci, and every third in make test
// (-short), for which a person waits.
func sampled[E any](all []E) []E {
	if !testing.Short() {
		return all
	}
	var some []E
	for i := 0; i < len(all); i += 3 {
		some = append(some, all[i])
	}
	return some
}

func TestCatalogueIsSound(t *testing.T) {
	id := regexp.MustCompile(`^[A-Z]{3}-(\d\d|[1-9]\d\d)$`)
	seen := map[string]bool{}
	for _, s := range All() {
		if !id.MatchString(s.ID) || seen[s.ID] {
			t.Errorf("id %q is malformed or used twice", s.ID)
		}
		seen[s.ID] = true
		if s.Title == "" || s.Rule == "" || s.Source == "" || s.Fix == "" || s.Run == nil || s.Level != report.Must && s.Level != report.Should && s.Level != report.Info {
			t.Errorf("%s lacks a title, rule, source, fix, level or body", s.ID)
		}
		if len(s.Mutants) == 0 {
			t.Errorf("%s has no mutant: nothing shows that it can fail", s.ID)
		}
		for _, m := range s.Mutants {
			if !slices.Contains(mutants.All(), m) {
				t.Errorf("%s names mutant %s, which the list of its package lacks", s.ID, m.Name)
			}
		}
	}
	for _, m := range mutants.All() {
		if len(killersOf(m)) == 0 {
			t.Errorf("mutant %s fails no scenario", m.Name)
		}
	}
}

// killersOf are the ids of the scenarios that must fail on a mutant.
func killersOf(mutant *mutants.Mutant) (ids []string) {
	for _, s := range All() {
		if slices.Contains(s.Mutants, mutant) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// TestReferencePasses: every scenario passes on the reference server.
func TestReferencePasses(t *testing.T) {
	t.Parallel()
	for _, r := range suite.Collect(t.Context(), newLab(t), All(), suite.Options{Parallel: 4}).Results {
		t.Run(r.ID, func(t *testing.T) {
			if r.Outcome != report.Passed {
				t.Errorf("%s on the reference server: %+v", r.ID, r)
			}
		})
	}
}

// TestMutantsAreKilled: every mutant fails each scenario it breaks the rule of.
func TestMutantsAreKilled(t *testing.T) {
	t.Parallel()
	all := All()
	for _, m := range mutants.All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, m)
			for _, id := range killersOf(m) {
				i := slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })
				res, _ := suite.Run(t.Context(), l, &all[i])
				if !res.Broken() {
					t.Errorf("%s on mutant %s: %s (%s), want failed or warned", id, m.Name, res.Outcome, res.Reason)
				} else if res.Expected == "" || res.Saw == "" {
					t.Errorf("%s fails without saying what it expected and saw: %+v", id, res)
				}
			}
		})
	}
}

// sharedKeys are a few keys for all labs: making one takes longer than most scenarios.
var sharedKeys = enroll.NewKeyPool(16)

func newLab(t *testing.T, broken ...*mutants.Mutant) *lab.Lab {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Mutants: broken, Seed: 1, Quiet: 1500 * time.Millisecond, Crowd: 60, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	if len(broken) == 0 {
		l.Config.Timeouts.Latency = 20 * time.Second // a busy machine is not a slow server
	}
	t.Cleanup(l.Close)
	return l
}

func TestSelect(t *testing.T) {
	got, err := Select([]string{"ses-09"}, []string{"tok"})
	if err != nil || len(got) != 1+len(tokens)+len(tokenEndpoint) || got[0].ID != "SES-09" {
		t.Errorf("SES-09 and TOK select %d scenarios, err %v", len(got), err)
	}
	for _, bad := range [][2][]string{{{"SES-999"}, nil}, {nil, {"XYZ"}}} {
		if _, err := Select(bad[0], bad[1]); err == nil {
			t.Errorf("Select(%v) must be an error", bad)
		}
	}
}
