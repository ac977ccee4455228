package dmclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Limits for retries that a server asks for.
const (
	maxPatience = 2 * time.Minute // for one answer
	maxAgain    = 3               // answers in a row
	bareWait    = time.Minute     // after a 429 without Retry-After: rates are mostly per minute
)

// Limit is an answer that asks a device to retry later.
type Limit struct {
	Status int           // 429 or 503
	Wait   time.Duration // what Retry-After says, or Config.BareWait
	Bare   bool          // a 429 without Retry-After
}

// readRetryAfter reads Retry-After: seconds or a date (RFC 9110, section 10.2.3).
func readRetryAfter(v string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 1<<30 {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}

// again decides whether to retry after resp, and after how long. Retry-After
// uses the server's time, and so the machine's, not the device's clock.
func (d *Device) again(resp *http.Response) (time.Duration, bool) {
	if d.cfg.Busy == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	wait, ok := readRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	return wait, ok && wait <= maxPatience && d.cfg.Busy(Limit{Status: resp.StatusCode, Wait: wait})
}

// againEnrolling is again for enrollments, which also wait after a 429 without
// Retry-After. A 503 without it is a broken server, not a limit.
func (d *Device) againEnrolling(resp *http.Response) (time.Duration, bool) {
	if _, said := readRetryAfter(resp.Header.Get("Retry-After"), time.Now()); said || resp.StatusCode != http.StatusTooManyRequests || d.cfg.Busy == nil {
		return d.again(resp)
	}
	wait := cmp.Or(d.cfg.BareWait, bareWait)
	return wait, d.cfg.Busy(Limit{Status: resp.StatusCode, Wait: wait, Bare: true})
}

// enrollmentHTTP is the client for enrollment steps and sign-in pages.
func (d *Device) enrollmentHTTP(cert *tls.Certificate) *http.Client {
	c := d.client(d.newTransport(cert, new(atomic.Bool)), func(ex *Exchange) {
		d.record.change(func() { d.record.enrolls = append(d.record.enrolls, ex) })
	})
	c.Transport, c.Timeout = &patient{d, c.Transport}, 0 // Timeout applies to one try, not to the waits
	return c
}

// patient is a transport that waits if the server asks for it.
type patient struct {
	d    *Device
	next http.RoundTripper
}

// CloseIdleConnections is what http.Client.CloseIdleConnections asks for.
func (p *patient) CloseIdleConnections() {
	if c, ok := p.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	// Only the first page of a sign-in gets appru.
	if pace := p.d.cfg.Pace; pace != nil && req.Method == http.MethodGet && req.URL.Query().Has("appru") {
		if err := pace(ctx); err != nil {
			return nil, err
		}
	}
	for try := 0; ; try++ {
		resp, err := p.once(req)
		if err != nil || try == maxAgain {
			return resp, err
		}
		wait, ok := p.d.againEnrolling(resp)
		if !ok {
			return resp, nil
		}
		resp.Body.Close()
		p.d.log.Info("the server limits the rate", "status", resp.StatusCode, "wait", wait)
		if err := sleep(ctx, SystemClock{}, wait); err != nil {
			return nil, err
		}
		again := req.Clone(ctx)
		if req.GetBody != nil {
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		req = again
	}
}

// once is one try, for at most Config.Timeout. The recorder below it has read
// the reply before it returns.
func (p *patient) once(req *http.Request) (*http.Response, error) {
	within, cancel := context.WithTimeout(req.Context(), p.d.cfg.Timeout)
	defer cancel()
	resp, err := p.next.RoundTrip(req.WithContext(within))
	if err != nil && within.Err() != nil && req.Context().Err() == nil {
		err = fmt.Errorf("no reply within %s: %w", p.d.cfg.Timeout, context.DeadlineExceeded)
	}
	return resp, err
}
