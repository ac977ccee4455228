package devices

import (
	"slices"
	"sync"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// transcripts bounds the bytes of all sessions that the devices of a pool remember.
type transcripts struct {
	mu    sync.Mutex
	bytes int
	most  int // what bytes may be
	order []kept
	of    map[*slot]int // how many in order
}

type kept struct {
	s    *slot
	size int
}

// add counts a session that a device remembers, and lets devices forget the oldest of
// all that are too much.
func (t *transcripts) add(s *slot, session *dmclient.Session) {
	size := sizeOf(session)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[*slot]int{}
	}
	t.order = append(t.order, kept{s, size})
	t.bytes += size
	if t.of[s]++; t.of[s] > KeptSessions { // the device forgot it by itself
		t.drop(slices.IndexFunc(t.order, func(k kept) bool { return k.s == s }))
	}
	for t.bytes > t.most && len(t.order) > 1 {
		t.order[0].s.dev.Forget(1)
		t.drop(0)
	}
}

func (t *transcripts) drop(at int) {
	k := t.order[at]
	t.bytes -= k.size
	t.of[k.s]--
	t.order = slices.Delete(t.order, at, at+1)
}

// forget leaves out a device that is removed.
func (t *transcripts) forget(s *slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order = slices.DeleteFunc(t.order, func(k kept) bool {
		if k.s == s {
			t.bytes -= k.size
		}
		return k.s == s
	})
	delete(t.of, s)
}

// sizeOf is about what a session takes: its bytes, and what was read of them.
func sizeOf(s *dmclient.Session) int {
	size := 2048
	for _, ex := range s.Exchanges {
		size += 3 * (len(ex.Request) + len(ex.Response))
	}
	return size
}
