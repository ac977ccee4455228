package dmclient

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Values of Push/Status (Learn, "DMClient CSP").
const (
	PushOK           = 0
	PushInvalidPFN   = 1
	PushFailed       = 3 // registration with the WNS client failed: PFN unknown or revoked
	PushNoChannel    = 4
	PushExpired      = 5
	PushNoSession    = 7
	PushNotAvailable = 8
)

// pushClient is DMClient's side of the WNS client, with one account for each
// provider. It implements csp.Pusher.
type pushClient struct {
	device *Device

	mu       sync.Mutex
	accounts map[string]*pushAccount
	power    Power
}

type pushAccount struct {
	pfn     string
	uri     string
	status  int
	expires time.Time
}

// SetPFN registers a PFN. The profile decides which failure is answered with
// 500, and which with 200 and Push/Status [model].
func (p *pushClient) SetPFN(c *csp.Call, provider, pfn string) int {
	q := p.device.cfg.Profile.Quirks
	if q.PFNErrors && (!c.ParentExists || c.Verb == csp.Replace && !c.Exists) {
		return syncml.CommandFailed // Push or the PFN to replace is missing
	}
	if q.SilentPFN {
		return syncml.OK
	}
	err := CheckPFN(pfn)
	if err == nil && q.PFNLowerCase && pfn != strings.ToLower(pfn) {
		err = &pfnError{"not lower-cased"}
	}
	if err == nil {
		err = p.open(c.Context, provider, pfn)
	}
	if err == nil {
		return syncml.OK
	}
	p.device.log.Info("PFN not registered", "pfn", pfn, "err", err)
	if q.PFNErrors {
		return syncml.CommandFailed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts[provider] = &pushAccount{pfn: pfn, status: pushStatus(err)}
	return syncml.OK
}

var errNoWNS = errors.New("push is not available on this device")

// offlineError is why the WNS client has no connection.
type offlineError struct{ power Power }

func (e offlineError) Error() string { return e.power.closes() }
func (offlineError) Reason() string  { return "offline" }

func pushStatus(err error) int {
	if errors.Is(err, errNoWNS) {
		return PushNotAvailable
	}
	var r interface{ Reason() string }
	if errors.As(err, &r) {
		switch r.Reason() {
		case "malformed":
			return PushInvalidPFN
		case "offline":
			return PushNoChannel
		}
	}
	return PushFailed
}

// open gets a channel for the provider and closes the previous one.
func (p *pushClient) open(ctx context.Context, provider, pfn string) error {
	wns := p.device.cfg.WNS
	if wns == nil {
		return errNoWNS
	}
	p.mu.Lock()
	power, old := p.power, p.accounts[provider]
	p.mu.Unlock()
	if !power.connected() {
		return offlineError{power}
	}
	uri, expires, err := wns.OpenChannel(ctx, p.device.cfg.Identity.DeviceID, pfn, p.device.notified)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.accounts[provider] = &pushAccount{pfn: pfn, uri: uri, expires: expires}
	p.mu.Unlock()
	if old != nil && old.uri != "" && old.uri != uri {
		wns.CloseChannel(old.uri)
	}
	return nil
}

// Channel implements csp.Pusher.
func (p *pushClient) Channel(provider string) (uri string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[provider]
	switch {
	case a == nil:
		return "", PushNoChannel
	case a.uri != "" && !a.expires.IsZero() && !p.device.now().Before(a.expires):
		return "", PushExpired
	}
	return a.uri, a.status
}

// expires is when the provider's channel expires; ok is false without a
// channel.
func (p *pushClient) expires(provider string) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[provider]
	if a == nil || a.uri == "" {
		return at, false
	}
	return a.expires, true
}

// cutOff reports whether the device has no network.
func (p *pushClient) cutOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.power == PowerOff
}

// RemovePush implements csp.Pusher: removing Push ends push-initiated sessions
// (Learn, "DMClient CSP").
func (p *pushClient) RemovePush(provider string) {
	p.mu.Lock()
	a := p.accounts[provider]
	delete(p.accounts, provider)
	p.mu.Unlock()
	if a != nil && a.uri != "" {
		p.device.cfg.WNS.CloseChannel(a.uri)
	}
}

// save returns a function that rolls the accounts back. A channel from a
// rolled-back Atomic stays open at the service, unused, until it expires.
func (p *pushClient) save() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := maps.Clone(p.accounts)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.accounts = before
	}
}

func (p *pushClient) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for provider, a := range p.accounts {
		if a.uri != "" && p.device.cfg.WNS != nil { // a record may come from a device that had one
			p.device.cfg.WNS.CloseChannel(a.uri)
		}
		delete(p.accounts, provider)
	}
}

// led reports to the push service which session a notification led to.
func (p *pushClient) led(s *Session) {
	if wns := p.device.cfg.WNS; wns != nil && s.Origin == OriginPush {
		wns.Led(p.device.cfg.Identity.DeviceID, s.ID)
	}
}

// ChannelURI is the channel that the device reports now; empty without one.
func (d *Device) ChannelURI() string {
	uri, _ := d.push.Channel(d.Provider())
	return uri
}

// PFN is the registered PFN; empty if none.
func (d *Device) PFN() string {
	d.push.mu.Lock()
	defer d.push.mu.Unlock()
	if a := d.push.accounts[d.Provider()]; a != nil {
		return a.pfn
	}
	return ""
}

// RenewChannel gets a new channel for the registered PFN and closes the old
// one, as devices do after 15 days. Windows then starts a session so that the
// server can read the new URI; here the caller calls Sync.
func (d *Device) RenewChannel(ctx context.Context) error {
	pfn := d.PFN()
	if d.Profile().Quirks.NeverRenews {
		return errors.New("renew the channel: this device does not (quirk never-renews)")
	}
	if pfn == "" {
		return errors.New("renew the channel: the server has set no PFN yet")
	}
	return d.push.open(ctx, d.Provider(), pfn)
}

// Reconnect registers the PFN again, as after a restart of the WNS client.
// Without a PFN it does nothing.
func (d *Device) Reconnect(ctx context.Context) error {
	pfn := d.PFN()
	if pfn == "" {
		return nil
	}
	return d.push.open(ctx, d.Provider(), pfn)
}

// LoseChannel drops the channel: ChannelURI is empty and Status as given, until
// the PFN is set again or the channel renewed.
func (d *Device) LoseChannel(status int) {
	provider := d.Provider()
	d.push.mu.Lock()
	defer d.push.mu.Unlock()
	if a := d.push.accounts[provider]; a != nil {
		d.push.accounts[provider] = &pushAccount{pfn: a.pfn, status: status}
	}
}

// SetWNSOffline disconnects the device's WNS client: PFNs cannot be registered,
// and pushes do not arrive.
func (d *Device) SetWNSOffline(offline bool) {
	p := PowerNormal
	if offline {
		p = PowerOff
	}
	d.SetPower(p)
}

// notified is called by the push service for each raw notification.
func (d *Device) notified(payload []byte) {
	w := Wake{At: d.now()}
	d.push.mu.Lock()
	power := d.push.power
	if power == PowerSaver || power == PowerLimited {
		for _, a := range d.push.accounts {
			if a.uri != "" {
				a.status = PushNoSession
			}
		}
	}
	d.push.mu.Unlock()
	switch {
	case power == PowerLimited:
		w.Refused = "power or connectivity allow no session"
	case power != PowerNormal:
		w.Refused = power.closes()
	case d.State() != Enrolled:
		w.Refused = "the device is not enrolled"
	case len(payload) == 0:
		w.Refused = "empty payload, 0x80070057" // [seen]
	default:
		d.signal(OriginPush)
	}
	d.record.change(func() { d.record.wakes = append(d.record.wakes, w) })
	if d.cfg.OnWake != nil {
		d.cfg.OnWake(w)
	}
}

// Resume gives the channels of an unpacked device their pushes again. attach lets a push
// service send those of a channel to wake, and reports whether it still has the channel.
// If Resume is false, the device needs Reconnect and a session in which its server
// learns the new channel.
func (d *Device) Resume(attach func(uri string, wake func(payload []byte)) bool) bool {
	d.push.mu.Lock()
	var uris []string
	for _, a := range d.push.accounts {
		if a.uri != "" {
			uris = append(uris, a.uri)
		}
	}
	d.push.mu.Unlock()
	for _, uri := range uris {
		if !attach(uri, d.notified) {
			return false
		}
	}
	return true
}
