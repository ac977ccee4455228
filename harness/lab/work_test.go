package lab

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
)

// TestWorkDiffersBetweenRuns: N counts the calls of a run, and goes on where no earlier
// run counted.
func TestWorkDiffersBetweenRuns(t *testing.T) {
	var got []int
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		n, err := strconv.Atoi(string(raw))
		if err != nil {
			t.Error(err)
		}
		got = append(got, n)
	}))
	defer api.Close()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for range 2 {
		l, err := Start(nil, Options{Keys: testKeys, Seed: 1, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		l.Config.Target.Hooks = target.Hooks{Work: &target.Hook{HTTP: &target.HTTPHook{URL: api.URL, Body: "{{.N}}"}}}
		d, err := l.ordinaryDevice()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.Work(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		d.Close()
		l.Close()
		now = now.Add(10 * time.Second)
	}
	if len(got) != 4 || got[1] != got[0]+1 || got[2] != got[0]+100 || got[3] != got[2]+1 {
		t.Errorf("%d", got)
	}
}

// TestFirstWork: it fits an int32 with all calls of a run, at any time, and is no
// negative number where the clock is wrong.
func TestFirstWork(t *testing.T) {
	for when, want := range map[string]int64{"1970-01-01T00:00:00Z": 0, "2025-01-01T00:00:00Z": 0, "2025-01-01T00:00:10Z": 100, "2031-05-04T19:33:19Z": 1_999_999_900, "2031-05-04T19:33:20Z": 0} {
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		if got := firstWork(at); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
}
