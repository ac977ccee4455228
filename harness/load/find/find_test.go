package find

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestKnownCapacity: the search hits the capacity of servers that are limited in
// different ways within 10 %, and says what limited them.
func TestKnownCapacity(t *testing.T) {
	for name, c := range map[string]struct {
		server   simulated
		capacity float64
		kind     string
		text     string
		edit     func(*Config)
	}{
		"sessions at the same time": {simulated{slots: 4, takes: 100 * time.Millisecond}, 40, result.LimitStage, "reply", nil},
		"many of them":              {simulated{slots: 100, takes: 300 * time.Millisecond}, 333, result.LimitStage, "reply", nil},
		"a lock":                    {simulated{slots: 1, takes: 27 * time.Millisecond}, 37, result.LimitStage, "reply", nil},
		"a slow lock":               {simulated{slots: 1, takes: 400 * time.Millisecond}, 2.5, result.LimitStage, "reply", nil},
		"a fast lock":               {simulated{slots: 1, takes: 200 * time.Microsecond}, 5000, result.LimitStage, "reply", nil},
		"a rate limit":              {simulated{slots: 100, takes: 5 * time.Millisecond, bucket: 47}, 47, result.LimitErrors, "the server answered 503", nil},
		"begins above it":           {simulated{slots: 1, takes: 20 * time.Millisecond}, 50, result.LimitStage, "reply", func(c *Config) { c.From = 700 }},
		"random arrivals":           {simulated{slots: 20, takes: 100 * time.Millisecond}, 200, result.LimitStage, "reply", func(c *Config) { c.Poisson = true }},
	} {
		t.Run(name, func(t *testing.T) {
			r := searched(t, &c.server, c.edit)
			if !r.Confirmed || r.AtLeast || r.Holds < .9*c.capacity || r.Holds > 1.1*c.capacity {
				t.Errorf("holds %g, confirmed %t, at least %t, want %g", r.Holds, r.Confirmed, r.AtLeast, c.capacity)
			}
			if r.Limit.Kind != c.kind || !strings.Contains(r.Limit.Text, c.text) {
				t.Errorf("limit %+v, want %s with %q", r.Limit, c.kind, c.text)
			}
			if found := r.Found(); found == nil || found.Counts.Done == 0 {
				t.Error("no result of the confirmation")
			}
		})
	}
}

// TestNotTheServers: a limit of dmwake or its machine is never told as the server's.
func TestNotTheServers(t *testing.T) {
	for name, c := range map[string]struct {
		server simulated
		least  float64
		text   string
		edit   func(*Config)
	}{
		"dmwake is late":      {simulated{slots: 1000, takes: time.Millisecond, maxRate: 150}, 140, "late", nil},
		"the machine is full": {simulated{slots: 1, takes: 20 * time.Millisecond, full: true}, 45, "processors of this machine", nil},
		"no ports": {simulated{slots: 1000, takes: time.Millisecond, maxSize: 3000}, 2850, "Resident", func(c *Config) {
			c.Every, c.From = 30*time.Second, 100
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := searched(t, &c.server, c.edit)
			if !r.AtLeast || r.Limit.Kind != result.LimitOwn || !strings.Contains(r.Limit.Text, c.text) || r.Holds < c.least {
				t.Errorf("%g, at least %t: %+v", r.Holds, r.AtLeast, r.Limit)
			}
		})
	}
}

// TestTooFewDevices: if devices are woken again during their sessions, the server has
// fewer sessions than the rate says, and the step does not count as held.
func TestTooFewDevices(t *testing.T) {
	s := result.CapacityStep{Result: &result.Result{Counts: result.Counts{Started: 100, Done: 100}, Stages: map[result.Stage]result.Summary{result.Whole: {Count: 100, Mean: 1000}}}}
	judge(nil, &s, &observed{merged: 1}, nil)
	if s.Verdict != holds {
		t.Errorf("1 of 100: %s", s.Verdict)
	}
	judge(nil, &s, &observed{merged: 30}, nil)
	if s.Verdict != unsure || len(s.Own) != 1 || !strings.Contains(s.Own[0], "take more devices") {
		t.Errorf("30 of 100: %s %q", s.Verdict, s.Own)
	}
}

// TestHiccup: one bad step at a low rate does not end the search there.
func TestHiccup(t *testing.T) {
	s := &simulated{slots: 1, takes: 5 * time.Millisecond, hiccup: map[int]bool{2: true}}
	if r := searched(t, s, nil); !r.Confirmed || r.Holds < 180 || r.Holds > 220 {
		t.Errorf("%g", r.Holds)
	}
}

// TestNotConfirmed: a rate that holds in a short step only is not the answer; the next
// lower one that holds longer is.
func TestNotConfirmed(t *testing.T) {
	s := &simulated{slots: 1, takes: 5 * time.Millisecond, hiccup: map[int]bool{}}
	first := searched(t, s, nil)
	*s = simulated{slots: 1, takes: 5 * time.Millisecond, hiccup: map[int]bool{len(first.Steps): true}}
	r := searched(t, s, nil)
	if !r.Confirmed || r.Holds >= first.Holds || r.Fails != first.Holds || r.Holds < .9*first.Holds {
		t.Errorf("%g, fails %g; with the first one confirmed %g", r.Holds, r.Fails, first.Holds)
	}
	// Nothing longer holds.
	for k := range 40 {
		s.hiccup[k+len(first.Steps)] = true
	}
	s.drives = 0
	if r = searched(t, s, nil); r.Confirmed || r.Holds != 0 || r.Found() != nil {
		t.Errorf("confirmed %t at %g", r.Confirmed, r.Holds)
	}
}

// TestNothingHolds: the conditions cannot be met at any rate.
func TestNothingHolds(t *testing.T) {
	s := &simulated{slots: 1000, takes: 3 * time.Second}
	if r := searched(t, s, nil); r.Holds != 0 || r.Fails > 1.25 || r.Limit.Kind != result.LimitStage {
		t.Errorf("%g, fails %g: %+v", r.Holds, r.Fails, r.Limit)
	}
}

// TestUpTo: a search that reaches its highest value found no limit.
func TestUpTo(t *testing.T) {
	s := &simulated{slots: 1000, takes: time.Millisecond}
	r := searched(t, s, func(c *Config) { c.To = 70 })
	if !r.Confirmed || r.Holds != 70 || r.Fails != 0 || !r.AtLeast || r.Limit.Kind != result.LimitRange {
		t.Errorf("%+v", r)
	}
}

// TestDevices: the number of devices is searched, and more are enrolled as needed. A
// server that takes no more devices is at its limit too.
func TestDevices(t *testing.T) {
	every := func(c *Config) { c.Every, c.From = time.Minute, 100 }
	s := &simulated{slots: 4, takes: 100 * time.Millisecond} // 40 a second
	if r := searched(t, s, every); r.Holds < .9*2400 || r.Holds > 1.1*2400 || r.Of != result.OfDevices || r.Every != "1m" || s.devices != 3200 {
		t.Errorf("%g of %d devices", r.Holds, s.devices)
	}
	s = &simulated{slots: 4, takes: time.Millisecond, licence: 500}
	r := searched(t, s, every)
	if r.Holds < 475 || r.Holds > 500 || r.Limit.Kind == result.LimitOwn || !strings.Contains(strings.Join(r.Steps[len(r.Steps)-2].Why, " "), "could not be enrolled") {
		t.Errorf("%g: %+v", r.Holds, r.Limit)
	}
}

// TestServerCPU: if the server's processors are full, they are the limit.
func TestServerCPU(t *testing.T) {
	share := .98
	used := &result.Result{Machine: result.Machine{CPUs: 4}, Server: &result.Server{Processes: []result.Process{{CPUSeconds: 30, Seconds: 10}, {CPUSeconds: 9.2, Seconds: 10}}}}
	if c := serverCPU(used); c == nil || math.Abs(*c-share) > .001 {
		t.Errorf("share %v", c)
	}
	steps := []result.CapacityStep{{Value: 10, Verdict: holds, Result: &result.Result{}}, {Value: 20, Verdict: fails, ServerCPU: &share, Result: used}}
	if l := limitOf(bounds{holds: 10, fails: 20}, steps, 0); l.Kind != result.LimitServerCPU || !strings.Contains(l.Text, "used 3.92 of 4 processors") {
		t.Errorf("%+v", l)
	}
	// The machine is full. That is the server's limit only if it is known to be the
	// server that fills it.
	little, most := .2, .7
	for name, c := range map[string]struct {
		use *float64
		own float64
		bad int
	}{"the server": {&most, .1, 0}, "dmwake too": {&most, .25, 1}, "others": {&little, .1, 1}, "not watched": {nil, .1, 1}} {
		k := &result.CapacityStep{ServerCPU: c.use, Result: &result.Result{CPU: &result.CPU{Own: c.own, Busy: .99}}}
		if list := ownCauses(k, &observed{}, nil, false); len(list) != c.bad {
			t.Errorf("%s: %q", name, list)
		}
	}
}

// TestInterrupted: the answer keeps the steps until then.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s := &simulated{slots: 1, takes: time.Millisecond}
	c := &Config{Conditions: conditions(t, "p99<2s"), From: 10, Step: 10 * time.Second, Begin: func(float64, float64, time.Duration) {}, Tell: func(*result.CapacityStep) {
		if s.drives == 3 {
			stop()
		}
	}}
	r, err := Run(ctx, s, c)
	if err != nil || r.Aborted == "" || len(r.Steps) != 3 || r.Holds != 40 || r.Confirmed || !r.AtLeast {
		t.Errorf("%v %+v", err, r)
	}
}

// TestAssumed: nobody has to say that no wake-up may fail or be lost.
func TestAssumed(t *testing.T) {
	for given, want := range map[string]string{"p99<2s": "p99<2s failed==0 lost==0", "lost<=3": "lost<=3 failed==0", "errors<9": "errors<9 lost==0"} {
		var got []string
		for _, e := range conditions(t, given) {
			got = append(got, e.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q", given, got)
		}
	}
}
