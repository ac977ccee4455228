package main

import (
	"math"
	"os"
	"strings"
	"testing"
)

// erlang is the mean wait with c servers (Erlang C), with exponential service times and
// intervals.
func erlang(c int, rate, service float64) float64 {
	load := rate * service
	sum, term := 0.0, 1.0
	for k := range c {
		sum += term
		term *= load / float64(k+1)
	}
	term *= float64(c) / (float64(c) - load)
	return term / (sum + term) * service / (float64(c) - load)
}

// TestTheory: without collections the simulation is a queue with a known mean wait:
// Erlang C for exponential service times, about half of it for constant ones.
func TestTheory(t *testing.T) {
	for _, c := range []struct {
		cores int
		busy  float64
	}{{1, 0.5}, {2, 0.7}, {8, 0.8}} {
		const mean = 100.0
		rate := c.busy * float64(c.cores) / mean // a microsecond
		average := func(s stage) (sum float64) {
			times := simulate(machine{cores: c.cores}, rate*1e6, 400_000, []stage{s}, -1, 0)
			for _, v := range times {
				sum += v
			}
			return sum/float64(len(times)) - mean
		}
		want := erlang(c.cores, rate, mean)
		// Lognormal times with the spread of exponential ones have the same mean wait on
		// one core, and about the same on several (Lee and Longton).
		if got := average(stage{mean, mean}); math.Abs(got-want) > 0.08*want+1 {
			t.Errorf("%d cores, %.0f %% busy: the wait is %.1f us, by Erlang C %.1f", c.cores, 100*c.busy, got, want)
		}
		if got := average(stage{mean, 0}); got < 0.4*want || got > 0.62*want {
			t.Errorf("%d cores, %.0f %% busy: the wait is %.1f us for constant times, by theory about %.1f", c.cores, 100*c.busy, got, want/2)
		}
	}
}

// TestCollections: on a machine that is not busy, the collector slows down the slowest
// wake-ups, not the median.
func TestCollections(t *testing.T) {
	s := []stage{{100, 50}, {100, 50}}
	calm := simulate(machine{cores: 2}, 4000, 100_000, s, -1, 1)
	gc := simulate(machine{2, 1e6, 60e3}, 4000, 100_000, s, -1, 1)
	if len(calm) != 100_000 || quantile(gc, .5) > 1.2*quantile(calm, .5) || quantile(gc, .99) < 1.3*quantile(calm, .99) {
		t.Errorf("p50 %.0f and %.0f us, p99 %.0f and %.0f", quantile(calm, .5), quantile(gc, .5), quantile(calm, .99), quantile(gc, .99))
	}
}

// TestDocument: scale.md has the tables that this command prints.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := tables(&b); err != nil {
		t.Fatal(err)
	}
	for _, table := range strings.Split(strings.TrimSpace(b.String()), "\n\n") {
		if !strings.Contains(string(raw), table) {
			t.Errorf("scale.md differs; go run ./harness/load/scale prints this table:\n%s", table)
		}
	}
}
