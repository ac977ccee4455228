// Package fakewns is a stand-in for the Windows Push Notification Services
// (WNS): the token endpoint, channel registration and the notification
// endpoint, with the checks and answers of the real service, and a journal of
// all requests.
//
// Sources: Learn, "Push notification service request and response headers" and
// "WNS overview"; [seen] marks behaviour observed on the real service, [model]
// our assumptions.
package fakewns

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// Config of a Server; the zero value works and has DefaultApp.
type Config struct {
	Apps []App // default: DefaultApp
	// ChannelBase is the start of every channel URI, up to the query, such as
	// "https://127.0.0.1:7443/". By default each channel gets one of
	// ChannelHosts.
	ChannelBase   string
	TokenLifetime time.Duration // default 24 h, as WNS says in expires_in
	JournalSize   int           // entries kept, default 4096
	JournalBytes  int           // memory they may take, default 16 KiB each and at least 1 MiB
	Seed          uint64        // of channel tokens, access tokens and message ids
	// SigningKey signs access tokens. Services that share it accept each
	// other's tokens. Random if empty.
	SigningKey []byte
	// ChannelRate and AppRate limit the notifications per second to one channel
	// and from one app. Over ChannelRate the answer is channelthrottled, over
	// AppRate it is 406. Zero: unlimited.
	ChannelRate, AppRate float64
	Now                  func() time.Time
	Log                  *slog.Logger // nil discards
}

// DefaultApp is used if no app is configured. Its PFN comes from the first
// public reports of this path, in lower case; the secret is made up.
var DefaultApp = App{
	PFN:        "52314publisher.testwns_t6e9vsyjkrw9w",
	PackageSID: "ms-app://s-1-15-2-1004590699-1252537337-3790088604-2480770337-3429839022-2233720366-2110427137",
	Secret:     "dmwake+Test/Secret=",
}

// ChannelHosts are hosts of channel URIs as seen of the real service: one label
// before notify.windows.com, of the older form or of the newer one, wns2-. Which one
// a device gets may change at any time (Microsoft, windows-dev-docs issue 4305), so
// each channel gets a random one, and no server relies on a certain host.
var ChannelHosts = []string{
	"db3.notify.windows.com", "db5.notify.windows.com", "db5p.notify.windows.com", "dm3p.notify.windows.com", "sg2p.notify.windows.com",
	"wns2-par02p.notify.windows.com", "wns2-bl2p.notify.windows.com", "wns2-sg2p.notify.windows.com", "wns2-pn1p.notify.windows.com", "wns2-by3p.notify.windows.com",
}

// TokenPath is where the classic token endpoint is.
const TokenPath = "/accesstoken.srf"

// ChannelLife is how long a channel URI is valid (Learn, "Push notification
// support for device management").
const ChannelLife = 30 * 24 * time.Hour

// Server is the push service. It is an http.Handler for the token and the
// notification endpoint; TLS is the caller's.
type Server struct {
	cfg     Config
	router  *mux.Router
	journal *Journal

	randMu sync.Mutex
	rand   *rand.Rand

	apps     atomic.Pointer[[]*App]
	signer   *signer
	tokens   tokenStore
	channels channelStore
	limits   limits
	faults   faultStore
	hellos   hellos
	msgID    atomic.Uint64
	stats    stats
	offset   atomic.Int64 // of the clock, nanoseconds
	saved    Store        // nil: nothing is kept
	epoch    uint64       // of the store: the IDs of its parcels begin there
	onWake   atomic.Pointer[func(device string, seq uint64)]
	spaces   atomic.Pointer[func(device string) string]
}

// New makes a push service. It does not check Config.Apps; SetApps does.
func New(cfg Config) *Server {
	if len(cfg.Apps) == 0 {
		cfg.Apps = []App{DefaultApp}
	}
	if cfg.TokenLifetime <= 0 {
		cfg.TokenLifetime = 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, journal: newJournal(cfg.JournalSize, cfg.JournalBytes),
		rand: rand.New(rand.NewPCG(cfg.Seed, 0x776e73)), //nolint:gosec // identifiers of a simulator, reproducible by seed
	}
	s.signer = newSigner(cfg.SigningKey)
	s.tokens.good, s.tokens.revoked = map[string]*accessToken{}, map[string]time.Time{}
	list := make([]*App, len(cfg.Apps))
	for i := range cfg.Apps {
		a := cfg.Apps[i]
		list[i] = &a
	}
	s.apps.Store(&list)
	s.channels.init()
	// A channel URI is compared byte for byte, so its path must reach the
	// handler as it came.
	r := mux.NewRouter().SkipClean(true).UseEncodedPath()
	r.Path(TokenPath).HandlerFunc(s.serveToken)
	r.Path("/{tenant}/oauth2/v2.0/token").Methods(http.MethodPost).HandlerFunc(s.serveEntra)
	r.Path("/{tenant}/discovery/v2.0/keys").Methods(http.MethodGet).HandlerFunc(s.serveKeys)
	r.Path("/{tenant}/v2.0/.well-known/openid-configuration").Methods(http.MethodGet).HandlerFunc(s.serveDirectory)
	r.PathPrefix("/").HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serveNotification(w, r) })
	s.router = r
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && r.URL.RawQuery != "" {
		s.serveNotification(w, r) // the hot path bypasses the router
		return
	}
	s.router.ServeHTTP(w, r)
}

// Now is the service's time: the configuration's, moved by Advance.
func (s *Server) Now() time.Time { return s.cfg.Now().Add(time.Duration(s.offset.Load())) }

// maxOffset is how far the clock can be moved in all. A few times as much would overflow
// the offset, and the years of JSON end at 9999.
const maxOffset = 100 * 365 * 24 * time.Hour

// Advance moves the service's clock: tokens, channels and cached notifications
// age. The devices have their own clocks. In all it can be moved by 100 years; beyond
// that Advance is an error and moves nothing.
func (s *Server) Advance(by time.Duration) error {
	for {
		old := s.offset.Load()
		if by > maxOffset || by < -maxOffset || time.Duration(old)+by > maxOffset || time.Duration(old)+by < -maxOffset {
			return fmt.Errorf("the clock is %s ahead; by %s more it would be over 100 years", time.Duration(old), by)
		}
		if s.offset.CompareAndSwap(old, old+int64(by)) {
			s.DeliverCached()
			return nil
		}
	}
}

// Journal is the record of all requests.
func (s *Server) Journal() *Journal { return s.journal }

// OnWake calls f right before each raw notification goes to its receiver, with
// the Seq of its journal entry. It replaces an earlier f; nil removes it. f
// must not block.
func (s *Server) OnWake(f func(device string, seq uint64)) {
	if f == nil {
		s.onWake.Store(nil)
		return
	}
	s.onWake.Store(&f)
}

// SetNamespaces lets f say to which namespace a device belongs; empty: to none. Tests
// that run at the same time have a namespace each, to which faults can be bound.
func (s *Server) SetNamespaces(f func(device string) string) { s.spaces.Store(&f) }

// Namespace is the namespace of a device; empty without one.
func (s *Server) Namespace(device string) string {
	if f := s.spaces.Load(); f != nil && device != "" {
		return (*f)(device)
	}
	return ""
}

func (s *Server) wake(to Receiver, device string, seq uint64, payload []byte) {
	if f := s.onWake.Load(); f != nil {
		(*f)(device, seq)
	}
	to.Wake(payload)
}

// SetChannelBase changes the base of the channel URIs issued from now on, for
// a caller that learns its port only when it listens.
func (s *Server) SetChannelBase(base string) {
	s.channels.mu.Lock()
	defer s.channels.mu.Unlock()
	s.cfg.ChannelBase = base
}

// Led records that a wake-up led to a session; the journal shows it with the
// notification.
func (s *Server) Led(device, session string) { s.journal.led(device, session) }

func (s *Server) randomBytes(n int) []byte {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32() & 0xff)
	}
	return b
}
