package find

import (
	"bytes"
	"crypto/tls"
	"flag"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

var full = flag.Bool("capacity", false, "search real servers of known capacity, with real time; else a sample")

// front stands before the reference server. begins is called when a session begins; it
// answers false to refuse it.
func front(t *testing.T, begins func() bool) (cfg *target.Config, limit *atomic.Bool) {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := lab.Listen("the server", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + ln.Addr().String()
	server, err := mdmserver.New(mdmserver.Config{BaseURL: base, Username: "u@mdm.example", Password: "p", PFN: fakewns.DefaultApp.PFN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	limit = new(atomic.Bool) // enrollments are not limited
	srv := lab.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if limit.Load() && r.URL.Path == mdmserver.ManagementPath {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, "unreadable", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte("<MsgID>1</MsgID>")) && !begins() {
				http.Error(w, "too many sessions", http.StatusServiceUnavailable)
				return
			}
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { srv.Close() })
	go srv.Serve(tls.NewListener(ln, ca.ServerTLS(true)))
	cfg = &target.Config{Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "u@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir}}
	cfg.Defaults()
	return cfg, limit
}

// realSearch searches with real devices on real sockets.
func realSearch(t *testing.T, devices int, begins func() bool, c *Config) *result.Capacity {
	t.Helper()
	cfg, limit := front(t, begins)
	l, err := lab.Start(cfg, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	plan, err := load.ParsePlan("1", time.Second, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := &load.Options{Devices: devices, Profile: "win11", Plan: plan, Who: "round", Sender: load.SenderWNS, Work: load.Work{Kind: "none"}, Key: "ec", Curve: "x25519", Drain: 20 * time.Second, Seed: 1}
	if c.Polls {
		o.Poll = c.Every
	}
	run, err := load.Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	limit.Store(true)
	c.Begin = func(float64, float64, time.Duration) {}
	c.Tell = func(s *result.CapacityStep) {
		if s.Result == nil {
			t.Errorf("%g: %q", s.Value, s.Own)
			return
		}
		k := s.Result.Counts
		if k.Started != k.Ended()+k.Unfinished || k.Started == 0 {
			t.Errorf("the counts do not add up: %+v", k)
		}
		t.Logf("%6g %5d done %4d failed %4d lost  p99 %-9s %-9s %q %q", s.Value, k.Done, k.Failed, k.Lost, result.Micros(s.Result.Stages[result.Whole].At["p99"]), s.Verdict, s.Why, s.Own)
	}
	r, err := Run(t.Context(), run, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("holds %g, fails %g, confirmed %t, at least %t, %+v", r.Holds, r.Fails, r.Confirmed, r.AtLeast, r.Limit)
	return r
}

// timetable has so many sessions at the same time, each of which takes a time. It plans
// when each ends. A machine that wakes it late does not lower the capacity.
func timetable(slots int, takes time.Duration) func() bool {
	var mu sync.Mutex
	free := make([]time.Time, slots)
	return func() bool {
		mu.Lock()
		next := 0
		for i := range free {
			if free[i].Before(free[next]) {
				next = i
			}
		}
		end := time.Now().Add(takes)
		if after := free[next].Add(takes); after.After(end) {
			end = after
		}
		free[next] = end
		mu.Unlock()
		<-time.After(time.Until(end))
		return true
	}
}

// TestReal: a search on real devices, and on more of them as it goes. Its conditions
// hold on any machine, and it ends at its highest value.
func TestReal(t *testing.T) {
	for name, c := range map[string]*Config{
		"rate":    {From: 10, To: 20},
		"devices": {From: 20, To: 40, Every: 5 * time.Second},
		"polls":   {From: 20, To: 40, Every: 5 * time.Second, Polls: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Conditions, c.Step = conditions(t, "lost==0"), time.Second
			devices := 80 // more than the wake-ups of a step: none is woken in its session, however slow the machine is
			if c.Every > 0 {
				devices = int(c.From)
			}
			r := realSearch(t, devices, func() bool { return true }, c)
			if !r.Confirmed || r.Holds != c.To || !r.AtLeast || r.Limit.Kind != result.LimitRange || len(r.Steps) < 3 {
				t.Errorf("%g of %d steps, confirmed %t: %+v", r.Holds, len(r.Steps), r.Confirmed, r.Limit)
			}
			if found := r.Found(); found == nil || c.Every > 0 && found.Config.Devices != 40 {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestRealCapacity: a search on real sockets hits the known capacity of servers within
// 10 %. It takes ten minutes: make capacity. TestKnownCapacity does the same without a clock.
func TestRealCapacity(t *testing.T) {
	if !*full {
		t.Skip("run by make capacity; TestKnownCapacity does the same without a clock")
	}
	bucket := rate.NewLimiter(45, 20)
	for _, c := range []struct {
		name     string
		capacity float64
		kind     string
		begins   func() bool
	}{
		{"4 sessions of 100 ms at the same time", 40, result.LimitStage, timetable(4, 100*time.Millisecond)},
		{"a lock held for 30 ms", 33.3, result.LimitStage, timetable(1, 30*time.Millisecond)},
		{"a rate limit of 45, in bursts of 20", 45, result.LimitErrors, bucket.Allow},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := realSearch(t, 300, c.begins, &Config{Conditions: conditions(t, "p99<2s"), From: 10, Step: 10 * time.Second})
			if !r.Confirmed || r.Holds < .9*c.capacity || r.Holds > 1.1*c.capacity {
				t.Errorf("%g, confirmed %t, want %g: %+v", r.Holds, r.Confirmed, c.capacity, r.Limit)
			}
			switch {
			case r.AtLeast && r.Limit.Kind == result.LimitOwn: // a busy machine: no more can be said
			case r.Limit.Kind != c.kind || c.kind == result.LimitStage && !strings.Contains(r.Limit.Text, "reply"):
				t.Errorf("%+v, want %s", r.Limit, c.kind)
			}
		})
	}
}
