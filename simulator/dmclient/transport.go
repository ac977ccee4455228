package dmclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// client makes an HTTP client that records the exchanges of tr and follows no
// redirects.
func (d *Device) client(tr *transport, note func(*Exchange)) *http.Client {
	return &http.Client{
		Transport: &recorder{next: tr, note: note}, Timeout: d.cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport is a device's HTTP transport.
type transport struct {
	*http.Transport
	asked *atomic.Bool // a server asked for a client certificate
}

// newTransport makes a transport that presents cert. asked outlives it, because
// a resumed TLS session does not request the certificate again.
func (d *Device) newTransport(cert *tls.Certificate, asked *atomic.Bool) *transport {
	d.mu.Lock()
	delivered := d.roots
	d.mu.Unlock()
	roots := d.cfg.Trust.rootsOf(d.cfg.Roots, delivered)
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.cfg.TLS != nil {
		conf = d.cfg.TLS.Clone()
	}
	if roots != nil {
		conf.RootCAs = roots
	}
	if d.cfg.SkewTLS {
		conf.Time = d.now // a wrong clock misjudges certificates
	}
	// GetClientCertificate, unlike Certificates, presents the certificate
	// whatever issuers the server names, and does not parse it: its subject may
	// be one that Go cannot read.
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.Store(true)
		if cert == nil {
			return &tls.Certificate{}, nil
		}
		return cert, nil
	}
	if conf.Renegotiation == tls.RenegotiateNever {
		// Some servers request it after they read the request (IIS with TLS
		// 1.2).
		conf.Renegotiation = tls.RenegotiateOnceAsClient
	}
	tr := &http.Transport{
		DialContext: d.cfg.Dial, DisableCompression: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: d.cfg.Timeout, TLSClientConfig: conf, ForceAttemptHTTP2: d.cfg.Profile.Quirks.HTTP2,
	}
	if t := d.cfg.Trust; t != nil && !conf.InsecureSkipVerify {
		if tr.DialContext == nil {
			tr.DialContext = (&net.Dialer{}).DialContext
		}
		tr.DialTLSContext = t.dial(tr, delivered)
	}
	return &transport{asked: asked, Transport: tr}
}

// managed is the transport of ordinary sessions, kept across sessions.
func (d *Device) managed() *transport {
	cert := d.presented()
	d.mu.Lock()
	tr := d.transport
	d.mu.Unlock()
	if tr == nil {
		tr = d.newTransport(cert, &d.asked)
		d.mu.Lock()
		d.transport = tr
		d.mu.Unlock()
	}
	return tr
}

func (d *Device) transportFor(opts SyncOptions) (tr *transport, done func()) {
	if opts.Certificate == nil && !opts.NoCertificate {
		return d.managed(), func() {}
	}
	tr = d.newTransport(opts.Certificate, &d.asked)
	return tr, tr.CloseIdleConnections
}

// Post sends one raw body to the management server, outside of any session, and
// returns the exchange. Tests send with it what no device would.
func (d *Device) Post(ctx context.Context, contentType string, body io.Reader, length int64, opts SyncOptions) *Exchange {
	tr, done := d.transportFor(opts)
	defer done()
	var last *Exchange
	client := d.client(tr, func(ex *Exchange) { last = ex })
	to, err := url.Parse(d.Address())
	if err != nil {
		return &Exchange{Err: fmt.Errorf("management address: %w", err)}
	}
	if err := d.inClear(d.Address()); err != nil {
		return &Exchange{Err: err}
	}
	req, err := d.request(ctx, to, body, d.requestID(), newVector()+".0.0.0")
	if err != nil {
		return &Exchange{Err: err}
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		if last == nil {
			last = &Exchange{}
		}
		last.Err = err
		return last
	}
	resp.Body.Close()
	return last
}
