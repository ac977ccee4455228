package console

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/internal/browser"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

const (
	manyDevices       = 1_000
	manyNotifications = 10_000
)

// crowd is a lab with many devices and notifications, and the memory that they take.
func crowd(b *testing.B) (x *bench, mem uint64) {
	before := heap()
	wns := fakewns.New(fakewns.Config{Seed: 5, JournalSize: 2 * manyNotifications})
	pool := devices.New(devices.Config{Seed: 5, Base: func() (dmclient.Config, error) { return dmclient.Config{WNS: wns}, nil }})
	b.Cleanup(pool.Close)
	x = serve(b, Options{WNS: wns, Devices: pool}, pool, nil)
	var channels []fakewns.Channel
	for i := range manyDevices {
		d, err := pool.Create(devices.Spec{Server: devices.Server{Discovery: "https://mdm.example"}, Enroll: devices.Enroll{Username: "u@mdm.example", Password: "secret"}})
		if err != nil {
			b.Fatal(err)
		}
		channels = append(channels, x.open(d.ID))
		if i%10 == 0 {
			wns.SetConnected(d.ID, false)
		}
	}
	for i := range manyNotifications {
		h := http.Header{}
		if i%7 == 0 {
			h.Set("X-WNS-Cache-Policy", "no-cache")
		}
		x.push(channels[i%manyDevices], h)
	}
	return x, heap() - before
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkServer: how long the server takes for a page, and for an update of one.
func BenchmarkServer(b *testing.B) {
	x, mem := crowd(b)
	for _, page := range []string{"", "devices", "notifications", "notifications?q=no-such-thing", "channels"} {
		b.Run("page="+page, func(b *testing.B) {
			for b.Loop() {
				if status, _ := x.get(page); status != http.StatusOK {
					b.Fatal(status)
				}
			}
			b.ReportMetric(float64(mem)/(1<<20), "MiB-lab")
		})
	}
}

// BenchmarkBrowser: first paint, the time from a push to its row, and memory, with 1,000
// devices and 10,000 notifications. The aims are a second, 100 ms, and memory that does not grow with the number of pushes.
func BenchmarkBrowser(b *testing.B) {
	shared := browser.Start(b)
	if err := chromedp.Run(shared); err != nil {
		b.Fatal(err)
	}
	x, _ := crowd(b)
	ctx, done := chromedp.NewContext(shared)
	defer done()
	run := func(steps ...chromedp.Action) {
		if err := chromedp.Run(ctx, steps...); err != nil {
			b.Fatal(err)
		}
	}
	number := func(expression string) (n float64) {
		run(chromedp.Evaluate(expression, &n))
		return n
	}
	run(chromedp.EmulateViewport(1280, 900))
	for b.Loop() {
		for _, page := range []string{"devices", "notifications"} {
			run(chromedp.Navigate(x.url+Prefix+page), chromedp.Poll(`performance.getEntriesByName("first-contentful-paint").length > 0`, nil))
			b.ReportMetric(number(`performance.getEntriesByName("first-contentful-paint")[0].startTime`), "ms-paint-"+page)
		}
		run(chromedp.Poll(`document.getElementById("live").textContent === "live"`, nil))
		ch := x.wns.Channels(x.pool.List(devices.Filter{})[1].ID)[0]
		grown := heap()
		var total time.Duration
		const updates = 10
		for range updates {
			time.Sleep(beat) // one that comes alone
			start := time.Now()
			e := x.push(ch, nil)
			run(chromedp.Poll(fmt.Sprintf(`document.getElementById("n%d") !== null`, e.Seq), nil))
			total += time.Since(start)
		}
		b.ReportMetric(float64(total.Milliseconds())/updates, "ms-update")
		// A burst is one update after the other, not one for each push.
		last := uint64(0)
		for range manyNotifications {
			last = x.push(ch, nil).Seq
		}
		start := time.Now()
		run(chromedp.Poll(fmt.Sprintf(`document.getElementById("n%d") !== null`, last), nil))
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-after-burst")
		b.ReportMetric(number(`document.querySelectorAll("*").length`), "elements")
		b.ReportMetric(number(`performance.memory.usedJSHeapSize / 1048576`), "MiB-page")
		b.ReportMetric((float64(heap())-float64(grown))/(1<<20), "MiB-lab-grown")
	}
}
