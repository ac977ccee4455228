package dmclient

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Limits for how long a server can make a device wait.
const (
	maxBusy    = 5 // answers of 429 in a row
	retryAfter = 30 * time.Second
)

// exchange sends msg and reads the reply; nil means the reply was empty. After
// a 429 it waits and resends the message (MS-MDM 3.1.6), except on Windows that
// does not know 429.
func (r *running) exchange(ctx context.Context, msg *syncml.Message) (*syncml.Message, error) {
	for ; r.opts.Pending > 0 && len(r.s.Received) > 0; r.opts.Pending-- {
		if err := r.pending(ctx, msg); err != nil {
			return nil, err
		}
	}
	if err := r.pass(ctx, msg); err != nil {
		return nil, err
	}
	return r.send(ctx, msg)
}

// send is exchange without the faults that hold a message back.
func (r *running) send(ctx context.Context, msg *syncml.Message) (*syncml.Message, error) {
	body, err := r.write(msg)
	if err != nil {
		return nil, fmt.Errorf("write message %s: %w", msg.Hdr.MsgID, err)
	}
	r.s.Sent = append(r.s.Sent, msg)
	if f := r.d.cfg.OnSend; f != nil {
		f(r.s, msg)
	}
	var resp *http.Response
	for busy := 0; ; busy++ {
		if resp, err = r.post(ctx, msg, body); err != nil { //nolint:bodyclose // post read and closed it
			r.s.End = "no reply"
			if Crash(err) {
				r.s.End = crashed
			}
			return nil, fmt.Errorf("message %d: %w: %w", r.msgID, errConnection, err)
		}
		if busy >= maxBusy {
			break
		}
		clock, wait := r.d.cfg.Clock, time.Duration(0)
		if resp.StatusCode == http.StatusTooManyRequests && !r.d.cfg.Profile.Quirks.Ignores429 {
			wait = parseRetryAfter(resp.Header.Get("Retry-After"), r.d.now())
			if r.d.cfg.Busy != nil {
				r.d.cfg.Busy(Limit{Status: resp.StatusCode, Wait: wait})
			}
		} else if again, ok := r.d.again(resp); ok {
			clock, wait = SystemClock{}, again // not device behaviour: a test's patience
		} else {
			break
		}
		r.d.log.Info("the server is busy", "status", resp.StatusCode, "wait", wait)
		if err := sleep(ctx, clock, wait); err != nil {
			return nil, err
		}
	}
	raw := r.s.Exchanges[len(r.s.Exchanges)-1].Response // the recorder read it
	if resp.StatusCode != http.StatusOK {
		r.s.End = fmt.Sprintf("HTTP status %d", resp.StatusCode)
		err := fmt.Errorf("%w: HTTP status %d to message %d", ErrRefused, resp.StatusCode, r.msgID)
		if words := enroll.OwnWords(raw, r.d.cfg.Password); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return nil, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	reply, err := read(resp.Header.Get("Content-Type"), raw)
	if err == nil && r.d.cfg.Profile.Quirks.SilentOnSpace && spaced(raw) {
		err = errSpaced
	}
	if err != nil {
		r.s.End = "the reply could not be read"
		return nil, fmt.Errorf("reply to message %d: %w", r.msgID, err)
	}
	r.s.Received = append(r.s.Received, reply)
	if f := r.d.cfg.OnReceive; f != nil {
		f(r.s, reply)
	}
	return reply, nil
}

// pass applies the faults before a message is sent.
func (r *running) pass(ctx context.Context, msg *syncml.Message) error {
	stop := r.heldBack(ctx, msg)
	switch {
	case stop == nil:
		each(r.d, func(f Rewriter) { f.Rewrite(msg, r.msgID) })
		r.name(&msg.Hdr) // a fault may have added the credential
		return nil
	case !errors.Is(stop, ErrAbort):
		r.s.End = "stopped by the device"
		return stop
	}
	r.s.End = "aborted by the device"
	abort := &syncml.Message{Hdr: msg.Hdr, Final: true, Extended: msg.Extended}
	if len(msg.Body) > 0 && msg.Body[0].CmdRef == "0" {
		abort.Body = msg.Body[:1:1] // the Status for the server's SyncHdr [seen on Windows 11 26200]
	}
	abort.Body = append(abort.Body, syncml.Command{Verb: syncml.Alert, CmdID: strconv.Itoa(len(abort.Body) + 1), Data: strconv.Itoa(syncml.AlertSessionAbort)})
	if body, err := r.write(abort); err == nil {
		r.s.Sent = append(r.s.Sent, abort)
		r.post(ctx, abort, body) //nolint:errcheck,bodyclose // whatever the server says; the recorder read it
	}
	return stop
}

// encode writes a message in the session's encoding.
func (r *running) encode(msg *syncml.Message) ([]byte, error) {
	if r.wbxml {
		return syncml.WriteWBXML(msg)
	}
	return syncml.Write(msg)
}

func (r *running) write(msg *syncml.Message) (body []byte, err error) {
	if body, err = r.encode(msg); err == nil {
		each(r.d, func(f Scrambler) { body = f.Scramble(body, r.msgID) })
	}
	return body, err
}

// read parses a reply in the encoding of its Content-Type; an unknown type is
// tried as XML.
func read(contentType string, raw []byte) (*syncml.Message, error) {
	if strings.HasPrefix(strings.ToLower(contentType), syncml.MediaTypeWBXML) {
		return syncml.ReadWBXML(raw, syncml.Limits{Bytes: maxReply})
	}
	return syncml.ReadLimited(raw, syncml.Limits{Bytes: maxReply})
}

// post sends the bytes of a message once. The response's body is already read.
func (r *running) post(ctx context.Context, msg *syncml.Message, body []byte) (*http.Response, error) {
	limited, cancel := context.WithTimeout(ctx, r.d.cfg.Timeout)
	defer cancel()
	if r.to == nil {
		to, err := url.Parse(r.addr)
		if err != nil {
			return nil, fmt.Errorf("management address: %w", err)
		}
		if err := r.d.inClear(r.addr); err != nil {
			return nil, err
		}
		r.to = to
	}
	req, err := r.d.request(limited, r.to, bytes.NewReader(body), r.requestID, r.cv)
	if err != nil {
		return nil, err
	}
	r.tokens.header(req.Header)
	if r.wbxml {
		req.Header.Set("Content-Type", syncml.MediaTypeWBXML)
	}
	if r.version >= 4 {
		origins := strconv.Itoa(int(r.opts.Origin))
		for _, o := range r.opts.Batched {
			origins += "," + strconv.Itoa(int(o))
		}
		req.Header["UserAgentOrigin"] = []string{origins}
	}
	if alerts := critical(msg); alerts != "" && r.d.cfg.Profile.Build >= build1511 {
		r.critical = alerts
	}
	if r.critical != "" {
		req.Header["MDM-GenericAlert"] = []string{r.critical}
	}
	switch {
	case r.opts.Signature != "":
		req.Header["MS-Signature"] = []string{r.opts.Signature}
	case r.opts.Signer != nil, strings.EqualFold(r.d.account("RequireMessageSigning"), "true"):
		signature, err := r.d.signature(body, r.opts.Signer)
		if err != nil {
			return nil, fmt.Errorf("MS-Signature: %w", err)
		}
		req.Header["MS-Signature"] = []string{signature}
	}
	if f := r.d.cfg.Header; f != nil {
		f(r.d, r.s, req.Header)
	}
	resp, err := r.http.exchange(req, body)
	if err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no reply within %s: %w", r.d.cfg.Timeout, err)
		}
		return nil, &url.Error{Op: "Post", URL: req.URL.Redacted(), Err: err}
	}
	return resp, nil
}

// build1511 brought the MDM-GenericAlert header (Learn, "What's new in MDM
// enrollment and management").
const build1511 = 10586

// critical lists the types of the message's critical and fatal generic alerts.
// The MDM-GenericAlert header repeats them in every message of the session that
// they started (MS-MDM 2.1 note 5).
func critical(m *syncml.Message) string {
	var b strings.Builder
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb != syncml.Alert || c.Code() != syncml.AlertGeneric {
			continue
		}
		for _, it := range c.Items {
			if it.Meta != nil && (strings.EqualFold(it.Meta.Mark, "critical") || strings.EqualFold(it.Meta.Mark, "fatal")) {
				b.WriteString("<" + it.Meta.Type + ">")
			}
		}
	}
	return b.String()
}

// signature is the CMS detached signature over a message by the device's
// identity key, which RequireMessageSigning asks for (Learn, "DMClient CSP"), or by
// another signer.
func (d *Device) signature(body []byte, by *tls.Certificate) (string, error) {
	d.mu.Lock()
	der, key := d.cert, crypto.PrivateKey(d.key)
	d.mu.Unlock()
	if by != nil {
		der, key = by.Certificate[0], by.PrivateKey
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("the client certificate: %w", err)
	}
	m, err := pkcs7.NewSignedData(body)
	if err != nil {
		return "", err
	}
	m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := m.AddSigner(cert, key, pkcs7.SignerInfoConfig{}); err != nil {
		return "", err
	}
	m.Detach()
	out, err := m.Finish()
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out), nil
}

// parseRetryAfter reads seconds or a date; the default is a [model].
func parseRetryAfter(v string, now time.Time) time.Duration {
	if wait, ok := readRetryAfter(v, now); ok {
		return wait
	}
	return retryAfter
}

// request makes a session request with the headers Windows sends [seen]. The
// two that trace it come last: old builds send neither.
func (d *Device) request(ctx context.Context, addr *url.URL, body io.Reader, requestID, vector string) (*http.Request, error) {
	to, quirks := *addr, &d.cfg.Profile.Quirks
	query := "mode=Maintenance&Platform=WoA"
	switch {
	case quirks.NoMode:
		query = "Platform=WoA"
	case d.LoggedIn() == LoginNone:
		query = "mode=Machine&Platform=WoA"
	}
	if to.RawQuery != "" {
		to.RawQuery += "&" + query
	} else {
		to.RawQuery = query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = &to, to.Host
	v := [...]string{d.cfg.Profile.UserAgent, syncml.MediaType, accepted, "UTF-8", requestID, vector}
	names := sessionHeaders[:]
	if quirks.NoTracing {
		names = names[:len(names)-2]
	}
	for i, name := range names {
		req.Header[name] = v[i : i+1 : i+1]
	}
	return req, nil
}

var sessionHeaders = [...]string{"User-Agent", "Content-Type", "Accept", "Accept-Charset", "client-request-id", "MS-CV"}

const accepted = "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream"

// vector is the MS-CV of the next session: one base, and a counter of sessions. All
// messages of a session have the same one [seen on 19043: a log in fleetdm/fleet,
// tools/mdm/windows/poc-mdm-server, has it for both messages of the first session, and
// one more for the next session]. A device that was unpacked starts with a new base
// [model].
func (d *Device) vector() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cvBase == "" {
		d.cvBase = newVector()
	}
	d.cvCount++
	return d.cvBase + ".0.0." + strconv.Itoa(d.cvCount-1)
}

// newVector is the base of an MS-CV: 16 characters of base64 [seen].
func newVector() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
