// Package lab starts everything that one run needs (CA, fake WNS, the route to
// it, devices, the target) and stops it again.
package lab

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/fakewns/state"
	"github.com/dmwake/dmwake/harness/signin"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// Options of a lab, apart from the target.
type Options struct {
	// Mutants and Variants of the embedded server.
	Mutants  []*mutants.Mutant
	Variants []*variants.Variant
	Seed     uint64 // of device identities and of the fake WNS; 0 draws one
	Log      *slog.Logger
	// Quiet replaces the embedded server's Timeouts.Quiet, for machines that
	// are busy with other things.
	Quiet time.Duration
	// Push replaces the embedded server's Timeouts.Push.
	Push time.Duration
	// BareWait replaces the wait of one minute after a 429 without Retry-After.
	BareWait time.Duration
	// Crowd replaces the embedded server's Target.Crowd.
	Crowd int
	// Setup is a special setup of the embedded server, one of Setups.
	Setup string
	// Keys hands out the keys of the devices and of the directory. By default devices
	// of the embedded server share a few RSA keys, and devices of other servers get a
	// new one each.
	Keys *enroll.KeyPool
	// Now replaces time.Now for the N of the work hook, which begins elsewhere in each
	// run.
	Now func() time.Time
	// State is a file that keeps the fake WNS's state over a restart; empty:
	// none.
	State string
	// StateChanged is called when State can no longer be written, and with nil when it
	// can be again.
	StateChanged func(error)
	// Control is the address of the control API, and ControlToken its token.
	// Devices of other processes connect there. Empty: no control API.
	Control      string
	ControlToken string
	// Parts are further APIs and pages on the control API's listener, of a lab that is
	// up but for that listener; nil: none.
	Parts func(*Lab) ([]control.Part, error)
}

// Lab is everything one run needs, up and running.
type Lab struct {
	Config target.Config
	WNS    *fakewns.Server
	CA     *intercept.CA
	Seed   uint64
	// ControlAddr is where the control API listens; empty without one. Config
	// has the other addresses that the lab listens on.
	ControlAddr string
	// Directory is the fake Entra; nil if the target has none.
	Directory *entra.Provider
	// enrollCert signs enrollments, in the setup "certificate".
	enrollCert *tls.Certificate

	wnsAddr string
	moved   []string // see Moved
	state   *state.File
	unkept  error        // of closing state
	wnsHTTP *http.Server // of the fake WNS
	link    *link.Server
	opts    Options

	log      *slog.Logger
	roots    *x509.CertPool
	embedded *mdmserver.Server
	servers  []*http.Server
	ctx      context.Context //nolint:containedctx // the life of the devices, ended by Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	ready    chan crypto.Signer // keys of devices, see key
	family   *family
	first    bool // of its family
	pace     *pace

	mu     sync.Mutex
	rand   *mathrand.Rand
	conns  map[net.Conn]struct{} // to the fake WNS
	fresh  map[net.Conn]struct{} // of these, the ones that brought no request yet
	setups map[string]*Lab       // of the embedded server, made when they are asked for

	hookLog   hookLog
	serverIDs serverIDs
	newcomers newcomers
	usual     atomic.Int32  // see learnHealth
	sharing   chan struct{} // held while the shared device is made ready; capacity 1
	starting  sync.Mutex    // of setups
	shared    atomic.Pointer[dmclient.Device]
	specimens specimens

	works      atomic.Int64 // the last N of the work hook, see firstWork
	learning   sync.Mutex   // see Signature
	learned    *Signature
	notLearned error
}

// Start starts a lab for the target; nil is the embedded reference server.
// Errors are worded for the user.
func Start(cfg *target.Config, opts Options) (*Lab, error) {
	keys := opts.Keys
	if keys == nil {
		keys = enroll.NewKeyPool(sharedKeys)
	}
	l, err := start(cfg, opts, &family{keys: keys, lenient: map[string]*leniency{}})
	if err == nil {
		l.first = true
	}
	return l, err
}

// family is what the labs of one run share: the first lab, one for each setup,
// and one for each scenario that runs alone.
type family struct {
	keys *enroll.KeyPool

	mu      sync.Mutex
	lenient map[string]*leniency // by setup: servers of one setup are the same
	told    []string             // notes about the profiles, see FallBack
	browser *signin.Browser      // for sign-ins; nil before the first one
}

func start(cfg *target.Config, opts Options, of *family) (*Lab, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Seed == 0 {
		opts.Seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // a seed, not a secret
	}
	l := &Lab{Seed: opts.Seed, log: opts.Log, rand: mathrand.New(mathrand.NewPCG(opts.Seed, 1)), //nolint:gosec // identities of simulated devices
		ready: make(chan crypto.Signer, 4), family: of,
		conns: map[net.Conn]struct{}{}, fresh: map[net.Conn]struct{}{}, setups: map[string]*Lab{}, sharing: make(chan struct{}, 1), opts: opts}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	l.works.Store(firstWork(opts.Now()))
	l.ctx, l.cancel = context.WithCancel(context.Background())
	var err error
	if cfg == nil {
		err = l.startEmbedded(opts)
		l.pace = newPace(int(l.Config.Target.Pace))
	} else {
		l.Config = *cfg
		l.pace = newPace(int(cfg.Target.Pace))
		err = l.startOwn(opts)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	if opts.Keys == nil && l.embedded == nil {
		l.wg.Add(1)
		go l.makeKeys()
	}
	return l, nil
}

// Close stops everything and waits for it.
func (l *Lab) Close() {
	l.cancel()
	l.mu.Lock()
	setups := slices.Collect(maps.Values(l.setups))
	l.mu.Unlock()
	for _, s := range setups {
		s.Close()
	}
	if l.embedded != nil {
		l.embedded.Close()
	}
	if l.link != nil {
		l.link.Close()
	}
	for _, s := range l.servers {
		s.Close()
	}
	l.wg.Wait()
	if l.first {
		l.family.closeBrowser()
	}
	if l.state != nil {
		l.WNS.Settle()
		if l.unkept = l.state.Close(); l.unkept != nil {
			l.log.Error("the state file could not be closed", "err", l.unkept)
		}
	}
}
