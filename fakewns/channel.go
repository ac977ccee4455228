package fakewns

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Channel is one device's channel for one app.
type Channel struct {
	URI     string
	PFN     string
	Device  string
	Expires time.Time

	app    *App
	query  string // what stands after the "?"
	wake   func(payload []byte)
	closed bool // revoked or expired: 410
}

type channelStore struct {
	mu      sync.RWMutex
	byQuery map[string]*Channel
	byToken map[string]*Channel // by the decoded token, for URIs that were re-encoded
	closed  []*Channel          // oldest first, bounded
}

// keptClosed is how many closed channels still answer 410; older ones are
// forgotten and answer 404.
const keptClosed = 4096

func (c *channelStore) init() {
	c.byQuery, c.byToken = map[string]*Channel{}, map[string]*Channel{}
}

// RegistrationError says why a PFN cannot be registered.
type RegistrationError struct {
	PFN  string
	kind string
}

func (e *RegistrationError) Error() string { return fmt.Sprintf("WNS: PFN %q is %s", e.PFN, e.kind) }

// Reason is "unknown".
func (e *RegistrationError) Reason() string { return e.kind }

// OpenChannel registers pfn for a device and gives the channel. wake is called
// for each raw notification after its sender was answered; it must not block.
// The PFN is looked up without regard to case, as package names are.
func (s *Server) OpenChannel(ctx context.Context, device, pfn string, wake func(payload []byte)) (uri string, expires time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return "", time.Time{}, err
	}
	var app *App
	for i := range s.cfg.Apps {
		if strings.EqualFold(s.cfg.Apps[i].PFN, pfn) {
			app = &s.cfg.Apps[i]
		}
	}
	if app == nil {
		return "", time.Time{}, &RegistrationError{PFN: pfn, kind: "unknown"}
	}
	// A real token is base64 in percent-encoding; "+", "/" and "=" are always
	// in ours, so that a sender that re-encodes the URI is caught. The lower
	// case of %2b differs from what most libraries write [seen].
	raw := s.randomBytes(45)
	token := "AwY" + base64.StdEncoding.EncodeToString(raw) + "+/="
	encoded := strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(token)
	c := &Channel{PFN: pfn, Device: device, app: app, query: "token=" + encoded, wake: wake, Expires: s.cfg.Now().Add(channelLife)}
	st := &s.channels
	st.mu.Lock()
	defer st.mu.Unlock()
	c.URI = s.cfg.ChannelBase + "?" + c.query
	st.byQuery[c.query], st.byToken[token] = c, c
	return c.URI, c.Expires, nil
}

// find looks a channel up by the raw query of a request. exact is false where
// the query had to be decoded to find it: the sender changed the URI.
func (c *channelStore) find(rawQuery string) (ch *Channel, exact bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if ch := c.byQuery[rawQuery]; ch != nil {
		return ch, true
	}
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, false
	}
	token := q.Get("token")
	if ch := c.byToken[token]; ch != nil {
		return ch, false
	}
	// A "+" that was decoded and not encoded again arrives as a space.
	return c.byToken[strings.ReplaceAll(token, " ", "+")], false
}

// CloseChannel revokes a channel: notifications to it get 410.
func (s *Server) CloseChannel(uri string) {
	st := &s.channels
	_, query, _ := strings.Cut(uri, "?")
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.byQuery[query]
	if c == nil || c.closed {
		return
	}
	c.closed, c.wake = true, nil
	st.closed = append(st.closed, c)
	if len(st.closed) > keptClosed {
		st.forget(st.closed[0])
		st.closed = st.closed[1:]
	}
}

// ForgetChannel makes the service not know a channel: notifications to it get
// 404.
func (s *Server) ForgetChannel(uri string) {
	_, query, _ := strings.Cut(uri, "?")
	s.channels.mu.Lock()
	defer s.channels.mu.Unlock()
	if c := s.channels.byQuery[query]; c != nil {
		s.channels.forget(c)
	}
}

func (c *channelStore) forget(ch *Channel) {
	delete(c.byQuery, ch.query)
	if token, err := url.QueryUnescape(strings.TrimPrefix(ch.query, "token=")); err == nil {
		delete(c.byToken, token)
	}
}

// Channels are the open channels of a device, in no order.
func (s *Server) Channels(device string) (out []Channel) {
	s.channels.mu.RLock()
	defer s.channels.mu.RUnlock()
	for _, c := range s.channels.byQuery {
		if c.Device == device && !c.closed {
			out = append(out, *c)
		}
	}
	return out
}
