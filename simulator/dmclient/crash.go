package dmclient

import (
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"
)

// CrashError says that the server accepted a request and closed the connection,
// or the HTTP/2 stream, without an answer. Frameworks do that after a crash:
// Go's net/http after a panic, Node after an uncaught exception.
type CrashError struct{ Err error }

func (e *CrashError) Error() string { return crashed + " (" + e.Err.Error() + ")" }

// Unwrap gives what the connection said.
func (e *CrashError) Unwrap() error { return e.Err }

const crashed = "the server closed the connection without an answer: its handler crashed, or took longer than the server allows"

// Crash reports whether err, from a session, a Post or an enrollment, is a
// *CrashError. Refused connections, TLS alerts, timeouts and ended contexts are
// not.
func Crash(err error) bool {
	var c *CrashError
	return errors.As(err, &c)
}

// staleAfter is how long a kept connection may be idle before its end says
// nothing about the handler. Node has the shortest keep-alive in use, 5
// seconds, and a request may cross the server's close.
const staleAfter = 4 * time.Second

// internalError is INTERNAL_ERROR of HTTP/2 (RFC 9113, section 7).
const internalError = 2

// streamError has the fields of the one in net/http, which fills it in (see
// errors.As and http2StreamError.As there).
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

// watch follows one request, to interpret the end of its connection.
type watch struct {
	begun time.Time
	// left is when the request was written, in nanoseconds after begun; for a
	// resent request, the last time. 0: not yet.
	left  atomic.Int64
	stale atomic.Bool
}

// trace feeds the watch from net/http.
func (w *watch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) {
			w.left.Store(0)
			w.stale.Store(c.Reused && c.IdleTime >= staleAfter)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				w.left.Store(max(1, int64(time.Since(w.begun))))
			}
		},
	}
}

// judge turns err into a *CrashError if it shows a crash. answered: the reply's
// header was received.
func (w *watch) judge(ctx context.Context, err error, answered bool) error {
	var stream streamError
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, &stream):
		if stream.Code == internalError {
			return &CrashError{err}
		}
	case answered || w.left.Load() == 0 || w.stale.Load():
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &CrashError{err}
	}
	return err
}
