package fakewns

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Push sends a valid notification to a channel, with a fresh token; header adds
// or replaces headers. It returns the service's answer and the journal entry at
// that moment.
func (s *Server) Push(ctx context.Context, c Channel, kind string, payload []byte, header http.Header) (status int, reply http.Header, e *Entry, err error) {
	app := s.appByPFN(c.PFN)
	if app == nil {
		return 0, nil, nil, fmt.Errorf("the channel's app %s was removed", c.PFN)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URI, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, nil, err
	}
	now := s.Now()
	token := s.signer.classic(app, now, now.Add(s.cfg.TokenLifetime), s.randomBytes(16))
	r.RequestURI = r.URL.RequestURI()
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "X-Wns-Type": {kind}, "Content-Type": {"text/xml"}}
	if kind == typeRaw {
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("X-WNS-Cache-Policy", "cache")
	}
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	e = s.serveNotification(w, r)
	return w.status, w.header, e, nil
}

// recorder keeps an answer. It has no connection, so faults of connections do
// not apply.
type recorder struct {
	header http.Header
	status int
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (w *recorder) Flush()                      {}
