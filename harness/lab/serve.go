package lab

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

func (l *Lab) serve(ln net.Listener, h http.Handler, edit ...func(*http.Server)) {
	srv := NewHTTPServer(h)
	for _, f := range edit {
		f(srv)
	}
	l.servers = append(l.servers, srv)
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("server stopped", "err", err)
		}
	}()
}

// NewHTTPServer bounds the time and the header size of what a peer sends. A client may
// keep a new connection for later that it did not need at once, so the first header has
// longer than such a client keeps it: else the request that comes just then is lost.
func NewHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		// A peer's broken handshake and a mutant's panic are verdicts, so they
		// are not logged.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
