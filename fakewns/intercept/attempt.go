package intercept

import (
	"log"
	"net/http"
	"strings"
)

// Cause says why a connection brought no request to the fake WNS.
type Cause string

// The causes.
const (
	// Untrusted: the sender refused our certificate, by a TLS alert.
	Untrusted Cause = "untrusted"
	// Abandoned: the sender closed the connection within the TLS handshake. Many
	// libraries do so with a certificate that they do not trust.
	Abandoned Cause = "abandoned"
	// NoCertificate: the sender asked for the certificate of a name that is not
	// WNS's.
	NoCertificate Cause = "no-certificate"
	// NoTLS: the sender spoke something else than TLS.
	NoTLS Cause = "no-tls"
	// OldTLS: sender and service have no TLS version or cipher in common.
	OldTLS Cause = "old-tls"
	// OtherHost: the proxy was asked to connect to a host that is not WNS's and not
	// allowed by name.
	OtherHost Cause = "other-host"
	// OtherPort: the host is WNS's, the port is not 443.
	OtherPort Cause = "other-port"
	// NotConnect: the proxy was sent an http request. WNS is reached by https.
	NotConnect Cause = "not-connect"
	// ToProxy: a request was sent to the proxy as if it were the service.
	ToProxy Cause = "to-proxy"
)

// Attempt is a connection that brought no request.
type Attempt struct {
	Cause Cause
	Peer  string // the sender's address
	Host  string // the name asked for, with its port if that was said; may be empty
	Error string // of the TLS handshake
}

// refusal is what the proxy does not connect.
func refusal(r *http.Request, cause Cause, host string) Attempt {
	const longest = 255 // of a host name (RFC 1035, section 2.3.4)
	return Attempt{Cause: cause, Peer: r.RemoteAddr, Host: host[:min(len(host), longest)]}
}

// HandshakeErrors is a logger for http.Server.ErrorLog that tells failed TLS
// handshakes, and drops all else.
func HandshakeErrors(tell func(Attempt)) *log.Logger { return log.New(handshakes(tell), "", 0) }

type handshakes func(Attempt)

func (h handshakes) Write(line []byte) (int, error) {
	// net/http says "http: TLS handshake error from PEER: ERROR".
	rest, found := strings.CutPrefix(strings.TrimSpace(string(line)), "http: TLS handshake error from ")
	peer, text, split := strings.Cut(rest, ": ")
	if found && split {
		h(Attempt{Cause: handshakeCause(text), Peer: peer, Error: text})
	}
	return len(line), nil
}

// handshakeCause reads an error of crypto/tls. "remote error" is an alert of the
// sender (RFC 8446, section 6.2).
func handshakeCause(text string) Cause {
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("remote error") && has("certificate"), has("bad record MAC"):
		// OpenSSL sends its alert about a certificate in clear under TLS 1.3, which
		// is read as a broken record [seen: curl, Python].
		return Untrusted
	case has("no certificate for"):
		return NoCertificate
	case has("HTTP request to an HTTPS server"), has("does not look like a TLS handshake"):
		return NoTLS
	case has("unsupported versions"), has("no cipher suite"), has("protocol version"):
		return OldTLS
	}
	return Abandoned
}
