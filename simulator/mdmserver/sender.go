package mdmserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How the sender treats a WNS that says no.
const (
	maxAttempts  = 4
	firstBackoff = 500 * time.Millisecond
	maxWait      = 2 * time.Minute // a longer Retry-After is left to polling
	pushPayload  = "dmwake"        // its content is ignored by the device
	forgetAfter  = 200 * time.Millisecond
)

// sender pushes: it keeps the access token and does the retries.
type sender struct {
	s      *Server
	ctx    context.Context //nolint:containedctx // the life of the pushes, ended by close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	tokens tokens

	serial sync.Mutex // only by mutants, as is dead
	dead   atomic.Bool
}

func newSender(s *Server) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{s: s, ctx: ctx, cancel: cancel}
}

func (n *sender) close() {
	n.cancel()
	n.wg.Wait()
}

var errNoChannel = errors.New("the device has no channel URI yet")

// push wakes a device in the background.
func (n *sender) push(d *device) error {
	n.s.mu.Lock()
	uris := []string{d.Push.URI}
	if n.s.is("chn-push-all") {
		uris = append([]string(nil), d.Push.all...)
	}
	ok := d.Push.URI != "" && (d.Push.Status == 0 || d.Push.Status >= 6 || n.s.is("chn-keep-on-empty") || n.s.is("chn-ignore-status"))
	seen := d.seen
	n.s.mu.Unlock()
	if !ok {
		return errNoChannel
	}
	if n.s.is("psh-never") {
		return nil
	}
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		late := time.Duration(0)
		switch {
		case n.s.varies("push-late"):
			late = forgetAfter
		case n.s.is("psh-slow"):
			late = slowPush
		}
		select {
		case <-time.After(late):
		case <-n.ctx.Done():
		}
		if n.s.is("wer-serial") {
			n.serial.Lock()
			defer n.serial.Unlock()
		}
		var last string
		if n.s.varies("push-twice") {
			uris = append(uris, uris...)
		}
		for _, uri := range uris {
			last = n.deliver(d, uri)
		}
		n.s.mu.Lock()
		d.Push.Last = last
		n.s.mu.Unlock()
		n.s.log.Info("pushed", "device", d.ID, "outcome", last)
		if n.s.is("wer-dropped-done") && strings.HasPrefix(last, "accepted, but") {
			n.forget(d, seen)
		}
		if n.s.is("psh-forget") {
			time.AfterFunc(forgetAfter, func() { n.forget(d, seen) })
		}
	}()
	return nil
}

func (n *sender) forget(d *device, seen int) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if d.seen == seen {
		d.Commands = nil
	}
}

// deliver sends one notification until it is accepted or given up, and says
// how that ended. One token is used until it expires or a 401; 401 is retried
// once with a fresh one; 403, 404, 410 and 413 are final, and a channel that is
// gone is dropped; 406, 429 and 503 wait for Retry-After, 500 and silence back
// off (Learn, "Push notification service request and response headers").
func (n *sender) deliver(d *device, uri string) string {
	refreshed := false
	backoff := firstBackoff
	attempts := maxAttempts
	for i := 1; ; i++ {
		if n.dead.Load() {
			return "given up for good"
		}
		token, err := n.tokens.get(n.ctx, n.s)
		if err != nil {
			return n.noToken(err)
		}
		resp, err := n.post(d, uri, token) //nolint:bodyclose // post closed it
		wait := backoff
		if err == nil {
			status := resp.StatusCode
			switch status {
			case http.StatusOK:
				if v := header(resp, "X-WNS-Status"); v != "" && v != "received" {
					if n.s.is("wer-throttled-again") && v == "channelthrottled" && i < 60 {
						continue
					}
					return "accepted, but " + v
				}
				return "received"
			case http.StatusUnauthorized:
				if refreshed || n.s.is("wer-401-stop") || n.s.is("tok-never-renewed") {
					return "401 with a fresh token"
				}
				refreshed = !n.s.is("wer-401-loop") || i > 60
				n.tokens.drop(token)
				continue
			case http.StatusNotFound, http.StatusGone:
				n.dropChannel(d, uri, status)
				return fmt.Sprintf("%d: channel dropped", status)
			case http.StatusNotAcceptable, http.StatusTooManyRequests, http.StatusServiceUnavailable:
				if secs, perr := strconv.Atoi(resp.Header.Get("Retry-After")); perr == nil {
					wait = time.Duration(secs) * time.Second
				}
				switch {
				case n.s.is("wer-406-now"):
					wait = time.Millisecond
				case n.s.is("wer-406-steady"):
					attempts, wait = 60, 100*time.Millisecond
				}
				if n.s.is("wer-down-dead") && status == http.StatusServiceUnavailable {
					n.dead.Store(true)
				}
			case http.StatusInternalServerError:
				if n.s.is("wer-500-hammer") {
					attempts, wait = 60, time.Millisecond
				}
			default:
				if !(n.s.is("wer-403-retry") && status == http.StatusForbidden || n.s.is("wer-413-retry") && status == http.StatusRequestEntityTooLarge) {
					return fmt.Sprintf("refused with %d", status)
				}
				wait = 10 * time.Millisecond
			}
			err = fmt.Errorf("WNS answered %d", status)
		} else if n.s.is("wer-reset-hammer") {
			attempts, wait = 60, time.Millisecond
		} else if n.s.is("wer-bad-reply-dead") {
			n.dead.Store(true)
		}
		if i >= attempts || wait > maxWait {
			return "given up: " + err.Error()
		}
		select {
		case <-n.ctx.Done():
			return "stopped"
		case <-time.After(wait):
		}
		backoff *= 2
	}
}

// noToken is how a push without a token ends; a mutant asks once more and once
// more, another never again.
func (n *sender) noToken(err error) string {
	var unread *json.SyntaxError
	switch {
	case n.s.is("tok-storm"):
		for range 60 {
			if _, err := n.tokens.get(n.ctx, n.s); err == nil {
				break
			}
		}
	case n.s.is("tok-dead"), n.s.is("tok-no-json-dead") && errors.As(err, &unread):
		n.dead.Store(true)
	}
	return "no token: " + err.Error()
}

func header(resp *http.Response, name string) string {
	for k, v := range resp.Header {
		if strings.EqualFold(k, name) && len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

func (n *sender) dropChannel(d *device, uri string, status int) {
	keep := status == http.StatusNotFound && n.s.is("wer-404-keep") || status == http.StatusGone && n.s.is("wer-410-keep")
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if d.Push.URI == uri && !keep {
		d.Push.URI = ""
	}
	// The documented cure for a channel that is gone: set the PFN again in the
	// next session (Learn, "Push notification support for device management").
	d.Push.Reset = !n.s.is("wer-410-no-pfn")
}

// post sends one notification. The URI is used as the device gave it: the
// request line must carry its query byte for byte.
func (n *sender) post(d *device, uri, token string) (*http.Response, error) {
	if n.s.is("wns-uri") {
		if u, err := url.Parse(uri); err == nil {
			u.RawQuery = "token=" + u.Query().Get("token") // "+" and "/" stand there plainly now
			uri = u.String()
		}
	}
	payload := pushPayload
	switch {
	case n.s.is("wns-empty"):
		payload = ""
	case n.s.is("wns-large"):
		payload = strings.Repeat("x", 6000)
	case n.s.is("wns-body-names"):
		payload = `{"device":"` + d.ID + `","user":"` + n.s.cfg.Username + `"}`
	}
	method := http.MethodPost
	if n.s.is("wns-put") {
		method = http.MethodPut
	}
	var body io.Reader = strings.NewReader(payload)
	if n.s.is("wns-chunked") {
		body = io.MultiReader(body) // hides the length
	}
	ctx, cancel := context.WithTimeout(n.ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, uri, body)
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Authorization", "Bearer "+token)
	if n.s.is("wns-bearer") {
		h.Set("Authorization", token)
	}
	if n.s.is("wns-token-spoilt") {
		h.Set("Authorization", "Bearer "+token[:len(token)-1])
	}
	h.Set("Content-Type", "application/octet-stream")
	if n.s.is("wns-content-type") {
		h.Set("Content-Type", "application/octet-stream; charset=utf-8")
	}
	if !n.s.is("wns-type") {
		h.Set("X-WNS-Type", "wns/raw")
	}
	if n.s.is("wns-header-twice") {
		h.Add("X-WNS-Type", "wns/raw")
	}
	if !n.s.is("wns-no-cache") {
		h.Set("X-WNS-Cache-Policy", "cache")
	}
	if !n.s.is("wns-no-status") {
		h.Set("X-WNS-RequestForStatus", "true")
	}
	if n.s.is("wns-ttl-zero") {
		h.Set("X-WNS-TTL", "0")
	}
	req.Close = n.s.is("wns-no-reuse")
	resp, err := n.s.cfg.HTTP.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		return nil, u.Err // its own text holds the channel URI, which is a secret
	}
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // the status is all that counts
	resp.Body.Close()
	return resp, nil
}

// tokens keeps one access token; concurrent pushes share one request for it.
type tokens struct {
	mu      sync.Mutex
	value   string
	expires time.Time
}

func (t *tokens) get(ctx context.Context, s *Server) (string, error) {
	if s.is("tok-stampede") {
		t.mu.Lock()
		value, good := t.value, time.Now().Before(t.expires)
		t.mu.Unlock()
		if good {
			return value, nil
		}
		value, life, err := s.fetchToken(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.value, t.expires = value, time.Now().Add(life)
		return value, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	good := t.value != "" && time.Now().Before(t.expires)
	if good && !s.is("tok-every-push") || t.value != "" && s.is("tok-never-renewed") {
		return t.value, nil
	}
	value, life, err := s.fetchToken(ctx)
	if err != nil {
		return "", err
	}
	// Renewed a tenth before it expires, so that a push rarely meets a 401.
	t.value, t.expires = value, time.Now().Add(life-life/10)
	return value, nil
}

// drop forgets a token that was refused, unless it was replaced meanwhile.
func (t *tokens) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value = ""
		t.expires = time.Time{}
	}
}

// clear forgets the token, as a process does that starts again.
func (t *tokens) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.expires = "", time.Time{}
}

// fetchToken asks the classic endpoint (Learn, "WNS overview").
func (s *Server) fetchToken(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.cfg.PackageSID},
		"client_secret": {s.cfg.Secret}, "scope": {"notify.windows.com"}}
	if s.is("tok-scope") {
		form.Set("scope", "s.notify.live.net")
	}
	body, contentType := []byte(form.Encode()), "application/x-www-form-urlencoded"
	if s.is("tok-plain-sid") {
		body = []byte("grant_type=client_credentials&scope=notify.windows.com&client_id=" + s.cfg.PackageSID + "&client_secret=" + url.QueryEscape(s.cfg.Secret))
	}
	if s.is("tok-json") {
		body, _ = json.Marshal(form) // strings, cannot fail
		contentType = "application/json"
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.TokenURL, bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := s.cfg.HTTP.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", 0, err
	}
	var reply struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return "", 0, fmt.Errorf("token endpoint: HTTP status %d, reply is not JSON: %w", resp.StatusCode, err)
	}
	if resp.StatusCode != http.StatusOK || reply.AccessToken == "" {
		return "", 0, fmt.Errorf("token endpoint: HTTP status %d, %s", resp.StatusCode, reply.Error)
	}
	return reply.AccessToken, time.Duration(reply.ExpiresIn) * time.Second, nil
}
