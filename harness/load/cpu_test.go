package load

import (
	"runtime"
	"strings"
	"testing"
)

// TestCPU: shares are of all processors and of the time between, and a run whose
// machine was full or was taken away says so.
func TestCPU(t *testing.T) {
	from := used{own: 10, busy: 100, stolen: 5, all: 1000, ok: true}
	for _, c := range []struct {
		to   used
		want CPU
		says []string
	}{
		{used{15, 120, 5, 1100, true}, CPU{0.05, 0.2, 0}, nil},
		{used{40, 195, 5, 1100, true}, CPU{0.3, 0.95, 0}, []string{"95 % busy (dmwake itself 30 %)"}},
		{used{15, 120, 6, 1100, true}, CPU{0.05, 0.2, 0.01}, []string{"gave 1.0 % of"}},
		{used{15, 120, 5.25, 1100, true}, CPU{0.05, 0.2, 0.0025}, nil},
		{used{20, 105, 5, 1100, true}, CPU{0.1, 0.1, 0}, nil},
		{used{40, 185, 15, 1100, true}, CPU{0.3, 0.85, 0.1}, []string{"85 % busy", "gave 10.0 % of"}},
	} {
		got := c.to.share(from)
		if *got != c.want {
			t.Errorf("%+v, want %+v", *got, c.want)
		}
		said := got.remarks()
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
	for _, u := range []used{{}, {all: 2000}, from} {
		if got := u.share(from); got != nil || got.remarks() != nil {
			t.Errorf("%+v: %+v", u, got)
		}
	}
}

// TestUsage: what the kernel counts of this process grows with what it does.
func TestUsage(t *testing.T) {
	before := usage()
	if runtime.GOOS != "linux" {
		if before.ok {
			t.Errorf("%+v", before)
		}
		return
	}
	now := before
	for n := 0; now.own < before.own+0.1; n++ { // seconds
		if now = usage(); !now.ok || n > 10_000_000 {
			t.Fatalf("%+v", now)
		}
	}
	if c := now.share(before); c == nil || c.Own <= 0 || c.Own > 1 || c.Busy < 0 || c.Busy > 1 || c.Stolen < 0 {
		t.Errorf("%+v", c)
	}
}
