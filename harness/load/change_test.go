package load

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// plan is ParsePlan of a test.
func plan(t *testing.T, rate string, d time.Duration) *Plan {
	t.Helper()
	p, err := ParsePlan(rate, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func idle(t *testing.T, d time.Duration) *Plan {
	t.Helper()
	p, err := Idle(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestParts: each kind of part alone, and all beside each other: everything that is
// started is done, and measured by the stages of its kind.
func TestParts(t *testing.T) {
	const long = 2 * time.Second
	mix := Mix{{Work{Kind: "get"}, 3}, {Work{Kind: "none"}, 1}, {Work{Kind: "profile", Settings: 4}, 2}, {Work{Kind: "app"}, 2}}
	parts := func(t *testing.T) []*Part {
		return []*Part{
			{Name: "pushes", Kind: KindPush, Plan: plan(t, "10", long), Mix: mix, Who: whoRandom},
			{Name: "polling", Kind: KindPoll, Plan: idle(t, long), Every: time.Second},
			{Name: "outage", Kind: KindStorm, Plan: idle(t, long), At: time.Second, Within: 500 * time.Millisecond},
			{Name: "logins", Kind: KindLogin, Plan: plan(t, "5", long)},
			{Name: "new", Kind: KindEnroll, Plan: plan(t, "4", long)},
			{Name: "again", Kind: KindReenroll, Plan: plan(t, "2", long)},
			{Name: "churn", Kind: KindChurn, Plan: plan(t, "2", long)},
		}
	}
	want := map[string]int64{"pushes": 20, "polling": 80, "outage": 40, "logins": 10, "new": 8, "again": 4, "churn": 4}
	stages := map[string][]result.Stage{"new": {result.Late, result.Wait, result.Enroll, result.Ready, result.Whole}, "churn": {result.Leave, result.Enroll, result.Ready}, "again": {result.Enroll}, "logins": {result.Reply, result.Wait, result.Open}, "outage": {result.Whole}}
	check := func(t *testing.T, r *result.Result, most int64) {
		t.Helper()
		addsUp(t, r)
		for i := range r.Parts {
			p := &r.Parts[i]
			if c := p.Counts; c.Started != want[p.Name] || c.Done+c.Polled < want[p.Name]-most || p.Planned != want[p.Name] {
				t.Errorf("%s: %+v, %d planned, want %d; %v", p.Name, c, p.Planned, want[p.Name], p.Errors)
			}
			for _, s := range stages[p.Name] {
				if p.Stages[s].Count < p.Counts.Done {
					t.Errorf("%s: %s was measured %d times", p.Name, s, p.Stages[s].Count)
				}
			}
		}
	}
	for k := range 7 {
		one := parts(t)[k]
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			o := options(t, "1", long)
			o.Devices, o.Plan, o.Parts, o.Drain = 40, idle(t, long), []*Part{one}, 5*time.Minute
			check(t, measure(t, o, nil), 0)
		})
	}
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		o := options(t, "1", long)
		o.Devices, o.Plan, o.Parts, o.Drain = 40, idle(t, long), parts(t), 5*time.Minute
		r := measure(t, o, nil)
		// A push may meet a device that is about to leave.
		check(t, r, 4)
		if r.Counts.Started != 166 || len(r.Parts) != 7 {
			t.Errorf("%+v", r.Counts)
		}
	})
}

// TestChurned: a device that took the place of another one is pushed to, and the server
// is told of the one that left.
func TestChurned(t *testing.T) {
	const long = 2 * time.Second
	var left atomic.Int64
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "1", long)
	o.Devices, o.Plan = 12, idle(t, long) // twice as many as leave: one that enrolls cannot
	o.Parts = []*Part{{Name: "churn", Kind: KindChurn, Plan: plan(t, "3", long)}}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	before := run.Devices()
	r := play(t, run)
	addsUp(t, r)
	after := run.Devices()
	for _, id := range before {
		if !slices.Contains(after, id) {
			left.Add(1)
		}
	}
	if r.Counts.Done != 6 || left.Load() != 6 {
		t.Errorf("%+v %v, %d left", r.Counts, r.Errors, left.Load())
	}
	pushed, err := run.Drive(t.Context(), &Batch{Count: 12})
	if err != nil || pushed.Counts.Done != 12 {
		t.Errorf("pushes to those that came: %+v %v %v", pushed.Counts, pushed.Errors, err)
	}
}

// TestWipesInAMix: wiped devices are not woken again, and do not poll any more.
func TestWipesInAMix(t *testing.T) {
	const long = 2 * time.Second
	o := options(t, "1", long)
	o.Devices, o.Plan, o.Drain = 10, idle(t, long), time.Minute
	o.Parts = []*Part{
		{Name: "wipes", Kind: KindPush, Plan: plan(t, "4", long), Mix: Mix{{Work{Kind: "wipe"}, 1}}},
		{Name: "pushes", Kind: KindPush, Plan: plan(t, "10", long), Mix: Mix{{Work{Kind: "none"}, 1}}},
		{Name: "polling", Kind: KindPoll, Plan: idle(t, long), Every: 500 * time.Millisecond},
	}
	r := measure(t, o, nil)
	addsUp(t, r)
	if c := r.Find("wipes").Counts; c.Done+c.Polled != 8 || c.Empty != 0 {
		t.Errorf("wipes: %+v %v", c, r.Errors)
	}
	if c := r.Find("polling").Counts; c.Started >= 40 || c.Started != r.Find("polling").Planned {
		t.Errorf("polls: %+v, planned %d", c, r.Find("polling").Planned)
	}
}

// TestNobodyLeft: items that find no device fail, with the cause.
func TestNobodyLeft(t *testing.T) {
	const long = time.Second
	o := options(t, "1", long)
	o.Devices, o.Plan, o.Drain = 2, idle(t, long), time.Second
	o.Parts = []*Part{
		{Name: "wipes", Kind: KindPush, Plan: plan(t, "4,0", long), Mix: Mix{{Work{Kind: "wipe"}, 1}}},
		{Name: "later", Kind: KindPush, Plan: plan(t, "0,0,0,40", long), Mix: Mix{{Work{Kind: "none"}, 1}}},
		{Name: "logins", Kind: KindLogin, Plan: plan(t, "0,0,0,40", long)},
	}
	r := measure(t, o, nil)
	addsUp(t, r)
	if r.Errors["not triggered: "+noDevice] == 0 || r.Errors["not begun: "+noDevice] == 0 {
		t.Errorf("%v", r.Errors)
	}
}

// TestPartsInterrupted: Ctrl-C ends all parts, and everything is accounted for.
func TestPartsInterrupted(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const long = time.Hour
	o := options(t, "1", long)
	o.Devices, o.Plan = 20, idle(t, long)
	o.Parts = []*Part{
		{Name: "pushes", Kind: KindPush, Plan: plan(t, "10", long), Mix: Mix{{Work{Kind: "get"}, 1}}},
		{Name: "polling", Kind: KindPoll, Plan: idle(t, long), Every: time.Second},
		{Name: "new", Kind: KindEnroll, Plan: plan(t, "5", long)},
		{Name: "churn", Kind: KindChurn, Plan: plan(t, "5", long)},
	}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run.opts.Progress = func(p Progress) {
		if p.Counts.Done >= 30 {
			cancel()
		}
	}
	r, err := run.Go(ctx)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, r)
	if r.Aborted == "" || r.Counts.Done < 30 || r.Planned != 36_000+72_000+18_000+18_000 || r.Counts.Lost > 0 {
		t.Errorf("%+v, %d planned: %v", r.Counts, r.Planned, r.Errors)
	}
}

// TestRefusedNewcomers: a server that refuses new devices makes items fail, and the rest
// of the run goes on.
func TestRefusedNewcomers(t *testing.T) {
	var full atomic.Bool
	l, err := lab.Start(fronted(t, func(w http.ResponseWriter, r *http.Request) bool {
		refused := full.Load() && strings.HasSuffix(r.URL.Path, "/Enrollment.svc") && r.Method == http.MethodPost
		if refused {
			http.Error(w, "no more licences", http.StatusForbidden)
		}
		return refused
	}), lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const long = time.Second
	o := options(t, "1", long)
	o.Devices, o.Plan, o.Sender = 6, idle(t, long), SenderWNS
	o.Parts = []*Part{{Name: "new", Kind: KindEnroll, Plan: plan(t, "5", long)}, {Name: "again", Kind: KindReenroll, Plan: plan(t, "2", long)},
		{Name: "polling", Kind: KindPoll, Plan: idle(t, long), Every: time.Second}}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	full.Store(true)
	r := play(t, run)
	addsUp(t, r)
	if r.Find("new").Errors["enroll: RST: refused"] != 5 || r.Find("again").Errors["enroll: RST: refused"] != 2 || r.Find("polling").Counts.Done < 3 {
		t.Errorf("%v, polling %+v", r.Errors, r.Find("polling").Counts)
	}
}

// TestLoginSays: the session of a login has the origin and the LoginStatus of one.
func TestLoginSays(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := l.NewDevice(dmclient.Win11())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	d.SetLogin(dmclient.LoginNone)
	b := &batch{Batch: &Batch{part: &Part{Kind: KindLogin}}}
	s, err := b.session(t.Context(), d)
	if err != nil || s.Origin != dmclient.OriginLogin || d.LoggedIn() != dmclient.LoginUser || !strings.Contains(string(s.Exchanges[0].Request), "com.microsoft/MDM/LoginStatus") {
		t.Errorf("%v, origin %v, %s logged in", err, s.Origin, d.LoggedIn())
	}
}
