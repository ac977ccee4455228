package dmclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// SyncOptions change a session for a test. The zero value is an ordinary
// session.
type SyncOptions struct {
	Origin Origin
	// Batched are further reasons for the session (MS-MDM 3.1.7.2).
	Batched []Origin
	// SessionID replaces the device's next one.
	SessionID string
	// FirstMsgID is the MsgID of the first message, 1 if it is 0.
	FirstMsgID int
	// Source replaces the DeviceID in the header and in DevInfo/DevId.
	Source string
	// FirstCmdID (default 2 [seen]) and CmdIDStep (default 1) number the
	// commands of package 1.
	FirstCmdID, CmdIDStep int
	// Certificate replaces the device's; NoCertificate presents none.
	Certificate   *tls.Certificate
	NoCertificate bool
	// Alerts are sent in package 1 after LoginStatus.
	Alerts []syncml.Command
	// Pending is how many messages say that the answer is pending, as a slow device
	// does (EnableOmaDmKeepAliveMessage), before the session's second message.
	Pending int
	// NoRetry ends the session at the first failed connection.
	NoRetry bool
	// Model replaces the value of DevInfo/Mod that package 1 carries.
	Model string
	// Signature replaces the value of MS-Signature, and is sent even if the
	// server did not ask for one.
	Signature string
	// Signer signs the messages in place of the device, also if the server did not
	// ask for a signature.
	Signer *tls.Certificate
}

// maxMessages ends a session that a server never ends.
const maxMessages = 50

// Errors of a Session.
var (
	ErrNotEnrolled = errors.New("the device is not enrolled")
	ErrEndless     = fmt.Errorf("the session did not end after %d messages", maxMessages)
	ErrRefused     = errors.New("the server refused the session")
	// ErrNotStored is a failure of Config.Persist.
	ErrNotStored = errors.New("the device could not be stored")
	// ErrNoKey is of a device that was unpacked without its key.
	ErrNoKey      = errors.New("the device's private key is lost; enroll it again")
	errConnection = errors.New("no reply")
)

// Sync runs one session. After a failed connection it retries as the account's
// CONNRETRYFREQ and back-off times say. Every try is recorded, and the last one
// is returned, also with an error. The session is nil if the device is not
// enrolled, or if ctx ended while another session of the device ran.
func (d *Device) Sync(ctx context.Context, opts SyncOptions) (*Session, error) {
	d.going()
	defer d.gone()
	if err := d.session.take(ctx); err != nil {
		return nil, err
	}
	defer d.session.Unlock()
	if err := d.ready(); err != nil {
		return nil, err
	}
	if opts.Origin == 0 {
		opts.Origin = OriginSchedule
	}
	each(d, func(f Impostor) { f.Impersonate(&opts) })
	d.finishJobs(ctx)
	var wait time.Duration
	for try := 0; ; try++ {
		s := d.once(ctx, opts, try)
		if s.Err == nil || !errors.Is(s.Err, errConnection) || opts.NoRetry || ctx.Err() != nil {
			return s, s.Err
		}
		retries, first := d.retries()
		if try >= retries {
			return s, s.Err
		}
		if try == 0 {
			wait = first
		}
		d.log.Info("session failed, trying again", "try", try+1, "wait", wait, "err", s.Err)
		d.gone()
		err := sleep(ctx, d.cfg.Clock, wait)
		d.going()
		if err != nil {
			return s, s.Err
		}
		wait = min(2*wait, duration(d.dmAcc("Ext/Microsoft/MaxBackOffTime"), time.Millisecond, 24*time.Hour))
	}
}

// ready is why a device can have no session, if it cannot.
func (d *Device) ready() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state != Enrolled:
		return ErrNotEnrolled
	case d.cert != nil && d.key == nil:
		return ErrNoKey
	}
	return nil
}

// retries is how often to retry a failed connection, and the first wait, which
// doubles (Learn, "DMAcc CSP": defaults 3 and 16 s).
func (d *Device) retries() (int, time.Duration) {
	if d.cfg.NoRetry {
		return 0, 0
	}
	n, err := strconv.Atoi(d.dmAcc("Ext/Microsoft/ConnRetryFreq"))
	if err != nil || n < 0 {
		n = 3
	}
	return n, duration(d.dmAcc("Ext/Microsoft/InitialBackOffTime"), time.Millisecond, 16*time.Second)
}

// once is one try of a session.
func (d *Device) once(ctx context.Context, opts SyncOptions, try int) *Session {
	version := d.syncVersion()
	s := &Session{ID: d.sessionID(opts, version), Account: d.Provider(), Origin: opts.Origin, Started: d.now()}
	tr, done := d.transportFor(opts)
	defer done()
	addrs := d.addresses()
	r := &running{d: d, s: s, opts: opts, version: version, addr: addrs[try%len(addrs)], requestID: d.requestID(), cv: d.vector(),
		wbxml: d.dmAcc("Ext/Microsoft/DefaultEncoding") == syncml.MediaTypeWBXML}
	r.http = recorder{next: tr, note: func(ex *Exchange) { s.Exchanges = append(s.Exchanges, ex) }}
	r.msgID = max(opts.FirstMsgID, 1) - 1
	r.auth.send = r.preferred()
	r.authorize(ctx)
	d.push.led(s)
	s.Err = r.run(ctx)
	s.Ended = d.now()
	d.afterSession(s)
	d.record.change(func() { d.record.sessions = append(d.record.sessions, s) })
	d.log.Debug("session", "session", s.ID, "origin", int(s.Origin), "messages", len(s.Sent), "end", s.End, "err", s.Err)
	return s
}

// sessionID counts from 1: decimal, two-byte hexadecimal once the server set
// SyncApplicationVersion to 2.0 or more (Learn, "DMClient CSP").
func (d *Device) sessionID(opts SyncOptions, version float64) string {
	if opts.SessionID != "" {
		return opts.SessionID
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nextID = d.nextID%0xFFFF + 1
	if version >= 2 {
		return fmt.Sprintf("%X", d.nextID)
	}
	return strconv.Itoa(d.nextID)
}

func (d *Device) syncVersion() float64 {
	v, err := strconv.ParseFloat(d.account("SyncApplicationVersion"), 64)
	if err != nil {
		return 1
	}
	return v
}

// requestID is the client-request-id header: 0, or EntDMID once it is set
// [seen].
func (d *Device) requestID() string {
	if id := d.account("EntDMID"); id != "" {
		return id
	}
	return "0"
}

// running is a running session.
type running struct {
	d     *Device
	s     *Session
	opts  SyncOptions
	http  recorder
	msgID int
	addr  string
	to    *url.URL // addr, once it was parsed
	wbxml bool
	auth  authState
	// tokens are the directory's, for a device that joined one.
	tokens tokens
	// queue are the commands still to send, chunk is the received part of a
	// large object, maxMsg the server's MaxMsgSize in bytes, 0 if unset.
	queue  []syncml.Command
	chunk  *chunk
	maxMsg int
	// lead is how many commands at the head of the queue answer the last
	// message's header. cutting: a result is being sent in chunks.
	lead    int
	cutting bool
	over    bool // the device aborted
	// idle: neither side had anything to say in the last exchange. critical is
	// the MDM-GenericAlert header.
	idle     bool
	critical string

	// Values from the tree at the start of the session.
	version   float64
	requestID string
	cv        string
}

func (r *running) run(ctx context.Context) error {
	msg := r.packageOne()
	whole := msg // msg, as it was before any challenge
	for {
		reply, err := r.exchange(ctx, msg)
		if err != nil {
			return err
		}
		if reply == nil {
			r.s.End = "the server's reply was empty"
			return nil
		}
		again, err := r.judged(reply)
		if err != nil {
			return err
		}
		if again {
			msg = r.resend(whole, reply)
		} else if msg, err = r.answer(ctx, reply); err != nil || msg == nil {
			return err
		} else {
			whole = msg
		}
		if r.msgID-max(r.opts.FirstMsgID, 1) >= maxMessages {
			r.s.End = "stopped by the device"
			return ErrEndless
		}
	}
}

// resend is the message again, after a challenge: with a new MsgID, the
// requested credential and, first, the Status for the challenge's header [seen
// on Windows 11 22621 and 26200]. The commands keep their CmdIDs, unless one of
// them has the Status's.
func (r *running) resend(m, challenge *syncml.Message) *syncml.Message {
	again := *m
	again.Hdr = r.header()
	again.Body = append(make([]syncml.Command, 0, len(m.Body)+1), syncml.Command{Verb: syncml.Status, CmdID: "1",
		MsgRef: challenge.Hdr.MsgID, CmdRef: "0", Cmd: "SyncHdr", Data: strconv.Itoa(syncml.OK)})
	again.Body = append(again.Body, m.Body...)
	if slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.CmdID == "1" }) {
		for i := range again.Body {
			again.Body[i].CmdID = strconv.Itoa(i + 1)
		}
	}
	return &again
}
