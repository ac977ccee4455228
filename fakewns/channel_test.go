package fakewns

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// saves is a Store that calls kept once for each channel that is written first.
type saves struct {
	mu   sync.Mutex
	seen map[string]bool
	kept func(query string)
}

func (*saves) Load(string, func(string, []byte) error) error { return nil }

func (*saves) Later(...Record) {}
func (*saves) Err() error      { return nil }

func (s *saves) Save(records ...Record) func() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := records[0]
	if r.Bucket != bucketChannels || s.seen[r.Key] {
		return func() error { return nil }
	}
	s.seen[r.Key] = true
	return func() error {
		s.kept(r.Key)
		return nil
	}
}

// TestExpireWhileOpening: a channel that another goroutine expires while
// OpenChannel waits for its store. The race detector judges it.
func TestExpireWhileOpening(t *testing.T) {
	s := New(Config{ChannelBase: "https://wns.example/"})
	var wg sync.WaitGroup
	store := &saves{seen: map[string]bool{}, kept: func(query string) {
		wg.Go(func() { s.ExpireChannel("https://wns.example/?" + query) })
	}}
	if err := s.Keep(store); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		uri, expires, err := s.OpenChannel(t.Context(), "device", DefaultApp.PFN, func([]byte) {})
		if err != nil || !strings.HasPrefix(uri, "https://wns.example/?token=") || expires.Before(s.Now().Add(ChannelLife-time.Hour)) {
			t.Fatalf("%s, expires %s, %v", uri, expires, err)
		}
	}
	wg.Wait()
}
