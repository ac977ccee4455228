package mdmserver

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Tamper changes what the server does. Package mutants uses it to break one
// rule, package variants to differ where the standards allow it. The zero value
// changes nothing.
//
// Every hook is a list: its functions run in order, and each one sees what the
// previous ones left. Receive, Admit, Reply, State, Wake and Channel run while
// the server holds its lock, so they run one at a time and must not wait.
type Tamper struct {
	// TLS sees the configuration of the listener.
	TLS []func(*tls.Config)
	// Serve wraps the handler that serves devices: it sees the bytes and headers
	// of every request and reply.
	Serve []func(http.Handler) http.Handler

	// Discover sees every reply to Discover before it is sent.
	Discover []func(*Config, *enroll.DiscoverResponse)
	// Linked sees every reply to the discovery of a linked enrollment before it is sent.
	Linked []func(*Config, *enroll.LinkedRequest, *enroll.LinkedReply)
	// Authenticate decides whether an enrollment request is let in.
	Authenticate []func(*Enrollment)
	// Terms sees what the terms-of-use page is about to answer.
	Terms []func(*TermsVisit)
	// Certify sees every certificate before it is signed.
	Certify []func(*Certification)
	// Owner decides which device a certificate of this server stands for; id is
	// what the functions before said, at first the common name.
	Owner []func(cert *x509.Certificate, id string) string
	// Document sees every provisioning document before it is sent.
	Document []func(*Provisioning)

	// Identify decides who may send session messages. It runs twice: after the
	// client certificate was checked, and after the message's signature was.
	Identify []func(*Caller)
	// Receive sees every message of an enrolled device first and may change it.
	// Any status other than 0 is the HTTP answer, and the session stays as it is.
	Receive []func(*Visit) (status int)
	// Admit decides whether a session's credential is right.
	Admit []func(*Visit, *Admission)
	// Reply sees every reply before it is numbered and sent.
	Reply []func(*Visit, *Reply)

	// State sees what happened to a device, right after it happened.
	State []func(*Change)
	// Channel decides whether the server may post to a channel URI.
	Channel []func(cfg *Config, uri string, allowed bool) bool
	// Wake sees every push before it is sent.
	Wake []func(*Wake)
	// WNS wraps the way to WNS: token requests and notifications.
	WNS []func(http.RoundTripper) http.RoundTripper
	// Tokens wraps the cache of access tokens.
	Tokens []func(Fetch, Tokens) Tokens
}

// Enrollment is a request of an enrollment service.
type Enrollment struct {
	Config   *Config
	Envelope *enroll.Envelope
	Renewal  bool
	Fault    *enroll.Fault // nil lets the request in
	// Of a renewal: what the request says of its sender, even if it is refused.
	Request *http.Request
	ID      string // the DeviceID that the client certificate stands for
	CSR     []byte // PKCS#10, DER
}

// TermsVisit is a request that opens the terms-of-use page, and the answer to it.
type TermsVisit struct {
	Config *Config
	Token  string // in Authorization: Bearer; empty without one
	User   string // who it names
	// Redirect is redirect_uri.
	Redirect string
	// Elsewhere says that redirect_uri is not the address of a Windows app: nobody is
	// redirected there.
	Elsewhere bool
	// Error and Description go back in a redirect; without an error the page is shown.
	Error, Description string
}

// Certification is a certificate before it is signed: of a device, or of the
// server's own authority, where Request is nil.
type Certification struct {
	Request  *enroll.TokenRequest
	CSR      []byte // PKCS#10, DER
	Known    bool   // the device is enrolled already
	Template *x509.Certificate
	Key      crypto.PublicKey
	TBS      func(der []byte) []byte // rewrites the TBSCertificate; nil leaves it
	Refusal  error                   // nil certifies
}

// Provisioning is a provisioning document (MS-MDE2 2.2.9.1).
type Provisioning struct {
	Config *Config
	Device *Device
	Doc    *etree.Document
}

// Caller is who sends a session message.
type Caller struct {
	Request *http.Request
	Body    []byte // nil until it is read
	// ID is the DeviceID that the client certificate stands for; an empty one
	// stands for the Source of the message.
	ID      string
	Refusal error // nil lets the caller in
}

// Visit is one message of a session.
type Visit struct {
	Config *Config
	Device *Device
	In     *syncml.Message
	// Opens tells that the message starts a session.
	Opens bool

	tokens presented
	chunks []syncml.Command // Statuses of chunks that arrived
	lost   bool             // a new item or command came before the last chunk of a result
}

// Sent gives the command that a Status or Results of the device answers, nil if
// the server sent none with that MsgRef and CmdRef.
func (v *Visit) Sent(c *syncml.Command) *Sent {
	if v.Device.Session == nil {
		return nil
	}
	return v.Device.Session.sent[key(c.MsgRef, c.CmdRef)]
}

// Admission is the server's answer to a device's credential.
type Admission struct {
	Code      int    // of the Status of SyncHdr: 200, 212, 401 or 407
	Kind      string // AuthBasic, AuthMD5; empty without session authentication
	Challenge bool   // the answer has a Chal
	Nonce     []byte // what the Chal announces as NextNonce, with AuthMD5
}

// Reply is the server's next message.
type Reply struct {
	// Message has the header and the Statuses.
	Message *syncml.Message
	// Plan are the commands that follow the Statuses.
	Plan []Planned
	// Refused tells that the device's message was not processed.
	Refused bool
	// Number names the i-th command of the message, from 0. Nil numbers from 1.
	Number func(i int) string
}

// Planned is a command to send.
type Planned struct {
	Command syncml.Command
	Sent    *Sent
	Inner   []*Sent // of an Atomic's commands
}

// Moment names a change of a device's state.
type Moment int

// The moments that State sees.
const (
	Enrolled      Moment = iota // Old is the earlier enrollment, or nil
	SessionBegins               // before unanswered commands are queued again
	Queued                      // Command is new
	Answered                    // Command got Status Code
	ChannelTold                 // the device answered a Get of ChannelURI; OldURI
	ChannelFailed               // a Get of ChannelURI failed; OldURI
	StatusTold                  // the device answered a Get of Push/Status
	Leaving                     // the administrator asked for the end of management
	Left                        // the device told that it ended its management
	Restarted                   // the server started again
	Pushed                      // a push ended; URI, Outcome, Code
)

// Change is what happened to a device.
type Change struct {
	Moment  Moment
	Server  *Server
	Device  *Device
	Old     *Device
	Command *Command
	URI     string
	OldURI  string
	Outcome string
	Code    int // SyncML status, or HTTP status of the push
}

// Wake is a push before it is sent.
type Wake struct {
	Config *Config
	Device *Device
	URIs   []string
	Ready  bool // the device can be pushed to
	Delay  time.Duration
}

// Fetch asks WNS for an access token.
type Fetch func(context.Context) (token string, life time.Duration, err error)

// Tokens keeps access tokens of WNS.
type Tokens interface {
	// Token gives a token, fetched if necessary.
	Token(context.Context) (string, error)
	// Drop forgets a token that was refused; the empty string stands for any.
	Drop(token string)
}

// Update runs f while the server holds its lock: the way to change a device
// from outside of a hook.
func (s *Server) Update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// changed tells the State hooks. The caller holds s.mu.
func (s *Server) changed(c Change) {
	c.Server = s
	for _, f := range s.cfg.Tamper.State {
		f(&c)
	}
}
