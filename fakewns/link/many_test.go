package link

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
)

// linked opens a channel for each of n devices over one link.
func (d *desk) linked(tb testing.TB, c *Client, n int, wake func([]byte)) []string {
	tb.Helper()
	uris := make([]string, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				uri, _, err := c.OpenChannel(tb.Context(), fmt.Sprintf("D%07d", i), fakewns.DefaultApp.PFN, wake)
				if err != nil {
					tb.Error(err)
					return
				}
				uris[i] = uri
			}
		})
	}
	workers.Wait()
	return uris
}

// TestManyDevicesOnOneLink: a storm to fifty thousand devices of one process,
// with the link cut in the middle, wakes each once.
func TestManyDevicesOnOneLink(t *testing.T) {
	devices := 50_000
	if testing.Short() {
		devices = 10_000
	}
	d := newDesk(t, fakewns.Config{}, "")
	c := d.dial(t, Options{})
	var came atomic.Int64
	d.linked(t, c, devices, func([]byte) { came.Add(1) })
	if n := d.wns.Stats().Channels; n != devices {
		t.Fatalf("%d channels", n)
	}
	before := runtime.NumGoroutine()
	for i, ch := range d.wns.Channels("") {
		if _, _, e, err := d.wns.Push(t.Context(), ch, "wns/raw", []byte("wake"), nil); err != nil || e.Status != 200 {
			t.Fatal(e, err)
		}
		if i == devices/2 {
			d.link.Cut()
		}
	}
	eventually(t, "all are woken", func() bool { return came.Load() >= int64(devices) })
	if got := came.Load(); got != int64(devices) {
		t.Errorf("%d wake-ups for %d devices", got, devices)
	}
	if after := runtime.NumGoroutine(); after > before+20 {
		t.Errorf("%d goroutines for %d devices", after, devices)
	}
}

// BenchmarkLinkedDevice tells what a linked device costs both sides together,
// which are one process here.
func BenchmarkLinkedDevice(b *testing.B) {
	const devices = 50_000
	for b.Loop() {
		d := newDesk(b, fakewns.Config{JournalSize: 1}, "")
		c := d.dial(b, Options{})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		uris := d.linked(b, c, devices, func([]byte) {})
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/devices, "heap-B/device")
		runtime.KeepAlive(uris)
		c.Close()
		d.close()
	}
}
