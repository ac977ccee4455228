package load

import (
	"runtime"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestCPU: shares relate to all processors and the time between. A busy machine and
// stolen time lead to notes.
func TestCPU(t *testing.T) {
	from := cpuTime{own: 10, busy: 100, stolen: 5, all: 1000, ok: true}
	for _, c := range []struct {
		to   cpuTime
		want result.CPU
		says []string
	}{
		{cpuTime{15, 120, 5, 1100, true}, result.CPU{Own: 0.05, Busy: 0.2, Stolen: 0}, nil},
		{cpuTime{40, 195, 5, 1100, true}, result.CPU{Own: 0.3, Busy: 0.95, Stolen: 0}, []string{"95 % busy (dmwake itself 30 %)"}},
		{cpuTime{15, 120, 6, 1100, true}, result.CPU{Own: 0.05, Busy: 0.2, Stolen: 0.01}, []string{"gave 1.0 % of"}},
		{cpuTime{15, 120, 5.25, 1100, true}, result.CPU{Own: 0.05, Busy: 0.2, Stolen: 0.0025}, nil},
		{cpuTime{20, 105, 5, 1100, true}, result.CPU{Own: 0.1, Busy: 0.1, Stolen: 0}, nil},
		{cpuTime{40, 185, 15, 1100, true}, result.CPU{Own: 0.3, Busy: 0.85, Stolen: 0.1}, []string{"85 % busy", "gave 10.0 % of"}},
	} {
		got := c.to.since(from)
		if *got != c.want {
			t.Errorf("%+v, want %+v", *got, c.want)
		}
		said := cpuNotes(got)
		if len(said) != len(c.says) {
			t.Errorf("%+v: %q, want %q", c.want, said, c.says)
			continue
		}
		for i, s := range c.says {
			if !strings.Contains(said[i], s) {
				t.Errorf("%q has no %q", said[i], s)
			}
		}
	}
	for _, u := range []cpuTime{{}, {all: 2000}, from} {
		if got := u.since(from); got != nil || cpuNotes(got) != nil {
			t.Errorf("%+v: %+v", u, got)
		}
	}
}

// TestCPUTime: the processor time of this process grows while it works.
func TestCPUTime(t *testing.T) {
	before := cpuNow()
	if runtime.GOOS != "linux" {
		if before.ok {
			t.Errorf("%+v", before)
		}
		return
	}
	now := before
	for n := 0; now.own < before.own+0.1; n++ { // seconds
		if now = cpuNow(); !now.ok || n > 10_000_000 {
			t.Fatalf("%+v", now)
		}
	}
	if c := now.since(before); c == nil || c.Own <= 0 || c.Own > 1 || c.Busy < 0 || c.Busy > 1 || c.Stolen < 0 {
		t.Errorf("%+v", c)
	}
}
