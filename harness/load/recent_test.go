package load

import (
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestRecent: what is older than a minute is forgotten, and what is newer counts.
func TestRecent(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	r := NewRecent()
	r.now = func() time.Time { return now }
	if f := r.Figures(); len(f.Stages) > 0 || f.Counts.Started > 0 {
		t.Errorf("nothing was measured: %+v", f)
	}
	r.Say("enrolling")
	before := r.Mark()
	r.Say("enrolling")
	if r.Mark() != before {
		t.Error("the same words changed the mark")
	}
	for second := range 150 {
		r.Observe(result.Whole, time.Duration(second+1)*time.Millisecond)
		r.Progress(Progress{Elapsed: time.Duration(second) * time.Second, Counts: result.Counts{Started: int64(second)}, Rate: float64(second), Errors: map[string]int64{"session: refused": 2}})
		now = now.Add(time.Second)
	}
	f := r.Figures()
	if r.Mark() == before || f.Doing != "enrolling" || f.Counts.Started != 149 || f.Errors["session: refused"] != 2 {
		t.Errorf("%+v", f)
	}
	if len(f.Rates) != 60 || f.Rates[0] != 90 || f.Rates[59] != 149 {
		t.Errorf("%d rates: %v", len(f.Rates), f.Rates)
	}
	if len(f.Stages) != 1 || f.Stages[0].Stage != result.Whole || f.Stages[0].Count < 55 || f.Stages[0].Count > 60 || f.Stages[0].Max < 149_000 || f.Stages[0].P50 < 110_000 {
		t.Errorf("%+v", f.Stages)
	}
	now = now.Add(time.Hour)
	if f := r.Figures(); len(f.Stages) > 0 {
		t.Errorf("after an hour: %+v", f.Stages)
	}
}
