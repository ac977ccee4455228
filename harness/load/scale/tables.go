package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// measured are the costs on one machine (speed.md).
var measured = costs{wake: 450 * time.Microsecond, fresh: 1150 * time.Microsecond, enroll: 3300 * time.Microsecond, heap: 2200, resident: 45_000, wakeNet: 5800, freshNet: 2900}

// The stages of a wake-up on a kept connection: accept the push, send package 1, and
// the rest. own is dmwake alone. all includes sender and server in the same process,
// as speed.md measured.
var (
	own = []stage{{90, 50}, {75, 40}, {285, 130}}
	all = []stage{{100, 60}, {75, 40}, {365, 170}}
)

// needs writes what loads need in total, however many machines share them.
func needs(w io.Writer) error {
	c := measured
	p := func(format string, args ...any) {
		fmt.Fprintf(w, format, args...)
	}
	p("| devices | wake-ups/s | memory at rest | memory resident | cores, kept connections | cores, a handshake each | network, kept connections | enrollment, core-minutes | ports, resident |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, k := range []struct{ devices, rate int }{{10_000, 500}, {100_000, 2_000}, {100_000, 10_000}, {1_000_000, 10_000}, {1_000_000, 50_000}} {
		cores := func(each time.Duration) float64 { return float64(k.rate) * each.Seconds() }
		p("| %s | %s | %s | %s | %.1f | %.1f | %s | %.0f | %s |\n", count(k.devices), count(k.rate), bytes(k.devices*c.heap), bytes(k.devices*c.resident), cores(c.wake), cores(c.wake+c.fresh),
			bits(k.rate*c.wakeNet), float64(k.devices)*c.enroll.Minutes(), count(k.devices))
	}
	p("\n")
	return nil
}

// waits writes how the time from WNS to package 1 grows with the load of a machine.
func waits(w io.Writer) error {
	run := simulate(machine{2, 12e6, 50e3}, 2000, 200_000, all, 0, 1)
	fmt.Fprintf(w, "| 2,000 wake-ups/s, all in one process on 2 cores | p50 | p99 |\n|---|---|---|\n| measured, constant arrival | 0.08 ms | 0.38 ms |\n| simulated, random arrival | %.2f ms | %.2f ms |\n\n",
		quantile(run, .5)/1000, quantile(run, .99)/1000)
	total := 0.0
	for _, s := range own {
		total += s.mean
	}
	fmt.Fprintf(w, "| cores of a machine | busy | wake-ups/s on it | p50 | p99 | p99.9 | machines for 50,000/s |\n|---|---|---|---|---|---|---|\n")
	for _, cores := range []int{2, 8, 32} {
		for _, busy := range []float64{0.3, 0.5, 0.7, 0.85} {
			rate := busy * float64(cores) / total * 1e6
			times := simulate(machine{cores, 12e6, 50e3}, rate, 200_000, own, 0, 1)
			ms := func(p float64) string { return fmt.Sprintf("%.2f ms", quantile(times, p)/1000) }
			fmt.Fprintf(w, "| %d | %.0f %% | %s | %s | %s | %s | %.0f |\n", cores, 100*busy, count(int(math.Round(rate/100)*100)), ms(.5), ms(.99), ms(.999), math.Ceil(50_000/rate))
		}
	}
	return nil
}

// count writes 1000000 as 1,000,000.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func bytes(n int) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func bits(n int) string {
	return fmt.Sprintf("%.2f Gbit/s", float64(n)*8/1e9)
}
