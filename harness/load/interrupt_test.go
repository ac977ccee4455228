package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
)

// hanging is a run against a server whose queue hook answers the first calls at once,
// and later ones when letGo is closed. hung is closed by the first of these. calls
// counts all.
func hanging(t *testing.T, answered int64, o *Options) (run *Run, hung, letGo chan struct{}, calls *atomic.Int64) {
	t.Helper()
	hung, letGo, calls = make(chan struct{}), make(chan struct{}), new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n := calls.Add(1); n > answered {
			if n == answered+1 {
				close(hung)
			}
			select {
			case <-letGo:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(srv.Close)
	cfg := fronted(t, func(http.ResponseWriter, *http.Request) bool { return false })
	cfg.Target.Hooks.Queue = &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL}, Timeout: time.Hour}
	l, err := lab.Start(cfg, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	o.Sender, o.Work = SenderWNS, Work{Kind: "profile", Settings: 3}
	if run, err = Start(t.Context(), l, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Close)
	return run, hung, letGo, calls
}

// TestInterruptedInMidTrigger: Ctrl-C does not wait for a hanging server. Wake-ups
// under way are neither lost nor failed.
func TestInterruptedInMidTrigger(t *testing.T) {
	o := options(t, "30", time.Hour)
	run, hung, _, _ := hanging(t, 7, o)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hung
		cancel()
	}()
	r, err := run.Go(ctx)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, r)
	// Answered: three calls each for two wake-ups, and one call for the third.
	if c := r.Counts; r.Aborted == "" || c.Unfinished < 1 || c.Lost > 0 || c.Failed > 0 || c.Done > 2 {
		t.Errorf("%q, %+v, %v", r.Aborted, c, r.Errors)
	}
}

// TestNothingMore: after Ctrl-C a hook under way may end, and no other is called.
func TestNothingMore(t *testing.T) {
	o := options(t, "30", time.Hour)
	run, hung, letGo, calls := hanging(t, 0, o)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hung
		cancel()
		close(letGo)
	}()
	r, err := run.Go(ctx)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, r)
	// Each wake-up has three calls.
	if n, c := calls.Load(), r.Counts; n < 1 || n > c.Started || c.Unfinished != c.Started {
		t.Errorf("%d calls, %+v", n, c)
	}
}

// TestSingleInterrupted: a single wake-up that is interrupted is not lost.
func TestSingleInterrupted(t *testing.T) {
	run, hung, _, _ := hanging(t, 0, options(t, "1", time.Second))
	one := run.Singles()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hung
		cancel()
	}()
	if c, err := one.Wake(ctx, "", nil); c != (result.Counts{Started: 1, Unfinished: 1}) || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v %v", c, err)
	}
	whole(t, one.Result())
}

// TestOverInMidTrigger: a hanging server does not keep a run from ending. Its wake-ups
// are lost because their trigger was under way.
func TestOverInMidTrigger(t *testing.T) {
	o := options(t, "30", time.Second)
	o.Drain = 100 * time.Millisecond
	run, _, _, _ := hanging(t, 0, o)
	r := play(t, run)
	whole(t, r)
	if r.Counts.Lost != 30 || r.Errors["lost: its trigger was still under way at the end"] != 30 {
		t.Errorf("%+v %v", r.Counts, r.Errors)
	}
}

// interrupt runs o until its progress is enough, and returns that progress.
func interrupt(t *testing.T, o *Options, enough func(Progress) bool) (seen Progress, r *result.Result) {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p Progress) {
		if ctx.Err() == nil && enough(p) {
			seen = p
			cancel()
		}
	}
	run, err := Start(ctx, l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if r, err = run.Go(ctx); err != nil {
		t.Fatal(err)
	}
	return seen, r
}

// TestInterrupted: the result has what was measured until Ctrl-C.
func TestInterrupted(t *testing.T) {
	_, r := interrupt(t, options(t, "30", time.Hour), func(p Progress) bool { return p.Counts.Done > 10 })
	whole(t, r)
	if r.Aborted == "" || r.Counts.Done < 10 || r.Counts.Lost > 0 || r.Counts.Failed > 0 || r.Rate() < 1 || r.Rate() > 60 { // not the rate of an hour
		t.Errorf("%q, %+v, %.1f a second", r.Aborted, r.Counts, r.Rate())
	}
	if r.Planned != 30*3600 {
		t.Errorf("%d were planned", r.Planned)
	}
}

// TestWarming: during the warm-up progress says so, and nothing counts.
func TestWarming(t *testing.T) {
	o := options(t, "50", 2*time.Hour)
	o.Plan.Warmup = time.Hour
	seen, r := interrupt(t, o, func(p Progress) bool { return p.Counts.Warm > 20 })
	if c := seen.Counts; !seen.Warming || c.Started != 0 || c.Done != 0 || seen.P99 != 0 {
		t.Errorf("%+v", seen)
	}
	if c := r.Counts; c.Warm < 20 || c.Started != 0 || c.Unfinished != 0 {
		t.Errorf("%+v", c)
	}
	if r.Planned != 50*3600 {
		t.Errorf("%d were planned", r.Planned)
	}
}

// TestPlannedWhenInterrupted: an interrupt does not change what was planned, and long
// plans are counted in a moment.
func TestPlannedWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for rate, want := range map[string]int64{"30": 108_000 - 9_000, "1..3": 7_200 - 325, "10+5@30m/30m": 45_000 - 3_000, "1000000": 3_300_000_000, "0..1000000": 1_800_000_000 - 12_500_000/1} {
		plan, err := ParsePlan(rate, time.Hour, 5*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		b := &batch{Batch: &Batch{Plan: plan, part: &Part{Kind: KindPush}}, numbers: new(int64), rand: rand.New(rand.NewPCG(1, 2))}
		r := &Run{opts: &Options{}, zero: time.Now()}
		r.drivePlan(ctx, b)
		if b.planned != want {
			t.Errorf("%s: %d planned, want %d", rate, b.planned, want)
		}
	}
	plan, err := ParsePlan("1000000", time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	plan.Poisson = true
	b := &batch{Batch: &Batch{Plan: plan, part: &Part{Kind: KindPush}}, numbers: new(int64), rand: rand.New(rand.NewPCG(1, 2))}
	(&Run{opts: &Options{}, zero: time.Now()}).drivePlan(ctx, b)
	if off := b.planned - 3_600_000_000; off < -100_000 || off > 100_000 {
		t.Errorf("a random plan: %d", b.planned)
	}
	b = &batch{Batch: &Batch{Plan: plan, Storm: true, part: &Part{Kind: KindPush}}, numbers: new(int64)}
	(&Run{opts: &Options{Devices: 7}, zero: time.Now().Add(time.Hour)}).driveStorm(ctx, b)
	if b.planned != 7 {
		t.Errorf("a storm: %d", b.planned)
	}
}
