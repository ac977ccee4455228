// Package mdmserver is the reference MDM server: it enrolls Windows devices,
// runs OMA-DM sessions with them and wakes them through WNS, as the standards
// ask. The conformance suite passes on it. Package mutants breaks one rule at a
// time, package variants uses the freedom that the standards leave.
//
// It shares the message types of simulator/syncml and simulator/enroll with
// the simulated device and nothing else, so that no bug is on both sides.
package mdmserver

import (
	"cmp"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Config of a Server. BaseURL, Username and Password are required.
type Config struct {
	BaseURL            string // https://host:port, what devices are told
	Username, Password string // of the one enrolling user
	ProviderID         string // default "dmwake MDM"

	// The app identity and the way to WNS. Without a PFN the server does not
	// push.
	PFN, PackageSID, Secret string
	TokenURL                string
	HTTP                    *http.Client // for WNS; default http.DefaultClient
	// ChannelHosts are the hosts a channel URI may name: an exact host, or a
	// suffix that starts with a dot. Default ".notify.windows.com".
	ChannelHosts []string

	// AuthPolicy of enrollment: OnPremise (default), Federated with a sign-in
	// page of the server's own, or Certificate for certificates of EnrollRoots.
	// With Entra, Federated takes the directory's tokens instead.
	AuthPolicy  string
	Entra       *Entra
	EnrollRoots *x509.CertPool

	// SessionAuth asks devices for a credential beside mutual TLS: AuthBasic or
	// AuthMD5; with AuthMD5 the server shows one, too.
	SessionAuth string
	// Encoding of sessions, as a media type; default XML.
	Encoding string
	// MaxMsgSize is the largest message a device may send, in bytes; 0 says
	// nothing. ChunkSize splits what the server sends of one value; 0 never.
	MaxMsgSize, ChunkSize int
	// RequireSigning asks devices to sign their messages (MS-Signature).
	RequireSigning bool
	// CertificateLife is how long device certificates are valid, default a
	// year; a negative one has expired when it is issued.
	CertificateLife time.Duration
	// SessionRate is how many sessions a device may open in a SessionWindow, default
	// a second, before it is answered 429; 0 does not limit them.
	SessionRate   int
	SessionWindow time.Duration
	// Atomic puts what is queued for a device into one Atomic.
	Atomic bool
	// IgnoreSource takes the client certificate alone for a device's identity and
	// does not compare it with the SyncHdr Source.
	IgnoreSource bool
	// QueueVerbs are the verbs that the admin API queues; empty means all.
	QueueVerbs []syncml.Verb
	// Profile makes the commands of a revision of the server's profile, which the admin
	// API applies to a device; nil is a profile of a few settings.
	Profile func(revision int) []Command
	// Linked gives every device a linked enrollment with this server, and manages it there
	// by the Documents; nil Documents are two of the server's own.
	Linked    bool
	Documents []Document
	// StatusPage sets up the Enrollment Status Page of every device.
	StatusPage bool
	// AutoPush wakes a device whenever something is queued for it.
	AutoPush bool
	// Intermediate issues device certificates by an authority below the root.
	Intermediate bool
	// CAKey makes the keys of the server's authorities; default ECDSA P-256.
	CAKey func() (crypto.Signer, error)

	Now    func() time.Time // the server's clock; default time.Now
	Tamper Tamper
	Log    *slog.Logger // nil discards
}

// Server is the reference MDM server. Handler serves devices, Admin serves
// whoever runs it.
type Server struct {
	cfg Config
	log *slog.Logger
	ca  *authority
	// root is what devices trust: the certificate of the CA, or the one above it.
	root []byte

	devicesHandler http.Handler
	sender         *sender
	// linked is the server of linked enrollments, with Config.Linked; primary is, of
	// that one, the server that it belongs to.
	linked, primary *Server

	mu      sync.Mutex
	devices map[string]*Device
	tokens  map[string]time.Time // of the sign-in page, and until when
	// consents are the terms-of-use pages that wait for an answer, and the blobs of
	// those that were accepted.
	consents map[string]*consent
}

// The paths of the services below BaseURL.
const (
	DiscoveryPath  = "/EnrollmentServer/Discovery.svc"
	PolicyPath     = "/EnrollmentServer/Policy.svc"
	EnrollmentPath = "/EnrollmentServer/Enrollment.svc"
	SignInPath     = "/EnrollmentServer/SignIn"
	ManagementPath = "/ManagementServer/MDM.svc"
	TermsPath      = "/EnrollmentServer/TermsOfUse" // with Entra
	HelpPath       = "/help"
)

// New makes a server with its own certificate authority.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, devices: map[string]*Device{}, tokens: map[string]time.Time{}, consents: map[string]*consent{}}
	var err error
	if s.ca, err = s.newAuthority("dmwake reference MDM device CA"); err != nil {
		return nil, err
	}
	s.root = s.ca.cert.Raw
	if cfg.Intermediate {
		if s.ca, err = s.intermediate(s.ca); err != nil {
			return nil, err
		}
	}
	s.sender = newSender(s)
	if cfg.Linked {
		if s.linked, err = newLinked(s); err != nil {
			return nil, err
		}
	}
	s.devicesHandler = s.routes()
	for _, wrap := range cfg.Tamper.Serve {
		s.devicesHandler = wrap(s.devicesHandler)
	}
	return s, nil
}

// complete fills in the defaults and refuses what the server cannot do.
func (cfg *Config) complete() error {
	if cfg.BaseURL == "" || cfg.Username == "" || cfg.Password == "" {
		return errors.New("mdmserver: BaseURL, Username and Password are required")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	cfg.ProviderID = cmp.Or(cfg.ProviderID, "dmwake MDM")
	cfg.HTTP = cmp.Or(cfg.HTTP, http.DefaultClient)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	cfg.AuthPolicy = cmp.Or(cfg.AuthPolicy, OnPremise)
	cfg.CertificateLife = cmp.Or(cfg.CertificateLife, deviceCertLife)
	cfg.Encoding = cmp.Or(cfg.Encoding, syncml.MediaType)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CAKey == nil {
		cfg.CAKey = newCAKey
	}
	if len(cfg.ChannelHosts) == 0 {
		cfg.ChannelHosts = []string{".notify.windows.com"}
	}
	switch cfg.AuthPolicy {
	case OnPremise, Federated:
	case Certificate:
		if cfg.EnrollRoots == nil {
			return errors.New("mdmserver: AuthPolicy Certificate needs EnrollRoots, the issuers of the certificates that may enroll")
		}
	default:
		return fmt.Errorf("mdmserver: unknown AuthPolicy %q; use OnPremise, Federated or Certificate", cfg.AuthPolicy)
	}
	switch cfg.SessionAuth {
	case "", AuthBasic, AuthMD5:
	default:
		return fmt.Errorf("mdmserver: unknown SessionAuth %q; use basic or md5", cfg.SessionAuth)
	}
	return nil
}

func (s *Server) routes() http.Handler {
	r := mux.NewRouter()
	r.Path(DiscoveryPath).Methods(http.MethodGet).HandlerFunc(reach)
	r.Path(DiscoveryPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.discover))
	r.Path(PolicyPath).Methods(http.MethodGet).HandlerFunc(reach)
	r.Path(PolicyPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.policies))
	r.Path(EnrollmentPath).Methods(http.MethodGet).HandlerFunc(reach)
	r.Path(EnrollmentPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.issue))
	r.Path(SignInPath).Methods(http.MethodGet, http.MethodPost).HandlerFunc(s.signIn)
	if s.cfg.Entra != nil {
		r.Path(TermsPath).Methods(http.MethodGet, http.MethodPost).HandlerFunc(s.terms)
	}
	if s.linked != nil {
		r.Path(LinkedPath + LinkedDiscoveryPath).Methods(http.MethodPost).HandlerFunc(s.linked.discoverLinked)
		r.PathPrefix(LinkedPath + "/").Handler(http.StripPrefix(LinkedPath, s.linked.devicesHandler))
	}
	r.Path(HelpPath).Methods(http.MethodGet).HandlerFunc(help)
	r.Path(ManagementPath).Methods(http.MethodPost).HandlerFunc(s.manage)
	return r
}

// TLS completes the configuration of a listener that has its certificate: the
// server asks for client certificates and checks them itself.
func (s *Server) TLS(cfg *tls.Config) *tls.Config {
	cfg.ClientAuth = tls.RequestClientCert
	for _, f := range s.cfg.Tamper.TLS {
		f(cfg)
	}
	return cfg
}

// ServeHTTP serves devices. The listener must ask for client certificates
// (tls.RequestClientCert) and leave checking them to the server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.devicesHandler.ServeHTTP(w, r) }

// Close stops the pushes that are under way and waits for them.
func (s *Server) Close() {
	s.sender.close()
	if s.linked != nil {
		s.linked.Close()
	}
}

// reach answers the GET by which a device looks whether a service is there.
func reach(http.ResponseWriter, *http.Request) {}

// help is the page for users that the provisioning document names.
func help(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "This device is managed by the reference MDM server of dmwake.\n") //nolint:errcheck // the browser is gone
}
