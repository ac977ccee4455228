package dmclient

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// SyncOptions change a session for a test; the zero value is an ordinary
// session.
type SyncOptions struct {
	Origin Origin
	// SessionID replaces the device's next one.
	SessionID string
	// Source replaces the DeviceID in the header and in DevInfo/DevId.
	Source string
	// CmdIDs numbers the commands of package 1: start (default 2 [seen]) and
	// step (default 1).
	FirstCmdID, CmdIDStep int
	// Certificate replaces the device's; NoCertificate presents none.
	Certificate   *tls.Certificate
	NoCertificate bool
	// Alerts are sent in package 1 after LoginStatus.
	Alerts []syncml.Command
	// Model replaces the value of DevInfo/Mod that package 1 carries.
	Model string
}

// maxMessages ends a session that a server will not let end.
const maxMessages = 50

// Errors a Session ends with.
var (
	ErrNotEnrolled = errors.New("the device is not enrolled")
	ErrEndless     = fmt.Errorf("the session did not end after %d messages", maxMessages)
	ErrRefused     = errors.New("the server refused the session")
)

// Sync runs one session to its end. The session is recorded and returned even
// where an error is.
func (d *Device) Sync(ctx context.Context, opts SyncOptions) (*Session, error) {
	d.session.Lock()
	defer d.session.Unlock()
	if d.State() != Enrolled {
		return nil, ErrNotEnrolled
	}
	if opts.Origin == 0 {
		opts.Origin = OriginSchedule
	}
	version := d.syncVersion()
	s := &Session{ID: d.sessionID(opts, version), Origin: opts.Origin, Started: time.Now()}
	tr, done := d.transportFor(opts)
	defer done()
	r := &running{d: d, s: s, opts: opts, version: version, requestID: d.requestID(), cv: newVector()}
	r.http = d.client(tr, func(ex *Exchange) { s.Exchanges = append(s.Exchanges, ex) })
	s.Err = r.run(ctx)
	s.Ended = time.Now()
	d.afterSession()
	d.record.change(func() { d.record.sessions = append(d.record.sessions, s) })
	d.log.Debug("session", "session", s.ID, "origin", int(s.Origin), "messages", len(s.Sent), "end", s.End, "err", s.Err)
	return s, s.Err
}

func (d *Device) transportFor(opts SyncOptions) (tr *http.Transport, done func()) {
	if opts.Certificate == nil && !opts.NoCertificate {
		return d.managed(), func() {}
	}
	tr = d.newTransport(opts.Certificate)
	return tr, tr.CloseIdleConnections
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

func (d *Device) account(node string) string {
	a := d.tree.Do(context.Background(), syncml.Get, ProviderURI(d.provider())+"/"+node, noValue)
	return a.Data
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

// afterSession does what a command only announced.
func (d *Device) afterSession() {
	d.mu.Lock()
	wiped, left := d.wiped != "", d.leave != ""
	switch {
	case wiped:
		d.state = Wiped
	case left:
		d.state = Unenrolled
	}
	if wiped || left {
		if d.transport != nil {
			d.transport.CloseIdleConnections()
			d.transport = nil
		}
		d.cert, d.key, d.wiped, d.leave = nil, nil, "", ""
	}
	d.mu.Unlock()
	if wiped || left {
		d.push.closeAll()
	}
}

// running is a session under way.
type running struct {
	d     *Device
	s     *Session
	opts  SyncOptions
	http  *http.Client
	msgID int

	// What the tree said when the session began.
	version   float64
	requestID string
	cv        string
}

func (r *running) run(ctx context.Context) error {
	msg := r.packageOne()
	for {
		reply, err := r.exchange(ctx, msg)
		if err != nil {
			return err
		}
		if reply == nil {
			r.s.End = "the server's reply was empty"
			return nil
		}
		next, err := r.answer(ctx, reply)
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		if r.msgID >= maxMessages {
			r.s.End = "stopped by the device"
			return ErrEndless
		}
		msg = next
	}
}

// exchange sends msg and reads the reply; nil means the reply was empty.
func (r *running) exchange(ctx context.Context, msg *syncml.Message) (*syncml.Message, error) {
	body, err := syncml.Write(msg)
	if err != nil {
		return nil, fmt.Errorf("write message %s: %w", msg.Hdr.MsgID, err)
	}
	r.s.Sent = append(r.s.Sent, msg)
	req, err := r.d.request(ctx, bytes.NewReader(body), r.requestID)
	if err != nil {
		return nil, err
	}
	req.Header["MS-CV"] = []string{fmt.Sprintf("%s.0.0.%d", r.cv, r.msgID-1)}
	if r.version >= 4 {
		req.Header["UserAgentOrigin"] = []string{strconv.Itoa(int(r.opts.Origin))}
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.s.End = "no reply"
		return nil, fmt.Errorf("message %d: %w", r.msgID, err)
	}
	resp.Body.Close()
	raw := r.s.Exchanges[len(r.s.Exchanges)-1].Response // the recorder read it
	if resp.StatusCode != http.StatusOK {
		r.s.End = fmt.Sprintf("HTTP status %d", resp.StatusCode)
		return nil, fmt.Errorf("%w: HTTP status %d to message %d", ErrRefused, resp.StatusCode, r.msgID)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	reply, err := syncml.ReadLimited(raw, syncml.Limits{Bytes: maxReply})
	if err != nil {
		r.s.End = "the reply could not be read"
		return nil, fmt.Errorf("reply to message %d: %w", r.msgID, err)
	}
	r.s.Received = append(r.s.Received, reply)
	return reply, nil
}

// request makes a session request with the headers Windows sends [seen].
func (d *Device) request(ctx context.Context, body io.Reader, requestID string) (*http.Request, error) {
	to, err := url.Parse(d.Address())
	if err != nil {
		return nil, fmt.Errorf("management address: %w", err)
	}
	const query = "mode=Maintenance&Platform=WoA"
	if to.RawQuery != "" {
		to.RawQuery += "&" + query
	} else {
		to.RawQuery = query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", d.cfg.Profile.UserAgent)
	req.Header.Set("Content-Type", syncml.MediaType)
	req.Header.Set("Accept", "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream")
	req.Header.Set("Accept-Charset", "UTF-8")
	req.Header["client-request-id"] = []string{requestID}
	req.Header["MS-CV"] = []string{newVector() + ".0.0.0"}
	return req, nil
}

// newVector is the base of an MS-CV: 16 characters of base64 [seen].
func newVector() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

func (r *running) header() syncml.SyncHdr {
	r.msgID++
	source := r.opts.Source
	if source == "" {
		source = r.d.cfg.Identity.DeviceID
	}
	return syncml.SyncHdr{
		VerDTD: syncml.VerDTD, VerProto: syncml.VerProto, SessionID: r.s.ID, MsgID: strconv.Itoa(r.msgID),
		Target: syncml.Loc{LocURI: r.d.Address()}, Source: syncml.Loc{LocURI: source},
	}
}

// packageOne is what a device opens every session with [seen]: Alert 1201,
// Alert 1224 LoginStatus, other alerts, one Replace of DevInfo, Final.
func (r *running) packageOne() *syncml.Message {
	hdr := r.header()
	id, step := r.opts.FirstCmdID, r.opts.CmdIDStep
	if id == 0 {
		id = 2
	}
	if step == 0 {
		step = 1
	}
	next := func() string {
		s := strconv.Itoa(id)
		id += step
		return s
	}
	body := []syncml.Command{
		{Verb: syncml.Alert, CmdID: next(), Data: strconv.Itoa(syncml.AlertClientInitiated)},
		{Verb: syncml.Alert, CmdID: next(), Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{
			{Meta: &syncml.Meta{Type: "com.microsoft/MDM/LoginStatus"}, Data: "user", HasData: true}}},
	}
	for _, a := range r.opts.Alerts {
		a.CmdID = next()
		body = append(body, a)
	}
	ident := &r.d.cfg.Identity
	model := r.opts.Model
	if model == "" {
		model = ident.Model
	}
	info := syncml.Command{Verb: syncml.Replace, CmdID: next()}
	for _, n := range [][2]string{
		{"DevId", hdr.Source.LocURI}, {"Man", ident.Manufacturer}, {"Mod", model},
		{"DmV", r.d.cfg.Profile.DmV}, {"Lang", ident.Locale},
	} {
		info.Items = append(info.Items, syncml.Item{Source: syncml.Loc{LocURI: "./DevInfo/" + n[0]}, Data: n[1], HasData: true})
	}
	return &syncml.Message{Hdr: hdr, Body: append(body, info), Final: true}
}

// UnenrollAlert is the alert of a user who disconnects the device [seen].
func UnenrollAlert() syncml.Command {
	return syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertGeneric), Items: []syncml.Item{{
		Meta: &syncml.Meta{Type: "com.microsoft:mdm.unenrollment.userrequest", Format: "int"}, Data: "1", HasData: true}}}
}
