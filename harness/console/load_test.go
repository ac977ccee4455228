package console

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// running is a load test whose figures a test sets.
type running struct {
	mu sync.Mutex
	f  result.Recent
	n  uint64
}

func (l *running) Mark() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *running) Figures() result.Recent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f
}

func (l *running) set(f result.Recent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f, l.n = f, l.n+1
}

// TestLoadPage: a load test under way is shown with rate, stages and errors, and stays
// current. What a server wrote stays text. Without a load test there is no such page.
func TestLoadPage(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	if status, _ := b.get("load"); status != http.StatusNotFound {
		t.Errorf("without a load: %d", status)
	}
	if _, body := b.get(""); strings.Contains(body, "/console/load") {
		t.Error("without a load there is a link to it")
	}
	l := &running{f: result.Recent{Doing: "enrolling"}}
	b = plain(t, func(o *Options) { o.Load = l })
	status, body := b.get("load")
	for _, want := range []string{"enrolling", "No wake-up has ended yet.", "No wake-up was measured in the last minute.", `href="/console/load" aria-current="page"`} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d: %q is not in the page", status, want)
		}
	}
	if status, _ := b.get("load?x=1"); status != http.StatusBadRequest {
		t.Errorf("an unknown query: %d", status)
	}
	stream := b.follow(strings.ReplaceAll(liveURL.FindStringSubmatch(body)[1], "&amp;", "&"))
	l.set(result.Recent{Doing: "40 wake-ups a second", Elapsed: 7 * time.Second, Counts: result.Counts{Started: 280, Done: 270, Failed: 3}, Open: 7, Rates: []float64{10, 40, 20},
		Stages: []result.RecentStage{{Stage: result.Whole, Count: 270, P50: 4100, P90: 5000, P99: 1_250_000, Max: 2_000_000}},
		Errors: map[string]int64{"session: <script>alert(1)</script>": 2, "trigger: refused": 1}})
	got := event(t, stream)
	for _, want := range []string{"40 wake-ups a second", `<b>280</b>Started`, `class="bad"><b>3</b>Failed`, `points="0.0,75.0 300.0,0.0 600.0,50.0"`, `id="stage-whole"`, "1.25s", "4.1ms", "&lt;script&gt;", "trigger: refused"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "<script") || strings.Index(got, "&lt;script") > strings.Index(got, "trigger: refused") {
		t.Errorf("foreign text, or a wrong order: %s", got)
	}
}
