package dmclient

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Exchange is one HTTP request of a device and its reply, byte for byte.
type Exchange struct {
	At       time.Time
	Duration time.Duration
	// Left is how long after At the request was written; the connection and its
	// TLS handshake come before. 0 if it was never written.
	Left    time.Duration
	Method  string
	URL     string
	Header  http.Header
	Request []byte

	// Status is 0 without a reply; Err then says why.
	Status   int
	Proto    string
	Reply    http.Header
	Response []byte
	// ContentLength is the declared length of the reply, -1 if none was.
	ContentLength int64
	Chunked       bool
	// Short: the connection ended before ContentLength bytes arrived.
	Short bool
	// AskedForCertificate: the server requested a client certificate in TLS, on
	// this connection or an earlier one of the device's sessions.
	AskedForCertificate bool
	Err                 error
}

// maxReply bounds what a device reads of one reply, in bytes.
const maxReply = 8 << 20

// recorder is a device's transport. It records every exchange, and accepts a
// reply with a body shorter than declared, as Windows does [seen].
type recorder struct {
	next *transport
	note func(*Exchange)
}

// CloseIdleConnections is what http.Client.CloseIdleConnections asks for.
func (r *recorder) CloseIdleConnections() { r.next.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.GetBody != nil {
		if b, err := req.GetBody(); err == nil {
			sent, _ = readAll(b, req.ContentLength) // from memory, cannot fail
		}
	}
	return r.exchange(req, sent)
}

// exchange is RoundTrip for a known request body. The reply's body is already
// read, and can be read again.
func (r *recorder) exchange(req *http.Request, sent []byte) (*http.Response, error) {
	ex := &Exchange{At: time.Now(), Method: req.Method, URL: req.URL.String(), Header: req.Header, Request: sent, ContentLength: -1}
	w := watch{begun: ex.At}
	resp, err := r.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), w.trace())))
	answered := err == nil
	if err == nil {
		ex.Status, ex.Proto, ex.Reply, ex.ContentLength = resp.StatusCode, resp.Proto, resp.Header, resp.ContentLength
		ex.Chunked = len(resp.TransferEncoding) > 0 && resp.TransferEncoding[0] == "chunked"
		ex.Response, err = readAll(io.LimitReader(resp.Body, maxReply), resp.ContentLength)
		resp.Body.Close()
		if errors.Is(err, io.ErrUnexpectedEOF) && len(ex.Response) > 0 {
			ex.Short, err = true, nil
		}
		resp.Body = io.NopCloser(bytes.NewReader(ex.Response))
	}
	err = w.judge(req.Context(), err, answered)
	ex.Err, ex.Duration, ex.Left = err, time.Since(ex.At), time.Duration(w.left.Load())
	ex.AskedForCertificate = r.next.asked.Load()
	r.note(ex)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// readAll reads r to its end; n is how much is expected, -1 if unknown.
func readAll(r io.Reader, n int64) ([]byte, error) {
	if n < 0 || n > maxReply {
		return io.ReadAll(r)
	}
	b := make([]byte, n)
	got, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) && n > 0 {
		err = io.ErrUnexpectedEOF
	}
	return b[:got], err
}

// Origin is why a session started, as numbered in the UserAgentOrigin header
// (MS-MDM 3.1.7.2).
type Origin int

// The origins a simulated device knows.
const (
	OriginUser       Origin = 1
	OriginSchedule   Origin = 2
	OriginPush       Origin = 3
	OriginLogin      Origin = 4
	OriginEnrollment Origin = 5
	OriginCSP        Origin = 6
	OriginAPI        Origin = 7
)

// Executed is one command of the server and how the device answered it.
type Executed struct {
	Msg    int // index into Session.Received
	CmdID  string
	Verb   syncml.Verb
	LocURI string
	Data   string
	Format string
	Code   int
	Result string // what a Get answered
	// Nested: the command was inside an Atomic or Sequence.
	Nested bool
}

// Session is one OMA-DM session as the device saw it.
type Session struct {
	ID        string
	Account   string // its ProviderID
	Origin    Origin
	Started   time.Time
	Ended     time.Time
	Exchanges []*Exchange
	// Received[i] answers Sent[i]. Received is shorter by one if the last reply
	// was empty or unreadable.
	Sent     []*syncml.Message
	Received []*syncml.Message
	Commands []Executed
	// Tokens are the directory's tokens that the session carried. TokenErr is why
	// one of them could not be had; the session went on without it.
	Tokens   []Carried
	TokenErr error
	// End says in words how the session ended.
	End string
	// Err is why the session failed; nil if it did not.
	Err error
}

// Find returns the commands with that verb and a LocURI that ends in suffix; an
// empty verb matches all.
func (s *Session) Find(verb syncml.Verb, suffix string) (out []Executed) {
	for _, c := range s.Commands {
		if (verb == "" || c.Verb == verb) && hasSuffixFold(c.LocURI, suffix) {
			out = append(out, c)
		}
	}
	return out
}

// record is a device's bounded history; it drops the oldest sessions first.
type record struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and renewed at every change
	enrolls  []*Exchange
	sessions []*Session
	dropped  int // sessions dropped from sessions
	keep     int // how many sessions to keep; 0: keptSessions
	wakes    []Wake
	underway int32 // sessions that run, or wait for one that does
}

// Wake is one received push.
type Wake struct {
	At time.Time
	// Refused says why it started no session; empty if it did.
	Refused string
}

const (
	keptSessions = 128
	keptWakes    = 1024
)

func (r *record) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	keep, wakes := keptSessions, keptWakes
	if r.keep > 0 {
		keep, wakes = r.keep, r.keep
	}
	if over := len(r.sessions) - keep; over > 0 {
		r.dropped += over
		r.sessions = append([]*Session(nil), r.sessions[over:]...)
	}
	if over := len(r.enrolls) - r.keep; r.keep > 0 && over > 0 {
		r.enrolls = append([]*Exchange(nil), r.enrolls[over:]...)
	}
	if over := len(r.wakes) - wakes; over > 0 {
		r.wakes = append([]Wake(nil), r.wakes[over:]...)
	}
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}
