package load

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
)

// addsUp checks that the parts are accounted for, and together are the whole.
func addsUp(t *testing.T, r *result.Result) {
	t.Helper()
	var sum result.Counts
	for _, p := range r.Parts {
		c := p.Counts
		if c.Started != c.Ended()+c.Unfinished || c.Started == 0 {
			t.Errorf("%s: the counts do not add up: %+v", p.Name, c)
		}
		n := int64(0)
		for _, k := range p.Errors {
			n += k
		}
		if n != c.Failed+c.Lost {
			t.Errorf("%s: %d errors by kind, %d failed and %d lost: %v", p.Name, n, c.Failed, c.Lost, p.Errors)
		}
		sum.Add(c)
	}
	sum.Offline = r.Counts.Offline
	if len(r.Parts) > 0 && sum != r.Counts {
		t.Errorf("the parts have %+v, the run %+v", sum, r.Counts)
	}
	whole(t, r)
}

// pushed is how many pushes had their work delivered, by the push or by a poll that was
// faster.
func pushed(r *result.Result) int64 {
	c := r.Find("pushes").Counts
	return c.Done + c.Polled
}

// TestPolls: devices poll at the interval of the tester, beside pushes or alone, and
// whatever schedule the server set. Work that is queued comes with the next poll.
func TestPolls(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*Options)
		check func(r *result.Result) bool
	}{
		"alone": {func(o *Options) { o.Plan, _ = Idle(2*time.Second, 0) }, func(r *result.Result) bool {
			return r.Counts.Done == 24 && r.Find("polls").Planned == 24 && r.Config.Poll == "1s" && r.Stages[result.Whole].Count == 24 && r.Stages[result.Late].Count == 24 && r.Stages[result.Reply].Count == 24
		}},
		"beside pushes": {func(*Options) {}, func(r *result.Result) bool {
			return pushed(r) == 30 && r.Find("polls").Counts.Done == 24 && r.Stages[result.Whole].Count == r.Counts.Done && r.Planned == 54
		}},
		"resident": {func(o *Options) { o.Resident = true }, func(r *result.Result) bool { return pushed(r) == 30 && r.Find("polls").Counts.Done == 24 }},
		"nobody pushes": {func(o *Options) { o.Sender = SenderNone }, func(r *result.Result) bool {
			p := r.Find("pushes")
			return p.Counts.Polled == 30 && p.Stages[result.Polled].Count == 30 && r.Find("polls").Counts.Done == 24
		}},
		"warm-up": {func(o *Options) { o.Plan.Warmup = time.Second }, func(r *result.Result) bool {
			return r.Find("polls").Counts.Done == 12 && r.Find("polls").Counts.Warm == 12 && pushed(r) == 15 && r.Planned == 27
		}},
		"fast": {func(o *Options) {
			o.Speed, o.Poll = 60, time.Minute
			o.Plan, _ = ParsePlan("0.25", 2*time.Minute, 0)
		}, func(r *result.Result) bool {
			return pushed(r) == 30 && r.Find("polls").Counts.Done == 24 && r.Config.Duration == "2m0s" && r.Config.Poll == "1m" && r.Config.Speed == 60 && r.Seconds >= 2 && r.Find("polls").Plan == "every 1m"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, "15", 2*time.Second)
			o.Poll, o.Drain = time.Second, time.Minute
			c.edit(o)
			r := measure(t, o, nil)
			addsUp(t, r)
			if !c.check(r) || len(r.Errors) > 0 {
				t.Errorf("%+v %v %+v", r.Counts, r.Errors, r.Config)
				for _, p := range r.Parts {
					t.Errorf("%s: %+v %d planned", p.Name, p.Counts, p.Planned)
				}
			}
		})
	}
}

// TestPollsWait: a poll that is due while the device's previous one is not over waits for
// it and is counted, with the time from when it was due.
func TestPollsWait(t *testing.T) {
	letGo, held := make(chan struct{}), make(chan struct{}, 1000)
	var slow atomic.Bool
	l, err := lab.Start(fronted(t, func(http.ResponseWriter, *http.Request) bool {
		if slow.Load() {
			held <- struct{}{}
			<-letGo
		}
		return false
	}), lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "1", 2*time.Second)
	o.Devices, o.Poll, o.Sender, o.Work = 2, 200*time.Millisecond, SenderWNS, Work{Kind: "none"}
	o.Plan, _ = Idle(2*time.Second, 0)
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	slow.Store(true)
	g := gomega.NewWithT(t)
	measured := make(chan *result.Result, 1)
	go func() { measured <- play(t, run) }()
	<-held
	<-held
	g.Eventually(func() int64 { // until each device has polls that wait
		run.mu.Lock()
		defer run.mu.Unlock()
		return run.number
	}, time.Minute).Should(gomega.BeNumerically(">=", 8))
	slow.Store(false)
	close(letGo)
	r := <-measured
	addsUp(t, r)
	if r.Counts.Done != 20 || !slices.ContainsFunc(r.Notes, func(n string) bool {
		return strings.Contains(n, "check-ins were due while the device's previous one was not over")
	}) {
		t.Errorf("%+v %v %q", r.Counts, r.Errors, r.Notes)
	}
}

// TestPollOrder: the polls of a round are spread over the devices, each has one in a
// round, and the seed decides on the order.
func TestPollOrder(t *testing.T) {
	order := func(seed uint64, share result.Share) (out []string) {
		o := options(t, "1", time.Minute)
		o.Devices, o.Seed, o.Share, o.Rehearse = 12, seed, share, true
		run, err := Start(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		b := run.newBatch(&Batch{Plan: o.Plan, part: &Part{Kind: KindPoll, Plan: o.Plan, Every: 12 * time.Second}})
		for n := range int64(24) {
			if !share.Has(n) {
				continue
			}
			if d, ok := run.turn(b, n); ok {
				out = append(out, run.pool.roster.id(d))
			}
		}
		if got := b.Plan.Total(); got != 60 {
			t.Errorf("%g polls in a minute", got)
		}
		return out
	}
	one, again, other := order(7, result.Share{}), order(7, result.Share{}), order(8, result.Share{})
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Error("the order does not depend on the seed alone")
	}
	if !slices.Equal(one[:12], one[12:]) || len(slices.Compact(slices.Sorted(slices.Values(one[:12])))) != 12 {
		t.Errorf("not each device once in a round: %v", one)
	}
	if got := order(7, result.Share{Of: 3, Mine: []int64{1}}); len(got) != 8 || !slices.Equal(got[:4], got[4:]) {
		t.Errorf("a share polls %v", got)
	}
}

// TestPollRefusals: intervals that no device can keep are rejected.
func TestPollRefusals(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for want, c := range map[string]struct {
		field Field
		edit  func(*Options)
	}{
		"is negative":                 {"Poll", func(o *Options) { o.Poll = -time.Second }},
		"take an interval of 50ms":    {"Poll", func(o *Options) { o.Poll = time.Millisecond }},
		"every 1m is every 6ms":       {"Poll", func(o *Options) { o.Poll, o.Speed = time.Minute, 10_000 }},
		"-1 is not from 0 to 10000":   {"Speed", func(o *Options) { o.Speed = -1 }},
		"do not poll by the server's": {"Resident", func(o *Options) { o.Sender, o.Resident = SenderNone, true }},
	} {
		o := options(t, "15", time.Second)
		c.edit(o)
		if err := refused(t, l, o, c.field); !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
