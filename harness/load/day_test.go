package load

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestDay: arrivals rise in the morning, fall in the evening, and are the same the next
// day; a plan may end within a day.
func TestDay(t *testing.T) {
	day := Day{From: 8 * time.Hour, To: 16 * time.Hour, Peak: 1, Base: .5}
	for _, c := range []struct {
		long time.Duration
		want float64 // arrivals
	}{
		{8 * time.Hour, 8 * 1800}, {10 * time.Hour, 8*1800 + 2*2700}, {9 * time.Hour, 8*1800 + 2250}, {14 * time.Hour, 8*1800 + 2*2700 + 4*3600}, {24 * time.Hour, 16*1800 + 4*2700 + 4*3600}, {48 * time.Hour, 2 * (16*1800 + 4*2700 + 4*3600)},
	} {
		p, err := day.Plan(c.long, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Total(); math.Abs(got-c.want) > .01 || p.parts[len(p.parts)-1].end != c.long {
			t.Errorf("%s: %g arrivals, want %g", c.long, got, c.want)
		}
	}
	for want, bad := range map[string]Day{
		"two times of one day":   {From: 18 * time.Hour, To: 8 * time.Hour, Peak: 1},
		"a peak of 0":            {From: 8 * time.Hour, To: 18 * time.Hour},
		"the day begins at 8h, ": {From: 8 * time.Hour, To: 18 * time.Hour, Peak: 1},
	} {
		if _, err := bad.Plan(2*time.Hour, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", bad, err, want)
		}
	}
}

// TestFaster: a compressed plan has the same items in less time, and says what it was.
func TestFaster(t *testing.T) {
	for _, rate := range []string{"2", "1..3", "1,4,2", "1+10@10m/5m"} {
		slow, err := ParsePlan(rate, time.Hour, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		fast := slow.Faster(60)
		if fast.Duration != time.Minute || fast.Warmup != 10*time.Second || math.Abs(fast.Total()-slow.Total()) > 1e-6 || fast.given() != slow || fast.Peak() != 60*slow.Peak() {
			t.Errorf("%s: %+v, %g items of %g", rate, fast, fast.Total(), slow.Total())
		}
		for _, n := range []float64{1, 100, slow.Total()} {
			a, _ := slow.at(n)
			if b, ok := fast.at(n); !ok || (a/60-b).Abs() > time.Microsecond {
				t.Errorf("%s: item %.0f at %s, want %s", rate, n, b, a/60)
			}
		}
	}
}

// TestPreview: a preview has as many items as the run would start, at these times.
func TestPreview(t *testing.T) {
	const long = time.Hour
	o := options(t, "1", long)
	o.Devices, o.Speed = 50, 60
	o.Plan = idle(t, long)
	warm, err := ParsePlan("2", long, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	o.Parts = []*Part{
		{Name: "pushes", Kind: KindPush, Plan: warm, Mix: Mix{{Work{Kind: "get"}, 1}}},
		{Name: "polls", Kind: KindPoll, Plan: idle(t, long), Every: 20 * time.Minute},
		{Name: "storm", Kind: KindStorm, Plan: idle(t, long), At: 50 * time.Minute, Within: time.Minute},
	}
	list, err := o.Preview(4)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		items, warm int64
		first, last time.Duration
		steps       []int64
	}{
		{5400, 1800, time.Second / 2, long, []int64{1800, 1800, 1800, 1800}},
		{150, 0, 24 * time.Second, long, []int64{37, 38, 37, 38}},
		{50, 0, 50*time.Minute + 1200*time.Millisecond, 51 * time.Minute, []int64{0, 0, 0, 50}},
	} {
		s := list[i]
		sum := int64(0)
		for k, n := range s.Steps {
			if sum += n; n != want.steps[k] {
				t.Errorf("%s: step %d has %d, want %d", s.Name, k, n, want.steps[k])
			}
		}
		if s.Items != want.items || s.Warm != want.warm || sum != s.Items+s.Warm || (s.First-want.first).Abs() > time.Microsecond || (s.Last-want.last).Abs() > time.Microsecond {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	o.Parts[2].At = long
	if _, err := o.Preview(4); err == nil || !strings.Contains(err.Error(), "after the end of the run") {
		t.Errorf("a storm after the end: %v", err)
	}
	o.Parts = o.Parts[:1]
	o.Devices = 0
	if _, err := o.Preview(4); err == nil {
		t.Error("no devices were accepted")
	}
}
