package load

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
)

// TestDriveBeside: a run drives wake-ups and polls beside each other, and later one of
// them alone. Each is observed by itself.
func TestDriveBeside(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const long = time.Second
	o := options(t, "1", long)
	o.Plan, o.Resident, o.Sender, o.Unscheduled = nil, true, SenderWNS, true
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	counter := func(n *int) func(result.Stage, time.Duration) {
		return func(s result.Stage, _ time.Duration) { // under the lock of the run
			if s == result.Whole {
				*n++
			}
		}
	}
	var pushes, polls int
	both, err := run.Drive(t.Context(), &Batch{Plan: plan(t, "20", long), Observe: counter(&pushes)}, &Batch{Plan: idle(t, long), Every: 500 * time.Millisecond, Observe: counter(&polls)})
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, both)
	a, b := both.Find("pushes"), both.Find("polls")
	if a == nil || b == nil || a.Counts.Started != 20 || b.Counts.Started != int64(2*o.Devices) || both.Config.Poll != "500ms" || both.Config.Rate != "pushes: 20; polls: every 500ms" {
		t.Fatalf("%+v %+v", both.Parts, both.Config)
	}
	if int64(pushes) != a.Counts.Done || int64(polls) != b.Counts.Done || b.Counts.Done != b.Counts.Started {
		t.Errorf("observed %d and %d sessions, done are %d and %d", pushes, polls, a.Counts.Done, b.Counts.Done)
	}
	only, err := run.Drive(t.Context(), &Batch{Plan: idle(t, long), Every: long})
	if err != nil || len(only.Parts) != 1 || only.Counts.Started != int64(o.Devices) || only.Counts.Done != only.Counts.Started {
		t.Errorf("%+v %v", only, err)
	}
	burst, err := run.Drive(t.Context(), &Batch{Count: 5})
	if err != nil || burst.Parts != nil || burst.Config.Poll != "" || burst.Counts.Done != 5 {
		t.Errorf("%+v %v", burst, err)
	}
	_, err = run.Drive(t.Context(), &Batch{Plan: idle(t, long), Every: time.Millisecond})
	if bad := (*OptionError)(nil); !errors.As(err, &bad) || bad.Field != "Poll" || !strings.Contains(err.Error(), "take an interval of 50ms or more") {
		t.Errorf("an interval that no device can keep: %v", err)
	}
}

// TestNothingReached: if nobody pushes and the devices follow no schedule, only polls
// bring them to the server.
func TestNothingReached(t *testing.T) {
	for name, set := range map[Field]func(*Options){"Resident": func(o *Options) { o.Resident = true }, "Unscheduled": func(o *Options) { o.Unscheduled = true }} {
		l, err := lab.Start(nil, lab.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		o := options(t, "1", time.Second)
		o.Plan, o.Sender, o.Work = nil, SenderNone, Work{Kind: "get"}
		set(o)
		run, err := Start(t.Context(), l, o)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		_, first := run.Drive(t.Context(), &Batch{Count: 1})
		_, second := run.Singles().Wake(t.Context(), "", nil)
		for _, err := range []error{first, second} {
			if bad := (*OptionError)(nil); !errors.As(err, &bad) || bad.Field != name || !strings.Contains(err.Error(), "nobody pushes") {
				t.Errorf("%s: %v", name, err)
			}
		}
		r, err := run.Drive(t.Context(), &Batch{Plan: plan(t, "6", time.Second)}, &Batch{Plan: idle(t, time.Second), Every: 500 * time.Millisecond})
		if err != nil || r.Find("pushes").Counts.Polled != 6 {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// TestAway: polls of devices that could not be enrolled are nobody's. Shares and the whole
// agree on how many are left of the plan.
func TestAway(t *testing.T) {
	const long = time.Second
	var parts []*result.Result
	for k := range int64(3) {
		o := options(t, "1", long)
		o.Rehearse, o.Share, o.Devices, o.Plan = true, result.Share{Of: 3, Mine: []int64{k}}, 30, nil
		run, err := Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		run.pool.roster.values = run.pool.roster.values[:10-k] // ids
		r, err := run.Drive(t.Context(), &Batch{Plan: plan(t, "30", long)}, &Batch{Plan: idle(t, long), Every: long / 2})
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Find("polls"); p.Planned != 60 || p.Away != 2*k || p.Counts.Started != 20-2*k {
			t.Errorf("share %d: %+v", k, p)
		}
		parts = append(parts, r)
	}
	merged, err := result.Combine(parts)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, merged)
	for _, p := range append(merged.Parts, result.LoadPart{Name: "in all", Planned: merged.Planned, Away: merged.Away, Counts: merged.Counts}) {
		if p.Planned != p.Counts.Started || p.Away != 0 {
			t.Errorf("%s: %d planned, %d started, %d away", p.Name, p.Planned, p.Counts.Started, p.Away)
		}
	}
	if n := merged.Planned; n != 30+54 {
		t.Errorf("%d planned", n)
	}
}
