package fakewns

import (
	"strings"
	"sync"

	"github.com/dmwake/dmwake/fakewns/intercept"
)

// Attempted journals a connection that brought no request, so that an empty journal
// is told apart: nobody came, or somebody came and turned back.
func (s *Server) Attempted(a intercept.Attempt) {
	if a.Host == "" {
		a.Host = s.hellos.take(a.Peer)
	}
	s.journal.addLater(&Entry{At: s.Now(), Kind: Attempt, Cause: a.Cause, Peer: a.Peer, Host: a.Host, Error: a.Error})
}

// What says why a connection brought no request. It is empty for other entries.
func (e *Entry) What() string {
	host := e.Host
	if host == "" {
		host = "the fake WNS"
	}
	switch e.Cause {
	case intercept.Untrusted:
		return "the sender does not trust the certificate of " + host + " (" + e.Error + ")"
	case intercept.Abandoned:
		return "the sender left the TLS handshake with " + host + " (" + e.Error + ")"
	case intercept.NoCertificate:
		return "the sender wants the certificate of a host that is not WNS's (" + e.Error + ")"
	case intercept.NoTLS:
		return "the sender speaks plain HTTP to an https address"
	case intercept.OldTLS:
		return "the sender and the fake WNS have no TLS version in common (" + e.Error + ")"
	case intercept.OtherHost:
		return "the proxy does not connect to " + host + ", which is neither WNS's nor allowed"
	case intercept.OtherPort:
		return "the proxy connects to WNS on port 443 only, not to " + host
	case intercept.NotConnect:
		return "the proxy was asked for http://" + host + "; WNS is reached by https"
	case intercept.ToProxy:
		return "a request was sent to the proxy as if it were the service"
	}
	return string(e.Cause)
}

// hellos are the names that connections asked for, by the sender's address, until a
// handshake fails. Their number is bounded: a successful one is not taken out.
type hellos struct {
	mu    sync.Mutex
	names map[string]string
}

const maxHellos = 1024

func (h *hellos) add(peer, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.names == nil || len(h.names) >= maxHellos {
		h.names = map[string]string{}
	}
	h.names[peer] = strings.Clone(name[:min(len(name), maxText)])
}

func (h *hellos) take(peer string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := h.names[peer]
	delete(h.names, peer)
	return name
}
