// Package mdmserver is the reference MDM server: it enrolls Windows devices,
// runs OMA-DM sessions with them and wakes them through WNS, as the standards
// ask. The conformance suite passes on it, and fails on each of its mutants.
//
// It shares the message types of simulator/syncml and simulator/enroll with
// the simulated device and nothing else, so that no bug is on both sides.
package mdmserver

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/simulator/enroll"
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
	// SessionRate is how many sessions a device may open in a second before it
	// is answered 429; 0 does not limit them.
	SessionRate int
	// Atomic puts what is queued for a device into one Atomic.
	Atomic bool

	Mutants  []string
	Variants []string
	Log      *slog.Logger // nil discards
}

// Server is the reference MDM server. Handler serves devices, Admin serves
// whoever runs it.
type Server struct {
	cfg Config
	log *slog.Logger
	sw  switches
	ca  *authority
	// root is what devices are to trust: the CA, or the one above it.
	root []byte

	router *mux.Router
	sender *sender

	reading sync.Mutex // only by mutants, as are slots and leaked
	slots   chan struct{}
	leaked  string

	mu      sync.Mutex
	devices map[string]*device
	tokens  map[string]time.Time // of the sign-in page, and until when
}

// Where the services are below BaseURL.
const (
	DiscoveryPath  = "/EnrollmentServer/Discovery.svc"
	policyPath     = "/EnrollmentServer/Policy.svc"
	tokenPath      = "/EnrollmentServer/Enrollment.svc"
	managementPath = "/ManagementServer/MDM.svc"
	helpPath       = "/help"
)

// New makes a server with a certificate authority of its own.
func New(cfg Config) (*Server, error) {
	if cfg.BaseURL == "" || cfg.Username == "" || cfg.Password == "" {
		return nil, errors.New("mdmserver: BaseURL, Username and Password are required")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.ProviderID == "" {
		cfg.ProviderID = "dmwake MDM"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if len(cfg.ChannelHosts) == 0 {
		cfg.ChannelHosts = []string{".notify.windows.com"}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	switch cfg.AuthPolicy {
	case "":
		cfg.AuthPolicy = OnPremise
	case OnPremise, Federated:
	case Certificate:
		if cfg.EnrollRoots == nil {
			return nil, errors.New("mdmserver: AuthPolicy Certificate needs EnrollRoots, the issuers of the certificates that may enroll")
		}
	default:
		return nil, fmt.Errorf("mdmserver: AuthPolicy %q is none of OnPremise, Federated, Certificate", cfg.AuthPolicy)
	}
	switch cfg.SessionAuth {
	case "", AuthBasic, AuthMD5:
	default:
		return nil, fmt.Errorf("mdmserver: SessionAuth %q is neither basic nor md5", cfg.SessionAuth)
	}
	if cfg.CertificateLife == 0 {
		cfg.CertificateLife = deviceCertLife
	}
	if cfg.Encoding == "" {
		cfg.Encoding = syncml.MediaType
	}
	if err := checkVariants(cfg.Variants); err != nil {
		return nil, err
	}
	sw, err := newSwitches(cfg.Mutants)
	if err != nil {
		return nil, err
	}
	until := tenYears()
	if sw["enr-ca-expired"] {
		until = time.Now().Add(-time.Minute)
	}
	ca, err := newAuthority("dmwake reference MDM device CA", until)
	if err != nil {
		return nil, err
	}
	root := ca.cert.Raw
	if slices.Contains(cfg.Variants, "ca-between") {
		if ca, err = ca.between(); err != nil {
			return nil, err
		}
	}
	s := &Server{cfg: cfg, log: cfg.Log, sw: sw, ca: ca, root: root, devices: map[string]*device{}, tokens: map[string]time.Time{}, slots: make(chan struct{}, 20)}
	s.cfg.HTTP = mutantClient(cfg.HTTP, s.is("wns-tls-any"), s.is("wns-redirect"))
	if s.varies("redirects") {
		s.cfg.HTTP = following(s.cfg.HTTP)
	}
	s.sender = newSender(s)
	r := mux.NewRouter()
	r.Path(DiscoveryPath).Methods(http.MethodGet).HandlerFunc(s.reach)
	r.Path(DiscoveryPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.discover))
	r.Path(policyPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.policies))
	r.Path(policyPath).Methods(http.MethodGet).HandlerFunc(s.reach)
	r.Path(tokenPath).Methods(http.MethodPost).HandlerFunc(s.soap(s.issue))
	r.Path(tokenPath).Methods(http.MethodGet).HandlerFunc(s.reach)
	r.Path(signInPath).Methods(http.MethodGet, http.MethodPost).HandlerFunc(s.signIn)
	r.Path(helpPath).Methods(http.MethodGet).HandlerFunc(s.help)
	r.Path(managementPath).Methods(http.MethodPost).HandlerFunc(s.manage)
	s.router = r
	return s, nil
}

// ServeHTTP serves devices. The listener must ask for client certificates
// (tls.RequestClientCert) and leave checking them to the server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// Close stops the pushes that are under way and waits for them.
func (s *Server) Close() { s.sender.close() }

func (s *Server) is(mutant string) bool { return s.sw[mutant] }

func (s *Server) reach(w http.ResponseWriter, r *http.Request) {
	if s.is("enr-get-404") {
		http.NotFound(w, r)
	}
}

// help is the page for users that the provisioning document names.
func (s *Server) help(w http.ResponseWriter, r *http.Request) {
	if s.is("enr-help-404") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "This device is managed by the reference MDM server of dmwake.\n") //nolint:errcheck // the browser is gone
}

// soap serves one enrollment service: the body is read and answered with what
// f writes, or with a fault.
func (s *Server) soap(f func(*http.Request, *enroll.Envelope) (body []byte, fault *enroll.Fault)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enroll.MaxMessage))
		if err != nil {
			http.Error(w, "the request could not be read", http.StatusBadRequest)
			return
		}
		status := http.StatusOK
		var body []byte
		e, err := enroll.ReadEnvelope(raw)
		s.soapMutants(raw, err)
		var fault *enroll.Fault
		if err != nil {
			e, fault = &enroll.Envelope{}, &enroll.Fault{Code: "Sender", Subcode: enroll.FaultMessageFormat, Reason: err.Error()}
		} else {
			body, fault = f(r, e)
		}
		if fault != nil {
			status = http.StatusInternalServerError // SOAP 1.2 part 2, section 7.4.2
			body, err = fault.Write(e.MessageID, uuid.NewString())
			if err != nil {
				http.Error(w, "internal error", status)
				return
			}
		}
		body = s.spoiltSOAP(body)
		w.Header().Set("Content-Type", enroll.MediaType)
		if !s.is("enr-chunked") {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		}
		w.WriteHeader(status)
		if s.is("enr-chunked") {
			http.NewResponseController(w).Flush() //nolint:errcheck // the device is gone
		}
		w.Write(body) //nolint:errcheck // the device is gone
	}
}

// device is all the server knows of one device.
type device struct {
	ID       string
	Name     string
	OS       string
	Type     string
	Enrolled time.Time
	Active   bool
	Push     pushState
	Commands []*command

	auth    credentials
	session *session
	opened  []time.Time // the last sessions, for SessionRate
	leaving bool        // it is to be unenrolled by the server
	wedged  bool        // only by mutants, as is stalled
	stalled bool
	told    bool
	seen    int // sessions that were started
}

// command is one piece of work for a device.
type command struct {
	ID     string      `json:"id"`
	Verb   syncml.Verb `json:"verb"`
	LocURI string      `json:"locURI"`
	Format string      `json:"format,omitempty"`
	Data   string      `json:"data,omitempty"`
	State  string      `json:"state"` // queued, sent, done
	Status int         `json:"status,omitempty"`
	Result string      `json:"result,omitempty"`

	sent int // how often, for a mutant
	held int // sessions it was kept back, for a mutant
}

// States of a command.
const (
	stateQueued = "queued"
	stateSent   = "sent"
	stateDone   = "done"
)

// readAll reads a body; n is how long it says that it is, -1 if it does not.
func readAll(body io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(n, 0)+bytes.MinRead, 64<<10)))
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}
