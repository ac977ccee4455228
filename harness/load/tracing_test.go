package load

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

var validParent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-01$`)

// TestTraceIDs: the header is as W3C Trace Context has it (section 3.2), and the same
// for the same seed and number only.
func TestTraceIDs(t *testing.T) {
	ids, parents := map[string]bool{}, map[string]bool{}
	for seed := range uint64(20) {
		r := &Run{opts: &Options{TraceHeaders: true, Seed: seed}}
		for number := range int64(20) {
			w := r.newTrace(seed%2, number)
			if again := r.newTrace(seed%2, number); again.id != w.id {
				t.Fatalf("%s, then %s", w.id, again.id)
			}
			ids[w.id], ids[r.newTrace(2, number).id] = true, true
			for k := range 5 {
				m := validParent.FindStringSubmatch(w.hook(k))
				if m == nil || m[1] != w.id || strings.Trim(m[1], "0") == "" || strings.Trim(m[2], "0") == "" {
					t.Fatalf("%q for %s", w.hook(k), w.id)
				}
				parents[m[2]] = true
			}
		}
	}
	if len(ids) != 800 || len(parents) != 2000 {
		t.Errorf("%d ids and %d parents are different", len(ids), len(parents))
	}
	none := (&Run{opts: &Options{}}).newTrace(1, 1)
	none.record(result.Whole, time.Second)
	none.served(&session{})
	if none != nil || none.hook(0) != "" {
		t.Error("without the option there is a trace")
	}
}

// asked are the trace headers that a server got.
type asked struct {
	mu      sync.Mutex
	hooks   map[string]int // by trace id
	parents map[string]bool
	bad     []string
}

func (a *asked) add(h http.Header) {
	v := h.Get(traceHeader)
	a.mu.Lock()
	defer a.mu.Unlock()
	m := validParent.FindStringSubmatch(v)
	if m == nil || a.parents[m[2]] {
		a.bad = append(a.bad, v)
		return
	}
	a.hooks[m[1]]++
	a.parents[m[2]] = true
}

// traceHooks puts a server that looks at the headers in front of the hooks.
func traceHooks(t *testing.T, l *lab.Lab) *asked {
	t.Helper()
	a := &asked{hooks: map[string]int{}, parents: map[string]bool{}}
	for _, h := range []*target.Hook{l.Config.Target.Hooks.Queue, l.Config.Target.Hooks.Push} {
		if h == nil { // the server pushes by itself
			continue
		}
		base, rest, _ := strings.Cut(strings.TrimPrefix(h.HTTP.URL, "http://"), "/")
		to := &url.URL{Scheme: "http", Host: base}
		front := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.add(r.Header)
			front.ServeHTTP(w, r)
		}))
		t.Cleanup(srv.Close)
		h.HTTP.URL = srv.URL + "/" + rest
	}
	return a
}

// TestTraceHeaders: all requests of a wake-up, hooks and session, have one trace id,
// and the slowest wake-ups are listed with it.
func TestTraceHeaders(t *testing.T) {
	for name, edit := range map[string]func(*Options){"hook": func(*Options) {}, "resident": func(o *Options) { o.Resident = true }, "own": func(o *Options) { o.Sender = SenderOwn }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, "15", 2*time.Second)
			o.Devices, o.TraceHeaders = 30, true // one wake-up for each device
			edit(o)
			var hooks *asked
			var mu sync.Mutex
			sessions := map[string]int{} // messages by trace id
			r := measureSessions(t, o, func(l *lab.Lab) { hooks = traceHooks(t, l) }, func(s *dmclient.Session) {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range s.Exchanges {
					m := validParent.FindStringSubmatch(strings.Join(e.Header[traceHeader], ","))
					if m == nil {
						t.Errorf("a message of a session without a trace: %v", e.Header)
						continue
					}
					sessions[m[1]]++
				}
			})
			whole(t, r)
			perWake := map[string]int{SenderHook: 2, SenderOwn: 1}[o.Sender]
			if len(hooks.bad) > 0 || len(hooks.hooks) != 30 || len(sessions) != 30 {
				t.Errorf("%d traces in hooks, %d in sessions, bad: %v", len(hooks.hooks), len(sessions), hooks.bad)
			}
			for id, n := range hooks.hooks {
				if n != perWake || sessions[id] < 2 {
					t.Errorf("trace %s: %d hooks, %d messages", id, n, sessions[id])
				}
			}
			if r.Traces == nil || len(r.Traces.Slowest) != result.MaxTraced || len(r.Traces.Failed) > 0 {
				t.Fatalf("traces: %+v", r.Traces)
			}
			slow := r.Traces.Slowest
			if !slices.IsSortedFunc(slow, func(a, b result.Traced) int { return int(b.Took - a.Took) }) || slow[0].Took > r.Stages[result.Whole].Max || slow[0].Took == 0 {
				t.Errorf("the slowest took %d of %d", slow[0].Took, r.Stages[result.Whole].Max)
			}
			for _, w := range slow {
				_, replied := w.Stages[result.Reply]
				if hooks.hooks[w.TraceID] == 0 || w.Session != "" || len(w.Device) != 32 || !replied || w.Stages[result.Whole] != w.Took || w.Error != "" {
					t.Errorf("%+v", w)
				}
			}
		})
	}
}

// measureSessions is measure with a look at each session by push.
func measureSessions(t *testing.T, o *Options, prepare func(*lab.Lab), look func(*dmclient.Session)) *result.Result {
	t.Helper()
	return measureRun(t, o, prepare, func(r *Run) {
		report := r.pool.ended
		r.pool.ended = func(id string, s *dmclient.Session, err error) {
			if s != nil && s.Origin == dmclient.OriginPush {
				look(s)
			}
			report(id, s, err)
		}
	})
}

// TestTraceOfSharedSession: wake-ups that one session serves name the trace that the
// session carried; one that failed is listed with its reason.
func TestTraceOfSharedSession(t *testing.T) {
	r := &Run{opts: &Options{TraceHeaders: true}, zero: time.Now().Add(-time.Minute), index: map[string]int{"A": 0}, devices: make([]device, 1)}
	r.pool = &pool{opts: r.opts}
	r.pool.roster.add(&target.Vars{DeviceID: "A"})
	b := r.newBatch(&Batch{})
	var all []*wakeup
	for n := range int64(3) {
		w := &wakeup{batch: b, due: 1, started: 1, queued: 2, counted: true, trace: r.newTrace(b.seq, n)}
		if n > 0 {
			w.notified, w.arrived = 3, 4
		}
		all = append(all, w)
	}
	r.devices[0].open = slices.Clone(all)
	s := &dmclient.Session{ID: "7", Origin: dmclient.OriginPush, Started: time.Now()}
	if id := r.leader("A", s); id != all[1].trace.id {
		t.Errorf("the session is for %s, want the first that arrived", id)
	}
	h := http.Header{traceHeader: {parent(all[1].trace.id, "session 7", 0)}}
	s.Exchanges = []*dmclient.Exchange{{Header: h}}
	next := http.Header{}
	r.header(nil, s, next)
	if m := validParent.FindStringSubmatch(next[traceHeader][0]); m == nil || m[1] != all[1].trace.id || next[traceHeader][0] == h[traceHeader][0] {
		t.Errorf("the second message has %v, the first %v", next, h)
	}
	for i, w := range all[1:] {
		w.trace.served(&session{Session: s})
		w.trace.record(result.Whole, time.Second/time.Duration(i+1))
		w.end(outcomeDone)
		r.traced(w, w.whyNot())
	}
	all[0].trouble = "trigger: refused"
	all[0].end(outcomeFailed)
	r.traced(all[0], all[0].whyNot())
	got := b.tally.traces
	if len(got.Slowest) != 2 || got.Slowest[0].Session != "" || got.Slowest[1].Session != all[1].trace.id || got.Slowest[1].TraceID != all[2].trace.id {
		t.Errorf("%+v", got.Slowest)
	}
	if len(got.Failed) != 1 || got.Failed[0].Error != "trigger: refused" || got.Failed[0].TraceID != all[0].trace.id {
		t.Errorf("%+v", got.Failed)
	}
}
