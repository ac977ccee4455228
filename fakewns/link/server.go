package link

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
)

// Server is the service's end of links, an http.Handler. The control API checks
// the token before it.
type Server struct {
	wns *fakewns.Server
	log *slog.Logger

	mu       sync.Mutex
	sessions map[string]*session
	closed   bool
	limit    int // of unacknowledged notifications of one link
}

// NewServer makes the service's side. A nil log discards.
func NewServer(wns *fakewns.Server, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{wns: wns, log: log, sessions: map[string]*session{}, limit: maxQueued}
}

// Sessions is the number of links, including cut ones.
func (l *Server) Sessions() int { return len(l.all()) }

func (l *Server) all() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*session, 0, len(l.sessions))
	for _, s := range l.sessions {
		list = append(list, s)
	}
	return list
}

// Cut breaks the connections of all links, as a bad network does. They may
// come back.
func (l *Server) Cut() {
	for _, s := range l.all() {
		s.mu.Lock()
		if s.conn != nil {
			s.conn.cancel()
		}
		s.mu.Unlock()
	}
}

// Close ends all links.
func (l *Server) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	for _, s := range l.all() {
		l.end(s)
	}
}

// ServeHTTP takes one connection and serves it until it breaks.
func (l *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		return // answered already
	}
	defer ws.CloseNow() //nolint:errcheck // it is broken already, or closed
	if ws.Subprotocol() != Subprotocol {
		ws.Close(websocket.StatusPolicyViolation, "the subprotocol is "+Subprotocol) //nolint:errcheck // as above
		return
	}
	ws.SetReadLimit(maxFrame)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var first up
	if err := readFrame(ctx, ws, &first); err != nil || first.Hello == nil {
		ws.Close(websocket.StatusPolicyViolation, "the first frame is a hello") //nolint:errcheck // as above
		return
	}
	s, c, resumed := l.connect(*first.Hello, cancel)
	if s == nil {
		ws.Close(websocket.StatusGoingAway, "the lab is closing") //nolint:errcheck // as above
		return
	}
	var under sync.WaitGroup
	defer under.Wait()
	defer l.disconnect(s, c)
	if err := writeFrame(ctx, ws, down{Welcome: &welcome{s.id, resumed}}); err != nil {
		return
	}
	l.log.Info("link connected", "resumed", resumed)
	l.wns.DeliverCached()
	under.Go(func() { keepAlive(ctx, ws, cancel) })
	under.Go(func() {
		defer cancel()
		s.write(ctx, ws, c)
	})
	l.read(ctx, ws, s, c, &under)
	cancel()
}

// read handles frames until the connection breaks.
func (l *Server) read(ctx context.Context, ws *websocket.Conn, s *session, c *connection, under *sync.WaitGroup) {
	slots := make(chan struct{}, maxOpens)
	for {
		var f up
		if err := readFrame(ctx, ws, &f); err != nil {
			if ctx.Err() == nil && websocket.CloseStatus(err) == websocket.StatusNormalClosure {
				l.end(s) // it said goodbye
			}
			return
		}
		if f.ID == 0 {
			l.note(s, f)
			continue
		}
		if f.State != nil {
			l.answer(s, c, l.request(ctx, s, f)) // in order
			continue
		}
		slots <- struct{}{} // concurrently: a state file syncs many writes at once
		under.Go(func() {
			l.answer(s, c, l.request(ctx, s, f))
			<-slots
		})
	}
}

func (l *Server) answer(s *session, c *connection, r reply) {
	s.mu.Lock()
	c.replies = append(c.replies, r)
	s.mu.Unlock()
	s.poke()
}

// connect finds or creates the session for a hello.
func (l *Server) connect(h hello, cancel context.CancelFunc) (s *session, c *connection, resumed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, false
	}
	if s, resumed = l.sessions[h.Session]; !resumed {
		s = &session{id: rand.Text(), limit: l.limit, wake: make(chan struct{}, 1), acked: make(chan struct{}, 1)}
		l.sessions[s.id] = s
		h.Got = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.cancel() // it is dead, and this side has not noticed yet
	}
	if s.end != nil {
		s.end.Stop()
	}
	got := min(h.Got, s.sent)
	s.acknowledge(got)
	c = &connection{cancel: cancel}
	s.conn, s.wrote = c, got
	s.poke()
	return s, c, resumed
}

func (l *Server) disconnect(s *session, c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return // another took its place
	}
	s.conn = nil
	s.noted()
	if !s.over {
		s.end = time.AfterFunc(Grace, func() { l.end(s) })
	}
}

// end drops a session; the devices of its channels are disconnected from then
// on. What they did not acknowledge goes back to the service.
func (l *Server) end(s *session) {
	l.mu.Lock()
	delete(l.sessions, s.id)
	l.mu.Unlock()
	s.mu.Lock()
	left := s.queue
	s.over, s.queue = true, nil
	if s.end != nil {
		s.end.Stop()
	}
	if s.conn != nil {
		s.conn.cancel()
	}
	s.mu.Unlock()
	for i := range left {
		left[i].parcel.Returned()
	}
}

// Drain waits until the devices that are connected have all notifications, or until
// ctx ends.
func (l *Server) Drain(ctx context.Context) {
	for _, s := range l.all() {
		for s.sending() {
			select {
			case <-s.acked:
			case <-ctx.Done():
				return
			}
		}
	}
}

// note handles frames that need no reply.
func (l *Server) note(s *session, f up) {
	switch {
	case f.Ack > 0:
		s.mu.Lock()
		full := len(s.queue) >= s.limit
		s.acknowledge(f.Ack)
		s.mu.Unlock()
		s.noted()
		if full {
			l.wns.DeliverCached()
		}
	case f.Led != nil:
		l.wns.Led(f.Led.Device, f.Led.Session)
	}
}

// request handles frames that need a reply.
func (l *Server) request(ctx context.Context, s *session, f up) reply {
	r := reply{ID: f.ID}
	switch {
	case f.Open != nil:
		to := &receiver{s: s}
		uri, expires, err := l.wns.OpenChannelFor(ctx, f.Open.Device, f.Open.PFN, to)
		var refused *fakewns.RegistrationError
		switch {
		case errors.As(err, &refused):
			r.Error, r.Reason = refused.Text, refused.Kind
		case err != nil:
			r.Error = err.Error()
		default:
			s.mu.Lock()
			to.uri = uri
			s.mu.Unlock()
			r.URI, r.Expires, r.OK = uri, expires, true
		}
	case f.Close != "":
		l.wns.CloseChannel(f.Close)
		r.OK = true
	case f.State != nil:
		switch st := f.State.State; st {
		case fakewns.Connected, fakewns.Disconnected, fakewns.TempDisconnected:
			l.wns.SetConnection(f.State.Device, st)
			r.OK = true
		}
	case f.Attach != "":
		r.OK = l.wns.Attach(f.Attach, &receiver{s: s, uri: f.Attach})
	default:
		r.Error = "not known to this version"
	}
	return r
}
