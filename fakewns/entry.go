package fakewns

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
)

// Kind tells what a journal entry is about.
type Kind string

// The kinds of journal entries.
const (
	Token        Kind = "token"
	Notification Kind = "notification"
	Handshake    Kind = "handshake" // a TLS handshake with an injected fault
	Attempt      Kind = "attempt"   // a connection that brought no request
)

// Delivery is what became of an accepted notification.
type Delivery string

// The outcomes of a notification.
const (
	NotDelivered Delivery = ""
	Woken        Delivery = "woken"
	Shown        Delivery = "shown"    // a toast, tile or badge: DMClient never sees it
	Lost         Delivery = "lost"     // by a fault, after 200
	Dropped      Delivery = "dropped"  // the device is not connected
	Cached       Delivery = "cached"   // until it is
	Replaced     Delivery = "replaced" // while cached, by a newer notification
	Expired      Delivery = "expired"  // its TTL passed, or its channel ended
)

// Entry is one request as received, the rules it broke, and the answer. It
// holds secrets; String and MarshalJSON redact them.
type Entry struct {
	Seq           uint64
	At            time.Time
	Kind          Kind
	Method        string
	Host          string
	Target        string // request target as in the request line
	Proto         string
	TLS           bool
	Header        http.Header
	Chunked       bool
	ContentLength int64
	Body          []byte
	Peer          string     // remote address of the connection
	Form          url.Values // of a token request

	App     string // PFN of the app that was authenticated
	Channel string // URI of the channel that was found
	Device  string

	Status     int
	WNSStatus  string // X-WNS-Status
	MsgID      string // X-WNS-Msg-ID
	Error      string // X-WNS-Error-Description, or why a token was refused
	RetryAfter string
	Fault      string // the injected fault that decided the answer
	// Cause says why a connection brought no request. In that case, Error is the error of
	// its TLS handshake, or empty.
	Cause    intercept.Cause
	Delivery Delivery
	// Violations are all rules the request broke, not only the one that decided
	// the answer. Notes are violations that the service tolerates.
	Violations []Violation
	Notes      []Violation
	// Cut says what of the request was too much to be kept: "8936 of 9000 headers not
	// kept".
	Cut string
	// Session is the device's session that the notification led to, if the
	// device reported it.
	Session string

	values, bytes int // of Header, once measured
	fault         *Fault
	life          time.Duration // of the token asked for
	connection    Connection
	known         bool    // connection is
	channelID     string  // of Channel
	wrong         string  // the first violation that is answered with 400
	parcel        *Parcel // that is to be delivered, or waits
}

func newEntry(k Kind, r *http.Request, now time.Time) *Entry {
	return &Entry{
		At: now, Kind: k, Method: r.Method, Host: r.Host, Target: r.RequestURI, Proto: r.Proto, TLS: r.TLS != nil, Peer: r.RemoteAddr,
		// net/http makes a new map for every request and does not reuse it.
		Header: r.Header, ContentLength: r.ContentLength, Chunked: len(r.TransferEncoding) > 0,
	}
}

func (e *Entry) answer(status int, description string) {
	e.Status, e.Error = status, description
	e.WNSStatus = ""
}

// ChannelID names the channel without its secret.
func (e *Entry) ChannelID() string { return e.channelID }

// TokenEnds is when the token that this request got expires. It is zero for other
// entries, and after a restart.
func (e *Entry) TokenEnds() time.Time {
	if e.life <= 0 {
		return time.Time{}
	}
	return e.At.Add(e.life)
}

// BearerToken is the token a notification came with.
func (e *Entry) BearerToken() string {
	t, _ := bearer(e.Header)
	return t
}

// String is one line about the entry without secrets, fit for a terminal.
func (e *Entry) String() string {
	if e.Kind == Attempt {
		return e.At.Format("15:04:05.000") + " no request: " + printable.Line(redact.Text(e.What()))
	}
	s := fmt.Sprintf("%s %s %s%s -> %d", e.At.Format("15:04:05.000"), e.Method, e.Host, redact.Target(e.Target), e.Status)
	if e.Kind == Notification && e.WNSStatus != "" {
		s += " " + e.WNSStatus
	}
	if e.Delivery != NotDelivered {
		s += " " + string(e.Delivery)
	}
	if e.Session != "" {
		s += ", session " + e.Session
	}
	if e.Fault != "" {
		s += " (injected: " + e.Fault + ")"
	}
	for _, v := range e.Violations {
		s += "; " + v.Text
	}
	if e.Cut != "" {
		s += " (" + e.Cut + ")"
	}
	return printable.Line(redact.Text(s))
}
