//go:build unix

package load

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// BenchmarkWake prints the time from a notification at WNS until package 1 leaves the
// device, and the CPU time per wake-up, at 2,000 wake-ups a second. dmwake is the
// sender; the embedded server and the devices are in the same process. The figures
// are medians of five rounds of ten seconds. Aim on 2 cores: p50 0.3 ms, p99 3 ms. The
// floor of the times is a channel between goroutines. That of the CPU time is what a
// wake-up sends, three canned requests over TLS and their answers by bare handlers, all in
// this process and at the same rate.
func BenchmarkWake(b *testing.B) {
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
	defer CollectLess(2000)() // like dmwake load
	rounds := map[string][]float64{}
	for b.Loop() {
		for range 5 {
			before := cpu(b)
			r, err := run.Go(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			used, floor := float64(cpu(b)-before)/1000/float64(r.Counts.Started+r.Counts.Warm), threePosts(b, 2000, 10*time.Second)
			out := r.Stages[result.Out]
			for name, v := range map[string]float64{
				"p50-ms(aim<=0.3)": float64(out.At["p50"]) / 1000, "p99-ms(aim<=3)": float64(out.At["p99"]) / 1000, "late-p99-ms": float64(r.Stages[result.Late].At["p99"]) / 1000,
				"cpu-us/wake-up": used, "lost": float64(r.Counts.Lost + r.Counts.Failed), "floor-p50-us": handOff(), "cpu-ratio": used / floor, "floor-cpu-us": floor,
			} {
				rounds[name] = append(rounds[name], v)
			}
		}
	}
	for name, list := range rounds {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name)
	}
	b.ReportMetric(0, "ns/op")
}

// handOff is the median time to hand a value to a waiting goroutine over a channel, in
// microseconds.
func handOff() float64 {
	c, times := make(chan time.Time), make(chan float64)
	go func() {
		for t := range c {
			times <- float64(time.Since(t).Nanoseconds()) / 1000
		}
	}()
	defer close(c)
	var list []float64
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for range 1000 {
		<-tick.C
		c <- time.Now()
		list = append(list, <-times)
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkEnroll prints the CPU time to enroll a device and hold its first session,
// for device and embedded server together, by kind of key. A separate RSA key for each
// device would add 40 to 80 ms. The floor is the cryptography of an enrollment alone.
func BenchmarkEnroll(b *testing.B) {
	const devices = 200
	for _, kind := range []string{"ec", "rsa"} {
		b.Run(kind, func(b *testing.B) {
			plan, err := ParsePlan("1", time.Second, 0)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := spare.RSA(); err != nil {
				b.Fatal(err)
			}
			var each, rate, ratio []float64
			for b.Loop() {
				for seed := range uint64(5) {
					l, err := lab.Start(nil, lab.Options{Seed: seed + 1, Keys: spare})
					if err != nil {
						b.Fatal(err)
					}
					o := &Options{Devices: devices, Profile: "win11", Plan: plan, Who: whoRound, Sender: SenderWNS, Key: kind, KeyPool: 16, Curve: "x25519", Drain: time.Second, Seed: 1,
						Enrolled: func(int, int) {}}
					before, start := cpu(b), time.Now()
					run, err := Start(b.Context(), l, o)
					if err != nil {
						b.Fatal(err)
					}
					rate = append(rate, devices/time.Since(start).Seconds())
					used := float64(cpu(b)-before) / 1e6 / devices
					each, ratio = append(each, used), append(ratio, used/ciphers(b, devices))
					run.Close()
					l.Close()
				}
			}
			slices.Sort(each)
			slices.Sort(rate)
			slices.Sort(ratio)
			b.ReportMetric(each[len(each)/2], "cpu-ms/device")
			b.ReportMetric(rate[len(rate)/2], "devices/s")
			b.ReportMetric(ratio[len(ratio)/2], "cpu-ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spare is the one key of the labs, which would make RSA keys at the same time.
var spare = enroll.NewKeyPool(1)

func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
