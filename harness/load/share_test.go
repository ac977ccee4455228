package load

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestShares: the shares of a run have different devices, together the same ones as a
// single run, and their merged histograms are the same bucket for bucket.
func TestShares(t *testing.T) {
	rehearse := func(s result.Share) (*result.Result, []string) {
		o := options(t, "50..400", 2*time.Second)
		o.Rehearse, o.Share, o.Devices, o.Plan.Poisson = true, s, 30, true
		r, err := Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return play(t, r), r.Devices()
	}
	single, all := rehearse(result.Share{})
	if len(all) != 30 || single.Counts.Done < 300 || single.Planned != single.Counts.Done {
		t.Fatalf("%d devices, %+v", len(all), single.Counts)
	}
	for _, shares := range [][]result.Share{
		{{Of: 2, Mine: []int64{0}}, {Of: 2, Mine: []int64{1}}},
		{{Of: 3, Mine: []int64{0}}, {Of: 3, Mine: []int64{1}}, {Of: 3, Mine: []int64{2}}},
		{{Of: 5, Mine: []int64{0, 3}}, {Of: 5, Mine: []int64{1, 2, 4}}},
	} {
		var parts []*result.Result
		var ids []string
		for _, s := range shares {
			r, list := rehearse(s)
			parts, ids = append(parts, r), append(ids, list...)
			r.Config.Workers += len(parts) // the default depends on the machine
		}
		merged, err := result.Combine(parts)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		slices.Sort(all)
		if !slices.Equal(ids, all) {
			t.Errorf("%v: other devices than in the single run", shares)
		}
		if merged.Counts != single.Counts || merged.Planned != single.Planned || merged.Config.Devices != 30 {
			t.Errorf("%v: %+v, want %+v", shares, merged.Counts, single.Counts)
		}
		for s, want := range single.Stages {
			if merged.Stages[s].Hist != want.Hist {
				t.Errorf("%v: another histogram of %s", shares, s)
			}
		}
		if len(merged.Course) < 2 || !slices.Equal(merged.Course, single.Course) {
			t.Errorf("%v: another course:\n%+v\n%+v", shares, merged.Course, single.Course)
		}
		if merged.Seconds < 2 || merged.Seconds != max(parts[0].Seconds, parts[len(parts)-1].Seconds, parts[1].Seconds) {
			t.Errorf("%v: %.3f s in all", shares, merged.Seconds)
		}
		if _, err := result.Combine(parts[1:]); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("a missing share: %v", err)
		}
		if _, err := result.Combine(append(parts, parts[0])); err == nil || !strings.Contains(err.Error(), "the same devices") {
			t.Errorf("a share twice: %v", err)
		}
		if _, err := result.Combine([]*result.Result{parts[0], single}); err == nil {
			t.Error("a share was combined with a whole run")
		}
	}
}

// TestSharesOfParts: the shares of parts that go on beside each other are the single run,
// part by part.
func TestSharesOfParts(t *testing.T) {
	const long = 2 * time.Second
	rehearse := func(s result.Share) *result.Result {
		o := options(t, "1", long)
		o.Rehearse, o.Share, o.Devices, o.Plan = true, s, 30, idle(t, long)
		random := plan(t, "50..200", long)
		random.Poisson = true
		o.Parts = []*Part{
			{Name: "pushes", Kind: KindPush, Plan: random, Mix: Mix{{Work{Kind: "get"}, 1}, {Work{Kind: "none"}, 2}}},
			{Name: "polls", Kind: KindPoll, Plan: idle(t, long), Every: 500 * time.Millisecond},
			{Name: "new", Kind: KindEnroll, Plan: plan(t, "10", long)},
			{Name: "logins", Kind: KindLogin, Plan: plan(t, "7", long)},
			{Name: "storm", Kind: KindStorm, Plan: idle(t, long), At: time.Second},
		}
		r, err := Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return play(t, r)
	}
	single := rehearse(result.Share{})
	addsUp(t, single)
	var parts []*result.Result
	for k := range int64(3) {
		parts = append(parts, rehearse(result.Share{Of: 3, Mine: []int64{k}}))
	}
	merged, err := result.Combine(parts)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, merged)
	if merged.Counts != single.Counts || merged.Planned != single.Planned || len(merged.Parts) != 5 {
		t.Errorf("%+v, want %+v", merged.Counts, single.Counts)
	}
	for i := range single.Parts {
		a, b := &single.Parts[i], &merged.Parts[i]
		if a.Counts != b.Counts || a.Planned != b.Planned || a.Name != b.Name || a.Stages[result.Whole].Hist != b.Stages[result.Whole].Hist {
			t.Errorf("%s: %+v %d planned, want %+v %d", a.Name, b.Counts, b.Planned, a.Counts, a.Planned)
		}
	}
	other := *parts[1]
	other.Parts = slices.Clone(other.Parts)
	other.Parts[2].Plan = "11"
	if _, err := result.Combine([]*result.Result{parts[0], &other, parts[2]}); err == nil || !strings.Contains(err.Error(), "part 3 of result 2 is new (11)") {
		t.Errorf("another plan: %v", err)
	}
}

// TestShareOfDevices: each share wakes its part of a plan and of a burst, and single
// devices.
func TestShareOfDevices(t *testing.T) {
	var parts []*result.Result
	for k := range int64(2) {
		l, err := lab.Start(nil, lab.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		o := options(t, "15", 2*time.Second)
		o.Share, o.Sender = result.Share{Of: 2, Mine: []int64{k}}, SenderWNS
		r, err := Start(t.Context(), l, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		res := play(t, r)
		whole(t, res)
		if res.Counts.Done != 15 || res.Part.Devices != 6 || len(r.Devices()) != 6 {
			t.Errorf("%+v of %d devices", res.Counts, len(r.Devices()))
		}
		parts = append(parts, res)
		burst, err := r.Drive(t.Context(), &Batch{Count: 9})
		if err != nil || burst.Counts.Done != 5-k || burst.Planned != 9 { // 30 to 38: five even numbers, four odd ones
			t.Errorf("share %d of a burst of 9: %+v %v", k, burst, err)
		}
		one := r.Singles()
		var seen atomic.Int64
		for range 3 {
			if c, err := one.Wake(t.Context(), "", func(result.Stage, time.Duration) { seen.Add(1) }); err != nil || c.Done != 1 {
				t.Error(c, err)
			}
		}
		if _, err := one.Wake(t.Context(), "nobody", nil); err == nil {
			t.Error("an unknown device was woken")
		}
		l.WNS.Inject(fakewns.Fault{Name: "410", On: fakewns.Notification, Status: http.StatusGone, Times: 1})
		id := r.Devices()[0]
		if c, err := one.Wake(t.Context(), id, nil); err == nil || c.Failed != 1 {
			t.Error("WNS refused, and there was no error", c, err)
		}
		sum := one.Result()
		whole(t, sum)
		if sum.Counts.Started != 4 || sum.Counts.Done != 3 || sum.Stages[result.Trigger].Count != 4 || seen.Load() < 20 {
			t.Errorf("one by one: %+v, %d triggers, %d stages observed", sum.Counts, sum.Stages[result.Trigger].Count, seen.Load())
		}
		if _, err := r.Drive(t.Context(), &Batch{Count: 1, At: time.Now().Add(-time.Second)}); err == nil || !strings.Contains(err.Error(), "choose a later one") {
			t.Errorf("a start in the past: %v", err)
		}
	}
	merged, err := result.Combine(parts)
	if err != nil || merged.Counts.Done != 30 || merged.Stages[result.Whole].Count != 30 || merged.Planned != 30 {
		t.Errorf("%+v %v", merged, err)
	}
}
