// Package sender sends notifications to WNS like an MDM server: it fetches
// an access token and posts notifications with it. The reference server has its
// own sender on purpose, because that one is under test.
package sender

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"

	"github.com/dmwake/dmwake/harness/target"
)

// What is read of an answer, at most. WNS sends no body.
const (
	maxTokenBody = 1 << 20
	maxPushBody  = 64 << 10
)

// Config of a Sender.
type Config struct {
	App      target.App
	TokenURL string
	Client   *http.Client // LabClient or RealClient
}

// Sender sends notifications of one app. It fetches a token before the first
// notification and again after WNS refused one (401). It is safe for concurrent
// use.
type Sender struct {
	cfg Config

	mu     sync.Mutex
	bearer []string // value of the Authorization header; nil: no token yet
}

// New returns a Sender without a token.
func New(cfg Config) *Sender { return &Sender{cfg: cfg} }

// Close closes idle connections.
func (s *Sender) Close() { s.cfg.Client.CloseIdleConnections() }

// Answer is a reply of the token endpoint or of WNS.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an answer of WNS other than 200.
type StatusError struct{ Status int }

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("WNS answered %d", e.Status) }

// Err is a StatusError unless WNS accepted the notification.
func (a *Answer) Err() error {
	if a.Status == http.StatusOK {
		return nil
	}
	return &StatusError{a.Status}
}

// Push posts a notification to a channel. The header holds everything but
// Authorization; Push does not change it. Push does not try again: every answer
// of WNS is returned, with a nil error.
func (s *Sender) Push(ctx context.Context, channel string, header http.Header, payload []byte) (Answer, error) {
	bearer, err := s.token(ctx)
	if err != nil {
		return Answer{}, err
	}
	h := make(http.Header, len(header)+1)
	maps.Copy(h, header)
	h["Authorization"] = bearer
	a, err := s.post(ctx, channel, h, payload, maxPushBody)
	if err == nil && a.Status == http.StatusUnauthorized {
		s.drop(bearer)
	}
	return a, err
}

// token returns the token in use. Concurrent calls wait for one fetch.
func (s *Sender) token(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bearer == nil {
		t, err := s.request(ctx)
		if err != nil {
			return nil, err
		}
		if err := t.Err(); err != nil {
			return nil, err
		}
		s.use(t)
	}
	return s.bearer, nil
}

func (s *Sender) use(t *Token) { s.bearer = []string{"Bearer " + t.Access} }

// drop forgets a refused token, unless another call has replaced it already.
func (s *Sender) drop(refused []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bearer != nil && &s.bearer[0] == &refused[0] {
		s.bearer = nil
	}
}

// post sends a request and reads the answer, up to limit bytes of its body.
func (s *Sender) post(ctx context.Context, to string, header http.Header, body []byte, limit int64) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header = header
	resp, err := s.cfg.Client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if resp.ContentLength != 0 {
		a.Body, err = io.ReadAll(io.LimitReader(resp.Body, limit))
	}
	return a, err
}
