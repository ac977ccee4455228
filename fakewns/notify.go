package fakewns

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxPayload is the most a notification may carry, in bytes (Learn, "Push
// notification service request and response headers": over it, 413).
const MaxPayload = 5000

// readLimit is how much of a body is read at all.
const readLimit = 64 << 10

// Header values that are the same in every reply; shared, never changed.
var (
	statusReceived  = []string{"received"}
	statusDropped   = []string{"dropped"}
	debugTrace      = []string{"DMWAKE"}
	zeroLength      = []string{"0"}
	deviceConnected = []string{"connected"}
	deviceGone      = []string{"disconnected"}
)

// bearer takes the token out of an Authorization header.
func bearer(h http.Header) (string, bool) {
	v := h["Authorization"]
	if len(v) != 1 {
		return "", false
	}
	return strings.CutPrefix(v[0], "Bearer ")
}

// serveNotification checks one notification, answers it and wakes the device.
// The order of the checks where several fail is a model: method, token,
// channel, identity, headers, size.
func (s *Server) serveNotification(w http.ResponseWriter, r *http.Request) {
	now := s.cfg.Now()
	e := newEntry(Notification, r, now)
	body, err := readBody(r)
	e.Body = body
	if err != nil {
		e.violate(RuleContentLength, "the body ended before Content-Length bytes came")
	}
	ch, exact := s.channels.find(r.URL.RawQuery)
	if ch != nil {
		e.Channel, e.Device = ch.URI, ch.Device
		if !exact || r.URL.EscapedPath() != "/" {
			e.violate(RuleURI, "the channel URI was changed on the way: "+quote(redactToken(r.URL.RawQuery)))
		}
	}
	checkHeaders(e, r)
	token, hasBearer := bearer(r.Header)
	var app *App
	if hasBearer {
		app = s.tokens.lookup(token, now)
	}
	if app != nil {
		e.App = app.PFN
	}
	wake := s.judge(e, r, ch, app, hasBearer)

	h := w.Header()
	if f := s.faults.match(Notification, e.Channel); f != nil && e.Status == http.StatusOK {
		wake = f.apply(e, h, wake)
	}
	s.replyHeaders(h, r, e)
	if wake != nil {
		e.Delivery = Woken
	}
	s.journal.add(e)
	if e.Status != http.StatusOK {
		s.cfg.Log.Info("notification refused", "status", e.Status, "why", e.Error, "device", e.Device)
	}
	w.WriteHeader(e.Status)
	if wake != nil {
		// The sender has its answer before the device moves.
		http.NewResponseController(w).Flush() //nolint:errcheck // the sender is gone
		wake(body)
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

// judge sets the answer of a notification and gives whom to wake, nil if
// nobody.
func (s *Server) judge(e *Entry, r *http.Request, ch *Channel, app *App, hasBearer bool) func([]byte) {
	switch {
	case r.Method != http.MethodPost:
		e.answer(http.StatusMethodNotAllowed, "only POST and DELETE are allowed")
	case !hasBearer:
		e.answer(http.StatusUnauthorized, "Authorization is missing or not a Bearer token")
	case app == nil:
		e.violate(RuleToken, "the token is unknown, revoked or expired")
		e.answer(http.StatusUnauthorized, "The token is invalid or expired")
	case ch == nil:
		e.answer(http.StatusNotFound, "The channel URI is not known")
	case ch.closed:
		e.answer(http.StatusGone, "Revoked channel URL") // wording [seen]
	case !e.At.Before(ch.Expires):
		e.answer(http.StatusGone, "The channel expired")
	case app != ch.app:
		e.violate(RuleToken, "the token is of another app than the channel")
		e.answer(http.StatusForbidden, "The token's app may not send to this channel")
	case e.firstOf(RuleType, RuleContentType, RuleContentLength) != "":
		e.answer(http.StatusBadRequest, e.firstOf(RuleType, RuleContentType, RuleContentLength))
	case len(e.Body) > MaxPayload:
		e.answer(http.StatusRequestEntityTooLarge, "The payload is over 5000 bytes")
	default:
		e.answer(http.StatusOK, "")
		if r.Header.Get("X-WNS-Type") != "wns/raw" {
			return nil // shown to a user, DMClient never sees it
		}
		s.channels.mu.RLock()
		defer s.channels.mu.RUnlock()
		return ch.wake
	}
	return nil
}

// replyHeaders writes the names in upper case, as the real service does
// [seen]; a client that compares them as text relies on it.
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
	// The older name; one widely used sender only reads this one.
	h["X-WNS-NOTIFICATIONSTATUS"] = status
	id := s.msgID.Add(1)
	own := [2]string{strings.ToUpper(strconv.FormatUint(id|1<<60, 16))} // one allocation for both headers
	h["X-WNS-MSG-ID"] = own[0:1:1]
	h["X-WNS-DEBUG-TRACE"] = debugTrace
	h["Content-Length"] = zeroLength
	if e.Error != "" {
		h["X-WNS-ERROR-DESCRIPTION"] = []string{e.Error}
	}
	if cv := r.Header.Get("MS-CV"); cv != "" {
		own[1] = cv
	} else {
		own[1] = strconv.FormatUint(id, 36) + ".0"
	}
	h["MS-CV"] = own[1:2:2]
	if strings.EqualFold(r.Header.Get("X-WNS-RequestForStatus"), "true") {
		if e.Channel != "" && e.Status == http.StatusOK {
			h["X-WNS-DEVICECONNECTIONSTATUS"] = deviceConnected
		} else {
			h["X-WNS-DEVICECONNECTIONSTATUS"] = deviceGone
		}
	}
}

// Fault is one thing the service does wrong, or a limit it enforces, for a
// while. Zero fields do not apply.
type Fault struct {
	Name    string // shown in the journal
	On      Kind   // Token or Notification
	Channel string // URI of the only channel it concerns, empty for all
	Times   int    // how often it happens; 0 until it is removed

	Status     int    // answered in place of 200
	RetryAfter string // the header, in seconds or as a date
	WNSStatus  string // X-WNS-Status in place of "received": dropped, channelthrottled
	Lose       bool   // answer 200 and never deliver

	TokenLifetime time.Duration // of the tokens issued meanwhile
	Delay         time.Duration // before a token request is answered
}

func (f *Fault) apply(e *Entry, h http.Header, wake func([]byte)) func([]byte) {
	e.Fault = f.Name
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
		e.RetryAfter = f.RetryAfter
	}
	if f.Status != 0 && f.Status != http.StatusOK {
		e.answer(f.Status, "injected fault: "+f.Name)
		return nil
	}
	if f.WNSStatus != "" {
		e.WNSStatus = f.WNSStatus
		if f.WNSStatus != "received" {
			return nil
		}
	}
	if f.Lose {
		e.Delivery = Lost
		return nil
	}
	return wake
}
