// Package dmclient is a simulated Windows device: it enrolls, runs OMA-DM
// sessions over mutual TLS, registers the PFN a server sets with a push service
// and starts a session on a wake-up or by its schedule.
//
// Sources: MS-MDE2 and MS-MDM for the messages, Learn's "DMClient CSP" and
// "Push notification support for device management" for the push path. [seen]
// marks behaviour observed on real devices; [model] marks our assumptions,
// which a Quirk switches.
package dmclient

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// WNS is the push service as the device's WNS client sees it. A decorator
// embeds a WNS, and so passes on every method that it does not change. An
// implementation that ignores what happens to its devices embeds IgnoreEvents.
type WNS interface {
	// OpenChannel registers pfn for the device and returns the channel URI and
	// its expiry; zero means never. wake is called once for every raw
	// notification; it does not block. An error may have a Reason() string:
	// "malformed", "unknown", "revoked" or "offline".
	OpenChannel(ctx context.Context, deviceID, pfn string, wake func(payload []byte)) (uri string, expires time.Time, err error)
	// CloseChannel closes a channel; unknown URIs are ignored.
	CloseChannel(uri string)
	// SetConnected reports that the device's network was lost or restored.
	SetConnected(deviceID string, connected bool)
	// Led reports which session a notification led to.
	Led(deviceID, session string)
}

// IgnoreEvents implements the event methods of WNS and does nothing.
type IgnoreEvents struct{}

// SetConnected implements WNS.
func (IgnoreEvents) SetConnected(string, bool) {}

// Led implements WNS.
func (IgnoreEvents) Led(string, string) {}

// Config of a device. Enrolling requires Discovery, or an e-mail address as
// Username. Everything else has a default.
type Config struct {
	// Discovery is the URL of the discovery service. By default it follows from
	// the Username's domain, as on Windows.
	Discovery string
	// Username and Password are for OnPremise enrollment, and for the sign-in
	// page of a Federated one.
	Username, Password string
	// Tokens returns the current token of the directory that the device joins. It is
	// asked for the enrollment, for the terms-of-use page and in each session. With
	// it no sign-in page is opened.
	Tokens func(context.Context, TokenRequest) (string, error)
	// EntraToken returns the token of the enrollment alone. Without Tokens, sessions
	// carry it as well, and have no token of the device.
	EntraToken func(context.Context) (string, error)
	// Credential chooses the credential of an enrollment, whatever AuthPolicy the
	// server named. Nil, or nil without an error, leaves that to the device. It must
	// not enroll the device.
	Credential func(context.Context, *Device, *enroll.DiscoverResponse) (*enroll.Credential, error)
	// TermsOfUse is the URL of the server's terms of use, which the user of a
	// directory sees before the enrollment; empty opens no page. RefuseTerms
	// declines them, which ends the enrollment.
	TermsOfUse  string
	RefuseTerms bool
	// EnrollCert is for Certificate enrollment.
	EnrollCert *tls.Certificate
	// AllowHTTP lets the device send credentials to services on plain HTTP that Discover
	// names, and have sessions with a server there. Windows does neither [model].
	AllowHTTP bool
	// EditRST changes every RST right before it is sent; nil changes nothing.
	EditRST func(message []byte) []byte
	// EnrollmentType is Full (default) or Device.
	EnrollmentType string
	// Attestation is what the device says of its key if the server asks for it;
	// default AttestGood.
	Attestation Attestation

	Profile Profile // default Win11
	// Identity is random if it is the zero value.
	Identity Identity
	// Quirks are switched by name while the device is in memory. Quirks of the
	// Profile belong to the device and are packed with it.
	Quirks []string
	// Roots verify the server's TLS certificate, together with the roots of the
	// provisioning document. Nil means the system's.
	Roots *x509.CertPool
	// Trust spares devices of the same roots the verification of a chain that one of
	// them verified. Nil: each device verifies each connection's.
	Trust *Trust
	// WNS is where PFNs are registered. Nil: push is not available (Status 8).
	WNS WNS
	// Key makes the key of the client certificate; nil generates RSA 2048.
	Key func() (crypto.Signer, error)
	// Dial replaces the dialer, for servers with a name that does not resolve.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is the base configuration of every connection, for example its
	// curves. The device sets the roots and the client certificate.
	TLS *tls.Config
	// Timeout bounds one request, default 30 seconds.
	Timeout time.Duration
	// NoRetry ends a session at the first failed connection. Windows retries,
	// as CONNRETRYFREQ and the back-off times say.
	NoRetry bool
	// Pace is called before each enrollment and each sign-in, and may wait; its
	// error ends the enrollment. Nil never waits.
	Pace func(context.Context) error
	// Busy is called for an answer that asks to retry later: 429, or 503 with
	// Retry-After. If it returns true, the device waits and retries: in
	// enrollments, on sign-in pages, and after a 503 in sessions. Windows is
	// not known to do so. Nil leaves these answers to the caller. Sessions
	// always wait after a 429 (MS-MDM 3.1.6), Post never does. BareWait,
	// default one minute, is the wait after a 429 without Retry-After in an
	// enrollment. The record has all exchanges, including these.
	Busy     func(Limit) bool
	BareWait time.Duration
	// Clock is the device's clock, default SystemClock; Skew is its error.
	Clock Clock
	Skew  time.Duration
	// SkewTLS applies Skew to the server's certificate, too. Without it Skew
	// affects only messages: a certificate made today is not yet valid on a
	// slow clock, and the session would end before it shows anything else.
	SkewTLS bool
	// JobTime is how long an installation takes on that clock; default 0.
	JobTime time.Duration
	// Unscheduled ignores the polls that the server's schedule asks for (DMClient's
	// Poll nodes): the caller decides when the device checks in. Everything else of the
	// device's plan stays.
	Unscheduled bool
	// AcceptUnknown accepts commands for CSPs that this device does not have.
	AcceptUnknown bool
	// DDF describes the CSPs of Windows 10 and later beyond those that are written by
	// hand; by default Microsoft's files, as package ddf has them.
	DDF    csp.Base
	Faults []Fault

	// Keep is how many sessions are remembered, default 128. If set, it also
	// bounds wake-ups and enrollment requests. A session of a few messages
	// takes some 20 KB.
	Keep int

	// Persist, if not nil, stores the device before the server may rely on what it
	// has: after an enrollment and after a renewal of the certificate, and in a
	// session before the message that acknowledges commands which may have changed
	// the device. It may Pack the device. If it fails, the session ends with
	// ErrNotStored and the server gets no Status: what was acknowledged is stored.
	Persist func(*Device) error

	// OnSend and OnReceive are called for every session message, OnEffect for
	// every effect of a command. They must not call the device.
	OnSend, OnReceive func(*Session, *syncml.Message)
	OnEffect          func(csp.Effect)
	// OnWake is called for every push that reached the device, after the device knows of
	// it. It must not block; it may call Attend from another goroutine.
	OnWake func(Wake)

	Log *slog.Logger // nil discards
}

// State is a stage of a device's life.
type State int

// The states of a device.
const (
	NotEnrolled State = iota
	Enrolled
	Unenrolled
	Wiped
)

func (s State) String() string {
	return [...]string{"not enrolled", "enrolled", "unenrolled", "wiped"}[s]
}

// Login is who is logged in, as in the LoginStatus alert.
type Login string

// The values of LoginStatus (Learn, "OMA DM protocol support").
const (
	LoginUser   Login = "user"   // the enrolled user
	LoginOthers Login = "others" // somebody else
	LoginNone   Login = "none"
)

// Device is one simulated device. Its methods may be called concurrently;
// sessions of one device run one after the other.
type Device struct {
	cfg  Config
	log  *slog.Logger
	tree *csp.Tree
	push pushClient
	own  Quirks        // without Config.Quirks
	wake chan struct{} // capacity 1: wake-ups coalesce while a session waits

	session turn // held while a session or an enrollment runs
	record  record

	mu         sync.Mutex
	state      State
	login      Login
	provider   string // ProviderID of the account
	addr       string // ADDR of the provisioning document
	key        crypto.Signer
	cert       []byte
	roots      [][]byte
	doc        *enroll.Provisioning
	discovered *enroll.DiscoverResponse
	azure      *enroll.AzureAttestation // what GetPolicies asks to attest to
	enrollURL  string                   // where the certificate of an adopted device is renewed
	nextID     int
	cvBase     string // of MS-CV; empty before the first session
	cvCount    int    // the sessions so far
	transport  *transport
	asked      atomic.Bool  // the session server requested a certificate in TLS
	pending    []csp.Effect // of the session under way
	life       Life
	jobs       []csp.Job
	alerts     []syncml.Command // for the next package 1
	renewal    renewal
	setup      setup
	schedule   schedule
	directory  directory
	trigger    Origin        // why wake was signalled
	runs       bool          // Run begins what is signalled
	link       *link         // the linked enrollment; nil without one
	primary    *Device       // whose linked enrollment this is; nil otherwise
	declared   []declaration // of a linked enrollment
	refreshed  time.Time     // when the documents were last held against the device
}

// New makes a device. It does nothing until Enroll or Adopt.
func New(cfg Config) (*Device, error) { return newDevice(cfg, nil) }

// newDevice is New for a device or, with its primary, for a linked enrollment.
func newDevice(cfg Config, primary *Device) (*Device, error) {
	if cfg.Profile.Name == "" {
		cfg.Profile = Win11()
	}
	if reflect.ValueOf(cfg.Identity).IsZero() {
		cfg.Identity = NewIdentity(mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64()))) //nolint:gosec // a name, not a secret
	}
	own := cfg.Profile.Quirks
	for _, q := range cfg.Quirks {
		if err := cfg.Profile.SetQuirk(q); err != nil {
			return nil, fmt.Errorf("dmclient: %w", err)
		}
	}
	if cfg.Discovery == "" && cfg.Username != "" {
		var err error
		if cfg.Discovery, err = enroll.DiscoveryURL(cfg.Username); err != nil {
			return nil, fmt.Errorf("dmclient: Config.Discovery is empty: %w", err)
		}
	}
	switch cfg.EnrollmentType {
	case "":
		cfg.EnrollmentType = "Full"
	case "Full", "Device":
	default:
		return nil, fmt.Errorf("dmclient: EnrollmentType %q is neither Full nor Device", cfg.EnrollmentType)
	}
	if cfg.Attestation == "" {
		cfg.Attestation = AttestGood
	}
	if !slices.Contains(Attestations(), cfg.Attestation) {
		return nil, fmt.Errorf("dmclient: unknown Attestation %q; use one of %v", cfg.Attestation, Attestations())
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Key == nil {
		cfg.Key = new(enroll.KeyPool).Key
	}
	if cfg.Clock == nil {
		cfg.Clock = SystemClock{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	schema, err := cfg.schema()
	if err != nil {
		return nil, fmt.Errorf("dmclient: %w", err)
	}
	d := &Device{cfg: cfg, log: cfg.Log.With("device", cfg.Identity.DeviceID), wake: make(chan struct{}, 1), session: make(turn, 1), login: LoginUser, own: own, primary: primary, record: record{keep: cfg.Keep}}
	d.record.changed = make(chan struct{})
	d.push = pushClient{device: d, accounts: map[string]*pushAccount{}}
	d.tree = csp.NewTree(schema, host{d})
	d.describe()
	return d, nil
}

// describe provisions the nodes that follow from the identity.
func (d *Device) describe() {
	for _, m := range d.cfg.Identity.MACs {
		d.tree.Provision("./Vendor/MSFT/DeviceStatus/NetworkIdentifiers/"+m, "")
	}
	if d.cfg.Profile.Phone {
		d.tree.Provision("./Vendor/MSFT/DeviceStatus/CellularIdentities/"+imei(d.cfg.Identity.DeviceID), "")
	}
}

func (d *Device) now() time.Time { return d.cfg.Clock.Now().Add(d.cfg.Skew) }

// Close closes the device's connections and channels. The device is still
// enrolled at the server.
func (d *Device) Close() {
	if child := d.Linked(); child != nil {
		child.Close()
	}
	d.push.closeAll()
	d.Disconnect()
}

// Disconnect closes the connections that are kept between sessions.
func (d *Device) Disconnect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.transport != nil {
		d.transport.CloseIdleConnections()
		d.transport = nil
	}
}

// Identity returns the device's identity.
func (d *Device) Identity() Identity { return d.cfg.Identity }

// Profile returns the device's Windows version.
func (d *Device) Profile() Profile {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg.Profile
}

// Tree is the device's management tree, to inspect or prepare.
func (d *Device) Tree() *csp.Tree { return d.tree }

// State returns the stage of the device's life.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Discovered is the server's answer to Discover, nil before Enroll.
func (d *Device) Discovered() *enroll.DiscoverResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.discovered
}

// Provisioning is the document the device enrolled with; nil before Enroll, and
// for adopted or restored devices.
func (d *Device) Provisioning() *enroll.Provisioning {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.doc
}

// PublicKey is the key of the last certificate request; nil before it.
func (d *Device) PublicKey() crypto.PublicKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.key == nil {
		return nil
	}
	return d.key.Public()
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
