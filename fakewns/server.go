// Package fakewns is a stand-in for the Windows Push Notification Services
// (WNS): the token endpoint, channel registration and the notification
// endpoint, with the checks and answers of the real service, and a journal of
// everything that was asked.
//
// Sources: Learn, "Push notification service request and response headers" and
// "WNS overview"; what was seen of the real service is marked [seen], our own
// assumptions [model].
package fakewns

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// App is one app identity: the PFN, Package SID and client secret that the
// partner portal hands out together.
type App struct {
	PFN        string // package family name
	PackageSID string // ms-app://s-1-15-2-...
	Secret     string
}

// Config of a Server; the zero value works and has DefaultApp.
type Config struct {
	Apps []App // default: DefaultApp
	// ChannelBase is the start of every channel URI, up to the query, such as
	// "https://127.0.0.1:7443/". Default: ChannelBaseReal.
	ChannelBase   string
	TokenLifetime time.Duration // default 24 h, as WNS says in expires_in
	JournalSize   int           // entries kept, default 4096
	Seed          uint64        // of channel tokens, access tokens and message ids
	Now           func() time.Time
	Log           *slog.Logger // nil discards
}

// DefaultApp is the identity used where none is configured. Its name is that
// of the app the first public reports of this path were made with, in lower
// case; the secret is made up.
var DefaultApp = App{
	PFN:        "52314publisher.testwns_t6e9vsyjkrw9w",
	PackageSID: "ms-app://s-1-15-2-1004590699-1252537337-3790088604-2480770337-3429839022-2233720366-2110427137",
	Secret:     "dmwake+Test/Secret=",
}

// ChannelBaseReal is a base that unmodified servers accept: https, port 443,
// one label before notify.windows.com.
const ChannelBaseReal = "https://db5p.notify.windows.com/"

// TokenPath is where the classic token endpoint is.
const TokenPath = "/accesstoken.srf"

// channelLife is how long a channel URI is valid (Learn, "Push notification
// support for device management").
const channelLife = 30 * 24 * time.Hour

// Server is the push service. It is an http.Handler for the token and the
// notification endpoint; TLS is the caller's.
type Server struct {
	cfg     Config
	router  *mux.Router
	journal *Journal

	randMu sync.Mutex
	rand   *rand.Rand

	tokens   tokenStore
	channels channelStore
	faults   faultStore
	msgID    atomic.Uint64
}

// New makes a push service.
func New(cfg Config) *Server {
	if len(cfg.Apps) == 0 {
		cfg.Apps = []App{DefaultApp}
	}
	if cfg.ChannelBase == "" {
		cfg.ChannelBase = ChannelBaseReal
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
		cfg: cfg, journal: newJournal(cfg.JournalSize),
		rand: rand.New(rand.NewPCG(cfg.Seed, 0x776e73)), //nolint:gosec // identifiers of a simulator, reproducible by seed
	}
	s.tokens.byValue = map[string]*accessToken{}
	s.channels.init()
	// A channel URI is compared byte for byte, so its path must reach the
	// handler as it came.
	r := mux.NewRouter().SkipClean(true).UseEncodedPath()
	r.Path(TokenPath).HandlerFunc(s.serveToken)
	r.PathPrefix("/").HandlerFunc(s.serveNotification)
	s.router = r
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// Journal is the record of all requests.
func (s *Server) Journal() *Journal { return s.journal }

// Apps are the app identities of the service.
func (s *Server) Apps() []App { return append([]App(nil), s.cfg.Apps...) }

// SetChannelBase changes the base of the channel URIs issued from now on, for
// a caller that learns its port only when it listens.
func (s *Server) SetChannelBase(base string) {
	s.channels.mu.Lock()
	defer s.channels.mu.Unlock()
	s.cfg.ChannelBase = base
}

func (s *Server) randomBytes(n int) []byte {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32() & 0xff)
	}
	return b
}
