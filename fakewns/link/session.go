package link

import (
	"context"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
)

// session is one link, across reconnects.
type session struct {
	id    string
	limit int

	mu    sync.Mutex
	conn  *connection // nil while it is cut
	sent  uint64      // number of the last notification
	queue []notify    // not acknowledged yet, in order
	wrote uint64      // number of the last one that went out on conn
	end   *time.Timer // runs while it is cut
	over  bool
	wake  chan struct{} // something is to be written; holds one
	acked chan struct{} // an acknowledgement came, or the connection went; holds one
}

// connection is one WebSocket of a session.
type connection struct {
	replies []reply // guarded by the session's lock
	cancel  context.CancelFunc
}

// receiver is a channel at the service's end of a link.
type receiver struct {
	s   *session
	uri string // guarded by the session's lock
}

// Connection implements fakewns.Receiver. A cut or congested link counts as
// disconnected. Senders see that, and never wait for it.
func (r *receiver) Connection() fakewns.Connection {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
		return fakewns.Disconnected
	case s.conn == nil || len(s.queue) >= s.limit:
		return fakewns.TempDisconnected
	}
	return fakewns.Connected
}

// Wake implements fakewns.Receiver. The service calls Carry.
func (r *receiver) Wake(payload []byte) { r.Carry(&fakewns.Parcel{Payload: payload}) }

// Carry implements fakewns.Carrier. A notification accepted just before a cut waits for
// the link.
func (r *receiver) Carry(p *fakewns.Parcel) {
	s := r.s
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		p.Returned()
		return
	}
	s.sent++
	s.queue = append(s.queue, notify{N: s.sent, Channel: r.uri, Payload: p.Payload, ID: p.ID, Again: p.Again, parcel: p})
	s.poke()
	s.mu.Unlock()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// acknowledge drops acknowledged notifications; the caller holds the lock.
func (s *session) acknowledge(n uint64) {
	i := 0
	for i < len(s.queue) && s.queue[i].N <= n {
		s.queue[i].parcel.Arrived()
		s.queue[i].parcel = nil // the array behind the queue stays for a while
		i++
	}
	if s.queue = s.queue[i:]; len(s.queue) == 0 {
		s.queue = nil // the array behind it goes
	}
}

// next returns the frames to send now.
func (s *session) next(c *connection) (replies []reply, batch []notify) {
	s.mu.Lock()
	defer s.mu.Unlock()
	replies, c.replies = c.replies, nil
	if s.conn != c {
		return replies, nil // another connection sends them
	}
	if n := len(s.queue); n > 0 && s.queue[n-1].N > s.wrote {
		from := n - int(min(s.queue[n-1].N-s.wrote, uint64(n))) //nolint:gosec // at most n
		batch = append(batch, s.queue[from:min(n, from+256)]...)
		s.wrote = batch[len(batch)-1].N
	}
	return replies, batch
}

// noted wakes Drain.
func (s *session) noted() {
	select {
	case s.acked <- struct{}{}:
	default:
	}
}

// sending tells whether notifications are on their way over a connection.
func (s *session) sending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil && len(s.queue) > 0
}

// write sends frames until ctx ends. It collects them under the lock and writes
// without it, so a slow line delays only itself.
func (s *session) write(ctx context.Context, ws *websocket.Conn, c *connection) {
	for {
		replies, batch := s.next(c)
		for i := range replies {
			if writeFrame(ctx, ws, down{Reply: &replies[i]}) != nil {
				return
			}
		}
		for i := range batch {
			if writeFrame(ctx, ws, down{Notify: &batch[i]}) != nil {
				return
			}
		}
		if len(replies)+len(batch) > 0 {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}
