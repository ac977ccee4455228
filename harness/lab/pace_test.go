package lab

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// limiting is a target that answers requests to a path with a status and a
// Retry-After, as often as busy says.
func limiting(t *testing.T, path string, status int, after string, busy *atomic.Int64, pace target.Pace) *Lab {
	t.Helper()
	return served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, path) && busy.Add(-1) >= 0 {
				if after != "" {
					w.Header().Set("Retry-After", after)
				}
				http.Error(w, "too many", status)
				return
			}
			h.ServeHTTP(w, r)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery, cfg.Target.Pace = "https://"+addr+mdmserver.DiscoveryPath, pace
	})
}

// TestRetryAfter: an answer that says when to come again is waited for, told
// once, and both exchanges are in the record.
func TestRetryAfter(t *testing.T) {
	past := time.Unix(0, 0).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		path   string
		status int
		after  string
		busy   int64
		note   string // empty: it is not waited for
	}{
		"Discover, 429":     {"Discovery", 429, "0", 1, "The server limited the rate once (429, Retry-After); dmwake waited 0s in all; set target.pace."},
		"RST, 503":          {"Enrollment.svc", 503, "0", 3, "3 times (503, Retry-After)"},
		"a second":          {"Policy", 429, "1", 1, "dmwake waited 1s in all"},
		"a date":            {"Policy", 429, past, 2, "2 times (429, Retry-After); dmwake waited 0s"},
		"for ever":          {"Policy", 429, "0", 1000, "times (429"},
		"an hour":           {"Policy", 429, "3600", 1, ""},
		"no word of when":   {"Policy", 503, "", 1000, ""},
		"a bare 429":        {"Policy", 429, "", 2, "2 times (429 without Retry-After); dmwake waited 0s in all; set target.pace."},
		"a bare 429 at RST": {"Enrollment.svc", 429, "", 1, "once (429 without Retry-After)"},
		"bare for ever":     {"Policy", 429, "", 1000, "3 times (429 without Retry-After)"},
		"another refusal":   {"Policy", 500, "0", 1000, ""},
		"a session, 503":    {"Management", 503, "0", 2, "2 times (503, Retry-After)"},
		"a session, 429":    {"Management", 429, "0", 2, "2 times (429, Retry-After)"},
	} {
		t.Run(name, func(t *testing.T) {
			var busy atomic.Int64
			busy.Store(c.busy)
			l := limiting(t, c.path, c.status, c.after, &busy, 0)
			d := l.device(t)
			err := l.Enroll(t.Context(), d)
			if err == nil {
				_, err = d.Sync(t.Context(), dmclient.SyncOptions{})
			}
			if served := c.note != "" && c.busy < 100; served && err != nil {
				t.Error(err)
			}
			got := strings.Join(l.Notes(), "\n")
			if !strings.Contains(got, c.note) || (c.note == "") == strings.Contains(got, "limited") {
				t.Errorf("notes %q, want %q", got, c.note)
			}
			seen := 0
			for _, ex := range d.EnrollExchanges() {
				if ex.Status == c.status {
					seen++
				}
			}
			for _, s := range d.Sessions() {
				for _, ex := range s.Exchanges {
					if ex.Status == c.status {
						seen++
					}
				}
			}
			if seen == 0 {
				t.Error("the record does not have the refusal")
			}
			busy.Store(1)
			if ex := d.Post(t.Context(), "text/plain", strings.NewReader("x"), 1, dmclient.SyncOptions{}); c.path == "Management" && ex.Status != c.status {
				t.Errorf("a post waited: %d", ex.Status)
			}
		})
	}
}

// TestRetryAfterIsLeft: a device that is told so sees the answer itself.
func TestRetryAfterIsLeft(t *testing.T) {
	var busy atomic.Int64
	busy.Store(1)
	l := limiting(t, "Policy", 429, "0", &busy, 0)
	d := l.device(t, func(c *dmclient.Config) { c.Busy = nil })
	if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "429") {
		t.Error(err)
	}
	if n := l.Notes(); len(n) != 0 {
		t.Errorf("%q", n)
	}
}

// TestRetryAfterEnds: a wait ends with its context.
func TestRetryAfterEnds(t *testing.T) {
	var busy atomic.Int64
	busy.Store(1 << 40)
	l := limiting(t, "Policy", 429, "100", &busy, 0)
	ctx, cancel := context.WithCancel(t.Context())
	d := l.device(t, func(c *dmclient.Config) { c.Busy = func(dmclient.Limit) bool { cancel(); return true } })
	if err := d.Enroll(ctx, dmclient.EnrollOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestPace: the second enrollment of a minute waits, also a device which the
// lab did not enroll, and ends with its context.
func TestPace(t *testing.T) {
	var busy atomic.Int64
	l := limiting(t, "nothing", 500, "", &busy, 1)
	if err := l.Enroll(t.Context(), l.device(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		d := l.device(t)
		wg.Go(func() {
			if err := d.Enroll(ctx, dmclient.EnrollOptions{}); !errors.Is(err, context.Canceled) {
				t.Errorf("a paced enrollment: %v", err)
			}
			if n := len(d.EnrollExchanges()); n != 0 {
				t.Errorf("%d requests before its turn", n)
			}
		})
	}
	cancel()
	wg.Wait()
}

// TestPaceOfSignIn: a sign-in takes a turn of its own.
func TestPaceOfSignIn(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 2, Setup: "federated"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	turns := 0
	d := l.device(t, func(c *dmclient.Config) { c.Pace = func(context.Context) error { turns++; return nil } })
	if err := l.Enroll(t.Context(), d); err != nil || turns != 2 {
		t.Errorf("%d turns, want 2: %v", turns, err)
	}
}

// TestPaceKey: an invalid pace is reported with its line.
func TestPaceKey(t *testing.T) {
	for value, want := range map[string]string{"30": "", "0": "", "-1": `:3: target.pace "-1" is not a number`, "fast": `:3: target.pace "fast" is not a number`, "1.5": ":3: target.pace"} {
		file := filepath.Join(t.TempDir(), "dmwake.yaml")
		text := "target:\n  discovery: https://mdm.example/d\n  pace: " + value + "\n  username: u@mdm.example\n  password: {env: HOME}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := target.Load(file)
		switch {
		case want == "" && (err != nil || strconv.Itoa(int(cfg.Target.Pace)) != value):
			t.Errorf("%s: %v", value, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
}
