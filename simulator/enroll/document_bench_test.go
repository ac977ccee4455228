//go:build unix

package enroll

import (
	"math"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkHostileGrowth prints the milliseconds of CPU time for 1 MB, and the
// exponent by which time grows with the reply: 1 is linear, 2 is quadratic.
func BenchmarkHostileGrowth(b *testing.B) {
	for _, h := range hostile {
		b.Run(h.name, func(b *testing.B) {
			best := [2]float64{math.Inf(1), math.Inf(1)}
			for b.Loop() {
				for k, n := range []int{MaxMessage / 2, MaxMessage - 2000} {
					raw := []byte(h.make(n))
					runtime.GC()
					start := cpuTime(b)
					if err := h.read(raw); err != nil {
						b.Fatal(err)
					}
					best[k] = min(best[k], float64(cpuTime(b)-start))
				}
			}
			b.ReportMetric(best[1]/1e6, "ms")
			b.ReportMetric(math.Log2(best[1]/best[0]), "exponent(aim~1)")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
