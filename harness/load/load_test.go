package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/net/html"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
	"github.com/dmwake/dmwake/simulator/mdmserver"
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
	l, err := lab.Start(nil, lab.Options{Seed: 1})
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
	return r.Go(t.Context())
}

// whole checks that every wake-up is accounted for.
func whole(t *testing.T, r *Result) {
	t.Helper()
	c := r.Counts
	if c.Started != c.Done+c.Polled+c.Failed+c.Lost || c.Started == 0 {
		t.Errorf("the counts do not add up: %+v", c)
	}
	n := int64(0)
	for _, k := range r.Errors {
		n += k
	}
	if n != c.Failed+c.Lost {
		t.Errorf("%d errors by kind, %d failed and %d lost: %v", n, c.Failed, c.Lost, r.Errors)
	}
	sum := int64(0)
	for _, p := range r.Course {
		sum += p.Started
	}
	if sum != c.Started+c.Warm {
		t.Errorf("the course has %d wake-ups, and %d were started", sum, c.Started+c.Warm)
	}
}

// TestEveryWay: with every sender, for devices at rest and resident ones, each
// wake-up is done, its stages are measured, and none is longer than the whole.
func TestEveryWay(t *testing.T) {
	for name, edit := range map[string]func(*Options){
		"hook": func(*Options) {}, "dmwake pushes": func(o *Options) { o.Sender = SenderWNS; o.Work = Work{Kind: "none"} },
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
			if r.Counts.Done != r.Counts.Started || len(r.Errors) > 0 {
				t.Errorf("%+v %v", r.Counts, r.Errors)
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
			if name == "warm-up" && (r.Counts.Warm == 0 || r.Counts.Warm == r.Counts.Started+r.Counts.Warm) {
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
	if h := r.Stages[Whole]; h.At["p50"] > stall.Microseconds()/2 || h.At["p90"] < stall.Microseconds()*9/10 {
		t.Errorf("p50 %s, p90 %s with a stall of %s for a quarter of the time", Micros(h.At["p50"]), Micros(h.At["p90"]), stall)
	}
}

// TestInterrupted: what was measured until then is there.
func TestInterrupted(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "30", time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p Progress) {
		if p.Done > 10 {
			cancel()
		}
	}
	run, err := Start(ctx, l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	r := run.Go(ctx)
	whole(t, r)
	if r.Aborted == "" || r.Counts.Done < 10 {
		t.Errorf("%q, %+v", r.Aborted, r.Counts)
	}
}

// TestRefusals: what cannot be measured is said before anything starts.
func TestRefusals(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []string{"pfn-never"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for want, edit := range map[string]func(*Options){
		"not from 1 to": func(o *Options) { o.Devices = 0 }, "neither ec nor rsa": func(o *Options) { o.Key = "dsa" }, "neither round nor random": func(o *Options) { o.Who = "all" },
		"none of hook": func(o *Options) { o.Sender = "x" }, "offline devices": func(o *Options) { o.Offline = 1 }, "cannot be woken again": func(o *Options) { o.Work.Kind = "wipe" },
		"the server set no PFN": func(*Options) {}, "open files": func(o *Options) { o.Resident, o.Devices, o.Workers = true, 1_000_000, 1<<30 },
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
	r := &Result{Kind: "load", Counts: Counts{Started: 100, Done: 98, Lost: 2}, Config: ConfigView{Duration: "10s", Warmup: "0s"}, Stages: map[Stage]Summary{Whole: summarize(h), Wake: summarize(h)}}
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
	if worse, err := Compare(&out, again, r, 0.1); err != nil || worse || !strings.Contains(out.String(), "whole") {
		t.Errorf("%v %v\n%s", worse, err, &out)
	}
	r.Counts.Lost++
	if worse, _ := Compare(&out, again, r, 0.1); !worse {
		t.Error("one more that is lost is not worse")
	}
}

// TestPage: the page has its plots, each with a name, and fetches and runs
// nothing.
func TestPage(t *testing.T) {
	r := measure(t, options(t, "15", 2*time.Second), nil)
	r.Target.Name = `<script>alert(1)</script>`
	for _, r := range []*Result{r, {Kind: "load", Stages: map[Stage]Summary{}}} {
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		plots := 0
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			attrs := map[string]string{}
			for _, a := range n.Attr {
				attrs[a.Key] = a.Val
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
					t.Errorf("<%s> has %s", n.Data, a.Key)
				}
			}
			switch n.Data {
			case "script", "img", "link", "iframe":
				t.Errorf("the page has a <%s>", n.Data)
			case "svg":
				if plots++; attrs["role"] != "img" || attrs["aria-label"] == "" {
					t.Errorf("a plot has no name: %v", attrs)
				}
			}
		}
		if plots != 4 {
			t.Errorf("%d plots", plots)
		}
	}
}

// TestMetrics: a Prometheus that takes native histograms gets the stages so.
func TestMetrics(t *testing.T) {
	m := NewMetrics()
	o := options(t, "15", time.Second)
	o.Observe, o.Progress = m.Observe, m.Progress
	r := measure(t, o, nil)
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	dec := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
	for {
		var f dto.MetricFamily
		if err := dec.Decode(&f); err != nil {
			break
		}
		if f.GetName() != "dmwake_load_stage_seconds" {
			continue
		}
		for _, k := range f.GetMetric() {
			h := k.GetHistogram()
			if len(h.GetPositiveSpan()) == 0 || h.GetSampleCount() != uint64(r.Counts.Done) {
				t.Errorf("%s: %d samples in %d spans, want %d", k.GetLabel()[0].GetValue(), h.GetSampleCount(), len(h.GetPositiveSpan()), r.Counts.Done)
			}
		}
		return
	}
	t.Error("no stages among the metrics")
}

// refusing is a target whose server refuses every second enrollment.
func refusing(t *testing.T) *target.Config {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	var server *mdmserver.Server
	ln, err := lab.Listen("the server", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + ln.Addr().String()
	srv := lab.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Enrollment.svc") && r.Method == http.MethodPost && n.Add(1)%2 == 0 {
			http.Error(w, "no more licences", http.StatusForbidden)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { srv.Close() })
	if server, err = mdmserver.New(mdmserver.Config{BaseURL: base, Username: "u@mdm.example", Password: "p", PFN: fakewns.DefaultApp.PFN}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	go srv.Serve(tls.NewListener(ln, ca.ServerTLS(true)))
	cfg := &target.Config{Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "u@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir}}
	cfg.Defaults()
	return cfg
}

// TestHalfRefused: devices that cannot be enrolled take no part, the report says
// how many and why, and the others are measured.
func TestHalfRefused(t *testing.T) {
	l, err := lab.Start(refusing(t), lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "20", time.Second)
	o.Sender, o.Work = SenderWNS, Work{Kind: "none"}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	r := run.Go(t.Context())
	whole(t, r)
	if r.Counts.Done != 20 || r.Excluded["RST: refused"] != 6 || !strings.Contains(strings.Join(r.Notes, " "), "6 of 12 devices could not be enrolled") {
		t.Errorf("%+v, excluded %v, %q", r.Counts, r.Excluded, r.Notes)
	}
}

// TestOutage: while WNS is down wake-ups fail and are counted so; before and
// after it they are done.
func TestOutage(t *testing.T) {
	o := options(t, "40", 3*time.Second)
	o.Sender, o.Work = SenderWNS, Work{Kind: "none"}
	r := measure(t, o, func(l *lab.Lab) {
		from := l.WNS.Now().Add(time.Second)
		l.WNS.Inject(fakewns.Fault{Name: "outage", On: fakewns.Notification, From: from, Until: from.Add(time.Second), Status: http.StatusServiceUnavailable})
	})
	whole(t, r)
	if n := r.Errors["trigger: WNS answered 503"]; n < 30 || n > 50 || r.Counts.Done < 70 {
		t.Errorf("%d failed in the outage: %v, %+v", n, r.Errors, r.Counts)
	}
}

// TestStateFile: devices that were enrolled before are used, as many as are
// asked for.
func TestStateFile(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "devices.db")
	store, err := fleet.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	base, err := l.DeviceConfig()
	if err != nil {
		t.Fatal(err)
	}
	records := map[string][]byte{}
	for range 3 {
		base.Profile, base.Identity = dmclient.Win11(), l.NewIdentity()
		d, err := dmclient.New(base)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
		if records[d.Identity().DeviceID], err = d.Pack(dmclient.Packing{Keys: store}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Put(records); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for bound, want := range map[int]int{100: 3, 2: 2} {
		o := options(t, "10", time.Second)
		o.State, o.Devices = file, bound
		run, err := Start(t.Context(), l, o)
		if err != nil {
			t.Fatal(err)
		}
		r := run.Go(t.Context())
		whole(t, r)
		if len(run.pool.vars) != want || r.Counts.Done != 10 {
			t.Errorf("%d devices, want %d; %+v", len(run.pool.vars), want, r.Counts)
		}
		run.Close()
	}
	o := options(t, "10", time.Second)
	o.State = file + "x"
	if _, err := Start(t.Context(), l, o); err == nil || !strings.Contains(err.Error(), "dmwake device enroll") {
		t.Errorf("a state file that is not there: %v", err)
	}
}
