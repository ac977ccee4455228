package fakewns

import (
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

// discard is where an answer goes that nobody reads.
type discard struct{ h http.Header }

func (w discard) Header() http.Header         { return w.h }
func (w discard) WriteHeader(int)             {}
func (w discard) Write(b []byte) (int, error) { return len(b), nil }
func (w discard) Flush()                      {}

// TestFlatMemory: a million notifications, to devices that come and go, leave
// no more behind than the first hundred thousand.
func TestFlatMemory(t *testing.T) {
	s := New(Config{AppRate: 1e9, ChannelRate: 1e9})
	now := time.Now()
	auth := []string{"Bearer " + s.signer.classic(&DefaultApp, now, now.Add(time.Hour), make([]byte, 16))}
	const devices = 1000
	queries := make([]string, devices)
	open := func(i int) {
		uri, _, err := s.OpenChannel(t.Context(), "d", DefaultApp.PFN, func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		_, queries[i], _ = strings.Cut(uri, "?")
	}
	for i := range devices {
		open(i)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before uint64
	for n := range 1_000_000 {
		switch n {
		case 100_000, 300_000, 500_000:
			s.RevokeTokens()
			auth[0] = "Bearer " + s.signer.classic(&DefaultApp, s.Now(), s.Now().Add(time.Hour), make([]byte, 16))
			before = max(before, heap())
		}
		i := n % devices
		if n%100 == 0 { // renewed: the one before it is revoked, and forgotten in time
			s.CloseChannel("?" + queries[i])
			open(i)
		}
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/", RawQuery: queries[i]}, RequestURI: "/?" + queries[i], ContentLength: 7,
			Header: http.Header{"Authorization": auth, hType: {typeRaw}, "Content-Type": {"application/octet-stream"}, hCachePolicy: {"cache"}},
			Body:   io.NopCloser(strings.NewReader("payload"))}
		s.ServeHTTP(discard{http.Header{}}, r)
	}
	after := heap()
	if got := s.Stats(); got.Notifications[200] != 1_000_000 || got.Channels != devices || got.Revoked > keptClosed {
		t.Errorf("%+v", got)
	}
	if after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
	runtime.KeepAlive(s)
}
