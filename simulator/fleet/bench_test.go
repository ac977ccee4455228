//go:build unix

package fleet

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// BenchmarkIdleDevice prints what one enrolled device costs that does nothing,
// among 100,000 of them: the heap in bytes, of that its record, and goroutines.
// Some are enrolled for real, each with its own certificate; the others hold
// records of their own with the same content. Aim: at most 1 KiB of heap, 2 KiB
// of resident memory, no goroutine, and 1 % of a core for all. DMWAKE_FLEET changes how many are enrolled for real.
func BenchmarkIdleDevice(b *testing.B) {
	enrolled, all := 200, 100_000
	if n, err := strconv.Atoi(os.Getenv("DMWAKE_FLEET")); err == nil {
		enrolled, all = n, max(n, all)
	}
	cfg, _ := config(b)
	cfg.Device.WNS = quiet{} // the push service's own memory is not the device's
	for b.Loop() {
		f := New(cfg)
		enrollAll(b, f, enrolled)
		// The dictionary learns from what it sees; a second session brings every
		// record to its size.
		again := make([]int, enrolled)
		for i := range again {
			again[i] = i
		}
		f.Each(context.Background(), again, func(int, *dmclient.Device) error { return nil })
		f.mu.Lock()
		for i := enrolled; i < all; i++ {
			s := f.slots[i%enrolled]
			s.record = bytes.Clone(s.record)
			f.slots = append(f.slots, s)
			f.plan = append(f.plan, entry{s.due, int32(i)})
		}
		f.mu.Unlock()
		st := f.Stats()
		per := func(n int) float64 { return float64(n) / float64(all) }
		b.ReportMetric(per(st.Records), "record")
		b.ReportMetric(per(st.Slots), "slot")
		b.ReportMetric(per(st.Plan), "plan")
		b.ReportMetric(per(st.DictBytes), "dictionary")
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		for runtime.NumGoroutine() <= before {
			runtime.Gosched()
		}
		b.ReportMetric(float64(max(runtime.NumGoroutine()-before, 0))/float64(all), "goroutines/device(aim=0)")
		runtime.GC()
		start, used := time.Now(), cpu(b)
		time.Sleep(5 * time.Second) // it is what is measured: nothing to do
		b.ReportMetric(100*float64(cpu(b)-used)/float64(time.Since(start).Nanoseconds()), "%-of-a-core(aim<=1)")
		cancel()
		<-done
		err := f.Do(context.Background(), 0, func(d *dmclient.Device) error {
			b.ReportMetric(float64(len(d.Certificate().Certificate[0])), "certificate")
			b.ReportMetric(float64(len(d.ChannelURI())), "channel-uri")
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		// The server the devices enrolled at is in this process, too: what the
		// fleet costs is what is free once it is gone.
		with, resident := heapInUse(), rss(b)
		runtime.KeepAlive(f)
		f = nil
		b.ReportMetric(per(int(with-heapInUse())), "heap-bytes/device(aim<=1024)")
		b.ReportMetric(per(resident-rss(b)), "rss-bytes/device(aim<=2048)")
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

// rss is the memory that the process has from the system, once it gave back what
// is free.
func rss(b *testing.B) int {
	b.Helper()
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0 // not Linux
	}
	fields := strings.Fields(string(raw))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
