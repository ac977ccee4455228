package load

import (
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
)

// BenchmarkWake prints how long it takes from a notification at WNS until
// package 1 leaves the device, at 2,000 wake-ups a second with dmwake as the
// sender, the embedded server and the devices in this one process, and what CPU
// a wake-up costs in all of it. Aim on 2 cores: p50 0.3 ms, p99 3 ms.
func BenchmarkWake(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as dmwake load
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	plan, err := ParsePlan("2000", 10*time.Second, 2*time.Second)
	if err != nil {
		b.Fatal(err)
	}
	run, err := Start(b.Context(), l, &Options{Devices: 500, Profile: "win11", Plan: plan, Who: whoRound, Sender: SenderWNS, Key: "ec", Curve: "x25519", Resident: true,
		Drain: 30 * time.Second, Seed: 1, Enrolled: func(int, int) {}})
	if err != nil {
		b.Fatal(err)
	}
	defer run.Close()
	for b.Loop() {
		before := cpu(b)
		r, err := run.Go(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		out := r.Stages[Out]
		b.ReportMetric(float64(out.At["p50"])/1000, "p50-ms(aim<=0.3)")
		b.ReportMetric(float64(out.At["p99"])/1000, "p99-ms(aim<=3)")
		b.ReportMetric(float64(r.Stages[Late].At["p99"])/1000, "late-p99-ms")
		b.ReportMetric(float64(cpu(b)-before)/1000/float64(r.Counts.Started+r.Counts.Warm), "cpu-us/wake-up")
		b.ReportMetric(float64(r.Counts.Lost+r.Counts.Failed), "lost")
		b.ReportMetric(0, "ns/op")
	}
}

func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
