package fakewns

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
)

// MaxPayload is the most a notification may carry, in bytes (Learn, "Push
// notification service request and response headers": over it, 413).
const MaxPayload = 5000

// maxJournaled is how much of a body the journal keeps: one byte more than the
// largest valid notification.
const maxJournaled = MaxPayload + 1

// readLimit bounds how much of a body is read.
const readLimit = 64 << 10

// The types of notifications.
const (
	typeRaw   = "wns/raw"
	typeToast = "wns/toast"
	typeTile  = "wns/tile"
	typeBadge = "wns/badge"
)

// retryUnkept is the Retry-After, in seconds, where the state file cannot be written.
const retryUnkept = "5"

// Header values shared by all replies; never changed.
var (
	statusReceived = []string{"received"}
	statusDropped  = []string{"dropped"}
	debugTrace     = []string{"DMWAKE"}
	zeroLength     = []string{"0"}
)

// bearer returns the token of an Authorization header.
func bearer(h http.Header) (string, bool) {
	v := h["Authorization"]
	if len(v) != 1 {
		return "", false
	}
	return strings.CutPrefix(v[0], "Bearer ")
}

// serveNotification checks one notification, answers it and wakes the device.
// If several checks fail, their order decides the answer [model]: method,
// token, channel, identity, headers, size. It returns the entry as it was when
// the request was answered.
func (s *Server) serveNotification(w http.ResponseWriter, r *http.Request) *Entry {
	now := s.Now()
	e := newEntry(Notification, r, now)
	body, err := readBody(r)
	e.Body = body
	if err != nil {
		e.refuse(RuleContentLength, "the body ended before Content-Length bytes came")
	}
	ch, closed, exact, expires := s.channels.find(r.URL.RawQuery)
	if ch != nil {
		e.Channel, e.Device, e.channelID = ch.uri, ch.device, ch.id
		if !exact || r.URL.EscapedPath() != ch.path {
			e.violate(RuleURI, "the channel URI was changed on the way: "+quote(redact.Target("?" + r.URL.RawQuery)[1:]))
		}
	}
	if r.Method == http.MethodDelete {
		checkDelete(e, r)
	} else {
		checkHeaders(e, r)
	}
	token, hasBearer := bearer(r.Header)
	var app *App
	if hasBearer {
		app = s.tokenApp(token, now)
	}
	if app != nil {
		e.App = app.PFN
	}
	to := s.judge(e, r, ch, app, hasBearer, closed, expires)
	wake := s.spoil(e, w.Header(), to)
	s.replyHeaders(w.Header(), r, e)
	switch {
	case wake != nil:
		e.Delivery = Woken
	case e.Delivery != Cached:
		e.parcel = nil // a fault took it
	}
	if err := s.finish(e); err != nil && e.parcel != nil {
		wake, e = nil, s.unkept(e, w.Header(), err)
	}
	waits := e.Delivery == Cached
	if waits {
		s.store(e.parcel)
	}
	s.send(w, r, e, &Reply{Status: e.Status})
	if wake != nil {
		wake()
	}
	if waits {
		// The device may have reconnected in the meantime.
		s.deliverCached(e.Device)
	}
	return e
}

// unkept refuses a notification that could not be kept. What was said of it is taken
// back: the entry is replaced.
func (s *Server) unkept(e *Entry, h http.Header, err error) *Entry {
	k := *e
	k.answer(http.StatusServiceUnavailable, "The notification could not be kept: "+err.Error())
	k.WNSStatus, k.RetryAfter, k.Delivery, k.parcel, k.fault, k.known = statusDropped[0], retryUnkept, NotDelivered, nil, nil, false
	h["X-WNS-STATUS"], h["X-WNS-NOTIFICATIONSTATUS"] = statusDropped, statusDropped
	h["X-WNS-ERROR-DESCRIPTION"] = []string{k.Error}
	h["Retry-After"] = []string{k.RetryAfter}
	delete(h, "X-WNS-DEVICECONNECTIONSTATUS")
	s.stats.count(&k)
	s.stats.unkept.Add(1)
	s.journal.put(&k)
	return &k
}

// spoil applies a matching fault, and returns the function that wakes the
// device; nil if it is not woken.
func (s *Server) spoil(e *Entry, h http.Header, to Receiver) (wake func()) {
	switch p := e.parcel; {
	case to == nil:
	case p != nil:
		wake = func() { s.hand(to, p) }
	default:
		body := e.Body
		wake = func() { s.wake(to, e.Device, e.Seq, body) }
	}
	if e.Status == http.StatusOK {
		if e.fault = s.faults.match(s, e); e.fault != nil {
			return e.fault.answer(e, h, wake)
		}
	}
	return wake
}

// finish journals a request before its answer is sent, and stores what must
// survive. With an error its parcel is not kept; the journal is stored later.
func (s *Server) finish(e *Entry) (err error) {
	if s.saved == nil {
		s.stats.count(e)
	}
	if len(e.Body) > maxJournaled {
		e.Body = bytes.Clone(e.Body[:maxJournaled])
	}
	kept := s.journal.add(e)
	if s.saved != nil {
		if err = kept(); err != nil {
			s.journal.unkept(e.Seq)
		} else if s.journal.behind.Load() {
			s.journal.catchUp()
		}
		if err == nil || e.parcel == nil {
			s.stats.count(e)
		}
	}
	if e.Status != http.StatusOK {
		s.cfg.Log.Info("request refused", "kind", e.Kind, "status", e.Status, "why", e.Error, "device", e.Device)
	}
	return err
}

// send sends an answer, as a fault may change it, and flushes it before a
// device is woken.
func (s *Server) send(w http.ResponseWriter, r *http.Request, e *Entry, reply *Reply) {
	if f := e.fault; f != nil {
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-r.Context().Done():
			}
		}
		if k, ok := f.Do.(Sender); ok && k.Send(w, r, reply) {
			return
		}
	}
	w.WriteHeader(reply.Status)
	w.Write(reply.Body) //nolint:errcheck // the client is gone
	if e.Kind == Notification && e.Delivery == Woken {
		http.NewResponseController(w).Flush() //nolint:errcheck // the sender is gone
	}
}

func readBody(r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= readLimit {
		b := make([]byte, n)
		_, err := io.ReadFull(r.Body, b)
		return b, err
	}
	return io.ReadAll(io.LimitReader(r.Body, readLimit))
}

// judge sets the answer of a notification and returns the receiver to wake, or
// nil.
func (s *Server) judge(e *Entry, r *http.Request, ch *channel, app *App, hasBearer, closed bool, expires time.Time) Receiver {
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodDelete:
		e.answer(http.StatusMethodNotAllowed, "only POST and DELETE are allowed")
	case !hasBearer:
		e.answer(http.StatusUnauthorized, "Authorization is missing or not a Bearer token")
	case app == nil:
		e.violate(RuleToken, "the token is unknown, revoked or expired")
		e.answer(http.StatusUnauthorized, "The token is invalid or expired")
	case ch == nil:
		e.answer(http.StatusNotFound, "The channel URI is not known")
	case closed:
		e.answer(http.StatusGone, "Revoked channel URL") // wording [seen]
	case !e.At.Before(expires):
		e.answer(http.StatusGone, "The channel expired")
	case app.id() != ch.app:
		e.violate(RuleToken, "the token belongs to another app than the channel")
		e.answer(http.StatusForbidden, "Channel URL incompatible with caller app") // wording [seen]
	case app.Blocked || app.Revoked:
		e.answer(http.StatusGone, "Domain blocked")
	case e.wrong != "":
		e.answer(http.StatusBadRequest, e.wrong)
	case r.Method == http.MethodDelete:
		e.answer(http.StatusOK, "")
		s.takeBack(ch, first(r.Header, hMatch))
	case len(e.Body) > MaxPayload:
		e.answer(http.StatusRequestEntityTooLarge, "The payload is over 5000 bytes")
	default:
		return s.accept(e, r, ch, app)
	}
	return nil
}

// accept routes a valid notification to the device or into the cache, or drops
// it if the device is offline and caching was not requested. 200 does not mean
// delivered.
func (s *Server) accept(e *Entry, r *http.Request, ch *channel, app *App) Receiver {
	e.answer(http.StatusOK, "")
	byApp, byChannel := s.throttled(app, ch, e.At)
	switch {
	case byApp:
		e.answer(http.StatusNotAcceptable, "")            // without a description [seen]
		e.WNSStatus, e.RetryAfter = "appthrottled", "900" // [seen], web-push-csharp issue 93
		return nil
	case byChannel:
		e.WNSStatus = "channelthrottled"
		return nil
	}
	st := &s.channels
	st.mu.RLock()
	e.connection, e.known = st.connection(ch), true
	to := ch.receiver
	st.mu.RUnlock()
	kind, policy := first(r.Header, hType), first(r.Header, hCachePolicy)
	switch {
	case e.connection == Connected && kind == typeRaw:
		if _, elsewhere := to.(Carrier); elsewhere || s.saved != nil {
			e.parcel = s.parcel(e, r, ch, kind)
			e.parcel.sent = true
		}
		return to
	case e.connection == Connected:
		e.Delivery = Shown
	case waits(kind, policy):
		e.parcel, e.Delivery = s.parcel(e, r, ch, kind), Cached
	default:
		e.WNSStatus, e.Delivery = "dropped", Dropped                     // raw is not cached by default [seen]
		e.Error = "Device is offline and X-WNS-Cache-Policy is no-cache" // wording [seen], WindowsAppSDK issue 3677
	}
	return nil
}

// replyHeaders writes the names in upper case, as the real service does [seen].
// Clients that compare names byte by byte rely on it.
func (s *Server) replyHeaders(h http.Header, r *http.Request, e *Entry) {
	status := statusReceived
	if e.Status != http.StatusOK || e.WNSStatus == "dropped" {
		status = statusDropped
	}
	if e.WNSStatus == "" {
		e.WNSStatus = status[0]
	} else if e.WNSStatus != status[0] {
		status = []string{e.WNSStatus}
	}
	h["X-WNS-STATUS"] = status
	// The older name; one widely used sender reads only this one.
	h["X-WNS-NOTIFICATIONSTATUS"] = status
	// One allocation serves the message id and the correlation vector that
	// begins with it: sixteen characters of base64.
	const digits = "0123456789ABCDEF"
	var text [18]byte
	for i, id := 15, s.msgID.Add(1)|1<<60; i >= 0; i, id = i-1, id>>4 {
		text[i] = digits[id&15]
	}
	text[16], text[17] = '.', '0'
	vector := string(text[:])
	own := [2]string{vector[:16], vector}
	e.MsgID = own[0]
	h["X-WNS-MSG-ID"] = own[0:1:1]
	h["X-WNS-DEBUG-TRACE"] = debugTrace
	h["Content-Length"] = zeroLength
	if e.Error != "" {
		h["X-WNS-ERROR-DESCRIPTION"] = []string{e.Error}
	}
	if cv := first(r.Header, hMSCV); cv != "" {
		own[1] = cv
	}
	h["MS-CV"] = own[1:2:2]
	if e.RetryAfter != "" && len(h["Retry-After"]) == 0 {
		h["Retry-After"] = []string{e.RetryAfter}
	}
	if e.known && strings.EqualFold(first(r.Header, hRequestForStatus), "true") {
		h["X-WNS-DEVICECONNECTIONSTATUS"] = []string{string(e.connection)}
	}
}
