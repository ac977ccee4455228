package delivery

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/server"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// tiny is a comparison of a second and a half each way: polls each half second, or none,
// and thirty pieces of work.
func tiny() *Options {
	return &Options{WorkRate: 60, Fast: 30 * time.Second, Slow: 4 * time.Hour, Hours: 0.025, Speed: 60,
		Load:  load.Options{Devices: 20, Profile: "win11", Work: load.Work{Kind: "get"}, Key: "ec", Curve: "x25519", Drain: time.Minute, Seed: 7},
		Watch: func(context.Context) (*server.Watch, error) { return &server.Watch{}, nil },
		Begin: func(string) {}, Ready: func(*load.Options) {}}
}

func start(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	o.Seed = 7
	l, err := lab.Start(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestCompare: each way delivers the same work, by polls or by push, and rare polls
// need fewer requests. It is the same with a server that pushes by itself.
func TestCompare(t *testing.T) {
	for name, opts := range map[string]lab.Options{"hook": {}, "own": {Variants: []*variants.Variant{variants.PushItself}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, opts)
			o := tiny()
			var begun []string
			o.Begin = func(way string) { begun = append(begun, way) }
			d, err := Run(t.Context(), l, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"poll 30s", "push, poll 4h", "push, poll 30s"}; !slices.Equal(begun, want) {
				t.Errorf("%v, want %v", begun, want)
			}
			started := d.Ways[0].Counts.Started
			for i := range d.Ways {
				w := &d.Ways[i]
				c := w.Counts
				if c.Started != started || started == 0 || c.Done+c.Polled != started || w.Delivery.Count != started || len(w.Errors) > 0 {
					t.Errorf("%s: %+v of %d, %v", w.Name, c, started, w.Errors)
				}
				if w.Push == (c.Done == 0) {
					t.Errorf("%s: %d by push", w.Name, c.Done)
				}
				if w.DeviceHours != 20*0.025 || w.Bytes == 0 || w.Connections == 0 || w.Requests < w.Connections || w.ServerCPU != nil {
					t.Errorf("%s: %+v", w.Name, w)
				}
			}
			if fast, slow := &d.Ways[0], &d.Ways[1]; slow.Requests >= fast.Requests+d.Ways[2].Requests || slow.Polls >= fast.Polls {
				t.Errorf("fast polls: %+v, push: %+v", fast, slow)
			}
			if !slices.ContainsFunc(d.Notes, func(n string) bool { return strings.HasPrefix(n, "The server was embedded") }) {
				t.Errorf("notes: %v", d.Notes)
			}
		})
	}
}

// TestWrongComparison: what cannot be compared is refused before anything is enrolled.
func TestWrongComparison(t *testing.T) {
	l := start(t, lab.Options{})
	for want, edit := range map[string]func(*Options){
		"Duration: 0 hours":                            func(o *Options) { o.Hours = 0 },
		"Rate: 0 pieces of work":                       func(o *Options) { o.WorkRate = 0 },
		"Rate: 0.5 pieces of work per device and hour": func(o *Options) { o.WorkRate = .5 },
		"Poll: an interval is not more":                func(o *Options) { o.Fast = 0 },
		"Poll: the fast interval 4h is not shorter":    func(o *Options) { o.Fast = 4 * time.Hour },
		"Work: a poll shows its delivery only by work": func(o *Options) { o.Load.Work = load.Work{Kind: "none"} },
		"Work: a wiped device":                         func(o *Options) { o.Load.Work = load.Work{Kind: "wipe"} },
		"Speed: 100000 is not":                         func(o *Options) { o.Speed = 100_000 },
		"Poll: every 1s is every 16.666666ms":          func(o *Options) { o.Fast = time.Second },
	} {
		o := tiny()
		edit(o)
		d, err := Run(t.Context(), l, o)
		if e := (*load.OptionError)(nil); !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) || len(d.Ways) > 0 {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestInterruptedComparison: the ways before the interrupt stay.
func TestInterruptedComparison(t *testing.T) {
	l := start(t, lab.Options{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o := tiny()
	ready := 0
	o.Ready = func(*load.Options) {
		if ready++; ready == 2 {
			stop()
		}
	}
	d, err := Run(ctx, l, o)
	if err != nil || len(d.Ways) != 1 || d.Ways[0].Delivery.Count == 0 || d.Aborted != `interrupted during the way "push, poll 4h"` {
		t.Errorf("%d ways, %q, %v", len(d.Ways), d.Aborted, err)
	}
}

// TestMeter: a meter counts both directions, and a moment is read once, at its time or
// when the run ends.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m meter
		ours, theirs := net.Pipe()
		c := m.conn(ours)
		begin, later, never := m.at(time.Now().Add(time.Second)), m.at(time.Now().Add(3*time.Second)), m.at(time.Now().Add(time.Hour))
		time.Sleep(2 * time.Second)
		m.request()
		go theirs.Write([]byte("hello"))
		if _, err := c.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		go theirs.Read(make([]byte, 10))
		if _, err := c.Write([]byte("you")); err != nil {
			t.Fatal(err)
		}
		if got := begin.wait(t.Context()); got != (reading{0, 0, 1}) {
			t.Errorf("before: %+v", got)
		}
		if got := later.wait(t.Context()); got != (reading{1, 8, 1}) {
			t.Errorf("after: %+v", got)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		m.request()
		if got := never.wait(over); got != (reading{2, 8, 1}) {
			t.Errorf("at the end: %+v", got)
		}
	})
}
