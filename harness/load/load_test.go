package load

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
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

// measure runs o against an embedded server; prepare may change the lab once
// the devices are enrolled.
func measure(t *testing.T, o *Options, prepare func(*lab.Lab)) *Result {
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
	return play(t, r)
}

// play is Run.Go, which has to start.
func play(t *testing.T, run *Run) *Result {
	t.Helper()
	r, err := run.Go(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// whole checks that every wake-up is accounted for.
func whole(t *testing.T, r *Result) {
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
	var sum CoursePoint
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

// TestEveryWay: with every sender, for devices at rest and resident ones, each
// wake-up is done, its stages are measured, and none is longer than the whole.
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
			for _, s := range []Stage{Late, Trigger, Wake, Open, Reply} {
				if r.Stages[s].Count != r.Counts.Done {
					t.Errorf("%s was measured %d times for %d wake-ups", s, r.Stages[s].Count, r.Counts.Done)
				}
				mean += r.Stages[s].Mean
			}
			if mean > r.Stages[Whole].Mean+1000 {
				t.Errorf("the stages take %.0f us on average, and the whole %.0f", mean, r.Stages[Whole].Mean)
			}
			if o.Work.Commands() > 0 && r.Stages[Ack].Count != r.Counts.Done {
				t.Errorf("%d of %d were acknowledged", r.Stages[Ack].Count, r.Counts.Done)
			}
			if counted := (o.Plan.Duration - o.Plan.Warmup).Seconds(); !o.Storm && r.Seconds < counted || o.Storm && r.Seconds != float64(r.Stages[Whole].Max)/1e6 {
				t.Errorf("%.3f s were counted of %.0f; the longest took %d us", r.Seconds, counted, r.Stages[Whole].Max)
			}
			if name == "warm-up" && (r.Counts.Warm != 15 || r.Counts.Started != 15 || r.Planned != 15) {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}

// TestWhatGoesWrong: what is lost and what fails is counted apart, by kind, and
// the rest is measured all the same.
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

// TestStall: a server that answers nothing for a while shows in the figures of
// the wake-ups that were meant to start then (no coordinated omission).
func TestStall(t *testing.T) {
	o := options(t, "50", 4*time.Second)
	o.Sender, o.Work, o.Resident = SenderWNS, Work{Kind: "none"}, true
	const stall = 1500 * time.Millisecond
	r := measure(t, o, func(l *lab.Lab) {
		from := l.WNS.Now().Add(time.Second)
		l.WNS.Inject(fakewns.Fault{Name: "stall", On: fakewns.Notification, From: from, Until: from.Add(time.Second), Delay: stall})
	})
	whole(t, r)
	// A quarter of all wake-ups meets the stall.
	if h := r.Stages[Whole]; h.At["p90"] < stall.Microseconds()*9/10 {
		t.Errorf("p90 %s with a stall of %s for a quarter of the time", Micros(h.At["p90"]), stall)
	}
}

// TestRefusals: what cannot be measured is said before anything starts.
func TestRefusals(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{mutants.PfnNever}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for want, edit := range map[string]func(*Options){
		"not from 1 to": func(o *Options) { o.Devices = 0 }, "neither ec nor rsa": func(o *Options) { o.Key = "dsa" }, "neither round nor random": func(o *Options) { o.Who = "all" },
		"none of hook": func(o *Options) { o.Sender = "x" }, "offline devices": func(o *Options) { o.Offline = 1 }, "cannot be woken again": func(o *Options) { o.Work.Kind = "wipe" },
		"the server set no PFN": func(*Options) {}, "sessions at a time": func(o *Options) { o.Workers = -1 }, "has none": func(o *Options) { o.Key, o.KeyPool = "rsa", 0 }, "no time to wait": func(o *Options) { o.Drain = -time.Second }, "open files": func(o *Options) { o.Workers = 1 << 30 }, "ports for them": func(o *Options) { o.Resident, o.Devices = true, 1_000_000 },
	} {
		o := options(t, "15", 10*time.Second)
		edit(o)
		if _, err := Start(t.Context(), l, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestExpectations(t *testing.T) {
	h := newHistogram()
	for i := range 1000 {
		record(h, time.Duration(i+1)*time.Millisecond)
	}
	r := &Result{Kind: "load", Counts: Counts{Started: 100, Done: 98, Lost: 2}, Seconds: 10, Stages: map[Stage]Summary{Whole: summarize(h), Wake: summarize(h)}}
	for text, want := range map[string]bool{
		"p99<2s": true, "p99<500ms": false, "wake.p50<=501ms": true, "max<2s": true, "lost==0": false, "lost<=2": true, "rate>=9.8": true, "mean<600ms": true, "done!=98": false,
		"reply.p99<1h": false, // nothing was measured
	} {
		e, err := ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		if ok, saw := e.Met(r); ok != want {
			t.Errorf("%s: %v, it is %s", text, ok, saw)
		}
	}
	for _, bad := range []string{"", "p99", "p98<1s", "x.p99<1s", "p99<5", "lost==1s", "lost<NaN", "p99<<1s"} {
		if _, err := ParseExpectation(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestMerge: the histograms of halves are, merged, bucket for bucket that of the
// whole; and a result is the same after it was written and read.
func TestMerge(t *testing.T) {
	all, halves := newHistogram(), [2]Summary{}
	for k := range halves {
		h := newHistogram()
		for i := range 5000 {
			d := time.Duration(math.Pow(1.002, float64(i*2+k))) * time.Microsecond
			record(h, d)
			record(all, d)
		}
		halves[k] = summarize(h)
	}
	merged, err := Merge(halves[:]...)
	if err != nil {
		t.Fatal(err)
	}
	if want := summarize(all); merged.Hist != want.Hist || merged.At["p99"] != want.At["p99"] || merged.Count != 10_000 {
		t.Errorf("%+v, want %+v", merged, want)
	}
	if _, err := Merge(Summary{Hist: "no"}); err == nil {
		t.Error("a broken histogram was merged")
	}
	r := measure(t, options(t, "15", time.Second), nil)
	file := filepath.Join(t.TempDir(), "r.json")
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(r)     //nolint:errchkjson // it was written above
	y, _ := json.Marshal(again) //nolint:errchkjson // as above
	if !bytes.Equal(x, y) {
		t.Error("a result is another after it was written and read")
	}
	var out bytes.Buffer
	again.Config.Seed++ // another draw is no other question
	if worse, err := Compare(&out, again, r, 0.1); err != nil || worse || !strings.Contains(out.String(), "whole") || strings.Contains(out.String(), "not asked") {
		t.Errorf("%v %v\n%s", worse, err, &out)
	}
	r.Counts.Lost++
	if worse, _ := Compare(&out, again, r, 0.1); !worse {
		t.Error("one more that is lost is not worse")
	}
	delete(again.Stages, Queue)
	again.Config.Work = "none"
	out.Reset()
	if _, err := Compare(&out, again, r, 0.1); err != nil || !regexp.MustCompile(`queue +- +\d`).Match(out.Bytes()) || !strings.Contains(out.String(), "not asked") {
		t.Errorf("%v\n%s", err, &out)
	}
}
