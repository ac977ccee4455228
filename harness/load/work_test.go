package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestWorkIn: work is recognized in a session, whatever root and case the server
// uses.
func TestWorkIn(t *testing.T) {
	get, wipe, profile := Work{Kind: "get"}, Work{Kind: "wipe"}, Work{Kind: "profile", Settings: 3}
	for _, c := range []struct {
		work Work
		uri  string
		want bool
	}{
		{get, "./DevDetail/URI/MaxSegLen", true}, {get, "./devdetail/uri/maxseglen", true}, {get, "./DevDetail/URI/MaxTotLen", false}, {get, "", false},
		{wipe, "./Vendor/MSFT/RemoteWipe/doWipe", true}, {wipe, "./Device/Vendor/MSFT/RemoteWipe/doWipeProtected", true}, {wipe, "./Vendor/MSFT/RemoteLock/Lock", false},
		{profile, "./Device/Vendor/MSFT/Policy/Config/Browser/AllowCookies", true}, {profile, "./Vendor/MSFT/Policy/Config/Browser/HomePages", false},
		{Work{Kind: "none"}, "./DevDetail/URI/MaxSegLen", false},
	} {
		s := &dmclient.Session{Commands: []dmclient.Executed{{Msg: 0, LocURI: "./DevInfo/Lang"}, {Msg: 2, LocURI: c.uri}, {Msg: 3, LocURI: "./DevInfo/Mod"}}}
		want := -1
		if c.want {
			want = 2
		}
		d := deliveredIn(s, func(kind string) bool { return kind == c.work.Kind })
		if got := d.of(c.work); got != want {
			t.Errorf("%s, %q: message %d, want %d", c.work.Kind, c.uri, got, want)
		}
	}
}

// TestWhichMessage: work is done when the device answers the message that delivered
// the last of it, whatever else the session holds. Wake-ups without work are counted
// as empty.
func TestWhichMessage(t *testing.T) {
	for name, c := range map[string]struct {
		commands  []int // messages that delivered work
		earlier   int   // when another session delivered some, in milliseconds
		done, ack int   // milliseconds; 0: not measured
		empty     int64
	}{
		"at once": {[]int{0}, 0, 10 - 4, 2, 0}, "in the third message": {[]int{2}, 0, 30 - 4, 2, 0}, "spread": {[]int{0, 1}, 0, 20 - 4, 2, 0}, "in the last, unanswered": {[]int{3}, 0, 0, 0, 0},
		"not at all": {nil, 0, 10 - 4, 2, 1}, "by the session before": {nil, 2, 10 - 4, 2, 0}, "before it was started": {nil, 1, 10 - 4, 2, 1},
	} {
		r, b := woken(1)
		r.opts.Work, r.devices[0].open[0].work = Work{Kind: "get"}, Work{Kind: "get"}
		at := func(k int) time.Time { return r.zero.Add(time.Duration(k) * ms) }
		if c.earlier > 0 {
			r.onSession("d", &dmclient.Session{Origin: dmclient.OriginUser, Started: at(0), Exchanges: []*dmclient.Exchange{{At: at(c.earlier), Status: http.StatusOK}},
				Commands: []dmclient.Executed{{Verb: syncml.Get, LocURI: "./DevDetail/URI/MaxSegLen"}}}, nil)
		}
		s := &dmclient.Session{Origin: dmclient.OriginPush, Started: at(3), Ended: at(40)}
		for k := range 4 { // sent at 2, 10, 20, 30; answered 2 later
			begin := max(10*k, 2)
			s.Exchanges = append(s.Exchanges, &dmclient.Exchange{At: at(begin), Duration: 2 * ms, Status: http.StatusOK})
		}
		for _, msg := range c.commands {
			s.Commands = append(s.Commands, dmclient.Executed{Msg: msg, Verb: syncml.Get, LocURI: "./DevDetail/URI/MaxSegLen"})
		}
		r.onEntry(&fakewns.Entry{Seq: 1, Kind: fakewns.Notification, Device: "d", At: at(2), Status: http.StatusOK, Delivery: fakewns.Woken}, 0)
		r.arrivedAt("d", 1, 2*ms)
		r.onSession("d", s, nil)
		out := outcomeOf(t, r, b)
		near := func(stage result.Stage, want int) bool {
			h := out.Stages[stage]
			return want == 0 && h.Count == 0 || want != 0 && h.Count == 1 && (time.Duration(h.Max)*time.Microsecond-time.Duration(want)*ms).Abs() < ms/10
		}
		if !near(result.Done, c.done) || !near(result.Ack, c.ack) || out.Counts.Done != 1 || out.Counts.Empty != c.empty || (c.empty > 0) != strings.Contains(strings.Join(out.Notes, " "), "delivered nothing of their work") {
			t.Errorf("%s: %+v, done %d us, ack %d us, %q", name, out.Counts, out.Stages[result.Done].Max, out.Stages[result.Ack].Max, out.Notes)
		}
	}
	// A poll without work does not count.
	r, b := woken(1)
	r.opts.Work, r.devices[0].open[0].work = Work{Kind: "get"}, Work{Kind: "get"}
	s := &dmclient.Session{Origin: dmclient.OriginSchedule, Started: r.zero.Add(3 * ms), Ended: r.zero.Add(9 * ms)}
	r.onSession("d", s, nil)
	if out := outcomeOf(t, r, b); out.Counts.Polled != 0 || out.Counts.Lost != 1 {
		t.Errorf("%+v", out.Counts)
	}
}

// TestWipeHook: a wipe hook is used for wipes. A server that accepts a wipe and sends
// none is noticed.
func TestWipeHook(t *testing.T) {
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	cfg := fronted(t, func(http.ResponseWriter, *http.Request) bool { return false })
	cfg.Target.Hooks.Wipe = &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL}}
	l, err := lab.Start(cfg, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "20", time.Second)
	o.Sender, o.Work, o.Storm = SenderWNS, Work{Kind: "wipe"}, true
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	r := play(t, run)
	whole(t, r)
	if asked.Load() != 12 || r.Counts.Done != 12 || r.Counts.Empty != 12 {
		t.Errorf("asked %d times, %+v", asked.Load(), r.Counts)
	}
	o.Work = Work{Kind: "get"}
	if _, err := Start(t.Context(), l, o); err == nil || !strings.Contains(err.Error(), "no queue hook") {
		t.Errorf("a Get by the wipe hook: %v", err)
	}
}

// TestSettings: every Windows 10 and later takes each policy of a profile with 0 and 1
// (DDF).
func TestSettings(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range settings {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		for _, value := range []string{"0", "1"} {
			c := ddf.Command{Verb: "Replace", LocURI: "./Vendor/MSFT/Policy/Config/" + name, Format: "int", Data: value}
			for _, build := range []int{dmclient.Win10v1511().Build, dmclient.Win11v25H2().Build} {
				found, err := ddf.Check(c, ddf.Build{Number: build})
				if err != nil || len(found) > 0 {
					t.Errorf("%s = %s on %d: %+v, %v", name, value, build, found, err)
				}
			}
		}
	}
	if len(settings) != 97 {
		t.Errorf("%d settings", len(settings))
	}
}
