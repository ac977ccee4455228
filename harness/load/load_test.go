package load

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

func options(t *testing.T, rate string, d time.Duration) *Options {
	t.Helper()
	p, err := ParsePlan(rate, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &Options{Devices: 12, Profile: "win11", Plan: p, Who: whoRound, Sender: SenderHook, Work: Work{Kind: "get"}, Key: "ec", Curve: "x25519", Drain: 20 * time.Second, Seed: 1,
		Enrolled: func(int, int) {}}
}

// measure runs o against an embedded server. prepare may change the lab after the
// devices have enrolled.
func measure(t *testing.T, o *Options, prepare func(*lab.Lab)) *result.Result {
	t.Helper()
	return measureRun(t, o, prepare, func(*Run) {})
}

// measureRun is measure with a change to the run before it starts.
func measureRun(t *testing.T, o *Options, prepare func(*lab.Lab), change func(*Run)) *result.Result {
	t.Helper()
	opts := lab.Options{Seed: 1}
	if o.Sender == SenderOwn {
		opts.Variants = []*variants.Variant{variants.PushItself}
	}
	l, err := lab.Start(nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	r, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if prepare != nil {
		prepare(l)
	}
	change(r)
	return play(t, r)
}

// play is Run.Go without an error.
func play(t *testing.T, run *Run) *result.Result {
	t.Helper()
	r, err := run.Go(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// whole checks that every wake-up is accounted for.
func whole(t *testing.T, r *result.Result) {
	t.Helper()
	c := r.Counts
	if c.Started != c.Ended()+c.Unfinished || c.Started == 0 {
		t.Errorf("the counts do not add up: %+v", c)
	}
	n := int64(0)
	for _, k := range r.Errors {
		n += k
	}
	if n != c.Failed+c.Lost {
		t.Errorf("%d errors by kind, %d failed and %d lost: %v", n, c.Failed, c.Lost, r.Errors)
	}
	var sum result.CoursePoint
	for _, p := range r.Course {
		sum.Started, sum.Done, sum.Failed, sum.Lost = sum.Started+p.Started, sum.Done+p.Done, sum.Failed+p.Failed, sum.Lost+p.Lost
	}
	if sum.Started != c.Started+c.Warm {
		t.Errorf("the course has %d wake-ups, and %d were started", sum.Started, c.Started+c.Warm)
	}
	if c.Warm == 0 && (sum.Done != c.Done+c.Polled || sum.Failed != c.Failed || sum.Lost != c.Lost) {
		t.Errorf("the course has %+v, and the run %+v", sum, c)
	}
}

// TestEveryWay: with every sender, resident or not, each wake-up is done, its stages
// are measured, and together they are no longer than the whole.
func TestEveryWay(t *testing.T) {
	for name, edit := range map[string]func(*Options){
		"hook": func(*Options) {}, "dmwake pushes": func(o *Options) { o.Sender = SenderWNS; o.Work = Work{Kind: "none"} },
		"own": func(o *Options) { o.Sender = SenderOwn }, "own, profile": func(o *Options) { o.Sender, o.Work = SenderOwn, Work{Kind: "profile", Settings: 5} },
		"resident": func(o *Options) { o.Resident = true }, "random, Poisson, RSA": func(o *Options) { o.Who, o.Plan.Poisson, o.Key, o.KeyPool = whoRandom, true, "rsa", 2 },
		"storm": func(o *Options) { o.Storm = true }, "profile": func(o *Options) { o.Work = Work{Kind: "profile", Settings: 5} },
		"wipe": func(o *Options) { o.Storm, o.Work = true, Work{Kind: "wipe"} }, "warm-up": func(o *Options) { o.Plan.Warmup = time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, "15", 2*time.Second)
			edit(o)
			r := measure(t, o, nil)
			whole(t, r)
			if r.Counts.Done != r.Counts.Started || r.Counts.Empty > 0 || len(r.Errors) > 0 {
				t.Errorf("%+v %v", r.Counts, r.Errors)
			}
			if c := r.CPU; runtime.GOOS == "linux" && (c == nil || c.Own <= 0 || c.Busy < c.Own || c.Busy > 1) {
				t.Errorf("processors: %+v", c)
			}
			mean := 0.0
			for _, s := range []result.Stage{result.Late, result.Trigger, result.Wake, result.Open, result.Reply} {
				if r.Stages[s].Count != r.Counts.Done {
					t.Errorf("%s was measured %d times for %d wake-ups", s, r.Stages[s].Count, r.Counts.Done)
				}
				mean += r.Stages[s].Mean
			}
			if mean > r.Stages[result.Whole].Mean+1000 {
				t.Errorf("the stages take %.0f us on average, and the whole %.0f", mean, r.Stages[result.Whole].Mean)
			}
			if o.Work.Commands() > 0 && r.Stages[result.Ack].Count != r.Counts.Done {
				t.Errorf("%d of %d were acknowledged", r.Stages[result.Ack].Count, r.Counts.Done)
			}
			if counted := (o.Plan.Duration - o.Plan.Warmup).Seconds(); !o.Storm && r.Seconds < counted || o.Storm && r.Seconds != (time.Duration(r.Stages[result.Whole].Max)*time.Microsecond).Seconds() {
				t.Errorf("%.3f s were counted of %.0f; the longest took %d us", r.Seconds, counted, r.Stages[result.Whole].Max)
			}
			if name == "warm-up" && (r.Counts.Warm != 15 || r.Counts.Started != 15 || r.Planned != 15) {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}

// TestWhatGoesWrong: lost and failed wake-ups are counted by kind, and the others are
// measured.
func TestWhatGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		edit    func(*Options)
		prepare func(*lab.Lab)
		kind    string
		lost    bool
	}{
		"lost after 200": {nil, func(l *lab.Lab) {
			l.WNS.Inject(fakewns.Fault{Name: "lost", On: fakewns.Notification, Lose: true, Times: 3})
		}, "lost: WNS: lost", true},
		"WNS refuses": {func(o *Options) { o.Sender = SenderWNS }, func(l *lab.Lab) {
			l.WNS.Inject(fakewns.Fault{Name: "410", On: fakewns.Notification, Status: http.StatusGone, Times: 3})
		}, "trigger: WNS answered 410", false},
		"devices offline": {func(o *Options) { o.Sender, o.Offline, o.Resident = SenderWNS, 0.25, true }, nil, "lost: WNS: cached", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, "12", 2*time.Second)
			o.Work, o.Drain = Work{Kind: "none"}, 3*time.Second
			if c.edit != nil {
				c.edit(o)
			}
			r := measure(t, o, c.prepare)
			whole(t, r)
			if n := r.Errors[c.kind]; n < 3 || r.Counts.Done < 5 {
				t.Errorf("%d of the kind %q: %v, %+v", n, c.kind, r.Errors, r.Counts)
			}
			if c.lost != (r.Counts.Lost > 0) {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}

// TestStall: a stall of WNS shows in all wake-ups that were due during the stall (no
// coordinated omission).
func TestStall(t *testing.T) {
	o := options(t, "50", 4*time.Second)
	o.Sender, o.Work, o.Resident = SenderWNS, Work{Kind: "none"}, true
	const stall = 1500 * time.Millisecond
	r := measure(t, o, func(l *lab.Lab) {
		from := l.WNS.Now().Add(time.Second)
		l.WNS.Inject(fakewns.Fault{Name: "stall", On: fakewns.Notification, From: from, Until: from.Add(time.Second), Delay: stall})
	})
	whole(t, r)
	// A quarter of the wake-ups meets the stall.
	if h := r.Stages[result.Whole]; h.At["p90"] < stall.Microseconds()*9/10 {
		t.Errorf("p90 %s with a stall of %s for a quarter of the time", result.Micros(h.At["p90"]), stall)
	}
}
