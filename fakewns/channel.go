package fakewns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Channel is a snapshot of one device's channel for one app.
type Channel struct {
	ID      string // short, no secret: names the channel in the control API
	URI     string // a secret: with the app's token, it is all a sender needs
	PFN     string
	Device  string
	Expires time.Time
	Revoked bool
	// Connection is the state of its device's connection.
	Connection Connection
	// Cached: a notification waits for the device.
	Cached bool
}

// channel is what the service keeps. The store's lock guards what changes.
type channel struct {
	id, uri, pfn, device string
	app                  string // id of the app
	token                channelToken
	query, path          string // of the URI, as it was issued

	expires  time.Time
	receiver Receiver
	closed   bool      // revoked: 410
	cached   []*Parcel // that wait for the device, oldest first

	limiter *rate.Limiter // guarded by limits
}

// Receiver is where the raw notifications of a channel go.
type Receiver interface {
	// Connection is asked before a notification is accepted. It must not block.
	Connection() Connection
	// Wake hands over a raw notification after its sender got the answer. It
	// must not block.
	Wake(payload []byte)
}

// always is the receiver of a device in this process.
type always func(payload []byte)

func (always) Connection() Connection { return Connected }

func (w always) Wake(payload []byte) {
	if w != nil {
		w(payload)
	}
}

// pathOf is the path of a channel URI.
func pathOf(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	_, rest, _ = strings.Cut(rest, "/")
	path, _, _ := strings.Cut(rest, "?")
	return "/" + path
}

type channelStore struct {
	mu      sync.RWMutex
	byQuery map[string]*channel
	byToken map[channelToken]*channel        // for URIs that were re-encoded
	waiting map[string]map[*channel]struct{} // with something cached, by device
	closed  []*channel                       // oldest first, bounded
	offline map[string]Connection
}

// Connection is the state of a device's connection to the service.
type Connection string

// The values of X-WNS-DeviceConnectionStatus.
const (
	Connected        Connection = "connected"
	Disconnected     Connection = "disconnected"
	TempDisconnected Connection = "tempdisconnected"
)

// maxChannels bounds how many channels devices can open.
const maxChannels = 1 << 20

// keptClosed is how many closed channels still answer 410. Older ones are
// forgotten and answer 404.
const keptClosed = 4096

func (c *channelStore) init() {
	c.byQuery, c.byToken, c.offline = map[string]*channel{}, map[channelToken]*channel{}, map[string]Connection{}
	c.waiting = map[string]map[*channel]struct{}{}
}

// waits notes whether something is cached for a channel; the caller holds the
// lock.
func (c *channelStore) waits(ch *channel) {
	of := c.waiting[ch.device]
	switch {
	case len(ch.cached) == 0:
		if delete(of, ch); len(of) == 0 {
			delete(c.waiting, ch.device)
		}
	case of == nil:
		c.waiting[ch.device] = map[*channel]struct{}{ch: {}}
	default:
		of[ch] = struct{}{}
	}
}

// RegistrationError says why a PFN cannot be registered.
type RegistrationError struct {
	PFN  string
	Kind string // what Reason gives
	Text string
}

func (e *RegistrationError) Error() string { return fmt.Sprintf("WNS: PFN %q is %s", e.PFN, e.Text) }

// Reason is "malformed", "unknown", "revoked" or "offline".
func (e *RegistrationError) Reason() string { return e.Kind }

// OpenChannel registers pfn for a device and returns the channel. wake is
// called for each raw notification after its sender got the answer; it must not
// block. PFNs, as package names, are not case-sensitive.
func (s *Server) OpenChannel(ctx context.Context, device, pfn string, wake func(payload []byte)) (uri string, expires time.Time, err error) {
	return s.OpenChannelFor(ctx, device, pfn, always(wake))
}

// OpenChannelFor is OpenChannel for a device that may be out of reach.
func (s *Server) OpenChannelFor(ctx context.Context, device, pfn string, r Receiver) (uri string, expires time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return "", time.Time{}, err
	}
	if text := malformedPFN(pfn); text != "" {
		return "", time.Time{}, &RegistrationError{pfn, "malformed", text}
	}
	app := s.appByPFN(pfn)
	switch {
	case app == nil:
		return "", time.Time{}, &RegistrationError{pfn, "unknown", "unknown"}
	case app.Revoked:
		return "", time.Time{}, &RegistrationError{pfn, "revoked", "revoked"}
	}
	st := &s.channels
	st.mu.Lock()
	if st.offline[device] == Disconnected {
		st.mu.Unlock()
		return "", time.Time{}, &RegistrationError{pfn, "offline", "not registered: the device is not connected"}
	}
	if len(st.byQuery) >= maxChannels {
		st.mu.Unlock()
		return "", time.Time{}, fmt.Errorf("WNS: all %d channels are in use; close some, or restart the service", maxChannels)
	}
	c := s.draw()
	c.pfn, c.device, c.app, c.receiver, c.expires = pfn, device, app.id(), r, s.Now().Add(ChannelLife)
	st.add(c)
	kept := s.keep(c.record())
	uri, expires = c.uri, c.expires
	st.mu.Unlock()
	if err := kept(); err != nil {
		st.mu.Lock()
		st.forget(c) // the store never had it
		st.mu.Unlock()
		return "", time.Time{}, fmt.Errorf("WNS: the channel could not be kept: %w", err)
	}
	return uri, expires, nil
}

// draw makes a channel of a new token; the caller holds the lock.
func (s *Server) draw() *channel {
	for {
		raw := s.randomBytes(46)
		token := newChannelToken(raw[:45])
		if s.channels.byToken[token] != nil {
			continue // a restarted service draws the same tokens from its seed again
		}
		c := &channel{token: token, query: token.query(), id: fmt.Sprintf("%x", raw[:5])}
		base := s.cfg.ChannelBase
		if base == "" {
			base = "https://" + ChannelHosts[int(raw[45])%len(ChannelHosts)] + "/"
		}
		c.uri = base + "?" + c.query
		c.path = pathOf(c.uri)
		return c
	}
}

func (c *channelStore) add(ch *channel) {
	c.byQuery[ch.query], c.byToken[ch.token] = ch, ch
}

// Attach sends the notifications of an open channel to r, for a device that
// reconnects, perhaps after a restart of the service. Cached notifications are
// delivered. It returns false if the channel is unknown, closed or expired.
func (s *Server) Attach(uri string, r Receiver) bool {
	s.channels.mu.Lock()
	c := s.channels.of(uri)
	ok := c != nil && !c.closed && s.Now().Before(c.expires)
	if ok {
		c.receiver = r
	}
	s.channels.mu.Unlock()
	if ok {
		s.deliverCached(c.device)
	}
	return ok
}

// of finds an open or closed channel by its URI; the caller holds the lock.
func (c *channelStore) of(uri string) *channel {
	_, query, _ := strings.Cut(uri, "?")
	return c.byQuery[query]
}

// SetConnection sets the state of a device's connection. A device that
// reconnects gets what was cached for it.
func (s *Server) SetConnection(device string, state Connection) {
	st := &s.channels
	st.mu.Lock()
	if state == Connected {
		delete(st.offline, device)
	} else {
		st.offline[device] = state
	}
	st.mu.Unlock()
	if state == Connected {
		s.deliverCached(device)
	}
}

// SetConnected is SetConnection for a device with two states.
func (s *Server) SetConnected(device string, connected bool) {
	state := Disconnected
	if connected {
		state = Connected
	}
	s.SetConnection(device, state)
}

// connection is the state of a channel's device; the caller holds the lock.
func (c *channelStore) connection(ch *channel) Connection {
	if state, ok := c.offline[ch.device]; ok {
		return state
	}
	if ch.receiver == nil {
		return Disconnected
	}
	return ch.receiver.Connection()
}

// find looks a channel up by the raw query of a request. exact is false if the
// sender changed the URI, so that only decoding found it.
func (c *channelStore) find(rawQuery string) (ch *channel, closed, exact bool, expires time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if ch = c.byQuery[rawQuery]; ch == nil {
		if token := channelTokenOf(rawQuery); token != "" {
			ch = c.byToken[token]
		}
	}
	if ch == nil {
		return nil, false, false, expires
	}
	return ch, ch.closed, sameQuery(rawQuery, ch.query), ch.expires
}

// CloseChannel revokes a channel: notifications to it get 410.
func (s *Server) CloseChannel(uri string) {
	st := &s.channels
	st.mu.Lock()
	c := st.of(uri)
	if c == nil || c.closed {
		st.mu.Unlock()
		return
	}
	lost := c.cached
	c.closed, c.receiver, c.cached = true, nil, nil
	st.waits(c)
	records := []Record{c.record()}
	st.closed = append(st.closed, c)
	if len(st.closed) > keptClosed {
		records = append(records, st.forget(st.closed[0]))
	}
	kept := s.keepSurely(records...)
	st.mu.Unlock()
	s.ended(Expired, lost...)
	kept()
}

// ForgetChannel deletes a channel: notifications to it get 404.
func (s *Server) ForgetChannel(uri string) {
	st := &s.channels
	st.mu.Lock()
	c := st.of(uri)
	if c == nil {
		st.mu.Unlock()
		return
	}
	lost := c.cached
	c.cached = nil
	st.waits(c)
	kept := s.keepSurely(st.forget(c))
	st.mu.Unlock()
	s.ended(Expired, lost...)
	kept()
}

// ExpireChannel ends a channel's thirty days now.
func (s *Server) ExpireChannel(uri string) {
	st := &s.channels
	kept := func() {}
	st.mu.Lock()
	if c := st.of(uri); c != nil {
		c.expires = s.Now()
		kept = s.keepSurely(c.record())
	}
	st.mu.Unlock()
	kept()
}

// MoveChannel gives a channel another path, such as /w/, which the hosts of the newer
// form have. It returns the new URI; what is sent to the old one arrives, and is
// journaled as changed. The result is empty if the channel is unknown or closed.
func (s *Server) MoveChannel(uri, path string) string {
	st := &s.channels
	st.mu.Lock()
	c := st.of(uri)
	if c == nil || c.closed {
		st.mu.Unlock()
		return ""
	}
	moved := *c // requests under way read the old one
	origin, _, _ := strings.Cut(c.uri, "?")
	moved.path = path
	moved.uri = strings.TrimSuffix(origin, c.path) + path + "?" + c.query
	cached := c.cached
	c.cached = nil
	st.waits(c)
	moved.cached = cached
	st.add(&moved)
	st.waits(&moved)
	kept := s.keepSurely(moved.record())
	st.mu.Unlock()
	kept()
	return moved.uri
}

func (c *channelStore) forget(ch *channel) Record {
	delete(c.byQuery, ch.query)
	delete(c.byToken, ch.token)
	if ch.closed {
		c.closed = slices.DeleteFunc(c.closed, func(x *channel) bool { return x == ch })
	}
	return Record{Bucket: bucketChannels, Key: ch.query}
}

// Channels are the open channels of a device, in no order; an empty device
// means all.
func (s *Server) Channels(device string) (out []Channel) {
	return s.ChannelsOf(func(c Channel) bool { return !c.Revoked && (device == "" || c.Device == device) })
}

// ChannelsOf are the channels that want accepts, closed ones included, in no
// order.
func (s *Server) ChannelsOf(want func(Channel) bool) (out []Channel) {
	st := &s.channels
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, c := range st.byQuery {
		view := Channel{ID: c.id, URI: c.uri, PFN: c.pfn, Device: c.device, Expires: c.expires, Revoked: c.closed,
			Connection: st.connection(c), Cached: len(c.cached) > 0}
		if want(view) {
			out = append(out, view)
		}
	}
	return out
}
