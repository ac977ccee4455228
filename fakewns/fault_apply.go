package fakewns

import (
	"crypto/tls"
	"net/http"
	"strings"
	"time"
)

// answerToken applies a fault to the answer of a token request.
func (f *Fault) answerToken(e *Entry, h http.Header, reply *Reply) {
	e.Fault = f.Name
	if f.Status != 0 {
		reply.Status = f.Status
		reply.Body = []byte(`{"error":"server_error","error_description":"injected fault: ` + jsonSafe(f.Name) + `"}`)
	}
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
	if a, ok := f.Do.(Answerer); ok {
		a.Answer(h, reply)
	}
}

func jsonSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, s)
}

// answer applies a fault to a notification that would be answered 200.
func (f *Fault) answer(e *Entry, h http.Header, wake func()) func() {
	e.Fault = f.Name
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
		e.RetryAfter = f.RetryAfter
	}
	if a, ok := f.Do.(Answerer); ok {
		r := Reply{Status: http.StatusOK}
		a.Answer(h, &r)
		if r.Status != http.StatusOK {
			e.fail(r.Status, f.Name)
			return nil
		}
	}
	if f.Status != 0 && f.Status != http.StatusOK {
		e.fail(f.Status, f.Name)
		e.WNSStatus = f.WNSStatus
		return nil
	}
	if f.WNSStatus != "" {
		e.WNSStatus, e.Error = f.WNSStatus, ""
		if f.WNSStatus != "received" {
			e.uncache()
			return nil
		}
	}
	if f.Lose {
		e.Delivery = Lost
		return nil
	}
	if d, ok := f.Do.(Deliverer); ok && wake != nil {
		return func() { d.Deliver(wake) }
	}
	return wake
}

// fail answers an accepted notification with a status that a fault names.
func (e *Entry) fail(status int, fault string) {
	e.answer(status, "injected fault: "+fault)
	e.known = false // a refusal tells nothing of the device
	e.uncache()
}

// uncache keeps a notification that a fault refuses or drops out of the cache.
func (e *Entry) uncache() {
	if e.Delivery == Cached {
		e.parcel, e.Delivery = nil, Dropped
	}
}

// SpoilTLS is base with the faults of handshakes applied. Attempted tells by it
// which name a failed handshake was for.
func (s *Server) SpoilTLS(base *tls.Config) *tls.Config {
	out := base.Clone()
	out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.hellos.add(hello.Conn.RemoteAddr().String(), hello.ServerName)
		if !s.faults.any.Load() {
			return nil, nil // as it is
		}
		e := &Entry{At: s.Now(), Kind: Handshake, Host: hello.ServerName, TLS: true, Peer: hello.Conn.RemoteAddr().String()}
		f := s.faults.match(s, e)
		if f == nil {
			return nil, nil
		}
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-hello.Context().Done():
			}
		}
		h, ok := f.Do.(Handshaker)
		if !ok {
			return nil, nil
		}
		e.Fault = f.Name
		s.journal.addLater(e)
		spoilt := base.Clone()
		spoilt.SessionTicketsDisabled = true
		spoilt.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return h.Certificate(hello, func(name string) (*tls.Certificate, error) {
				other := *hello
				other.ServerName = name
				return base.GetCertificate(&other)
			})
		}
		return spoilt, nil
	}
	return out
}
