package load

import (
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// TestPlans: a plan starts as many wake-ups as its rate says, at the right times.
func TestPlans(t *testing.T) {
	for _, c := range []struct {
		rate    string
		poisson bool
		total   int
		first   int // in the first half
	}{
		{"200", false, 2000, 1000}, {"0..200", false, 1000, 250}, {"100,300", false, 2000, 500}, {"10+1000@5s/1s", false, 1100, 50}, {"200", true, 2000, 1000}, {"0.5", false, 5, 2},
		{"100000", false, 1_000_000, 500_000},
	} {
		p, err := ParsePlan(c.rate, 10*time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Poisson = c.poisson
		draw := rand.New(rand.NewPCG(1, 1))
		n, half := 0, 0
		last := time.Duration(0)
		for at := range p.Arrivals(draw) {
			if at < last {
				t.Fatalf("%s: %s after %s", c.rate, at, last)
			}
			last = at
			n++
			if at < 5*time.Second {
				half++
			}
		}
		slack := 2.0
		if c.poisson {
			slack = 5 * math.Sqrt(float64(c.total))
		}
		if math.Abs(float64(n-c.total)) > slack || math.Abs(float64(half-c.first)) > slack {
			t.Errorf("%s: %d, %d of them in the first half; want %d and %d", c.rate, n, half, c.total, c.first)
		}
		if math.Abs(p.Total()-float64(c.total)) > 1e-6 {
			t.Errorf("%s: Total %f", c.rate, p.Total())
		}
	}
}

// TestExact: a constant rate starts exactly as many wake-ups as it says.
func TestExact(t *testing.T) {
	for _, c := range []struct {
		rate     string
		duration time.Duration
		want     int
	}{{"200", 3 * time.Second, 600}, {"300", 4 * time.Second, 1200}, {"7", 9 * time.Second, 63}, {"333", 3 * time.Second, 999}, {"0.1", time.Minute, 6}, {"2000", 10 * time.Second, 20_000}, {"1500", time.Minute, 90_000}} {
		p, err := ParsePlan(c.rate, c.duration, 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range p.Arrivals(nil) {
			n++
		}
		if n != c.want {
			t.Errorf("%s for %s: %d, want %d", c.rate, c.duration, n, c.want)
		}
	}
}

// TestArrivals: each wake-up is due at the right microsecond, in any kind of plan. A
// year takes no longer to search than a second.
func TestArrivals(t *testing.T) {
	const year = 8760 * time.Hour
	for _, c := range []struct {
		rate     string
		duration time.Duration
		n        float64
		want     time.Duration
	}{
		{"3", year, 1, time.Second / 3}, {"3", year, 3e7, 1e7 * time.Second}, {"3", year, 3 * 8760 * 3600, year}, {"0..200", 10 * time.Second, 10, time.Second}, {"0..200", 10 * time.Second, 1000, 10 * time.Second},
		{"200..0", 10 * time.Second, 750, 5 * time.Second}, {"200..0", 10 * time.Second, 1000, 10 * time.Second}, {"0,100", 10 * time.Second, 1, 5010 * time.Millisecond}, {"100,0,100", 9 * time.Second, 301, 6010 * time.Millisecond},
		{"10+1000@5s/1s", 10 * time.Second, 1060, 6 * time.Second}, {"10+1000@5s/1s", 10 * time.Second, 1070, 7 * time.Second}, {"1000000", year, 1e9, 1000 * time.Second},
	} {
		p, err := ParsePlan(c.rate, c.duration, 0)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := p.at(c.n); !ok || (at-c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %.0f at %s, %t, want %s", c.rate, c.n, at, ok, c.want)
		}
		if at, ok := p.at(p.Total() + 1); ok {
			t.Errorf("%s: an extra wake-up at %s", c.rate, at)
		}
	}
}

// TestPeak: the highest rate of any kind of plan.
func TestPeak(t *testing.T) {
	for rate, want := range map[string]float64{"200": 200, "0..200": 200, "100,300,50": 300, "10+1000@5s/1s": 1010} {
		p, err := ParsePlan(rate, 10*time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Peak(); got != want {
			t.Errorf("%s: %f", rate, got)
		}
	}
}

// TestCollectLess: garbage may grow with the rate, until undo. GOGC wins.
func TestCollectLess(t *testing.T) {
	t.Setenv("GOGC", "")
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	percent := func() int {
		n := debug.SetGCPercent(100)
		debug.SetGCPercent(n)
		return n
	}
	slow := CollectLess(1)
	few := percent()
	slow()
	undo := CollectLess(400)
	if many := percent(); few < 100 || many <= few {
		t.Errorf("%d percent for one a second, %d for many", few, many)
	}
	if undo(); percent() != 100 {
		t.Errorf("%d percent afterwards", percent())
	}
	enrolling := CollectLessEnrolling()
	if percent() <= 100 {
		t.Error("collections are as frequent as ever while devices enroll")
	}
	if enrolling(); percent() != 100 {
		t.Errorf("%d percent after the enrollment", percent())
	}
	func() { // a low rate allocates nothing in advance
		live := make([]byte, 50<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		defer CollectLess(1)()
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 10 {
			t.Errorf("one a second allocated %d MB", n)
		}
		runtime.KeepAlive(live)
	}()
	func() {
		defer CollectLess(400)() // 480 MB of garbage
		live := make([]byte, 100<<20)
		NewWithT(t).Eventually(func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.NextGC >> 20
		}, time.Minute).Should(And(BeNumerically(">", 300), BeNumerically("<", 1000)), "MB, after the heap has grown a hundredfold")
		runtime.KeepAlive(live)
	}()
	t.Setenv("GOGC", "50")
	if CollectLess(5000); percent() != 100 {
		t.Error("GOGC is set, and was overridden")
	}
}

func TestBadPlans(t *testing.T) {
	for rate, want := range map[string]string{"": "not a number", "x": "not a number", "-5": "not a number", "2000000": "not a number", "0": "starts no wake-ups", "5+1@2s": "a spike is", "5+1@9s/5s": "within the duration", "NaN": "not a number", "1..x": "not a number"} {
		if _, err := ParsePlan(rate, 10*time.Second, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", rate, err, want)
		}
	}
	if _, err := ParsePlan("5", 10*time.Second, 10*time.Second); err == nil {
		t.Error("a warm-up as long as the run")
	}
}
