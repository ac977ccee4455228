package load

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

const ms = time.Millisecond

// TestMatch: a notification goes to the wake-up that most likely caused it.
func TestMatch(t *testing.T) {
	open := func(queued, returned int) *wakeup {
		return &wakeup{queued: time.Duration(queued) * ms, returned: time.Duration(returned) * ms}
	}
	pushed := func(w *wakeup, accepted, done bool) *wakeup {
		w.notified, w.accepted, w.done = w.queued+ms, accepted, done
		return w
	}
	for name, c := range map[string]struct {
		list  []*wakeup
		usual int // milliseconds
		want  int // of list; -1: none
	}{
		"no wake-up":                   {nil, 5, -1},
		"the only one":                 {[]*wakeup{open(90, 91)}, 5, 0},
		"a backlog":                    {[]*wakeup{open(10, 11), open(50, 51), open(99, 100)}, 80, 0},
		"one was lost":                 {[]*wakeup{open(10, 11), open(98, 99)}, 3, 1},
		"late, trigger under way":      {[]*wakeup{open(10, 0), open(98, 99)}, 3, 0},
		"late, trigger just over":      {[]*wakeup{open(10, 101), open(98, 99)}, 3, 0},
		"no usual delay yet":           {[]*wakeup{open(10, 11), open(98, 99)}, 0, 0},
		"the only one, late":           {[]*wakeup{open(10, 11)}, 3, 0},
		"the first has one":            {[]*wakeup{pushed(open(90, 91), true, false), open(95, 96)}, 5, 1},
		"refused, server tries again":  {[]*wakeup{pushed(open(90, 91), false, false)}, 5, 0},
		"refused, wake-up over":        {[]*wakeup{pushed(open(90, 91), false, true)}, 5, -1},
		"a poll came first":            {[]*wakeup{{queued: 90 * ms, done: true}}, 5, 0},
		"triggered later or not yet":   {[]*wakeup{open(101, 0), open(0, 0)}, 5, -1},
		"overdue, next not triggered":  {[]*wakeup{open(10, 11), open(0, 0)}, 3, 0},
		"several lost, latest has one": {[]*wakeup{open(10, 11), open(20, 21), pushed(open(98, 99), true, false)}, 3, 1},
	} {
		var want *wakeup
		if c.want >= 0 {
			want = c.list[c.want]
		}
		if got := match(c.list, 100*ms, time.Duration(c.usual)*ms); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestFollow: journal, arrivals and sessions lead to the right outcome, in whatever
// order they are reported.
func TestFollow(t *testing.T) {
	entry := func(seq uint64, at int, status int, d fakewns.Delivery) func(*Run) {
		return func(r *Run) {
			r.onEntry(&fakewns.Entry{Seq: seq, Kind: fakewns.Notification, Device: "d", At: r.zero.Add(time.Duration(at) * ms), Status: status, Delivery: d}, 0)
		}
	}
	at := func(seq uint64, when int) func(*Run) {
		return func(r *Run) { r.arrivedAt("d", seq, time.Duration(when)*ms) }
	}
	session := func(from, to int, origin dmclient.Origin) func(*Run) {
		return func(r *Run) {
			s := &dmclient.Session{Origin: origin, Started: r.zero.Add(time.Duration(from) * ms), Ended: r.zero.Add(time.Duration(to) * ms)}
			s.Exchanges = []*dmclient.Exchange{{At: s.Started, Left: ms, Duration: 2 * ms, Status: http.StatusOK}}
			r.onSession("d", s, nil)
		}
	}
	failed := func(journalEnd uint64) func(*Run) {
		return func(r *Run) {
			w := r.devices[0].open[0]
			w.journalEnd = journalEnd
			r.fail(w, "refused", nil)
		}
	}
	const push, poll = dmclient.OriginPush, dmclient.OriginSchedule
	for name, c := range map[string]struct {
		triggered []int // in milliseconds
		steps     []func(*Run)
		want      string // for each wake-up: when its notification came to WNS, and the outcome
	}{
		"in order":                    {[]int{1}, []func(*Run){entry(1, 5, 200, fakewns.Woken), at(1, 20), session(20, 29, push)}, "5 done"},
		"the journal is late":         {[]int{1}, []func(*Run){at(1, 20), session(21, 29, push), entry(1, 5, 200, fakewns.Woken)}, "5 done"},
		"the session began before":    {[]int{1}, []func(*Run){at(1, 20), session(19, 29, push), entry(1, 5, 200, fakewns.Woken)}, "5 open: it reached the device, but no session followed in time"},
		"two, one session":            {[]int{1, 3}, []func(*Run){entry(1, 5, 200, fakewns.Woken), entry(2, 6, 200, fakewns.Woken), at(2, 20), at(1, 20), session(20, 29, push)}, "5 done, 6 done"},
		"one overtakes the other":     {[]int{1, 3}, []func(*Run){entry(1, 5, 200, fakewns.Woken), entry(2, 6, 200, fakewns.Woken), at(2, 20), session(20, 29, push)}, "5 open: WNS accepted it, but it did not reach the device, 6 done"},
		"entry reported again":        {[]int{1, 3}, []func(*Run){entry(1, 5, 200, fakewns.Woken), entry(1, 5, 200, fakewns.Woken)}, "5 open: WNS accepted it, but it did not reach the device, 0 open: no notification came to WNS"},
		"a retry":                     {[]int{1}, []func(*Run){entry(1, 5, 503, fakewns.NotDelivered), entry(2, 15, 200, fakewns.Woken), at(2, 20), session(20, 29, push)}, "15 done"},
		"refused":                     {[]int{1}, []func(*Run){entry(1, 5, 503, fakewns.NotDelivered)}, "5 open: WNS answered 503"},
		"cached, then replaced":       {[]int{1, 7}, []func(*Run){entry(1, 5, 200, fakewns.Cached), entry(2, 9, 200, fakewns.Cached), entry(1, 5, 200, fakewns.Replaced)}, "5 open: WNS: replaced, 9 open: WNS: cached"},
		"cached, then woken":          {[]int{1}, []func(*Run){entry(1, 5, 200, fakewns.Cached), entry(1, 5, 200, fakewns.Woken), at(1, 20), session(20, 29, push)}, "5 done"},
		"delivered twice":             {[]int{1, 7}, []func(*Run){entry(1, 5, 200, fakewns.Woken), at(1, 20), at(1, 20), entry(2, 9, 200, fakewns.Woken), session(20, 29, push)}, "5 done, 9 open: WNS accepted it, but it did not reach the device"},
		"pushed before the trigger":   {[]int{9}, []func(*Run){entry(1, 5, 200, fakewns.Woken), at(1, 20), session(20, 29, push)}, "0 open: no notification came to WNS, but another one led to a session since"},
		"failed, yet pushed":          {[]int{1}, []func(*Run){failed(0), entry(1, 5, 200, fakewns.Woken)}, "0 failed: refused"},
		"failed, the journal is late": {[]int{1}, []func(*Run){failed(2), entry(1, 5, 410, fakewns.NotDelivered)}, "5 failed: refused"},
		"one for both":                {[]int{1, 3}, []func(*Run){entry(1, 5, 200, fakewns.Woken), at(1, 6), session(7, 9, push)}, "5 done, 0 open: no notification came to WNS, but another one led to a session since"},
		"a poll":                      {[]int{1}, []func(*Run){session(2, 9, poll)}, "0 polled"},
		"a poll, then the push":       {[]int{1}, []func(*Run){session(2, 9, poll), entry(1, 15, 200, fakewns.Woken), at(1, 20), session(20, 29, push)}, "15 polled"},
		"a poll after the push":       {[]int{1}, []func(*Run){at(1, 20), session(21, 22, poll), entry(1, 5, 200, fakewns.Woken)}, "5 open: it reached the device, but no session followed in time"},
	} {
		r, b := woken(c.triggered...)
		d := &r.devices[0]
		list := slices.Clone(d.open)
		for _, s := range c.steps {
			s(r)
		}
		var got []string
		for _, w := range list {
			s := fmt.Sprintf("%d %s", w.notified.Milliseconds(), [...]string{"open", "done", "polled", "failed", "lost"}[w.outcome])
			switch {
			case !w.done:
				s += ": " + r.whyLost(w)
			case w.outcome == outcomeFailed:
				s += ": " + w.trouble
			}
			got = append(got, s)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if b.left == 0 && (len(d.open) > 0 || d.pending != nil) {
			t.Errorf("%s: all is settled, but %d wake-ups are open, %+v pending", name, len(d.open), d.pending)
		}
	}
}

// woken is a run with one device and wake-ups that were triggered at these times, in
// milliseconds.
func woken(at ...int) (*Run, *batch) {
	r := &Run{opts: &Options{Sender: SenderHook, Rehearse: true}, pool: &pool{}, index: map[string]int{"d": 0}, devices: make([]device, 1), zero: time.Now()}
	b := r.newBatch(&Batch{Count: len(at)})
	b.base = 0
	for _, when := range at {
		t := time.Duration(when) * ms
		w := &wakeup{batch: b, due: t, started: t, queued: t, counted: true}
		b.tally.start(w)
		b.left++
		r.devices[0].open = append(r.devices[0].open, w)
	}
	return r, b
}

// outcomeOf is the result of one batch.
func outcomeOf(t *testing.T, r *Run, b *batch) *result.Result {
	t.Helper()
	out, err := r.results([]*batch{b}, before{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStillMoving: if sessions still succeed when the drain time is over, a note says
// that the lost wake-ups may only be late.
func TestStillMoving(t *testing.T) {
	for ago, want := range map[time.Duration]bool{0: true, time.Minute: false} {
		r, b := woken(1, 2)
		now := time.Since(r.zero) + time.Hour
		r.zero = r.zero.Add(-time.Hour)
		w := r.devices[0].open[0]
		w.end(outcomeDone)
		b.tally.finished(w, now-ago-w.due)
		r.drain(t.Context(), b)
		out := outcomeOf(t, r, b)
		if said := strings.Contains(strings.Join(out.Notes, " "), "Raise drain"); said != want || out.Counts.Lost != 1 {
			t.Errorf("the last session ended %s before: %q, %+v", ago, out.Notes, out.Counts)
		}
	}
	// With a short drain time, sessions that ended with the plan do not count as moving.
	r, b := woken(1, 2)
	r.opts.Drain = 100 * ms
	b.lasted = time.Since(r.zero)
	w := r.devices[0].open[0]
	w.end(outcomeDone)
	b.tally.finished(w, b.lasted+ms)
	r.drain(t.Context(), b)
	if out := outcomeOf(t, r, b); strings.Contains(strings.Join(out.Notes, " "), "Raise drain") || out.Counts.Lost != 1 {
		t.Errorf("%q, %+v", out.Notes, out.Counts)
	}
}

// TestBacklog: a server accepts triggers at once and pushes later, in order. Each
// wake-up is measured with its own notification, though its device has been triggered
// again since.
func TestBacklog(t *testing.T) {
	const behind, all = 4, 80
	cfg := fronted(t, func(http.ResponseWriter, *http.Request) bool { return false })
	var push func(device string)
	var mu sync.Mutex
	var n int
	waiting := map[string]int{} // by DeviceID
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Device")
		waiting[id]++
		if waiting[id] > behind {
			waiting[id]--
			push(id)
		}
		if n++; n == all {
			for id, k := range waiting {
				for range k {
					push(id)
				}
			}
		}
	}))
	defer srv.Close()
	cfg.Target.Hooks.Push = &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL, Headers: map[string]string{"Device": "{{.DeviceID}}"}}}
	l, err := lab.Start(cfg, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "40", all/40*time.Second)
	o.Devices, o.Work = 2, Work{Kind: "none"}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	send, err := newSender(l)
	if err != nil {
		t.Fatal(err)
	}
	defer send.Close()
	push = func(id string) {
		if err := wake(t.Context(), send, l.WNS.Channels(id)[0].URI); err != nil {
			t.Error(err)
		}
	}
	r := play(t, run)
	whole(t, r)
	// Each device is woken every 50 ms, and pushed with the fourth trigger after.
	if h := r.Stages[result.Trigger]; r.Counts.Done != all || h.At["p50"] < 100_000 {
		t.Errorf("%+v %v, from trigger to WNS p50 %s", r.Counts, r.Errors, result.Micros(h.At["p50"]))
	}
}
