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
)

// TestShares: processes that share a load have devices of their own, together
// those of a single run, and their merged histograms are that run's, bucket for
// bucket.
func TestShares(t *testing.T) {
	rehearse := func(s Share) (*Result, []string) {
		o := options(t, "50..400", 2*time.Second)
		o.Rehearse, o.Share, o.Devices, o.Plan.Poisson = true, s, 30, true
		r, err := Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return play(t, r), r.Devices()
	}
	single, all := rehearse(Share{})
	if len(all) != 30 || single.Counts.Done < 300 || single.Planned != single.Counts.Done {
		t.Fatalf("%d devices, %+v", len(all), single.Counts)
	}
	for _, shares := range [][]Share{
		{{Of: 2, Mine: []int64{0}}, {Of: 2, Mine: []int64{1}}},
		{{Of: 3, Mine: []int64{0}}, {Of: 3, Mine: []int64{1}}, {Of: 3, Mine: []int64{2}}},
		{{Of: 5, Mine: []int64{0, 3}}, {Of: 5, Mine: []int64{1, 2, 4}}},
	} {
		var parts []*Result
		var ids []string
		for _, s := range shares {
			r, list := rehearse(s)
			parts, ids = append(parts, r), append(ids, list...)
			r.Config.Workers += len(parts) // a machine that allows another number
		}
		merged, err := Combine(parts)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		slices.Sort(all)
		if !slices.Equal(ids, all) {
			t.Errorf("%v: the devices are not those of the single run", shares)
		}
		if merged.Counts != single.Counts || merged.Planned != single.Planned || merged.Config.Devices != 30 {
			t.Errorf("%v: %+v, want %+v", shares, merged.Counts, single.Counts)
		}
		for s, want := range single.Stages {
			if merged.Stages[s].Hist != want.Hist {
				t.Errorf("%v: the histogram of %s is another", shares, s)
			}
		}
		if len(merged.Course) < 2 || !slices.Equal(merged.Course, single.Course) {
			t.Errorf("%v: the course is another:\n%+v\n%+v", shares, merged.Course, single.Course)
		}
		if merged.Seconds < 2 || merged.Seconds != max(parts[0].Seconds, parts[len(parts)-1].Seconds, parts[1].Seconds) {
			t.Errorf("%v: %.3f s in all", shares, merged.Seconds)
		}
		if _, err := Combine(parts[1:]); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("one share is not there: %v", err)
		}
		if _, err := Combine(append(parts, parts[0])); err == nil || !strings.Contains(err.Error(), "the same devices") {
			t.Errorf("one share twice: %v", err)
		}
		if _, err := Combine([]*Result{parts[0], single}); err == nil {
			t.Error("a share and a whole run were combined")
		}
	}
}

// TestOneAfterTheOther: batches that were driven in turn are one result, whose course
// goes on where the second began.
func TestOneAfterTheOther(t *testing.T) {
	o := options(t, "50", 2*time.Second)
	o.Rehearse = true
	r, err := Start(t.Context(), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, b := play(t, r), play(t, r)
	b.Started = a.Started.Add(5 * time.Second)
	sum, err := Sum([]*Result{a, b})
	if err != nil {
		t.Fatal(err)
	}
	n := len(a.Course)
	if n != 2 || sum.Counts.Done != 200 || len(sum.Course) != n+len(b.Course) || !slices.Equal(sum.Course[:n], a.Course) || sum.Course[n].At != 5 || sum.Course[n].Started != b.Course[0].Started {
		t.Errorf("%+v\n%+v", sum.Counts, sum.Course)
	}
}

// TestShareOfDevices: shares with devices of their own are each measured, and
// each holds its part of a burst and of a plan.
func TestShareOfDevices(t *testing.T) {
	var parts []*Result
	for k := range int64(2) {
		l, err := lab.Start(nil, lab.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		o := options(t, "15", 2*time.Second)
		o.Share, o.Sender = Share{Of: 2, Mine: []int64{k}}, SenderWNS
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
			if c, err := one.Wake(t.Context(), "", func(Stage, time.Duration) { seen.Add(1) }); err != nil || c.Done != 1 {
				t.Error(c, err)
			}
		}
		if _, err := one.Wake(t.Context(), "nobody", nil); err == nil {
			t.Error("nobody was woken")
		}
		l.WNS.Inject(fakewns.Fault{Name: "410", On: fakewns.Notification, Status: http.StatusGone, Times: 1})
		id := r.Devices()[0]
		if c, err := one.Wake(t.Context(), id, nil); err == nil || c.Failed != 1 {
			t.Error("WNS refused, and all was well", c, err)
		}
		sum := one.Result()
		whole(t, sum)
		if sum.Counts.Started != 4 || sum.Counts.Done != 3 || sum.Stages[Trigger].Count != 4 || seen.Load() < 20 {
			t.Errorf("one by one: %+v, %d of trigger, %d stages were told", sum.Counts, sum.Stages[Trigger].Count, seen.Load())
		}
		if _, err := r.Drive(t.Context(), &Batch{Count: 1, At: time.Now().Add(-time.Second)}); err == nil || !strings.Contains(err.Error(), "choose a later one") {
			t.Errorf("a start that is past: %v", err)
		}
	}
	merged, err := Combine(parts)
	if err != nil || merged.Counts.Done != 30 || merged.Stages[Whole].Count != 30 || merged.Planned != 30 {
		t.Errorf("%+v %v", merged, err)
	}
}

func TestParseShare(t *testing.T) {
	if s, err := ParseShare("2/3"); err != nil || s.Of != 3 || !slices.Equal(s.Mine, []int64{1}) || s.Count(7) != 2 || s.Whole() {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []string{"", "0/3", "4/3", "1", "a/b", "1/0", "1/99999999"} {
		if _, err := ParseShare(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for want, s := range map[string]Share{"take 10 or 15": {Of: 5, Mine: []int64{0}}, "parts of 2": {Of: 2}, "part 1 of 2": {Of: 2, Mine: []int64{1, 1}}} {
		if err := s.check(12); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}
