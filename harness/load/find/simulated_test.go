package find

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// simulated is a server of which the capacity is known, without a clock: Drive
// calculates what a step at its rate would measure. One session is one request.
type simulated struct {
	slots   int           // sessions at the same time
	takes   time.Duration // a session
	bucket  float64       // sessions a second; others are refused. 0: all are taken
	maxRate float64       // from which dmwake itself starts wake-ups late; 0: none
	maxSize int           // devices that this machine can have; 0: no limit
	licence int           // devices that the server takes; 0: no limit
	full    bool          // the machine's processors are busy
	hiccup  map[int]bool  // steps in which the server pauses for 20 s

	drives  int
	devices int
	merged  int64
}

const drain = 15 * time.Second

func (s *simulated) Idle(context.Context, time.Duration) bool { return true }
func (s *simulated) Len() int                                 { return s.devices }
func (s *simulated) Merged() int64                            { return s.merged }
func (s *simulated) Waited() int64                            { return 0 }

func (s *simulated) Grow(_ context.Context, more int) (failed int, reason string, err error) {
	if s.maxSize > 0 && s.devices+more > s.maxSize {
		return 0, "", &load.OptionError{Field: "Resident"}
	}
	s.devices += more
	if s.licence > 0 && s.devices > s.licence {
		failed, s.devices = s.devices-s.licence, s.licence
		return failed, "RST: refused", nil
	}
	return 0, "", nil
}

func (s *simulated) Drive(ctx context.Context, list ...*load.Batch) (*result.Result, error) {
	b := list[0]
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.drives++
	p := b.Plan
	rate := p.Peak()
	r := &result.Result{Kind: result.Kind, Stages: map[result.Stage]result.Summary{}, Errors: map[string]int64{}, Seconds: (p.Duration - p.Warmup).Seconds(),
		Config: result.Config{Rate: p.Text(), Warmup: p.Warmup.String(), Duration: p.Duration.String(), Sender: load.SenderHook, Work: "none"}}
	hist := map[result.Stage]result.Histogram{}
	for _, stage := range []result.Stage{result.Late, result.Trigger, result.Reply, result.Whole} {
		hist[stage] = result.NewHistogram()
	}
	course := result.Course{Length: time.Second}
	free := make([]time.Duration, max(s.slots, 1))
	if s.hiccup[s.drives] {
		free = slices.Repeat([]time.Duration{20 * time.Second}, len(free))
	}
	tokens, last := 1.0, time.Duration(0)
	for at := range p.Arrivals(rand.New(rand.NewPCG(1, 1))) {
		counted := at > p.Warmup
		step := course.Step(min(int(at/time.Second), int(p.Duration/time.Second)-1))
		step.Started++
		if counted {
			r.Counts.Started++
		}
		if s.bucket > 0 {
			tokens, last = min(tokens+(at-last).Seconds()*s.bucket, 1), at
			if tokens < 1-1e-9 {
				if step.Failed++; counted {
					r.Counts.Failed++
					r.Errors["session: the server answered 503"]++
				}
				continue
			}
			tokens--
		}
		var late time.Duration
		if s.maxRate > 0 && rate > s.maxRate {
			late = time.Duration(at.Seconds() * (rate/s.maxRate - 1) * float64(time.Second))
		}
		next := slices.Index(free, slices.Min(free))
		begin := max(at+late, free[next])
		free[next] = begin + s.takes
		whole := free[next] - at
		switch {
		case whole > drain+p.Duration-at:
			if step.Lost++; counted {
				r.Counts.Lost++
				r.Errors["lost: it reached the device, but no session followed in time"]++
			}
			continue
		case !counted:
			step.Done++
			step.Whole.Record(whole)
			continue
		}
		r.Counts.Done++
		step.Done++
		step.Whole.Record(whole)
		for stage, d := range map[result.Stage]time.Duration{result.Late: late, result.Trigger: time.Millisecond, result.Reply: whole - late - time.Millisecond, result.Whole: whole} {
			hist[stage].Record(d)
		}
	}
	for stage, h := range hist {
		r.Stages[stage] = h.Summary()
	}
	r.Course = course.Points()
	r.CPU = &result.CPU{Own: .1, Busy: .3}
	if s.full {
		r.CPU = &result.CPU{Own: .5, Busy: .97}
	}
	return r, nil
}

func conditions(t *testing.T, list ...string) (out []*result.Expectation) {
	t.Helper()
	for _, text := range list {
		e, err := result.ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return Assumed(out)
}

// searched runs a search on a simulated server.
func searched(t *testing.T, s *simulated, edit func(*Config)) *result.Capacity {
	t.Helper()
	c := &Config{Conditions: conditions(t, "p99<2s"), From: 10, Step: 10 * time.Second, Begin: func(float64, float64, time.Duration) {}, Tell: func(*result.CapacityStep) {}}
	if edit != nil {
		edit(c)
	}
	out, err := Run(t.Context(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Steps {
		k := &out.Steps[i]
		t.Logf("%8g confirmation %-5t %-10s %q %q", k.Value, k.Confirmation, k.Verdict, k.Why, k.Own)
	}
	t.Logf("holds %g, fails %g, confirmed %t, at least %t, %+v", out.Holds, out.Fails, out.Confirmed, out.AtLeast, out.Limit)
	return out
}
