package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// processes are the results of n processes that rehearse one plan twice.
func processes(t *testing.T, n int) []*result.Instance {
	t.Helper()
	plan, err := load.ParsePlan("40000", 10*time.Millisecond, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rehearsed(t, n, []*load.Batch{{Plan: plan}}, []*load.Batch{{Plan: plan}})
}

// rehearsed are the results of n processes that rehearse batches, those of each list beside
// each other.
func rehearsed(t *testing.T, n int, batches ...[]*load.Batch) (list []*result.Instance) {
	t.Helper()
	for k := range n {
		o := &load.Options{Devices: 30, Who: "round", Rehearse: true, Seed: 1, Drain: time.Second}
		if n > 1 {
			o.Share = result.Share{Of: int64(n), Mine: []int64{int64(k)}}
		}
		run, err := load.Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		in := result.NewInstance("T", fmt.Sprint(k+1))
		for _, b := range batches {
			r, err := run.Drive(t.Context(), b...)
			if err != nil {
				t.Fatal(err)
			}
			// The processes of this test run one after the other, at the pace of the
			// machine. Pretend that they ran together.
			r.Started, r.Seconds = time.Unix(1, 0), 0.01-0.001*float64(k)
			in.Batches = append(in.Batches, r)
		}
		in.Whole = true
		list = append(list, in)
	}
	return list
}

// perfect is a Prometheus with all samples, except for what spoil changes.
type perfect struct {
	list  []*result.Instance
	whole *result.Result
	spoil func(query string, out map[string]float64)
	err   error
}

// Vector implements Prometheus.
func (p *perfect) Vector(_ context.Context, query, label string, _ time.Time) (map[string]float64, error) {
	out := map[string]float64{}
	switch {
	case p.err != nil:
		return nil, p.err
	case label == "instance_id":
		for _, in := range p.list {
			for _, b := range in.Batches {
				c := of(query, b)
				if strings.Contains(query, "started") {
					out[in.ID] += float64(c.Counts.Started)
				}
				if strings.Contains(query, "done") {
					out[in.ID] += float64(c.Counts.Done)
				}
			}
		}
	case strings.HasPrefix(query, "histogram_count"):
		for s, h := range of(query, p.whole).Stages {
			out[string(s)] = float64(h.Count)
		}
	default:
		for s, h := range of(query, p.whole).Stages {
			out[string(s)] = float64(h.At["p99"]) / 1e6 * 1.04
		}
	}
	if p.spoil != nil {
		p.spoil(query, out)
	}
	return out, nil
}

// of is the part of a result that a query is about.
func of(query string, r *result.Result) result.LoadPart {
	for _, p := range r.All() {
		if p.Kind == "push" && strings.Contains(query, `part=~"|push"`) || strings.Contains(query, fmt.Sprintf("part=%q", p.Kind)) {
			return p
		}
	}
	if strings.Contains(query, "part=") {
		return result.LoadPart{}
	}
	return result.LoadPart{Counts: r.Counts, Stages: r.Stages}
}

func words(v *Verdict) (text string) {
	for _, c := range v.Checks {
		text += fmt.Sprintln(c.OK, c.What)
	}
	return text
}

// TestVerdict: complete results pass, and each defect is reported.
func TestVerdict(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		list := processes(t, n)
		v := Instances(list, n)
		if err := v.Reconcile(t.Context(), &perfect{list: list, whole: v.Whole}, list, time.Now()); err != nil || !v.OK() || v.Whole.Counts.Done != 800 || v.Whole.Rate() != 40_000 {
			t.Errorf("%d processes: %v\n%s", n, err, words(v))
		}
	}
	for want, spoil := range map[string]func(list []*result.Instance) []*result.Instance{
		"2 processes have a result, 3 were": func(l []*result.Instance) []*result.Instance { return l[:2] },
		"shares are missing":                func(l []*result.Instance) []*result.Instance { return l[:2] },
		"two results have the instance_id":  func(l []*result.Instance) []*result.Instance { l[1].ID = "1"; return l },
		"different tests":                   func(l []*result.Instance) []*result.Instance { l[1].TestID = "U"; return l },
		"did not reach its end":             func(l []*result.Instance) []*result.Instance { l[1].Whole = false; return l },
		"has 2 batches":                     func(l []*result.Instance) []*result.Instance { l[0].Batches = l[0].Batches[:1]; return l },
		"ended early":                       func(l []*result.Instance) []*result.Instance { l[1].Batches[0].Aborted = "interrupted"; return l },
		"started 3s apart": func(l []*result.Instance) []*result.Instance {
			l[1].Batches[1].Started = l[1].Batches[1].Started.Add(3 * time.Second)
			return l
		},
		"390 of 400 planned wake-ups": func(l []*result.Instance) []*result.Instance {
			c := &l[1].Batches[1].Counts
			c.Started, c.Done = c.Started-10, c.Done-10
			return l
		},
		"wake-ups were started, but": func(l []*result.Instance) []*result.Instance { l[2].Batches[0].Counts.Done--; return l },
		"has another configuration":  func(l []*result.Instance) []*result.Instance { l[1].Batches[0].Config.Rate = "40001"; return l },
	} {
		if v := Instances(spoil(processes(t, 3)), 3); v.OK() || !strings.Contains(words(v), want) {
			t.Errorf("want %q:\n%s", want, words(v))
		}
	}
	for want, spoil := range map[string]func(query string, out map[string]float64){
		"samples were dropped": func(query string, out map[string]float64) {
			if strings.Contains(query, "started") {
				out["2"] -= 40
			}
		},
		"without an instance_id": func(_ string, out map[string]float64) { out[""] = 5 },
		"has no result":          func(_ string, out map[string]float64) { out["9"] = 5 },
		"no native histograms": func(query string, out map[string]float64) {
			if strings.HasPrefix(query, "histogram") {
				clear(out)
			}
		},
		"times of stage whole": func(query string, out map[string]float64) {
			if strings.HasPrefix(query, "histogram_count") {
				out["whole"]--
			}
		},
		"off by more than a bucket": func(query string, out map[string]float64) {
			if strings.HasPrefix(query, "histogram_quantile") {
				out["whole"] *= 1.2
			}
		},
	} {
		list := processes(t, 2)
		v := Instances(list, 2)
		if err := v.Reconcile(t.Context(), &perfect{list: list, whole: v.Whole, spoil: spoil}, list, time.Now()); err != nil || v.OK() || !strings.Contains(words(v), want) {
			t.Errorf("%v, want %q:\n%s", err, want, words(v))
		}
	}
	list := processes(t, 1)
	if err := Instances(list, 1).Reconcile(t.Context(), &perfect{err: errors.New("away")}, list, time.Now()); err == nil {
		t.Error("Prometheus is away, and there is no error")
	}
}

func TestAddress(t *testing.T) {
	for _, bad := range []string{"", "localhost:9090", "ftp://x", "http://"} {
		if _, err := NewServer(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	s, err := NewServer("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Vector(t.Context(), "up", "x", time.Now()); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}
