package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestParts: pushes and polls beside each other are judged part by part.
func TestParts(t *testing.T) {
	single := Instances(beside(t, 1), 1)
	for _, n := range []int{1, 3} {
		list := beside(t, n)
		v := Instances(list, n)
		if err := v.Reconcile(t.Context(), &perfect{list: list, whole: v.Whole}, list, time.Now()); err != nil || !v.OK() {
			t.Fatalf("%d processes: %v\n%s", n, err, words(v))
		}
		for _, want := range []string{"batch 1: all 40 pushes were started", "batch 1: all 60 polls were started", "batch 2: all 40 wake-ups", "all 80 pushes are accounted for", "counts for each instance (polls)", "within a bucket (pushes)"} {
			if !strings.Contains(words(v), want) {
				t.Errorf("%d processes, want %q:\n%s", n, want, words(v))
			}
		}
		for i := range single.Whole.Parts {
			a, b := &single.Whole.Parts[i], &v.Whole.Parts[i]
			if a.Name != b.Name || a.Plan != b.Plan || a.Counts != b.Counts || a.Planned != b.Planned || a.Stages[result.Whole].Hist != b.Stages[result.Whole].Hist {
				t.Errorf("%d processes: %s %+v, one process: %s %+v", n, b.Plan, b.Counts, a.Plan, a.Counts)
			}
		}
	}
	for want, spoil := range map[string]func(polls *result.LoadPart, whole *result.Result){
		"59 of 60 planned polls":       func(p *result.LoadPart, _ *result.Result) { p.Counts.Started--; p.Counts.Done-- },
		"60 polls were started, but":   func(p *result.LoadPart, _ *result.Result) { p.Counts.Done-- },
		"the parts add up to":          func(_ *result.LoadPart, r *result.Result) { r.Counts.Done++ },
		"of the first polls (every 50": func(p *result.LoadPart, _ *result.Result) { p.Plan = "every 2s" },
		"has 1 part,":                  func(_ *result.LoadPart, r *result.Result) { r.Parts = r.Parts[:1] },
	} {
		list := beside(t, 3)
		r := list[1].Batches[0]
		spoil(r.Find("polls"), r)
		if v := Instances(list, 3); v.OK() || !strings.Contains(words(v), want) {
			t.Errorf("want %q:\n%s", want, words(v))
		}
	}
	for want, spoil := range map[string]func(query string, out map[string]float64){
		"started (polls) of instance \"2\"": func(query string, out map[string]float64) {
			if strings.Contains(query, `part="poll"`) && strings.Contains(query, "started") {
				out["2"]--
			}
		},
		"times of stage whole (pushes)": func(query string, out map[string]float64) {
			if strings.Contains(query, `part=~"|push"`) && strings.HasPrefix(query, "histogram_count") {
				out["whole"]++
			}
		},
	} {
		list := beside(t, 2)
		v := Instances(list, 2)
		if err := v.Reconcile(t.Context(), &perfect{list: list, whole: v.Whole, spoil: spoil}, list, time.Now()); err != nil || v.OK() || !strings.Contains(words(v), want) {
			t.Errorf("%v, want %q:\n%s", err, want, words(v))
		}
	}
}

// beside are the results of n processes that rehearse pushes beside polls, and then pushes
// alone.
func beside(t *testing.T, n int) []*result.Instance {
	t.Helper()
	const long = 10 * time.Millisecond
	pushes, err1 := load.ParsePlan("4000", long, 0)
	polls, err2 := load.Idle(10*long, 0)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return rehearsed(t, n, []*load.Batch{{Plan: pushes}, {Plan: polls, Every: 5 * long}}, []*load.Batch{{Plan: pushes}})
}
