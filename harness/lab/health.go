package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
)

// Healthy checks once whether the target answers.
func (l *Lab) Healthy(ctx context.Context) error {
	err := l.healthy(ctx)
	var u *url.Error
	if errors.As(err, &u) { // the URL may name a user and password
		u.URL = redact.Text(u.URL)
	}
	return err
}

func (l *Lab) healthy(ctx context.Context) error {
	t := &l.Config.Target
	to := t.DiscoveryURL()
	if to == "" {
		to = t.Provisioned.Server
	}
	ctx, cancel := context.WithTimeout(ctx, l.Config.Timeouts.Request)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return err
	}
	client := l.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if status := statusError(resp.StatusCode); status.sick(statusError(l.usual.Load())) {
		return status
	}
	return nil
}

// statusError is an HTTP error status; the server may still be starting.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(e)) }

// sick reports whether the server is down. usual is the 5xx that it answered while it
// worked; 0 if it did not.
func (e statusError) sick(usual statusError) bool {
	switch {
	case e < http.StatusInternalServerError, e == http.StatusNotImplemented:
		return false
	case usual == 0:
		return true
	}
	return e.gateway() && !usual.gateway()
}

// gateway reports whether a gateway gave the answer: the server behind it gave none.
func (e statusError) gateway() bool {
	return e == http.StatusBadGateway || e == http.StatusGatewayTimeout
}

// learnHealth learns how a healthy target answers. If a working server answers
// the GET with 5xx (ENR-01 reports that), any answer but that of a gateway counts as
// healthy from now on; that one, too, if it was the first.
func (l *Lab) learnHealth(ctx context.Context) {
	var status statusError
	if errors.As(l.Healthy(ctx), &status) {
		l.usual.Store(int32(status)) //nolint:gosec // of three digits
	}
}

// AwaitHealth waits until the target answers, for at most Timeouts.Restart.
func (l *Lab) AwaitHealth(ctx context.Context) error {
	limit := l.Config.Timeouts.Restart
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := l.Healthy(within)
		if err == nil {
			return nil
		}
		pause, stop := context.WithTimeout(within, 100*time.Millisecond)
		<-pause.Done()
		stop()
		if within.Err() != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &DownError{fmt.Errorf("the target did not answer within %s: %w", limit, err)}
		}
	}
}

// DownError says that the target stopped answering.
type DownError struct{ Err error }

func (e *DownError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *DownError) Unwrap() error { return e.Err }

// client is an HTTP client that reaches the target as devices do.
func (l *Lab) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: l.Config.Dialer(), TLSClientConfig: &tls.Config{RootCAs: l.roots, MinVersion: tls.VersionTLS12},
	}}
}
