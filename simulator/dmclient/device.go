// Package dmclient is a simulated Windows device: it enrolls, runs OMA-DM
// sessions over mutual TLS, registers the PFN a server sets with a push
// service and starts a session when it is woken.
//
// Sources: MS-MDE2 and MS-MDM for the messages, Learn's "DMClient CSP" and
// "Push notification support for device management" for the push path. Where
// a comment says [seen] the behaviour was observed on real devices, where it
// says [model] it is our assumption and a Quirk switches it.
package dmclient

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// WNS is the push service as the device's WNS client sees it.
type WNS interface {
	// OpenChannel registers pfn for the device and gives its channel URI and
	// when that expires. wake is called once for every raw notification; it
	// does not block. An error may have a Reason() string: "malformed",
	// "unknown", "revoked" or "offline".
	OpenChannel(ctx context.Context, deviceID, pfn string, wake func(payload []byte)) (uri string, expires time.Time, err error)
	// CloseChannel ends the life of a channel; an unknown one is ignored.
	CloseChannel(uri string)
}

// Config is what a device needs; Discovery is required, everything else has a
// default.
type Config struct {
	Discovery          string // URL of the discovery service
	Username, Password string // OnPremise credential
	Profile            Profile
	Identity           Identity
	// Roots are trusted for the server's TLS certificate, beside those the
	// provisioning document brings. Nil means the system's.
	Roots *x509.CertPool
	// WNS is where PFNs are registered. Nil: push is not available (Status 8).
	WNS WNS
	// Key makes the key of the client certificate; nil generates RSA 2048.
	Key func() (*rsa.PrivateKey, error)
	// Dial replaces the dialer, for servers whose name does not resolve.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is the base of every connection's configuration, such as the curves
	// to offer. Roots and the client certificate are set by the device.
	TLS *tls.Config
	// Timeout bounds one request, default 30 seconds.
	Timeout time.Duration
	Faults  []Fault
	Log     *slog.Logger // nil discards
}

// State is where a device stands in its life.
type State int

// The states of a device.
const (
	NotEnrolled State = iota
	Enrolled
	Unenrolled
	Wiped
)

// Device is one simulated device. Its methods may be called concurrently;
// sessions of one device run one after the other.
type Device struct {
	cfg  Config
	log  *slog.Logger
	tree *csp.Tree
	push pushClient
	wake chan struct{} // capacity 1: wake-ups coalesce while a session waits

	session sync.Mutex // held while a session or an enrollment runs
	record  record

	mu         sync.Mutex
	state      State
	locked     int
	wiped      string // the RemoteWipe node that was executed
	leave      string // the provider to unenroll from after the session
	key        *rsa.PrivateKey
	cert       []byte
	doc        *enroll.Provisioning
	discovered *enroll.DiscoverResponse
	nextID     int
	transport  *http.Transport
}

// New makes a device. It does nothing until Enroll.
func New(cfg Config) (*Device, error) {
	if cfg.Discovery == "" {
		return nil, errors.New("dmclient: Config.Discovery is empty: give the URL of the server's discovery service")
	}
	if cfg.Profile.Name == "" {
		cfg.Profile = Win11()
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Key == nil {
		cfg.Key = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Device{cfg: cfg, log: cfg.Log.With("device", cfg.Identity.DeviceID), wake: make(chan struct{}, 1)}
	d.record.changed = make(chan struct{})
	d.push = pushClient{device: d, accounts: map[string]*pushAccount{}}
	d.tree = d.newTree()
	return d, nil
}

func (d *Device) newTree() *csp.Tree {
	id, p := &d.cfg.Identity, &d.cfg.Profile
	info := csp.Info{
		DeviceID: id.DeviceID, Manufacturer: id.Manufacturer, Model: id.Model, DmV: p.DmV, Lang: id.Locale,
		DeviceType: p.DeviceType, OEM: id.Manufacturer, Firmware: "1.0", Software: p.OSVersion, Hardware: "1.0",
		Name: id.Name, Platform: p.Platform, Processor: "9",
	}
	csps := []csp.CSP{
		csp.DevInfo(info), csp.DevDetail(info),
		csp.DMClient(csp.DMClientConfig{Push: &d.push, HWDevID: id.HWDevID, Unenroll: d.unenrollLater}),
		csp.RemoteWipe(d.wipeLater),
	}
	if p.Phone {
		csps = append(csps, csp.RemoteLock(d.lock))
	} else {
		csps = append(csps, csp.Personalization())
	}
	return csp.NewTree(csp.Options{CaseSensitive: p.Quirks.CaseSensitive}, csps...)
}

func (d *Device) unenrollLater(provider string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leave = provider
}

func (d *Device) wipeLater(how string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wiped = how
}

func (d *Device) lock(resetPIN bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locked++
	if !resetPIN {
		return ""
	}
	return fmt.Sprintf("%06d", 100000+d.locked)
}

// Run starts a session whenever the device is woken, until ctx ends. A device
// that is not running ignores pushes, as one that is switched off.
func (d *Device) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wake:
			if _, err := d.Sync(ctx, SyncOptions{Origin: OriginPush}); err != nil && ctx.Err() == nil {
				d.log.Info("session after a push failed", "err", err)
			}
		}
	}
}

// Close closes the device's connections and channels. The device is still
// enrolled at the server.
func (d *Device) Close() {
	d.push.closeAll()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.transport != nil {
		d.transport.CloseIdleConnections()
	}
}

// Identity tells who the device is.
func (d *Device) Identity() Identity { return d.cfg.Identity }

// Profile tells which Windows the device is.
func (d *Device) Profile() Profile { return d.cfg.Profile }

// Tree is the device's management tree, to look at or to prepare.
func (d *Device) Tree() *csp.Tree { return d.tree }

// State tells where the device stands in its life.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Locked counts how often the device was locked remotely.
func (d *Device) Locked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.locked
}

// AddFault makes the device misbehave from now on.
func (d *Device) AddFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg.Faults = append(d.cfg.Faults, f)
}

// Discovered is the server's answer to Discover, nil before Enroll.
func (d *Device) Discovered() *enroll.DiscoverResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.discovered
}

// Provisioning is the document the device enrolled with, nil before Enroll.
func (d *Device) Provisioning() *enroll.Provisioning {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.doc
}

// PublicKey is the key the device asked a certificate for.
func (d *Device) PublicKey() *rsa.PublicKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key == nil {
		return nil
	}
	return &d.key.PublicKey
}

// Certificate is the client certificate the device presents, nil before
// Enroll.
func (d *Device) Certificate() *tls.Certificate {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cert == nil {
		return nil
	}
	return &tls.Certificate{Certificate: [][]byte{d.cert}, PrivateKey: d.key}
}

// client makes an HTTP client that records and presents cert; a nil cert
// presents none.
func (d *Device) client(tr *http.Transport, note func(*Exchange)) *http.Client {
	return &http.Client{
		Transport: &recorder{next: tr, note: note}, Timeout: d.cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (d *Device) newTransport(cert *tls.Certificate) *http.Transport {
	roots := d.cfg.Roots
	if doc := d.Provisioning(); doc != nil && len(doc.Roots) > 0 {
		if roots == nil {
			// The system's, where they can be had; else the delivered ones alone.
			if sys, err := x509.SystemCertPool(); err == nil {
				roots = sys
			} else {
				roots = x509.NewCertPool()
			}
		} else {
			roots = roots.Clone()
		}
		for _, der := range doc.Roots {
			if c, err := x509.ParseCertificate(der); err == nil {
				roots.AddCert(c)
			}
		}
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.cfg.TLS != nil {
		conf = d.cfg.TLS.Clone()
	}
	if roots != nil {
		conf.RootCAs = roots
	}
	// Answering here and not in Certificates presents the certificate whatever
	// issuers the server names, and without parsing it: a server may have
	// copied a subject Go cannot read.
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if cert == nil {
			return &tls.Certificate{}, nil
		}
		return cert, nil
	}
	return &http.Transport{
		DialContext: d.cfg.Dial, DisableCompression: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: d.cfg.Timeout, TLSClientConfig: conf,
	}
}

// managed is the transport of ordinary sessions, kept between them.
func (d *Device) managed() *http.Transport {
	cert := d.Certificate()
	d.mu.Lock()
	tr := d.transport
	d.mu.Unlock()
	if tr == nil {
		tr = d.newTransport(cert)
		d.mu.Lock()
		d.transport = tr
		d.mu.Unlock()
	}
	return tr
}

// Address is where the management server is, from the provisioning document.
func (d *Device) Address() string {
	if doc := d.Provisioning(); doc != nil {
		return doc.App.Addr
	}
	return ""
}

// Post sends one raw body to the management server, outside of any session,
// and gives what came back. It is how a test sends what no device would.
func (d *Device) Post(ctx context.Context, contentType string, body io.Reader, length int64, opts SyncOptions) *Exchange {
	tr, done := d.transportFor(opts)
	defer done()
	var last *Exchange
	client := d.client(tr, func(ex *Exchange) { last = ex })
	req, err := d.request(ctx, body, d.requestID())
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
