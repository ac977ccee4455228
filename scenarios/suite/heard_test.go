package suite

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestListening: a scenario that listens runs last, hears each session of all others
// once, and fails by what it heard, with the places.
func TestListening(t *testing.T) {
	var order []string
	heard := map[*dmclient.Session]int{}
	talks := func(n int) func(*T) {
		return func(t *T) {
			order = append(order, "talks")
			d := t.Enrolled()
			for range n {
				d.Sync(dmclient.SyncOptions{})
			}
		}
	}
	list := []Scenario{
		scenario("AAA-01", func(t *T) {
			order = append(order, "listens")
			if t.Heard() == 0 {
				t.Fail("sessions", "none")
			}
		}, func(s *Scenario) {
			s.Hears = func(h *Heard) {
				heard[h.Session]++
				if h.scenario == "BBB-02" {
					h.Breach(0, "one MsgID", "MsgID %s", h.Pairs[0].Got.Hdr.MsgID)
				}
				for i, p := range h.Pairs {
					if p.Sent == nil || p.Got != h.Received[i] || p.Sent.Hdr.MsgID != h.Sent[i].Hdr.MsgID {
						t.Errorf("pair %d of session %s: %+v", i, h.ID, p)
					}
				}
			}
		}),
		scenario("BBB-01", talks(1)),
		scenario("BBB-02", talks(2)),
		scenario("CCC-01", passes, func(s *Scenario) { s.Hears = func(*Heard) {} }),
	}
	out, results := outcomes(t, list, Options{})
	if want := []string{"AAA-01 failed", "BBB-01 passed", "BBB-02 passed", "CCC-01 passed"}; !slices.Equal(out, want) {
		t.Fatalf("%q", out)
	}
	if want := []string{"talks", "talks", "listens"}; !slices.Equal(order, want) {
		t.Errorf("order %q", order)
	}
	for s, n := range heard {
		if n != 1 {
			t.Errorf("session %s was heard %d times", s.ID, n)
		}
	}
	r := results["AAA-01"]
	if len(heard) != 5 || r.Expected != "one MsgID" || r.Saw != "MsgID 1, in BBB-02, session 1, message 1; 3 places in all" || !slices.Equal(r.Under, []string{"BBB-02"}) || len(r.Exchanges) == 0 {
		t.Errorf("%d sessions; %+v", len(heard), r)
	}
	if text := strings.Join(r.Evidence, "\n"); !strings.Contains(text, "BBB-02, session 3, message 1: MsgID 1") {
		t.Errorf("evidence %s", text)
	}
}

// TestListensAlone: without other scenarios it hears its own traffic.
func TestListensAlone(t *testing.T) {
	s := scenario("AAA-01", func(t *T) { t.Enrolled() }, func(s *Scenario) { s.Hears = func(h *Heard) { h.Breach(0, "silence", "a word") } })
	if r, err := Run(t.Context(), newLab(t), &s); err != nil || r.Outcome != report.Failed || !strings.Contains(r.Saw, "a word, in AAA-01, session") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestHeardInTime: when the run's time is up, what was heard until then still fails.
func TestHeardInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listens := func(broken bool) func(*Scenario) {
		return func(s *Scenario) {
			s.Hears = func(h *Heard) {
				if broken {
					h.Breach(0, "silence", "a word")
				}
			}
		}
	}
	r := newRunner(newLab(t), []Scenario{
		scenario("AAA-01", func(t *T) {
			t.Enrolled()
			cancel()
		}),
		scenario("BBB-01", passes, listens(true)),
		scenario("BBB-02", passes, listens(false)),
	}, Options{})
	r.run(ctx)
	if got := r.verdict("BBB-01").result; got.Outcome != report.Failed || !strings.Contains(got.Saw, "a word, in AAA-01") {
		t.Errorf("%+v", got)
	}
	if got := r.verdict("BBB-02").result; got.Outcome != report.Skipped {
		t.Errorf("%+v", got)
	}
}
