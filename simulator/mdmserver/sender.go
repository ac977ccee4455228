package mdmserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How the sender treats a WNS that refuses.
const (
	maxAttempts    = 4
	firstBackoff   = 500 * time.Millisecond
	maxWait        = 2 * time.Minute // a longer Retry-After is left to polling
	requestTimeout = 30 * time.Second
	throttledPause = 15 * time.Second // after X-WNS-Status channelthrottled, which names no time; our choice
	pushPayload    = "dmwake"         // the device ignores its content
)

// sender pushes: it keeps the access token and does the retries.
type sender struct {
	s      *Server
	ctx    context.Context //nolint:containedctx // the life of the pushes, ended by close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	client *http.Client
	tokens Tokens

	throttle sync.Mutex
	// until is when a channel whose push WNS refused with Retry-After may get one again;
	// under wholeApp, when any channel may.
	until map[string]time.Time
}

func newSender(s *Server) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	n := &sender{s: s, ctx: ctx, cancel: cancel, client: s.cfg.HTTP, tokens: &oneToken{fetch: s.fetchToken}, until: map[string]time.Time{}}
	if wraps := s.cfg.Tamper.WNS; len(wraps) > 0 {
		client := *s.cfg.HTTP
		if client.Transport == nil {
			client.Transport = http.DefaultTransport
		}
		for _, wrap := range wraps {
			client.Transport = wrap(client.Transport)
		}
		n.client = &client
	}
	for _, wrap := range s.cfg.Tamper.Tokens {
		n.tokens = wrap(s.fetchToken, n.tokens)
	}
	return n
}

// close stops the pushes and waits for them. Under the lock no push can start
// beside it.
func (n *sender) close() {
	n.s.mu.Lock()
	n.cancel()
	n.s.mu.Unlock()
	n.wg.Wait()
}

var errNoChannel = errors.New("the device has no channel URI yet")

// Push wakes a device in the background.
func (s *Server) Push(d *Device) error { return s.sender.push(d) }

// push is Push.
func (n *sender) push(d *Device) error {
	n.s.mu.Lock()
	w := &Wake{Config: &n.s.cfg, Device: d, URIs: []string{d.Push.URI}, Ready: d.Push.canWake()}
	for _, f := range n.s.cfg.Tamper.Wake {
		f(w)
	}
	defer n.s.mu.Unlock()
	switch {
	case !w.Ready:
		return errNoChannel
	case n.ctx.Err() != nil:
		return errors.New("the server is closed")
	}
	n.wg.Go(func() {
		if !n.wait(w.Delay) {
			return
		}
		for _, uri := range w.URIs {
			n.ended(d, uri, n.deliver(uri))
		}
	})
	return nil
}

// wait tells whether d passed before the server closed.
func (n *sender) wait(d time.Duration) bool {
	select {
	case <-n.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// outcome is how a push ended.
type outcome struct {
	text string
	code int // the last HTTP status, 0 without one
}

// ended notes the outcome of a push. A channel that is gone is dropped, and the
// PFN is set again in the next session, which is the documented cure (Learn,
// "Push notification support for device management").
func (n *sender) ended(d *Device, uri string, o outcome) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if gone(o.code) {
		if d.Push.URI == uri {
			d.Push.URI = ""
		}
		d.Push.Reset = true
	}
	d.Push.Last = o.text
	n.s.changed(Change{Moment: Pushed, Device: d, URI: uri, Outcome: o.text, Code: o.code})
	n.s.log.Info("pushed", "device", d.ID, "outcome", o.text)
}

func gone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// deliver sends one notification until WNS accepts it or the sender gives up.
// A token is used until it expires or meets a 401, which is retried once with a
// fresh token. 400, 403, 404, 405, 410 and 413 are final. 406, 429 and 503 wait as
// long as WNS says; 500 and silence back off (Learn, "Push notification service
// request and response headers").
func (n *sender) deliver(uri string) outcome {
	refreshed := false
	backoff := firstBackoff
	for i := 1; ; i++ {
		if !n.wait(n.throttled(uri)) {
			return outcome{text: "stopped"}
		}
		token, err := n.tokens.Token(n.ctx)
		if err != nil {
			return outcome{text: "no token: " + err.Error()}
		}
		status, header, err := n.post(uri, token)
		if status == http.StatusUnauthorized && !refreshed {
			refreshed = true
			n.tokens.Drop(token)
			continue
		}
		wait := backoff
		if err == nil {
			if final, text := verdict(status, header); final {
				if strings.HasSuffix(first(header, "X-WNS-Status"), "throttled") {
					n.hold(uri, throttledPause)
				}
				return outcome{text, status}
			}
			err = fmt.Errorf("WNS answered %d", status)
			if asked, ok := n.pause(header); ok {
				wait = asked
				n.hold(holder(uri, header), wait)
			}
		}
		if i >= maxAttempts || wait > maxWait {
			return outcome{"given up: " + err.Error(), status}
		}
		if !n.wait(wait) {
			return outcome{text: "stopped"}
		}
		backoff *= 2
	}
}

// pause is how long WNS asks to wait: Retry-After, in seconds or as a date (RFC 9110
// section 10.2.3), or the older X-WNS-CONTINUE-AFTER, in seconds.
func (n *sender) pause(h http.Header) (d time.Duration, ok bool) {
	for _, name := range []string{"Retry-After", "X-WNS-CONTINUE-AFTER"} {
		v := first(h, name)
		if secs, err := strconv.Atoi(v); err == nil {
			return time.Duration(secs) * time.Second, true
		}
		if at, err := http.ParseTime(v); err == nil {
			return at.Sub(n.s.cfg.Now()), true
		}
	}
	return 0, false
}

// hold keeps all pushes from a channel for a time.
func (n *sender) hold(uri string, wait time.Duration) {
	n.throttle.Lock()
	defer n.throttle.Unlock()
	maps.DeleteFunc(n.until, func(_ string, at time.Time) bool { return time.Now().After(at) })
	n.until[uri] = time.Now().Add(min(wait, maxWait))
}

// wholeApp stands for all channels.
const wholeApp = ""

// holder is whom an answer of WNS asks to wait: with X-WNS-Status appthrottled every
// channel of the app, else the one.
func holder(uri string, h http.Header) string {
	if first(h, "X-WNS-Status") == "appthrottled" {
		return wholeApp
	}
	return uri
}

// throttled is how long pushes to a channel have to wait.
func (n *sender) throttled(uri string) time.Duration {
	n.throttle.Lock()
	defer n.throttle.Unlock()
	return max(time.Until(n.until[uri]), time.Until(n.until[wholeApp]))
}

// verdict tells whether an answer of WNS is final, and what it says.
func verdict(status int, header http.Header) (final bool, text string) {
	switch status {
	case http.StatusOK:
		if v := first(header, "X-WNS-Status"); v != "" && v != "received" {
			return true, "accepted, but " + v
		}
		return true, "received"
	case http.StatusNotAcceptable, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable:
		return false, ""
	case http.StatusUnauthorized:
		return true, "401 with a fresh token"
	case http.StatusNotFound, http.StatusGone:
		return true, fmt.Sprintf("%d: channel dropped", status)
	}
	return true, fmt.Sprintf("refused with %d", status)
}

// first gives a header's first value, in whatever spelling WNS sent its name.
func first(h http.Header, name string) string {
	for k, v := range h {
		if strings.EqualFold(k, name) && len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// post sends one notification. The URI is used as the device gave it: the
// request line must carry its query byte for byte.
func (n *sender) post(uri, token string) (status int, header http.Header, err error) {
	ctx, cancel := context.WithTimeout(n.ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, strings.NewReader(pushPayload))
	if err != nil {
		return 0, nil, err
	}
	h := req.Header
	h.Set("Authorization", "Bearer "+token)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-WNS-Type", "wns/raw")
	h.Set("X-WNS-Cache-Policy", "cache")
	h.Set("X-WNS-RequestForStatus", "true")
	resp, err := n.client.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		return 0, nil, u.Err // its own text holds the channel URI, which is a secret
	}
	if err != nil {
		return 0, nil, err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // the status is all that counts
	resp.Body.Close()
	return resp.StatusCode, resp.Header, nil
}
